"""Write docs/api.md: every public name of netlab, with its signature and docstring.

``python tools/apidoc.py`` writes it; ``python tools/apidoc.py --check`` exits with 1 where it would change.
"""

from __future__ import annotations

import enum
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import netlab

PATH = Path(__file__).parents[1] / "docs" / "api.md"
HEAD = Path(__file__).with_name("api_head.md")
ERRORS = [
    "CommandFailed", "ExpectationFailed", "Inconclusive", "LabError", "BuildError", "CannotRun", "LabClosed",
    "LabDied", "SpawnError", "TopologyError",
]  # fmt: skip


def main() -> int:
    """Write or check."""
    text = render()
    if "--check" in sys.argv:
        return int(PATH.read_text() != text)
    PATH.write_text(text)
    return 0


def render() -> str:
    """The whole page."""
    rows = []
    for name in ERRORS:
        cls = getattr(netlab, name)
        rows.append(f"| `{name}` | `{cls.__mro__[1].__name__}` | {_first(cls)} |")
    names = [name for name in netlab.__all__ if name not in ERRORS and not name.startswith("__")]
    order = ["Topology", "Host", "Container", "Labs", "Lab", "Namespace", "Interface", "Process", "Capture", "Frame"]
    order += [name for name in names if name not in order]
    parts = [HEAD.read_text() + "\n".join(rows) + "\n"]
    parts += ["\n".join(_class(name, getattr(netlab, name))) for name in order]
    return "\n".join(parts)


def _class(name: str, cls: Any) -> Iterator[str]:
    yield f"## {name}\n"
    yield _doc(cls) + "\n"
    if inspect.isfunction(cls):
        return
    for member, value in _members(cls):
        yield f"### `{_title(name, member, value)}`\n"
        yield _doc(value) + "\n"


def _members(cls: Any) -> Iterator[tuple[str, Any]]:
    """Public methods and properties, those of base classes of ours included, in the order of the source."""
    seen = set()
    for base in cls.__mro__:
        if not base.__module__.startswith("netlab"):
            continue
        for member, value in vars(base).items():
            public = not member.startswith("_") or member == "__getitem__"
            if (
                public
                and member not in seen
                and (inspect.isfunction(value) or isinstance(value, (property, classmethod)))
            ):
                seen.add(member)
                yield member, value.__func__ if isinstance(value, classmethod) else value


def _title(name: str, member: str, value: Any) -> str:
    place = name.lower()
    if isinstance(value, property):
        return f"{place}.{member} -> {_returned(value.fget)}"
    parameters = _parameters(inspect.signature(value))
    if member == "__getitem__":
        return f"{place}[{parameters}] -> {_returned(value)}"
    return f"{place}.{member}({parameters}) -> {_returned(value)}"


def _parameters(signature: inspect.Signature) -> str:
    """All but the first, as Python writes them: annotations are texts already, defaults are code."""
    parts, star = [], False
    for one in list(signature.parameters.values())[1:]:
        if one.kind is one.KEYWORD_ONLY and not star:
            parts.append("*")
        star = star or one.kind in (one.KEYWORD_ONLY, one.VAR_POSITIONAL)
        sign = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
        default = "" if one.default is one.empty else f" = {_code(one.default)}"
        parts.append(f"{sign}{one.name}: {one.annotation}{default}")
    return ", ".join(parts)


def _code(value: Any) -> str:
    return value.name if isinstance(value, enum.Enum) else repr(value).replace("'", '"')


def _returned(function: Any) -> str:
    return str(inspect.signature(function).return_annotation)


def _doc(value: Any) -> str:
    text = inspect.getdoc(value)
    if not text:
        raise SystemExit(f"{value} has no docstring")
    # What reStructuredText writes ``so`` and `so` is `so` in Markdown; an example is a block.
    text = re.sub(r"::\n\n((?:    .*\n?)+)", r":\n\n~~~python\n\1~~~\n", text.replace("``", "`"))
    return re.sub(r"(?m)^    (?=netlab\.)", "", text)


def _first(value: Any) -> str:
    return " ".join(_doc(value).split("\n\n")[0].split())


if __name__ == "__main__":
    sys.exit(main())
