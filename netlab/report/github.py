"""Annotations for GitHub Actions: what is wrong, at the line of the topology file that it is about.

The runner reads workflow commands (``::error file=…,line=…::message``) from a step's output. The text of a topology
must not give it any: `guard` filters both streams, and only `tell` writes commands past it.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from netlab.report.style import clean
from netlab.report.words import letter

Record = dict[str, Any]

#: So many for one run: the runner shows no more than ten of a kind in a step.
MOST = 10


#: What the runner takes for a command: two colons that are the first characters of a line, apart from blanks (a
#: carriage return ends a line, too); and the older form anywhere in a line (actions/runner,
#: src/Runner.Common/ActionCommand.cs).
_COMMAND = re.compile(r"(?:\A|(?<=[\r\n]))(\s*):(?=:)")
_OLD_COMMAND = "##["


class _Guarded(io.TextIOWrapper):
    """A stream whose lines give no commands. An incomplete line is held back until it ends or is flushed."""

    _rest = ""

    def write(self, text: str) -> int:
        whole, end, rest = (self._rest + text).rpartition("\n")
        super().write(harmless(whole + end))
        self._rest = rest
        return len(text)

    def flush(self) -> None:
        if self._rest:
            super().write(harmless(self._rest))
            self._rest = ""
        super().flush()

    def command(self, line: str) -> None:
        self.flush()
        super().write(f"{line}\n")


def guard() -> None:
    """Let nothing that is printed from now on be a command but what `tell` tells."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if type(stream) is io.TextIOWrapper:
            encoding, errors, by_line = stream.encoding, stream.errors, stream.line_buffering
            guarded = _Guarded(stream.detach(), encoding=encoding, errors=errors, line_buffering=by_line)
            setattr(sys, name, guarded)


def harmless(text: str) -> str:
    """The text with a blank in what would be commands."""
    return _COMMAND.sub(r"\1: ", text).replace(_OLD_COMMAND, "## [")


def harmless_json(text: str) -> str:
    """JSON of the same meaning without commands."""
    return text.replace(_OLD_COMMAND, "\\u0023#[")


def harmless_xml(text: str) -> str:
    """XML of the same meaning without commands."""
    return _COMMAND.sub(r"\1&#58;", text).replace(_OLD_COMMAND, "&#35;#[")


def tell(commands: Iterable[str]) -> None:
    """Give commands, on stderr: the runner reads both streams."""
    for line in commands:
        if isinstance(sys.stderr, _Guarded):
            sys.stderr.command(line)
        else:
            print(line, file=sys.stderr)


def annotate(record: Record) -> Iterator[str]:
    """A line for each entry that does not hold (error) or can't be proved (warning), and for what has no entry."""
    name, file = record["topology"]["name"], record["topology"]["file"]
    told = []
    entries = set()
    for step in record["steps"]:
        for entry in step["expectations"]:
            if entry["verdict"] in "F?":
                seen = [f"{one['layer']} {one['src']} -> {one['dst']}: {one['observed']}" for one in entry["cells"]]
                words = "; ".join([entry["text"], *filter(None, [entry["detail"]]), *seen[:3]])
                told.append((entry["verdict"], entry["where"], f"{name}, {step['name']}", words))
                entries.add((step["name"], entry["text"], entry["where"]))
    for finding in record["findings"]:
        about = finding["step"], finding["expectation"], finding["where"]
        if finding["verdict"] in "F?" and about not in entries:
            pair = f"{finding['src']} -> {finding['dst']}" if finding["dst"] else finding["src"] or ""
            words = f"{finding['layer'] or ''} {pair}: {finding['kind']}".strip()
            if finding["expected"]:
                words += f", expected {letter(finding['expected'])}, observed {finding['observed']}"
            told.append((finding["verdict"], finding["where"] or file, f"{name}, {finding['step']}", words))
    for verdict, where, title, words in told[:MOST]:
        yield annotation("error" if verdict == "F" else "warning", where, title, words)


def problems(lines: Iterable[str]) -> Iterator[str]:
    """A line for each fault of a file, given as ``file:line:column: message``."""
    for line in lines:
        where, colon, words = line.partition(": ")
        if colon and where.rpartition(":")[2].isdigit():
            yield annotation("error", where, "topology", words)


def annotation(kind: str, where: str, title: str, message: str) -> str:
    """One workflow command; ``where`` is ``file``, ``file:line`` or ``file:line:column``."""
    place = dict(zip(("file", "line", "col"), _split(where), strict=False))
    fields = ",".join(f"{key}={_escaped(value, of_property=True)}" for key, value in {**place, "title": title}.items())
    return f"::{kind} {fields}::{_escaped(message)}"


def _split(where: str) -> list[str]:
    parts: list[str] = []
    while len(parts) < 2 and (rest := where.rpartition(":"))[1] and rest[2].isdigit():
        where = rest[0]
        parts.insert(0, rest[2])
    return [where, *parts]


def _escaped(text: str, *, of_property: bool = False) -> str:
    text = clean(text).replace("%", "%25")
    return text.replace(":", "%3A").replace(",", "%2C") if of_property else text
