"""A text of another tool, JSON or YAML, read key by key: nothing of it gets lost unseen.

JSON is YAML, so both are read by the topology file's own parser, which knows the line and column of everything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeVar

from netlab.contract.types import Where
from netlab.errors import did_you_mean
from netlab.live.reading import Left
from netlab.spec.nodes import Node, compose
from netlab.spec.problems import Problems, TopologyError, near
from netlab.spec.scalars import Wrong, flag, number, text

T = TypeVar("T")
#: An id of a container or a network, of which twelve digits are enough.
_ID = re.compile(r"^([0-9a-f]{12})[0-9a-f]{28,}$")

#: Keys that only one format has.
_TELLING = {"network": "netplan", "interfaces": "nmstate", "topology": "containerlab", "services": "docker",
            "plugins": "cni", "cniVersion": "cni"}  # fmt: skip

NOTHING = "says nothing of who reaches whom"
_UNKNOWN = "netlab doesn't know this key"


class Source:
    """A text that is being read: its problems, what was assumed, what was left out."""

    def __init__(
        self, content: str, file: str, what: str, parse: Callable[[str, str, Problems], Node] = compose
    ) -> None:
        """Parse; raises TopologyError. ``what`` the text should be, for messages."""
        self.file = file
        self.problems = Problems()
        self.assumed: list[str] = []
        self.left: list[Left] = []
        self._seen: set[int] = set()
        #: The keys that were asked for, by mapping.
        self.asked: dict[int, set[str]] = {}
        if not content.strip():
            self.problems.add(Where(file, 1, 1), "there is nothing in it", f"it should be {what}")
            self.stop()
        self.root = Section(self, merged(parse(content, file, self.problems)), (), "")
        self.stop()

    def stop(self) -> None:
        """Raise TopologyError if anything is wrong."""
        if self.problems:
            raise TopologyError(self.problems.found)

    def networks(self, what: str, hint: str) -> list[Section]:
        """The networks that the text holds: one, or a list of them. Raises TopologyError where it is neither."""
        root = self.root
        if not isinstance(root.node.value, (dict, list)):
            root.wrong(f"this is not {what}")
            self.stop()
        found = [root] if isinstance(root.node.value, dict) else root.elements()
        self.stop()
        if not found:
            root.wrong("an empty list: there is no such network", hint)
        return found

    def stranger(self) -> str:
        """Whose text it is instead, as a hint; empty where that doesn't show."""
        keys = self.root.node.value if isinstance(self.root.node.value, dict) else {}
        form = next((form for key, form in _TELLING.items() if key in keys), None)
        return f"this looks like {form}'s: netlab import {form}" if form else ""

    def assume(self, sentence: str) -> None:
        """Note what the text doesn't say, and what was taken instead."""
        if sentence not in self.assumed:
            self.assumed.append(sentence)

    def mark(self, node: Node) -> None:
        """The node was looked at."""
        self._seen.add(id(node))

    def finish(self) -> tuple[Left, ...]:
        """All that was left out, with what nobody has asked for. Raises TopologyError if anything is wrong."""
        self.stop()
        self._sweep(self.root)
        # What is for several devices was read for each of them.
        return tuple(sorted(dict.fromkeys(self.left), key=lambda one: one.where or Where("", 0, 0)))

    def _sweep(self, section: Section) -> None:
        for name, child in section.children():
            if id(child.node) not in self._seen:
                meant = near(name, section.asked) if name else None
                child.leave(_UNKNOWN + (f": did you mean {meant!r}?" if meant else ""), unknown=True)
            else:
                self._sweep(child)


class Section:
    """A mapping (or a list, or a value) of the text, which notes what is read of it."""

    def __init__(
        self, source: Source, node: Node, path: tuple[str, ...], pattern: str, key: Node | None = None
    ) -> None:
        self.source = source
        self.node = node
        self.path = path
        self.pattern = pattern
        self.key = key
        self.asked = source.asked.setdefault(id(node), set())

    @property
    def where(self) -> Where:
        """Where its key stands, or it itself where it has none."""
        return (self.key or self.node).where(self.source.file)

    @property
    def name(self) -> str:
        """Its path in the text."""
        return ".".join(_ID.sub(r"\1…", part) for part in self.path).replace(".[", "[")

    def wrong(self, message: str, hint: str = "") -> None:
        """Note a problem with it."""
        self.source.problems.add(self.node.where(self.source.file), message, hint)

    def leave(self, why: str, *, unknown: bool = False, loses: bool = False) -> None:
        """Leave it out, with all that is in it."""
        self.source.left.append(Left(self.where, self.name, self.pattern, why, unknown, loses))
        self._close(self.node)

    def _close(self, node: Node) -> None:
        self.source.mark(node)
        children = node.value.values() if isinstance(node.value, dict) else node.value
        if isinstance(node.value, (dict, list)):
            for child in children or ():
                if isinstance(child, Node):
                    self._close(child)

    def children(self) -> Iterator[tuple[str, Section]]:
        """What is in it, by key; without names in a list."""
        value = self.node.value
        if isinstance(value, dict):
            for name, child in value.items():
                yield name, self._child(name, child)
        elif isinstance(value, list):
            for i, child in enumerate(value):
                yield "", self._child(f"[{i}]", child, many=True)

    def _child(self, name: str, node: Node, *, many: bool = False) -> Section:
        last = "*" if many else name
        pattern = f"{self.pattern}.{last}" if self.pattern else last
        key = self.node.keys.get(name) if isinstance(self.node.value, dict) else None
        return Section(self.source, node, (*self.path, name), pattern, key)

    def get(self, name: str) -> Section | None:
        """What a key holds; None where it holds nothing (null, an empty text)."""
        self.asked.add(name)
        self.source.mark(self.node)
        value = self.node.value
        if not isinstance(value, dict) or name not in value:
            return None
        child = self._child(name, value[name])
        self.source.mark(child.node)
        return None if _nothing(child.node) else child

    def has(self, name: str) -> bool:
        """Whether it has the key, with whatever value."""
        return isinstance(self.node.value, dict) and name in self.node.value

    def section(self, name: str) -> Section | None:
        """The mapping that a key holds."""
        child = self.get(name)
        if child is not None and not isinstance(child.node.value, dict):
            child.wrong(f"{name}: must be a mapping")
            return None
        return child

    def items(self, name: str) -> list[Section]:
        """The list that a key holds."""
        child = self.get(name)
        return [] if child is None else child.elements()

    def elements(self) -> list[Section]:
        """What is in the list that it is."""
        self.source.mark(self.node)
        if not isinstance(self.node.value, list):
            self.wrong(f"{self.path[-1] if self.path else 'the text'}: must be a list")
            return []
        found = [child for _, child in self.children()]
        for child in found:
            self.source.mark(child.node)
        return found

    def entries(self, name: str) -> list[tuple[str, Section]]:
        """The mapping of names that a key holds: any name may stand there."""
        child = self.section(name)
        if child is None:
            return []
        assert isinstance(child.node.value, dict)
        found = []
        for key, node in child.node.value.items():
            entry = Section(self.source, node, (*child.path, key), f"{child.pattern}.*", child.node.keys.get(key))
            self.source.mark(node)
            found.append((key, entry))
        return found

    def is_mapping(self) -> bool:
        """Whether it is one; else that is a problem."""
        if not isinstance(self.node.value, dict):
            self.wrong(f"{self.path[-1] if self.path else 'the text'}: must be a mapping")
            return False
        self.source.mark(self.node)
        return True

    def as_(self, kind: Callable[[object], T]) -> T | None:
        """Its value as what ``kind`` makes of it; None where that is wrong, which is noted."""
        self.source.mark(self.node)
        try:
            return kind(text(self.node.plainly()))
        except Wrong as wrong:
            variable = isinstance(self.node.value, str) and "${" in self.node.value
            hint = "'docker compose config' fills variables in" if variable else wrong.hint
            self.wrong(f"{''.join(self.path[-2:]) if self.path[-1].startswith('[') else self.path[-1]}: {wrong}", hint)
            return None

    def value(self, name: str, kind: Callable[[object], T]) -> T | None:
        """The value of a key as what ``kind`` makes of it."""
        child = self.get(name)
        return None if child is None else child.as_(kind)

    def number(self, name: str, low: int, high: int) -> int | None:
        return self.value(name, lambda value: number(value, low, high))

    def one_of(self, name: str, words: tuple[str, ...]) -> str | None:
        """Which of several words a key has, in whatever case."""

        def known(value: object) -> str:
            word = text(value).lower()
            if word not in words:
                raise Wrong(f"no such choice: {word!r}{did_you_mean(word, words)}", f"there are {', '.join(words)}")
            return word

        return self.value(name, known)

    def text(self, name: str, default: str = "") -> str:
        return self.value(name, text) or default

    def flag(self, name: str, default: bool = False) -> bool:
        found = self.value(name, lambda value: flag({"1": "true", "0": "false"}.get(text(value), value)))
        return default if found is None else found

    def skip(self, why: str, *names: str, loses: bool = False) -> None:
        """Leave keys out, those that are there."""
        self.source.mark(self.node)
        for name in names:
            self.asked.add(name)
            if self.has(name):
                assert isinstance(self.node.value, dict)
                child = self._child(name, self.node.value[name])
                # What is off or empty loses nothing.
                off = _nothing(child.node) or child.node.value in ("false", "0")
                child.leave(NOTHING if off and loses else why, loses=loses and not off)


def _nothing(node: Node) -> bool:
    value = node.value
    return value is None or value in ("", [], {}) or (node.plain and value in ("null", "~"))


def merged(node: Node) -> Node:
    """The tree with YAML's merge keys (``<<``) resolved, which topology files don't have and compose files do."""
    if isinstance(node.value, list):
        node.value = [merged(child) for child in node.value]
    elif isinstance(node.value, dict):
        own = {key: merged(child) for key, child in node.value.items()}
        base = own.pop("<<", None)
        if base is not None:
            for one in base.value if isinstance(base.value, list) else [base]:
                if isinstance(one.value, dict):
                    for key, child in one.value.items():
                        if key not in own:
                            own[key] = child
                            node.keys[key] = one.keys[key]
        node.value = own
    return node
