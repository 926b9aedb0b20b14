"""The report on the terminal, from the record alone.

Who can reach whom first, then what the author expects, the interfaces layer by layer, why, claims, what is not as
expected, and the counts in the last line.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from netlab.report import axes, told, words
from netlab.report.columns import fold
from netlab.report.matrix import Notes, draw_reach, draw_rest
from netlab.report.overview import in_words
from netlab.report.record import AXES
from netlab.report.style import Style, clean

Record = dict[str, Any]

#: The letters and marks of a matrix in the legend.
_MEANING = words.BRIEFLY | {
    "own": "(A) its own address",
    "mark!": "not as expected",
    "mark?": "no proof",
    "mark~": "only observed",
    "mark*": "not so on every layer",
}
#: Findings shown in full; the record has them all.
MOST_FINDINGS = 12
_CLAIM = {
    "confirmed": ("confirmed", "green"),
    "refuted": ("refuted", "cyan"),
    "undecided": ("undecided", "yellow"),
}


def render(record: Record, style: Style, where: str = "") -> str:
    """The whole report of one run, ready to be printed. ``where`` says where its other reports are."""
    notes = Notes()
    lines = list(head(record, style))
    for k, step in enumerate(record["steps"]):
        lines += _step(record, k, step, notes, style)
    lines += legend(notes, style)
    lines += why(record, notes, style)
    lines += _claims(record, style)
    lines += _findings(record, style, _told(record))
    lines.append("")
    if where:
        lines.append(style.paint(clean(where), "dim"))
    lines.append(last_line(record, style))
    return "\n".join(lines)


def render_quiet(record: Record, style: Style) -> str:
    """What is doubtful and what is not as expected, and the last line with the topology's name before it."""
    found = [*_warnings(record, style), *_findings(record, style)]
    name = style.paint(clean(record["topology"]["name"]), "bold")
    return "\n".join([*found, f"{name}: {last_line(record, style)}"]).lstrip("\n")


def last_line(record: Record, style: Style) -> str:
    """``PASS  42 pass, 0 fail, 0 inconclusive, 0 skip   0.21 s``."""
    summary = record["summary"]
    colours = {"pass": ("bold", "green"), "fail": ("bold", "red"), "inconclusive": ("bold", "yellow")}
    word = summary["verdict"].upper()
    counts = in_words(summary, style)
    seconds = record["durations"].get("total")
    took = f"   {seconds:.2f} s" if seconds is not None else ""
    if not any(summary[name] for name in ("pass", "fail", "inconclusive")):
        counts = f"nothing to judge: what was asked for applies to no pair that was probed, {summary['skip']} skip"
    return f"{style.paint(word, *colours[summary['verdict']])}  {counts}{style.paint(took, 'dim')}"


def head(record: Record, style: Style) -> Iterator[str]:
    """The topology's name, description and warnings."""
    topology = record["topology"]
    yield style.paint(clean(topology["name"]), "bold")
    if topology["description"]:
        yield from fold(clean(topology["description"]), style.width - 1)
    yield from _warnings(record, style)


def _warnings(record: Record, style: Style) -> Iterator[str]:
    for warning in record["topology"]["warnings"]:
        yield from style.wrap(warning, style.paint("warning: ", "yellow"), "         ")


# --- steps ------------------------------------------------------------------------------------------


def step_head(record: Record, step: Record, style: Style) -> Iterator[str]:
    """Of several steps the name, what it is about and what it changes; nothing where there is only one."""
    if len(record["steps"]) > 1:
        yield style.paint(f"{style.pick('──', '--')} {clean(step['name'])}", "bold")
        if step["description"]:
            yield from (f"   {line}" for line in fold(clean(step["description"]), style.width - 4))
        if step["name"] != "baseline":
            for change in step["changes"]:
                yield from style.wrap(change, "   ", "     ")


def _step(record: Record, k: int, step: Record, notes: Notes, style: Style) -> Iterator[str]:
    before = next((earlier for earlier in record["steps"][:k] if _same(earlier, step, record)), None)
    if before is None or not step["layers"]:
        first, rest = (list(lines(record, step, notes, style)) for lines in (draw_reach, draw_rest))
    else:
        first, rest = [f"  {style.paint('every pair on every layer as in ' + clean(before['name']), 'dim')}"], []
    for note in step["notes"]:
        rest += style.wrap(note, style.paint("  note: ", "dim"), "        ")
    entries = list(_expectations(record, step, style))
    for name in step["unsettled"]:
        entries.append(f"  {style.verdict('?')} {name} did not settle: what depends on it proves nothing")
    for part in ([*step_head(record, step, style)], first, entries, rest):
        if part:
            yield ""
            yield from part
    if record["throughput"] or record["latency"] or record["compare"]:
        from netlab.report import measured

        yield from measured.show(record, step["name"], style)


def _same(before: Record, step: Record, record: Record) -> bool:
    """Whether two steps would show the same matrices."""
    if any(axes.listed(record, before, name) != axes.listed(record, step, name) for name in AXES):
        return False
    if before["layers"].keys() != step["layers"].keys():
        return False
    return all(
        before["layers"][name][part] == layer[part]
        for name, layer in step["layers"].items()
        for part in ("expected", "observed", "verdict", "rules")
    )


def _expectations(record: Record, step: Record, style: Style) -> Iterator[str]:
    for entry in step["expectations"]:
        mark = style.verdict(entry["verdict"])
        text = entry["text"]
        remark = entry["detail"] if entry["kind"] != "refused" or entry["verdict"] != "P" else ""
        if entry["verdict"] == "P":
            remark = _answered_by(record, step, entry)
        yield from style.wrap(f"{text}   ({remark})" if remark else text, f"  {mark} ", "    ")
        if entry["verdict"] in "F?":
            for cell in entry["cells"][:3]:
                seen = _saw(record, step["name"], cell)
                said = f"{cell['layer']}: {cell['src']} {style.arrow} {cell['dst']}: {seen}"
                yield from style.wrap(said, "      ", "        ")
            about = (step["name"], entry["text"], entry["where"])
            mine = [finding for finding in record["findings"] if _about(finding) == about]
            for said in dict.fromkeys(words.FINDINGS[one["kind"]] for one in mine if one["kind"] in _BESIDE):
                yield from style.wrap(said, "      ", "      ")
            yield f"      {style.paint(clean(entry['where']), 'dim')}"


def _answered_by(record: Record, step: Record, entry: Record) -> str:
    """A remark where what was reached is only the address: who answered for it."""
    answered = [cell for cell in entry["cells"] if cell["observed"] == "A"]
    if not answered:
        return ""
    entered = told.entered(told.evidence(record, step["name"], answered[0]))
    return f"{entered or 'another interface'} answered for {answered[0]['dst']}"


def _saw(record: Record, step: str, cell: Record) -> str:
    evidence = told.evidence(record, step, cell)
    if cell["observed"] == "A" and told.entered(evidence):
        return f"A, {told.entered(evidence)} answered"
    why = told.reason_of(record, step, cell)
    because = f" ({why})" if why else ""
    return f"{cell['observed']}, {words.BRIEFLY[cell['observed']]}{because}"


# --- claims, legend, why ----------------------------------------------------------------------------


def _claims(record: Record, style: Style) -> Iterator[str]:
    if not record["claims"]:
        return
    yield ""
    quotes = style.pick("“”", '""')
    for claim in record["claims"]:
        word, colour = _CLAIM[claim["verdict"]]
        lead = f"claim {claim['number']}: "
        yield from style.wrap(f"{quotes[0]}{claim['says']}{quotes[1]}", lead, "    ")
        wanted = "F" if claim["verdict"] == "refuted" else "?S" if claim["verdict"] == "undecided" else ""
        because = next((test for test in claim["tests"] if wanted and test["verdict"] in wanted), None)
        text = f": {_against(record, because, style)}" if because else ""
        if stand_in := claim.get("stand_in"):
            text = f" by a stand-in ({clean(stand_in)}){text}"
        yield from style.wrap(text, f"    {style.paint(word, 'bold', colour)}", "    ")


def _against(record: Record, test: Record, style: Style) -> str:
    """The observation that decides against a claim, with its rule."""
    text = f"{clean(test['text'])}: {test['detail']}" if test["detail"] else clean(test["text"])
    if test["cells"]:
        cell = test["cells"][0]
        seen = _saw(record, test["step"], cell)
        where = f" in step {test['step']}" if len(record["steps"]) > 1 else ""
        text = f"{cell['src']} {style.arrow} {cell['dst']} ({cell['layer']}){where}: {seen}"
        rule = record["rules"].get(cell["rule"] or "")
        if rule:
            text += f". {rule['sentence']}"
    return text


def legend(notes: Notes, style: Style) -> Iterator[str]:
    """What the letters and marks that were shown mean."""
    shown = [(key, meaning) for key, meaning in _MEANING.items() if key in notes.shown]
    if not shown:
        return
    yield ""
    texts = (meaning if key == "own" else f"{key.removeprefix('mark')} {meaning}" for key, meaning in shown)
    words = [f"row {style.arrow} column:", *texts]
    line = ""
    for word in words:
        if line and len(line) + 3 + len(word) > style.width - 1:
            yield style.paint(line, "dim")
            line = ""
        line += f"{'   ' if line else ''}{word}"
    yield style.paint(line, "dim")


def why(record: Record, notes: Notes, style: Style) -> Iterator[str]:
    """The footnotes: each rule that was met, with its sentence."""
    if not notes.numbers:
        return
    yield ""
    for rule, number in notes.numbers.items():
        known = record["rules"].get(rule)
        sentence = known["sentence"] if known else ""
        lead = f"{style.note(number)} {rule}  "
        lines = fold(f"{lead}{sentence}", style.width - 1, further="  ")
        # The rule's name stands out; the sentence is what is read.
        yield lines[0].replace(rule, style.paint(rule, "cyan"), 1)
        yield from lines[1:]


# --- findings ---------------------------------------------------------------------------------------

#: What a finding says of an entry that the entry's own lines don't.
_BESIDE = ("model-contradicted", "expect-contradicted")


def _about(finding: Record) -> tuple[str, str, str]:
    return finding["step"], finding["expectation"] or "", finding["where"] or ""


def _told(record: Record) -> set[tuple[str, str, str]]:
    """The entries whose own lines, with their place, say that they do not hold: step, text and place."""
    return {
        (step["name"], entry["text"], entry["where"])
        for step in record["steps"]
        for entry in step["expectations"]
        if entry["verdict"] in "F?"
    }


def _findings(record: Record, style: Style, known: Collection[tuple[str, str, str]] = ()) -> Iterator[str]:
    """The findings, the worst first, those about the entries apart that are told already."""
    findings, unpredicted = told.ranked(finding for finding in record["findings"] if _about(finding) not in known)
    if findings or unpredicted:
        yield ""
    for finding in findings[:MOST_FINDINGS]:
        yield from _one_finding(record, finding, style)
    if len(findings) > MOST_FINDINGS:
        yield f"  and {len(findings) - MOST_FINDINGS} more findings: the record has them all"
    for reason, pairs in unpredicted.items():
        lead = f"  {style.verdict('S')} "
        yield from style.wrap(f"{pairs} pairs only observed: {reason or 'nothing is expected'}", lead, "    ")


def _one_finding(record: Record, finding: Mapping[str, Any], style: Style) -> Iterator[str]:
    parts = []
    if len(record["steps"]) > 1:
        parts.append(finding["step"])
    if finding["layer"]:
        parts.append(finding["layer"])
    if finding["src"] and finding["dst"]:
        parts.append(f"{finding['src']} {style.arrow} {finding['dst']}")
    elif finding["src"]:
        parts.append(finding["src"])
    if finding["pairs"] > 1:
        parts.append(f"{finding['pairs']} pairs")
    if finding["expectation"] and not finding["dst"]:
        parts.append(clean(finding["expectation"]))
    yield f"  {style.verdict(finding['verdict'])} {style.paint('  '.join(parts), 'bold')}"
    said = words.FINDINGS[finding["kind"]]
    if len(finding["expected"]) == 1:
        said = f"expected {words.letter(finding['expected'])}, observed {finding['observed']}: {said}"
    elif finding["expected"] and finding["kind"] in ("wire", "refusal", "measure", "program"):
        said = f"expected {finding['expected']}, observed {finding['observed']}"
    said += told.more(finding)
    yield from style.wrap(said, "      ", "      ")
    if finding["pairs"] > 1:
        examples = ", ".join(f"{a} {style.arrow} {b}" for a, b in finding["examples"])
        yield from style.wrap(examples, "      for example ", "      ")
    if finding["where"]:
        yield f"      {style.paint(clean(finding['where']), 'dim')}"
    rule = record["rules"].get(finding["rule"] or "")
    if rule:
        yield from style.wrap(f"{finding['rule']}: {rule['sentence']}", "      ", "      ")
