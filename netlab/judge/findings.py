"""Findings: everything that is not a plain pass, alike cells folded into one.

A red run of a hundred hosts has thousands of cells and a handful of reasons; a finding is one reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from netlab.contract.observed import LayerObserved, StepObserved
from netlab.contract.types import Step
from netlab.groups import column_groups, row_groups
from netlab.judge.asked import asked
from netlab.judge.given import entry_about, given_rows
from netlab.judge.predicted import Predicted, rule_of
from netlab.judge.table import TABLE
from netlab.judge.types import Finding, JudgedExpectation, JudgedLayer, Verdict

#: How many cells of a folded finding are named.
EXAMPLES = 3


def cell_findings(
    step: Step,
    judged: JudgedLayer,
    observed: LayerObserved,
    prediction: Predicted | None,
    open_ends: frozenset[str],
) -> list[Finding]:
    """The findings of one layer's cells, in the order of the matrix."""
    layer, size = judged.layer, len(step.state.destinations(judged.layer))
    given = given_rows(step, layer)
    predicted = prediction.letters.get(judged.layer) if prediction else None
    sources, targets = _ids(step, layer)
    groups = row_groups(step.state, layer), column_groups(step.state, layer)
    found: dict[tuple[Any, ...], list[tuple[int, int]]] = {}
    for i, (row, verdicts) in enumerate(zip(judged.observed, judged.verdict, strict=True)):
        model = predicted[i] if predicted else "?" * size
        plain = verdicts.strip("P.") == "" and row == model
        if plain and not observed.evidence:
            continue
        for j in asked(row):
            verdict, evidence = verdicts[j], observed.evidence.get(f"{i},{j}", {})
            kind = TABLE[given.get(i, " " * size)[j], model[j], row[j]].kind
            if verdict == "?":
                kind = "inconclusive"
            elif not kind and evidence.get("finding"):
                kind = "duplicate"
            if not kind or verdict in ". ":
                continue
            rule = rule_of(prediction, layer, i, j)
            reason = _reason(evidence, not open_ends.isdisjoint((sources[i], targets[j])))
            if kind == "unpredicted" and prediction is not None:
                reason = prediction.unknown.get((layer, i, j), "")
            spoken_of = given.get(i, " " * size)[j] != " "
            entry = entry_about(step, layer, sources[i], targets[j], row[j]) if spoken_of else None
            said = (entry.text, str(entry.where)) if entry else ("", "")
            key = (kind, verdict, groups[0][i], groups[1][j], judged.expected[i][j], row[j], rule, reason, *said)
            found.setdefault(key, []).append((i, j))
    return [_cells(step, layer, key, cells, observed) for key, cells in found.items()]


def _ids(step: Step, layer: str) -> tuple[list[str], list[str]]:
    """The ids of a layer's rows and columns."""
    state = step.state
    return [one.id for one in state.sources(layer)], [one.id for one in state.destinations(layer)]


def _reason(evidence: dict[str, Any], unsettled: bool) -> str:
    """The part of the evidence by which cells are alike or not."""
    return "unsettled" if unsettled else str(evidence.get("reason") or evidence.get("finding") or "")


def _cells(
    step: Step, layer: str, key: tuple[Any, ...], cells: Sequence[tuple[int, int]], observed: LayerObserved
) -> Finding:
    kind, verdict, source, destination, expected, letter, rule, reason, expectation, where = key
    sources, targets = _ids(step, layer)
    (i, j), alone = cells[0], len(cells) == 1
    return Finding(
        kind=kind,
        verdict=verdict,
        layer=layer,
        source=sources[i] if alone else source,
        destination=targets[j] if alone else destination,
        expected=expected,
        observed=letter,
        rule=rule,
        pairs=len(cells),
        examples=tuple((sources[a], targets[b]) for a, b in cells[:EXAMPLES]),
        expectation=expectation,
        where=where,
        detail=reason,
        evidence=_with_tries(observed, i, j),
    )


def _with_tries(observed: LayerObserved, i: int, j: int) -> dict[str, Any]:
    """What was seen at a cell, and that it was seen twice."""
    evidence = observed.evidence.get(f"{i},{j}", {})
    second = observed.again[i][j] if observed.again else " "
    return evidence if second == " " else {"tries": [observed.rows[i][j], second], **evidence}


def entry_findings(entries: Iterable[JudgedExpectation]) -> list[Finding]:
    """The entries without cells of their own (wire, listeners, values, refusals) that did not hold."""
    return [
        Finding(
            kind="expectation" if entry.verdict == "F" else "inconclusive",
            verdict=entry.verdict,
            expectation=entry.text,
            where=entry.where,
            detail=entry.detail,
        )
        for entry in entries
        if entry.kind != "pair" and entry.verdict in ("F", "?")
    ]


def heard_findings(
    step: Step, observed: LayerObserved, prediction: Predicted, open_ends: frozenset[str]
) -> list[Finding]:
    """Where a broadcast was heard, against the model: switch ports, and the source's own reflection.

    Other endpoints' interfaces are cells of the matrix and judged there.
    """
    if observed.layer != "broadcast" or "broadcast" not in prediction.letters:
        return []
    index = step.state.index
    findings = []
    for source, listeners in observed.heard.items():
        i = index[source]
        if source in open_ends or "?" in prediction.letters["broadcast"][i]:
            continue
        elsewhere = {name for name in listeners if index.get(name, i) == i}
        modelled = {name for name in prediction.heard(i) if index.get(name, i) == i}
        if elsewhere == modelled:
            continue
        open_ = "?" in observed.rows[i] or source in observed.heard_open
        verdict: Verdict = "?" if open_ and not elsewhere - modelled else "F"
        findings.append(
            Finding(
                kind="heard",
                verdict=verdict,
                layer="broadcast",
                source=source,
                expected=", ".join(sorted(modelled - elsewhere)),
                observed=", ".join(sorted(elsewhere - modelled)),
                detail=_differ(elsewhere - modelled, modelled - elsewhere),
            )
        )
    return findings


def _differ(extra: set[str], missing: set[str]) -> str:
    words = []
    if extra:
        words.append(f"heard at {', '.join(sorted(extra))}, which the model says it isn't")
    if missing:
        words.append(f"not heard at {', '.join(sorted(missing))}, which the model says it is")
    return "; ".join(words)


_WIRE = {"1": "on the wire", "0": "not on the wire", "?": "both"}


def wire_findings(
    step: Step, observed: LayerObserved, prediction: Predicted, open_ends: frozenset[str]
) -> list[Finding]:
    """Requests that left by the wire, or did not, against the model; alike ones folded."""
    if not observed.wire:
        return []
    layer = observed.layer
    sources, targets = _ids(step, layer)
    groups = row_groups(step.state, layer), column_groups(step.state, layer)
    found: dict[tuple[str, str, str], list[tuple[int, int]]] = {}
    for i, row in enumerate(observed.wire):
        for j, mark in enumerate(row):
            # Two tries with two results are inconclusive; a wire that was not proved either way is no finding.
            in_doubt = mark == "?" and bool(observed.again) and observed.again[i][j] != " "
            modelled = prediction.on_wire(layer, i, j) if mark in "01" or in_doubt else None
            if modelled is None or mark == "01"[modelled] or not open_ends.isdisjoint((sources[i], targets[j])):
                continue
            found.setdefault((groups[0][i], groups[1][j], mark), []).append((i, j))
    return [
        Finding(
            kind="wire",
            verdict="?" if mark == "?" else "F",
            layer=layer,
            source=sources[cells[0][0]] if len(cells) == 1 else source,
            destination=targets[cells[0][1]] if len(cells) == 1 else destination,
            expected=_WIRE["01"[bool(prediction.on_wire(layer, *cells[0]))]],
            observed=_WIRE[mark],
            pairs=len(cells),
            examples=tuple((sources[a], targets[b]) for a, b in cells[:EXAMPLES]),
            detail="tries-differ" if mark == "?" else "",
        )
        for (source, destination, mark), cells in found.items()
    ]


def refusal_findings(step: Step, observed: StepObserved, predicted: dict[str, tuple[str, str, str]]) -> list[Finding]:
    """Refusals of the kernel, against the model's."""
    findings = []
    for link in sorted(observed.refused.keys() | predicted.keys()):
        seen = observed.refused.get(link)
        said = predicted.get(link)
        was = (str(seen["errno"]), str(seen.get("at"))) if seen and seen.get("errno") else None
        if was == (said[:2] if said else None):
            continue
        findings.append(
            Finding(
                kind="refusal",
                verdict="F",
                source=link,
                expected=f"{said[0]} at {said[1]}" if said else "accepted",
                observed=f"{was[0]} at {was[1]}" if was else "accepted",
                rule=said[2] if said else None,
                detail=str(seen.get("message") or "") if seen else "",
            )
        )
    return findings


def program_findings(observed: StepObserved) -> list[Finding]:
    """Programs of the topology that have ended though no step has ended them."""
    return [
        Finding(
            kind="program",
            verdict="F",
            source=f"{one['host']} {one['name']}",
            expected="running",
            observed=f"ended with {one['status']}",
            detail=str(one["tail"]),
        )
        for one in observed.programs if not one["running"] and not one["stopped"]
    ]  # fmt: skip
