"""The plan: a topology resolved to frozen values (`netlab.contract.types`), without a kernel.

Importing this package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from netlab.contract.kernels import Version
    from netlab.contract.types import Plan
    from netlab.spec import Spec
    from netlab.spec.nodes import Node

__all__ = ["from_file", "from_tree", "resolve"]


def resolve(spec: Spec, kernel: Version | None = None) -> Plan:
    """The plan of a topology, for a kernel (default: the newest that the model knows).

    Raises TopologyError with everything that doesn't fit together.
    """
    from netlab.plan import topology

    return topology.resolve(spec, kernel)


def from_file(source: Path | str, name: str | None = None, kernel: Version | None = None) -> Plan:
    """Load a topology file and resolve it, as `netlab.spec.load` and `resolve` do.

    Faults of single values and faults of meaning are reported together, in one TopologyError.
    """
    from netlab.plan import topology

    return topology.from_file(source, name, kernel)


def from_tree(root: Node, file: str, kernel: Version | None = None) -> Plan:
    """The plan of a tree of nodes (`netlab.spec.nodes`), where there is no file. Raises TopologyError."""
    from netlab.plan import topology

    return topology.from_tree(root, file, kernel)
