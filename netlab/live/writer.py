"""A topology in the making to the text of a file: what is assumed and what was left out stands in comments."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping

from netlab.contract.types import Where
from netlab.errors import printable
from netlab.live.reading import Left
from netlab.live.topology import Box, Draft, Value

WIDTH = 110
#: Texts that need no quotes, inside of brackets neither; of a "-" or a "." a list or a number could begin.
_PLAIN = re.compile(r"[A-Za-z0-9_/][A-Za-z0-9_./+-]*")


def write(draft: Draft) -> str:
    """The text of the topology file."""
    return "\n".join(_lines(draft)) + "\n"


def _lines(draft: Draft) -> Iterator[str]:
    yield from _comment(f"Written by netlab import from {printable(draft.origin)}.")
    if draft.assumed:
        yield "#"
        yield from _comment("Assumed:")
        for sentence in draft.assumed:
            yield from _comment(printable(sentence), "  - ")
    told = left_out(draft.left)
    if told:
        yield "#"
        yield from _comment("Left out:")
        for _, line in told:
            yield from _comment(printable(line), "  - ")
    yield "#"
    yield f"name: {_scalar(draft.name)}"
    yield f"description: {json.dumps(draft.description, ensure_ascii=False)}"
    if draft.switches:
        yield "switches:"
        for name, note in draft.switches.items():
            yield f"  {_scalar(name)}: {_flow(draft.wires.get(name, {}))}  # {printable(note)}"
    yield "hosts:"
    for name, box in draft.hosts.items():
        yield from _box(name, box, "  ")


def left_out(left: Iterable[Left]) -> list[tuple[Where | None, str]]:
    """What was left out, once for each reason: the place of the first in its text, which keys, how often, and why."""
    many: dict[tuple[str, str], list[Left]] = {}
    for one in left:
        many.setdefault((one.why, one.pattern), []).append(one)
    by_reason: dict[str, list[str]] = {}
    first: dict[str, Where | None] = {}
    for (why, pattern), those in many.items():
        name = f"{pattern} ({len(those)} times)" if len(those) > 1 else those[0].path
        by_reason.setdefault(why, []).append(name or "all of it")
        first.setdefault(why, those[0].where)
    return [(first[why], f"{', '.join(names)}: {why}") for why, names in by_reason.items()]


def _comment(text: str, indent: str = "") -> Iterator[str]:
    for number, line in enumerate(
        textwrap.wrap(text, WIDTH - len(indent), break_long_words=False, break_on_hyphens=False) or [""]
    ):
        yield f"# {indent if not number else ' ' * len(indent)}{line}".rstrip()


def _box(name: str, box: Box, indent: str) -> Iterator[str]:
    yield f"{indent}{_scalar(name)}:" + (f"  # {printable(box.comment)}" if box.comment else "")
    inner = indent + "  "
    if box.sysctls:
        yield f"{inner}sysctls: {_flow(box.sysctls)}"
    if box.interfaces:
        yield f"{inner}interfaces:"
        for one, keys in box.interfaces.items():
            note = box.notes.get(one)
            yield f"{inner}  {_scalar(one)}: {_flow(keys)}" + (f"  # {printable(note)}" if note else "")
    if box.routes:
        yield f"{inner}routes:"
        for route in box.routes:
            yield f"{inner}  - {_flow(route)}"
    if box.rules:
        yield f"{inner}rules:"
        for rule in box.rules:
            yield f"{inner}  - {_flow(rule)}"
    if box.containers:
        yield f"{inner}containers:"
        for one, child in box.containers.items():
            yield from _box(one, child, inner + "  ")
    if box.nftables:
        yield f"{inner}nftables: |"
        yield from (f"{inner}  {line}" for line in box.nftables.splitlines())


def _flow(keys: Mapping[str, Value]) -> str:
    return "{" + ", ".join(f"{_scalar(key)}: {_value(value)}" for key, value in keys.items()) + "}"


def _value(value: Value) -> str:
    if isinstance(value, str):
        return _scalar(value)
    if isinstance(value, Mapping):
        return _flow(value)
    return "[" + ", ".join(map(_value, value)) + "]"


def _scalar(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
