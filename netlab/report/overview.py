"""Several runs on the terminal: a line for each, and what they come to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netlab.report.columns import aligned, shorten, visible
from netlab.report.style import Style, clean
from netlab.report.words import COUNTED

Record = dict[str, Any]

#: The heads of a table for which there is little room.
_SHORT = ("", "topology", *"PF?S")


def repetitions(records: Sequence[Record], style: Style) -> str:
    """``50 repetitions: 49 pass, 1 inconclusive``."""
    verdicts = [record["summary"]["verdict"] for record in records]
    counts = [f"{verdicts.count(word)} {word}" for word in ("pass", "fail", "inconclusive") if word in verdicts]
    return style.paint(f"{len(records)} repetitions: {', '.join(counts)}", "bold")


def table(rows: Sequence[tuple[str, Sequence[Record]]], style: Style, where: str = "") -> str:
    """One line for each topology: verdict, counts over all its repetitions, claims; and the totals."""
    lines = []
    totals = dict.fromkeys(COUNTED, 0)
    for name, records in rows:
        counts = {word: sum(record["summary"][word] for record in records) for word in COUNTED}
        totals = {word: totals[word] + counts[word] for word in COUNTED}
        worst = next((letter for letter in "F?" if any(_letter(one) == letter for one in records)), "P")
        claims = ", ".join(f"{claim['number']} {claim['verdict']}" for claim in records[0]["claims"])
        seconds = sum(record["durations"].get("total", 0.0) for record in records)
        lines.append([style.verdict(worst), clean(name), *map(str, counts.values()), claims, f"{seconds:.2f}"])
    text = _summary(lines, style)
    sums = in_words(totals, style)
    more = style.paint(clean(where), "dim") + "\n" if where else ""
    return f"{text}\n\n{more}{len(rows)} topolog{'y' if len(rows) == 1 else 'ies'}: {sums}"


def in_words(counts: Record, style: Style) -> str:
    """``42 pass, 0 fail, 0 inconclusive, 0 skip``; on a narrow terminal only what there is of."""
    return ", ".join(f"{counts[word]} {word}" for word in COUNTED if counts[word] or style.width >= 60)


def _summary(lines: Sequence[Sequence[str]], style: Style) -> str:
    """The lines as a table: with letters for words where it is too wide; in a narrow terminal without claims as well,
    and with names cut short."""

    def made(rows: Sequence[Sequence[str]]) -> str:
        return "\n".join(aligned(rows, (2, 3, 4, 5, len(rows[0]) - 1)))

    if style.width >= 80:
        wide = made([["", "topology", *COUNTED, "claims", "s"], *lines])
        fits = max(map(visible, wide.splitlines())) < style.width
        return wide if fits else made([[*_SHORT, "claims", "s"], *lines])
    narrow = [[*line[:6], line[7]] for line in lines]
    others = sum(max(visible(line[k]) for line in narrow) + 2 for k in range(7) if k != 1)
    room = max(8, style.width - 1 - others)
    return made([[*_SHORT, "s"], *([line[0], shorten(line[1], room), *line[2:]] for line in narrow)])


def _letter(record: Record) -> str:
    return {"pass": "P", "fail": "F", "inconclusive": "?"}[record["summary"]["verdict"]]
