"""netlab: a network-namespace lab that predicts, builds, probes and judges.

The names for tests (docs/api.md) are imported when they are first asked for: ``import netlab`` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netlab.lab.errors import BuildError, CannotRun, LabDied, LabError, SpawnError
    from netlab.lab.process import Process
    from netlab.spec.problems import TopologyError
    from netlab.testing import (
        Capture,
        CommandFailed,
        Container,
        ExpectationFailed,
        Frame,
        Host,
        Inconclusive,
        Interface,
        Lab,
        Labs,
        Matrix,
        Namespace,
        Predicted,
        Seen,
        Topology,
    )

__version__ = "0.1.0"

__all__ = [
    "BuildError",
    "CannotRun",
    "Capture",
    "CommandFailed",
    "Container",
    "ExpectationFailed",
    "Frame",
    "Host",
    "Inconclusive",
    "Interface",
    "Lab",
    "LabClosed",
    "LabDied",
    "LabError",
    "Labs",
    "Matrix",
    "Namespace",
    "Predicted",
    "Process",
    "Seen",
    "SpawnError",
    "Topology",
    "TopologyError",
    "__version__",
]

_HOMES = {
    "BuildError": "netlab.lab.errors",
    "CannotRun": "netlab.lab.errors",
    "LabClosed": "netlab.lab.errors",
    "LabDied": "netlab.lab.errors",
    "LabError": "netlab.lab.errors",
    "Process": "netlab.lab.process",
    "SpawnError": "netlab.lab.errors",
    "TopologyError": "netlab.spec.problems",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_HOMES.get(name, "netlab.testing")), name)
    return value
