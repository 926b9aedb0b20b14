"""What can be written at a place of a topology file, by its JSON Schema.

The text need not be a whole file: somebody is writing it. So the place is found by indentation and by the flow
mappings that are open on its line, not by parsing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from netlab.contract.dataclass import dataclass
from netlab.spec import jsonschema

_KEY = re.compile(r"(?P<dashes>(?:- +)*)(?P<key>\"[^\"]*\"|'[^']*'|[^\s#:{\[\"'][^:#{]*?)\s*:(?:\s|$)")
_WORD = re.compile(r"[\w./-]*$")
#: At most so many proposals.
MOST = 60


@dataclass(frozen=True, slots=True)
class Option:
    """One proposal: the text to insert, and what it means."""

    text: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Completion:
    """Proposals for the characters of the line from ``start`` (counted from 0) to the cursor."""

    start: int
    options: tuple[Option, ...]


def complete(text: str, line: int, column: int) -> Completion:
    """What can stand at a place; ``line`` and ``column`` count from 0."""
    lines = text.split("\n")
    before = lines[line][:column] if line < len(lines) else ""
    word = _WORD.search(before)
    start = word.start() if word else column
    path, value = _place(lines[:line], before[:start])
    typed = before[start:]
    if value is not None:
        found = [*_names(text, value), *_values(_at((*path, value)))]
    else:
        given = _siblings(lines, line, before)
        found = [option for option in _keys(_at(path)) if option.text.rstrip(": ") not in given]
    fitting = [option for option in found if option.text.startswith(typed) and option.text != typed]
    return Completion(start, tuple(fitting[:MOST]))


def _place(above: list[str], before: str) -> tuple[tuple[str, ...], str | None]:
    """The keys around a place; and the key whose value stands there, None where a key is to be written."""
    stack, rest, value = _flow(before)
    indent = _indent(before) if stack or value is not None or before.strip() else len(before)
    path: list[str] = []
    if not before.strip().startswith("#"):
        for line in reversed(above):
            stripped = line.strip()
            if not stripped or stripped.startswith("#"):
                continue
            depth, found = _indent(line), _KEY.match(stripped)
            dashed = stripped.startswith("-")
            if depth > indent or (depth == indent and not dashed):
                continue
            if depth < indent and found is not None:
                path.append(_plain(found["key"]))
            if dashed:
                # An entry of a list; the list's own key may stand as far left as the dash.
                path.append("[]")
                depth = len(line) - len(line.lstrip()) + 1
            indent = depth
            if indent == 0:
                break
    path.reverse()
    if rest.lstrip().startswith("- ") or rest.strip() == "-":
        path.append("[]")
    return (*path, *stack), value


def _flow(before: str) -> tuple[list[str], str, str | None]:
    """The keys of flow mappings that are open at the end of a line, the line's own start, and the key of a value."""
    stack: list[str] = []
    opened: list[str] = []
    last = ""
    start = 0
    head = before
    for place, character in enumerate(before):
        if character in "{[":
            if not opened:
                head = before[:start]
            opened.append(character)
            stack.append(last if character == "{" else f"{last}\0")
            start, last = place + 1, ""
        elif character in "}]" and opened:
            opened.pop()
            last = stack.pop()
            start = place + 1
        elif character == "," and opened:
            start, last = place + 1, ""
        elif character == ":" and (place + 1 == len(before) or before[place + 1] == " "):
            last = _plain(before[start:place].strip().removeprefix("- ").strip())
            start = place + 1
    keys: list[str] = []
    for name in stack:
        keys += [name.rstrip("\0"), "[]"] if name.endswith("\0") else [name]
    in_list = bool(opened) and opened[-1] == "["
    if in_list:
        return keys[:-1], head, "[]"
    return keys, head, last or None


def _indent(line: str) -> int:
    """The column of a line's key, behind the dashes of a list."""
    found = re.match(r" *(?:- +)*", line)
    return found.end() if found else 0


def _plain(key: str) -> str:
    return key.strip().strip("\"'")


def _siblings(lines: list[str], line: int, before: str) -> set[str]:
    """The keys that the same mapping has already, as far as that is seen at a glance."""
    if "{" in before:
        return {_plain(part.partition(":")[0]) for part in before[before.rindex("{") + 1 :].split(",")[:-1]}
    indent, found = _indent(before) if before.strip() else len(before), set()
    for step in (-1, 1):
        at = line + step
        while 0 <= at < len(lines):
            text = lines[at]
            if text.strip():
                entry = _indent(text) == indent and text.lstrip().startswith("-")
                if _indent(text) < indent or (entry and step > 0):
                    break
                key = _KEY.match(text.strip())
                if _indent(text) == indent and key:
                    found.add(_plain(key["key"]))
                if entry:
                    break
            at += step
    return found


# --- the schema ------------------------------------------------------------------------------------


@cache
def _schema() -> dict[str, Any]:
    return jsonschema.build()


def _at(path: tuple[str, ...]) -> list[dict[str, Any]]:
    """The parts of the schema that describe a place."""
    parts = list(_plainly(_schema()))
    for key in path:
        parts = [inner for part in parts for below in _below(part, key) for inner in _plainly(below)]
    return parts


def _below(part: dict[str, Any], key: str) -> Iterator[dict[str, Any]]:
    if key == "[]":
        if isinstance(part.get("items"), dict):
            yield part["items"]
    elif key in part.get("properties", {}):
        yield part["properties"][key]
    elif isinstance(part.get("additionalProperties"), dict):
        yield part["additionalProperties"]


def _plainly(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A part with its references and alternatives resolved."""
    if "$ref" in part:
        yield from _plainly(_schema()["$defs"][part["$ref"].rpartition("/")[2]])
    alternatives = [*part.get("anyOf", ()), *part.get("oneOf", ()), *part.get("allOf", ())]
    for one in alternatives:
        yield from _plainly(one)
    if not alternatives and "$ref" not in part:
        yield part


def _keys(parts: list[dict[str, Any]]) -> Iterator[Option]:
    for part in parts:
        for key, about in part.get("properties", {}).items():
            yield Option(f"{key}: ", _first(about.get("description", "")))


def _values(parts: list[dict[str, Any]]) -> Iterator[Option]:
    for part in parts:
        for value in part.get("enum", [part["const"]] if "const" in part else []):
            yield Option("" if value is None else str(value), "")
        if part.get("type") == "boolean":
            yield from (Option("true"), Option("false"))


def _names(text: str, key: str) -> Iterator[Option]:
    """Names of the file that a key refers to."""
    section, what = {"switch": ("switches", "switch"), "parent": ("interfaces", "interface")}.get(key, ("", ""))
    if not section:
        return
    names: dict[str, None] = {}
    depth = None
    for line in text.split("\n"):
        found = _KEY.match(line.strip())
        if not found:
            continue
        indent, name = _indent(line), _plain(found["key"])
        if name == section:
            depth = indent
            inline = line.partition(":")[2].strip()
            if inline.startswith("{"):
                names.update(dict.fromkeys(re.findall(r"([\w.-]+):", inline)))
        elif depth is not None and indent <= depth:
            depth = None
        elif depth is not None and indent == depth + 2:
            names[name] = None
    yield from (Option(name, what) for name in names)


def _first(description: str) -> str:
    return re.split(r"(?<=[.;]) ", " ".join(description.split()))[0]
