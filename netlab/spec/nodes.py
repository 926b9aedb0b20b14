"""YAML text to a tree of nodes that know their lines: nothing is guessed of a scalar's type.

The parser's events are read one by one, so that hostile text (deep nesting, aliases that multiply, endless
scalars) is refused as soon as it shows, in bounded memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NoReturn

import yaml

from netlab.contract.types import Where
from netlab.spec.problems import Problem, Problems, TopologyError

#: Limits of a topology file. A thousand hosts written out one by one are about 200 kB and 20,000 nodes.
MAX_BYTES = 4 << 20
MAX_SCALAR = 1 << 16
MAX_KEY = 1000
MAX_DEPTH = 24
MAX_NODES = 300_000

#: Control characters; tab, line feed and carriage return are none. libyaml itself would name no line.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
#: What YAML takes for the end of a line.
_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
#: A key that ends in U+FF1A, as input methods for Chinese and Japanese type a colon.
_WIDE_COLON = re.compile(r"\s*(?:- )?[^\s:#'\"]+\s*：")
#: Keys below which endpoints and their addresses are.
_HOLD_ENDPOINTS = frozenset(("hosts", "containers", "interfaces", "addresses", "replicas", "switches"))
_PLAIN_TAGS = ("!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map")


class Node:
    """A scalar (``value`` is its text, None where there is none), a list or a mapping, and where it stands.

    ``keys`` holds the key nodes of a mapping; ``plain`` says that a scalar is not quoted; ``size`` counts
    the nodes in it, aliases followed. ``text`` is the line and column of the first character of a literal text (``|``).
    """

    __slots__ = ("column", "keys", "line", "plain", "size", "text", "value")

    def __init__(self, value: str | list[Node] | dict[str, Node] | None, line: int, column: int) -> None:
        self.value = value
        self.line = line
        self.column = column
        self.keys: dict[str, Node] = {}
        self.plain = False
        self.size = 1
        self.text: tuple[int, int] | None = None

    def plainly(self) -> Any:
        """The tree as Python values: str, None, list, dict."""
        value = self.value
        if isinstance(value, dict):
            return {key: child.plainly() for key, child in value.items()}
        if isinstance(value, list):
            return [child.plainly() for child in value]
        return value

    def find(self, *path: str | int) -> Node | None:
        """The node at a path of keys and places in lists, from this one on; None where there is none."""
        node: Node | None = self
        for part in path:
            value = node.value if node is not None else None
            if isinstance(value, dict):
                node = value.get(str(part))
            else:
                node = value[part] if isinstance(value, list) and isinstance(part, int) and part < len(value) else None
        return node

    def where(self, file: str, offset: int = 0) -> Where:
        """The place of the node; ``offset`` characters into it, for a plain scalar of one line."""
        return Where(file, self.line, self.column + (offset if self.plain else 0))


def compose(text: str, file: str, problems: Problems | None = None) -> Node:
    """The root node of a YAML document. Raises TopologyError.

    With ``problems``, what can be left out (a key given twice, a tag) is noted there instead of raised.
    """
    _check_text(text, file)
    composer = _Composer(file, text, problems)
    root = composer.run()
    if problems is None and composer.problems:
        raise TopologyError(composer.problems.found)
    return root


def _check_text(text: str, file: str) -> None:
    if len(text) > MAX_BYTES:
        raise TopologyError([Problem(Where(file, 1, 1), f"the file is larger than {MAX_BYTES >> 20} MiB")])
    bad = _CONTROL.search(text)
    if bad:
        before = text[: bad.start()]
        where = Where(file, before.count("\n") + 1, bad.start() - (before.rfind("\n") + 1) + 1)
        raise TopologyError([Problem(where, f"control character U+{ord(bad[0]):04X}", "remove it")])


#: The compiled parser; in a browser there is only the one in Python.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Composer:
    def __init__(self, file: str, text: str, problems: Problems | None) -> None:
        self.file = file
        self.text = text
        self.problems = Problems() if problems is None else problems
        self.anchors: dict[str, Node] = {}
        self.open: set[int] = set()
        self.count = 0
        self.lines: list[str] | None = None
        self.events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)

    def run(self) -> Node:
        try:
            root = self._documents()
        except yaml.MarkedYAMLError as error:
            self._translate(error)
        except yaml.YAMLError as error:
            self._stop(Where(self.file, 1, 1), f"not YAML: {error}")
        return root

    def _documents(self) -> Node:
        root: Node | None = None
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    self._stop(self._at(event), "a second document begins here", "one topology per file")
                root = self._node(next(self.events), 1)
        if root is None or root.value is None:
            self._stop(Where(self.file, 1, 1), "the file is empty", "it needs at least 'hosts:'")
        return root

    def _node(self, event: Any, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        where = self._at(event)
        if depth > MAX_DEPTH:
            self._stop(where, f"nested deeper than {MAX_DEPTH} levels")
        self._grow(where, 1)
        if event.tag is not None and event.tag not in _PLAIN_TAGS:
            self.problems.add(
                where,
                f"'{event.tag}' is a YAML tag",
                "quote a value that begins with '!' as \"!…\"; tags are not used",
            )
        node = Node(None, where.line, where.column)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event, node, where)
        else:
            self.open.add(id(node))
            if isinstance(event, yaml.SequenceStartEvent):
                self._sequence(node, depth)
            else:
                self._mapping(node, depth)
            self.open.discard(id(node))
        return node

    def _scalar(self, event: Any, node: Node, where: Where) -> None:
        value: str = event.value
        node.plain = event.implicit[0]
        if event.style == "|":
            node.text = self._literal(value, event.start_mark.line + 1)
        if len(value) > MAX_SCALAR:
            self._stop(where, f"a text of {len(value)} characters; at most {MAX_SCALAR} are allowed")
        bad = _CONTROL.search(value)
        if bad:
            self.problems.add(where, f"control character U+{ord(bad[0]):04X}", "remove it")
        node.value = None if node.plain and not value else value

    def _literal(self, value: str, start: int) -> tuple[int, int] | None:
        """Where a literal text begins, whose lines stand from line ``start`` on (from 0), all indented alike."""
        lines = value.split("\n")
        filled = next((i for i, line in enumerate(lines) if line.strip()), None)
        if filled is None:
            return None
        if self.lines is None:
            self.lines = _BREAK.split(self.text)
        return start + 1, len(self.lines[start + filled]) - len(lines[filled]) + 1

    def _sequence(self, node: Node, depth: int) -> None:
        items: list[Node] = []
        node.value = items
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
            node.size += items[-1].size

    def _mapping(self, node: Node, depth: int) -> None:
        items: dict[str, Node] = {}
        node.value = items
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            child = self._node(next(self.events), depth + 1)
            node.size += child.size + 1
            name = key.value
            where = key.where(self.file)
            if isinstance(name, (list, dict)):
                self.problems.add(where, "a key must be a name, not a list or mapping", 'quote it as a whole: "…":')
                continue
            if name is None:
                self.problems.add(where, "a key is missing before the colon")
                continue
            if len(name) > MAX_KEY:
                self._stop(where, f"a key of {len(name)} characters; at most {MAX_KEY} are allowed")
            if name in items:
                first = node.keys[name].line
                self.problems.add(where, f"{name!r} is given twice (first in line {first})", "remove one of them")
                self._leave_out(name, child)
                continue
            items[name] = child
            node.keys[name] = key

    def _leave_out(self, name: str, node: Node) -> None:
        """Remember a name whose second mention is ignored: references to it are no mistakes."""
        gone = {name, *_keys(node)}
        self.problems.gone |= gone
        if gone & _HOLD_ENDPOINTS:
            self.problems.hurt.add("*")

    def _alias(self, event: Any) -> Node:
        where = self._at(event)
        node = self.anchors.get(event.anchor)
        if node is None:
            self._stop(
                where,
                f"'*{event.anchor}' is a YAML alias, and there is no anchor '&{event.anchor}'",
                "quote a text that begins with '*': \"*… -> …\": …, or write 'any'",
            )
        if id(node) in self.open:
            self._stop(where, f"'*{event.anchor}' stands inside of what it stands for")
        self._grow(where, node.size)
        return node

    def _grow(self, where: Where, size: int) -> None:
        self.count += size
        if self.count > MAX_NODES:
            self._stop(where, f"more than {MAX_NODES} values, aliases counted as often as they are used")

    def _at(self, event: Any) -> Where:
        mark = event.start_mark
        return Where(self.file, mark.line + 1, mark.column + 1)

    def _stop(self, where: Where, message: str, hint: str = "") -> NoReturn:
        self.problems.add(where, message, hint)
        raise TopologyError(self.problems.found)

    def _translate(self, error: yaml.MarkedYAMLError) -> NoReturn:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        lines = self.text.splitlines() or [""]
        source = lines[min(line, len(lines) - 1)]
        problem = error.problem or "syntax error"
        context = error.context or ""
        hint = _wide_colon(lines, line) or _hint(problem, context, source)
        self._stop(Where(self.file, line + 1, column + 1), f"not YAML: {problem}", hint)


def _keys(node: Node) -> Iterator[str]:
    """The keys of all mappings in a tree."""
    open_ = [node]
    while open_:
        value = open_.pop().value
        if isinstance(value, dict):
            yield from value
            open_ += value.values()
        elif isinstance(value, list):
            open_ += value


def _wide_colon(lines: list[str], line: int) -> str:
    """A hint where a key in the line of an error, or shortly before, ends in a full-width colon, which is a letter."""
    for number in range(min(line, len(lines) - 1), max(line - 3, -1), -1):
        if found := _WIDE_COLON.match(lines[number]):
            return f"the colon in line {number + 1}, column {found.end()} is a full-width one: write ': '"
    return ""


def _hint(problem: str, context: str, source: str) -> str:
    if "\t" in source[: len(source) - len(source.lstrip())]:
        return "indent with spaces, YAML allows no tabs there"
    if "->" in source and "flow" in context:
        return 'inside of [ ] quote an expectation: "A -> B [icmp]: reachable", or give each a line of its own'
    if "mapping values" in problem:
        return "quote a text that holds ': ', or check the indentation"
    if "alias" in context:
        return "quote a text that begins with '*', or write 'any'"
    if "nesting" in problem:
        return f"at most {MAX_DEPTH} levels are allowed"
    if "flow" in context:
        return "a bracket or comma may be missing"
    if "quoted" in context:
        return "a closing quote is missing"
    if "block" in context:
        return "check the indentation"
    return ""
