"""A step of the topology file as text, as a user would write it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import dedent
from typing import Any

#: A line of a step's YAML is broken where it would be longer.
WIDTH = 60


def to_yaml(step: dict[str, Any]) -> str:
    """A step as it would be written by hand: in block style, what is innermost and short in one line."""
    return "\n".join(_lines(step, 0))


def to_list(steps: Sequence[dict[str, Any]]) -> str:
    lines: list[str] = []
    for step in steps:
        first, *rest = to_yaml(step).splitlines()
        lines += [f"- {first}", *(f"  {line}" for line in rest)]
    return "\n".join(lines)


def indented(text: str, columns: int) -> str:
    """Every line of a text so many columns further to the right."""
    return "\n".join(" " * columns + line for line in text.splitlines())


def _lines(mapping: dict[str, Any], depth: int) -> Iterable[str]:
    for key, value in mapping.items():
        head = f"{'  ' * depth}{_scalar(key)}:"
        if isinstance(value, str) and "\n" in value:
            yield f"{head} |"
            yield from (f"{'  ' * depth}  {line}".rstrip() for line in dedent(value).splitlines())
            continue
        nested = isinstance(value, dict) and any(map(_large, value.values()))
        if nested or (isinstance(value, dict) and len(head) + len(_flow(value)) > WIDTH):
            yield head
            yield from _lines(value, depth + 1)
        elif isinstance(value, (list, tuple)) and len(head) + len(_flow(value)) > WIDTH:
            yield head
            yield from (f"{'  ' * depth}  - {_flow(item)}" for item in value)
        else:
            yield f"{head} {_flow(value)}"


def _large(value: Any) -> bool:
    """Whether it can't stand on one line."""
    return isinstance(value, dict) or (isinstance(value, str) and "\n" in value)


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(key, True)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value, True)


def _scalar(value: Any, flow: bool = False) -> str:
    """A scalar, quoted only where YAML would take it for something else."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    plain = text and text[0].isalnum() and not text.endswith(":") and ": " not in text and " #" not in text
    if flow:
        plain = plain and not set(text) & set(",[]{}")
    return text if plain else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
