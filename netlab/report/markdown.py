"""A run as Markdown: what pastes well into a comment, or into the summary of a CI job.

Verdict, claims and expectations are there at once; diagram, matrices and rules are folded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from netlab.report import axes, diagram, told, words
from netlab.report.matrix import Cell, Side, blocks, cells, side
from netlab.report.reach import Reach, beside, reach

Record = Mapping[str, Any]

#: Comments on code hosting sites end at 65,536 characters; matrices are left out beyond this.
LONGEST = 60_000

_HEADLINES = {
    "pass": "✅ all as expected",
    "fail": "❌ not as expected",
    "inconclusive": "❔ not all is proved",
}
_MARKS = {"P": "✅", "F": "❌", "?": "❔", "S": "➖"}
_OUTCOMES = {words.OUTCOMES[verdict]: mark for verdict, mark in _MARKS.items()}
_CLAIMS = {"confirmed": "✅", "refuted": "🔵", "undecided": "❔"}
#: What is markup anywhere in a line; underscores only at the edge of a word.
_SPECIAL = re.compile(r"([\\`*\[\]|~]|(?<!\w)_|_(?!\w))")
#: What is markup at the start of a line only: lists, headings, rules.
_START = re.compile(r"^(\d*)([-+=#]|(?<=\d)[.)](?=\s|$))")
#: Mentions of people and of issues: what follows the sign makes the link.
_MENTION = re.compile(r"@(?=\w)|#(?=\d)")


def render(record: Record) -> str:
    """The whole report of one run."""
    text = _joined(record, matrices=True)
    return text if len(text) <= LONGEST else _joined(record, matrices=False)


def render_many(records: Sequence[Record]) -> str:
    """One summary for several runs: a table, and the reports of those that are not as expected."""
    if len(records) == 1:
        return render(records[0])
    lines = [
        "## netlab: " + _totals(records),
        "",
        "| | topology | pass | fail | inconclusive | skip | claims |",
    ]
    lines.append("|---|---|--:|--:|--:|--:|---|")
    for record in records:
        summary = record["summary"]
        claims = ", ".join(f"{plain(one['number'])} {one['verdict']}" for one in record["claims"])
        counts = " | ".join(str(summary[word]) for word in words.COUNTED)
        mark = _HEADLINES[summary["verdict"]].split()[0]
        lines.append(f"| {mark} | {code(record['topology']['name'], table=True)} | {counts} | {claims} |")
    text = "\n".join(lines) + "\n"
    for record in records:
        if record["summary"]["verdict"] != "pass":
            whole = render(record)
            text += "\n" + whole if len(text) + len(whole) <= LONGEST else ""
    return text


def _totals(records: Sequence[Record]) -> str:
    verdicts = [record["summary"]["verdict"] for record in records]
    parts = [f"{verdicts.count(word)} {said}" for word, said in _WORDS.items() if word in verdicts]
    return f"{len(records)} topologies, {', '.join(parts)}"


_WORDS = {"pass": "as expected", "fail": "not as expected", "inconclusive": "not proved"}


# --- text -------------------------------------------------------------------------------------------


def plain(text: str) -> str:
    """Text from a file as Markdown text: no markup, no HTML, no mentions of users."""
    line = " ".join(str(text).split())
    line = _SPECIAL.sub(r"\\\1", line).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = _START.sub(r"\1\\\2", line)
    # Nothing visible comes between the sign and what would be linked.
    return _MENTION.sub("\\g<0>\u200b", line).replace("://", ":\u200b//")


def code(text: str, *, table: bool = False) -> str:
    """Text from a file in a code span, whatever backticks it has."""
    line = " ".join(str(text).split()) or " "
    if table:
        line = line.replace("|", "\\|")
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def html(text: str) -> str:
    """Text from a file inside of an HTML element."""
    return " ".join(str(text).split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _folded(title: str, body: Iterable[str]) -> Iterator[str]:
    yield f"<details><summary>{html(title)}</summary>"
    yield ""
    yield from body
    yield ""
    yield "</details>"
    yield ""


# --- the report -------------------------------------------------------------------------------------


def _joined(record: Record, *, matrices: bool) -> str:
    return "\n".join(_lines(record, matrices)).rstrip("\n") + "\n"


def _lines(record: Record, matrices: bool) -> Iterator[str]:
    topology, summary = record["topology"], record["summary"]
    yield f"## {plain(topology['name'])}: {_HEADLINES[summary['verdict']]}"
    yield ""
    if topology["description"]:
        yield plain(topology["description"])
        yield ""
    counts = ", ".join(f"{summary[word]:,} {word}" for word in words.COUNTED)
    total = record["durations"].get("total")
    yield f"**{counts}** · Linux {plain(record['kernel'])}" + (f" · {total:.2f} s" if total is not None else "")
    yield ""
    for warning in topology["warnings"]:
        yield f"⚠️ {plain(warning)}"
        yield ""
    yield from _claims(record)
    notes: dict[str, int] = {}
    for step in record["steps"]:
        yield from _step(record, step, notes, matrices)
    yield from _findings(record)
    yield from _measures(record)
    if notes:
        rules = (
            f"<sup>{number}</sup> {code(name)} {plain(record['rules'][name]['sentence'])} "
            f"({code(record['rules'][name]['function'])}, {code(record['rules'][name]['file'])})<br>"
            for name, number in notes.items()
            if name in record["rules"]
        )
        yield from _folded("The rules of Linux behind it", rules)


def _claims(record: Record) -> Iterator[str]:
    for claim in told.claims(record):
        because, mark = claim["because"], _CLAIMS[claim["verdict"]]
        end = "<br>" if because else ""
        stand_in = f" (by a stand-in: {plain(claim['stand_in'])})" if claim["stand_in"] else ""
        yield (
            f"> {mark} **Claim {plain(claim['number'])}: {claim['verdict']}.** “{plain(claim['says'])}”{stand_in}{end}"
        )
        if because:
            layer = f" ({because['layer']})" if because["layer"] else ""
            where = f" in step {code(because['step'])}" if because["step"] else ""
            saw = f": {plain(because['saw'])}" if because["saw"] else ""
            rule = f". {plain(because['rule']['sentence'])}" if because["rule"] else ""
            yield f"> {code(because['pair'])}{layer}{where}{saw}{rule}"
        yield ""


def _step(record: Record, step: Record, notes: dict[str, int], matrices: bool) -> Iterator[str]:
    several = len(record["steps"]) > 1
    if several:
        yield f"### {plain(step['name'])}"
        yield ""
        if step["description"]:
            yield plain(step["description"])
            yield ""
        if step is not record["steps"][0]:
            yield from (f"± {code(change)}<br>" for change in step["changes"])
            yield ""
    found = reach(record, step) if matrices else None
    if found is not None:
        yield from _reach(found, notes)
    for entry in step["expectations"]:
        yield f"- {_MARKS[entry['verdict']]} {code(entry['text'])}"
        if entry["verdict"] != "P" and entry["detail"]:
            yield f"  {plain(entry['detail'])}"
        if entry["verdict"] in "F?":
            for cell in entry["cells"][:3]:
                saw = told.saw(record, step["name"], cell)
                yield f"  - {code(cell['src'])} → {code(cell['dst'])} ({cell['layer']}): {plain(saw)}"
    if step["expectations"]:
        yield ""
    for name in step["unsettled"]:
        yield f"⚠️ {code(name)} did not settle: what depends on it proves nothing"
        yield ""
    if not matrices:
        return
    states = record["topology"]["plan"].get("steps", [])
    state = next((one["state"] for one in states if one["name"] == step["name"]), None)
    if state is not None:
        picture = ["```mermaid", diagram.as_mermaid(state).rstrip("\n"), "```"]
        yield from _folded("Diagram", picture)
    if rest := beside(step, found):
        ends = side(axes.listed(record, step, "endpoints"))
        yield from _folded("Interface by interface, layer by layer", _matrices(rest, ends, notes))
    if step["layers"]:
        yield f"{', '.join(f'{letter} {words.LETTERS[letter]}' for letter in 'RAU')}, ? {words.BRIEFLY['?']};"
        own = "(A) a host's own address, " if found else ""
        yield f"{own}**bold!** not as expected, ~ only observed"
        yield ""


def _reach(found: Reach, notes: dict[str, int]) -> Iterator[str]:
    """Who can reach whom: what is to be seen at once."""
    rows, columns = side(found.rows), side(found.columns)
    yield f"**Who can reach whom** ({found.title})"
    yield ""
    yield from _table(rows.names, columns.names, cells(found.layer, rows, columns), notes)
    yield ""
    for said, pairs, more in found.told_apart():
        named = ", ".join(f"{code(a)} → {code(b)}" for a, b in pairs)
        yield f"\\* {said}: {named}{f' and {more} more' if more else ''}<br>"
    if found.same:
        yield f"From interface to interface the same holds on {', '.join(found.same)}."
    yield ""


def _matrices(layers: Mapping[str, Record], ends: Side, notes: dict[str, int]) -> Iterator[str]:
    for block in blocks(layers, ends):
        yield f"**{', '.join(block.layers)}**"
        yield ""
        yield from _table(ends.names, ends.names, block.rows, notes)
        yield ""


def _table(
    names: Sequence[str], heads: Sequence[str], rows: Sequence[Sequence[Cell]], notes: dict[str, int]
) -> Iterator[str]:
    yield "| from ↓ to → | " + " | ".join(code(name, table=True) for name in heads) + " |"
    yield "|---|" + ":-:|" * len(heads)
    for name, row in zip(names, rows, strict=True):
        yield f"| {code(name, table=True)} | " + " | ".join(_cell(cell, notes) for cell in row) + " |"


def _cell(cell: Cell, notes: dict[str, int]) -> str:
    text = "·" if cell.letter == "." else cell.text.replace("*", "\\*")
    if "!" in cell.mark:
        text = f"**{text}**"
    if cell.rule:
        text += f"<sup>{notes.setdefault(cell.rule, len(notes) + 1)}</sup>"
    return text


def _findings(record: Record) -> Iterator[str]:
    found = told.findings(record)
    for finding in found[:20]:
        yield f"- {_OUTCOMES[finding['verdict']]} {code(finding['what'])} {plain(finding['said'])}"
        if finding["examples"]:
            yield f"  for example {code(finding['examples'])}"
        if finding["rule"]:
            yield f"  {plain(finding['rule']['sentence'])}"
    if len(found) > 20:
        yield f"- and {len(found) - 20} more findings"
    if found:
        yield ""


def _measures(record: Record) -> Iterator[str]:
    from netlab.report import figures

    view = figures.view(record)
    for one in view["compare"]:
        mark = _OUTCOMES[one["verdict"]]
        interval = f" ({one['interval']}, {one['confidence']})" if one["interval"] else ""
        yield f"- {mark} {plain(one['name'])}: **{one['ratio']}**{interval}, wanted {code(one['by'])}"
        yield "  " + ", ".join(f"{code(side['text'])} {side['value']}" for side in one["sides"])
    if view["compare"]:
        yield ""
    for title in ("throughput", "latency"):
        for group in view[title]:
            yield from _folded(f"{title.capitalize()}: {group['text']}", _bars(group))


def _bars(group: Mapping[str, Any]) -> Iterator[str]:
    yield "| from | to | median | range | of the best |"
    yield "|---|---|--:|--:|--:|"
    for row in group["rows"]:
        ends = f"{code(row['src'], table=True)} | {code(row['dst'], table=True)}"
        yield f"| {ends} | {row['value']} | {row['range']} | {row['ratio']} |"
