"""Annotations for GitHub Actions: what is wrong, at the line of the topology file that it is about.

The runner reads workflow commands (``::error file=…,line=…::message``) from a step's output.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from netlab.report.style import clean
from netlab.report.words import letter

Record = dict[str, Any]

#: So many for one run: the runner shows no more than ten of a kind in a step.
MOST = 10


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
