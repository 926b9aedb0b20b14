"""What a test gives as a topology, and what becomes of it step by step."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from netlab.contract.kernels import Version
from netlab.contract.types import Plan
from netlab.testing.given import Given
from netlab.testing.topology import Topology

if TYPE_CHECKING:
    from netlab.plan.planner import Planner
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
        #: The text that it was made of, where there is one; and what stands in the place of its own ``private``.
        self.origin = ""
        self.private: bool | None = None
        self._plans: dict[Version, Plan] = {}

    @classmethod
    def read(cls, source: Source, folders: Iterable[Path] = (), *, private: bool | None = None) -> Blueprint:
        """From what a test gives: the name of a file is looked up in ``folders``, as a path, and among those that ship
        with netlab. ``private`` stands in the place of the topology's own. Raises TopologyError."""
        return cls._read(source, folders).with_private(private)

    def with_private(self, private: bool | None) -> Blueprint:
        """The same with another ``private``; None leaves it to the topology."""
        if private is not None and isinstance(self.root.value, dict):
            from netlab.spec.nodes import Node
            from netlab.testing.tree import changed

            node = Node("true" if private else "false", self.root.line, self.root.column)
            self.root, self.private = changed(self.root, {"private": node}), private
        return self

    @classmethod
    def _read(cls, source: Source, folders: Iterable[Path]) -> Blueprint:

        if isinstance(source, str) and "\n" in source:
            return cls.of_text(source, "<text>")
        if isinstance(source, (str, Path)):
            from netlab.spec import loader

            path = _find(str(source), folders)
            return cls.of_text(loader.read(path, str(path)), str(path))
        topology = source.topology
        return cls(topology.tree(), topology.file)

    @classmethod
    def of_text(cls, text: str, file: str) -> Blueprint:
        """From the text of a topology file that is called ``file``. Raises TopologyError."""
        from netlab.spec import nodes

        made = cls(nodes.compose(text, file), file)
        made.origin = text
        return made

    def plan(self, kernel: Version) -> Plan:
        """The plan of the whole topology, for a kernel. Raises TopologyError."""
        if kernel not in self._plans:
            from netlab import plan

            self._plans[kernel] = plan.from_tree(self.root, self.file, kernel)
        return self._plans[kernel]

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

    def planner(self, kernel: Version) -> Planner:
        """What plans steps one after the other, for a kernel. Raises TopologyError."""
        from netlab.plan.planner import Planner

        return Planner(self.root, self.file, kernel)

    def says(self, key: str) -> bool:
        """Whether it has this key at its top."""
        return isinstance(self.root.value, dict) and key in self.root.value

    def whole(self) -> str:
        """The topology with all of its steps, as the text of a topology file."""
        from netlab.testing.tree import as_yaml

        return as_yaml(self.root)

    def text(self, steps: Sequence[Node | Given]) -> str:
        """The topology with the steps gone through, as a topology file."""
        from netlab.spec.nodes import Node
        from netlab.testing.tree import as_yaml, changed

        listed = Node([as_node(step) for step in steps], 1, 1)
        return as_yaml(changed(self.root, {"steps": listed if steps else None, "claim": None, "claims": None}))


class Names:
    """The names that a lab's steps have."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)
        self._numbers: dict[str, int] = {}

    def fresh(self, wanted: str) -> str:
        """``wanted``, or ``wanted (2)`` where that is taken."""
        for number in itertools.count(self._numbers.get(wanted, 1)):
            name = wanted if number == 1 else f"{wanted} ({number})"
            if name not in self._taken:
                self._numbers[wanted] = number
                return name
        raise AssertionError("numbers have no end")

    def take(self, name: str) -> None:
        """A step has that name now."""
        self._taken.add(name)


def as_node(step: Node | Given) -> Node:
    from netlab.testing.tree import node

    return node(step) if isinstance(step, Given) else step


def _find(name: str, folders: Iterable[Path]) -> Path:
    from netlab import spec

    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    return spec.find(name)
