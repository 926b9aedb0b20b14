"""What a test gives as a topology, and what becomes of it step by step."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from netlab.plan.types import AnyExpectation, Plan, Where
from netlab.testing.topology import Given, Topology

if TYPE_CHECKING:
    from netlab.spec.nodes import Node


class HasTopology(Protocol):
    """A `Topology`, or a host or container of one: whatever the end of a chain is."""

    @property
    def topology(self) -> Topology:
        """The topology."""


#: A built topology, the text of a topology file (it holds a line break), a path, or the name of a file.
Source = HasTopology | Path | str


class Blueprint:
    """The tree of a topology, from which plans are made: of all of it, or of the steps gone through so far."""

    def __init__(self, root: Node, file: str) -> None:
        self.root = root
        self.file = file

    @classmethod
    def read(cls, source: Source, folders: Iterable[Path] = ()) -> Blueprint:
        """From whatever a test gives; the name of a file is looked up in ``folders``, as a path, and among those that
        ship with netlab. Raises TopologyError."""
        from netlab.spec import nodes

        if isinstance(source, str) and "\n" in source:
            return cls(nodes.compose(source, "<text>"), "<text>")
        if isinstance(source, (str, Path)):
            from netlab.spec import loader

            path = _find(str(source), folders)
            return cls(nodes.compose(loader.read(path, str(path)), str(path)), str(path))
        topology = source.topology
        return cls(topology.tree(), topology.file)

    def plan(self) -> Plan:
        """The plan of the whole topology. Raises TopologyError."""
        from netlab import plan

        return plan.from_tree(self.root, self.file)

    @property
    def steps(self) -> dict[str, Node]:
        """The topology's own steps by name, in order."""
        value = self.root.value
        listed = value["steps"].value if isinstance(value, dict) and "steps" in value else ()
        found = {}
        for step in listed or ():
            if isinstance(step, str) or not isinstance(step.value, dict):
                continue
            found[str(step.value["name"].value)] = step
        return found

    def after(self, steps: Sequence[Node | Given]) -> Plan:
        """The plan of the baseline and these steps; claims are left out. Raises TopologyError."""
        from netlab import plan

        return plan.from_tree(self._with(steps, None), self.file)

    def asked(
        self, steps: Sequence[Node | Given], entry: str | Mapping[str, Any], at: Where
    ) -> tuple[AnyExpectation, ...]:
        """An entry of the grammar of ``expect``, resolved in the last of these steps. Raises TopologyError."""
        from netlab import plan

        name = _name(steps[-1]) if steps else "baseline"
        question = Given([{"number": "1", "says": "asked by a test", "test": {name: [entry]}}], at)
        [claim] = plan.from_tree(self._with(steps, question), self.file).claims
        return tuple(expectation for _, expectation in claim.tests)

    def text(self, steps: Sequence[Node | Given]) -> str:
        """The topology with the steps gone through, as a topology file."""
        from netlab.testing.tree import as_yaml

        return as_yaml(self._with(steps, None))

    def _with(self, steps: Sequence[Node | Given], claims: Given | None) -> Node:
        from netlab.spec.nodes import Node
        from netlab.testing.tree import changed, node

        listed = Node([node(step) if isinstance(step, Given) else step for step in steps], 1, 1)
        return changed(
            self.root,
            {"steps": listed if steps else None, "claim": None, "claims": node(claims) if claims else None},
        )


def fresh_name(wanted: str, taken: Iterable[str]) -> str:
    """``wanted``, or ``wanted (2)`` where that is taken."""
    names = set(taken)
    return next(name for k in itertools.count(1) if (name := wanted if k == 1 else f"{wanted} ({k})") not in names)


def _name(step: Node | Given) -> str:
    from netlab.spec.nodes import Node

    if isinstance(step, Node):
        assert isinstance(step.value, dict)
        return str(step.value["name"].value)
    return str(step.value["name"])


def _find(name: str, folders: Iterable[Path]) -> Path:
    from netlab import spec

    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    return spec.find(name)
