"""Judging one step: every cell by the table, every entry of the file by what was observed."""

from __future__ import annotations

from netlab.contract.observed import LayerObserved, StepObserved
from netlab.contract.types import Step
from netlab.judge.asked import among, asked, spread
from netlab.judge.expect import decide, together
from netlab.judge.findings import (
    cell_findings,
    entry_findings,
    heard_findings,
    program_findings,
    refusal_findings,
    wire_findings,
)
from netlab.judge.given import given_rows
from netlab.judge.predicted import Predicted
from netlab.judge.table import TABLE
from netlab.judge.types import JudgedLayer, JudgedStep
from netlab.judge.unsettled import unsettled_ends


def judge(
    step: Step,
    observed: StepObserved,
    prediction: Predicted | None,
    refusals: dict[str, tuple[str, str, str]] | None = None,
) -> JudgedStep:
    """Judge one step. Without a prediction the model knows nothing of any cell.

    ``refusals`` maps each link that the model says the kernel refuses to (errno, at, rule); None: not asked.
    """
    open_ends = unsettled_ends(step.state, observed.unsettled)
    layers = tuple(_judge_layer(step, layer, prediction, open_ends) for layer in observed.layers)
    entries = together(decide(entry, step, observed, prediction, open_ends) for entry in step.expect)
    findings = []
    for judged, layer in zip(layers, observed.layers, strict=True):
        findings += cell_findings(step, judged, layer, prediction, open_ends)
        if prediction is not None:
            findings += heard_findings(step, layer, prediction, open_ends)
            findings += wire_findings(step, layer, prediction, open_ends)
    findings += entry_findings(entries)
    if refusals is not None:
        findings += refusal_findings(step, observed, refusals)
    findings += program_findings(observed)
    return JudgedStep(layers, entries, tuple(findings))


def _judge_layer(
    step: Step, layer: LayerObserved, prediction: Predicted | None, open_ends: frozenset[str]
) -> JudgedLayer:
    state, size = step.state, len(step.state.destinations(layer.layer))
    nothing = " " * size
    unknown = "?" * size
    given = given_rows(step, layer.layer)
    predicted = prediction.letters.get(layer.layer) if prediction else None
    expected, verdict = [], []
    for i, row in enumerate(layer.rows):
        said, modelled = given.get(i, nothing), predicted[i] if predicted else unknown
        places = asked(row)
        cells = [TABLE[key] for key in zip(*(among(letters, places) for letters in (said, modelled, row)), strict=True)]
        expected.append(spread(size, places, [cell.expected for cell in cells]))
        verdict.append(spread(size, places, [cell.verdict for cell in cells]))
    if open_ends:
        rows = [source.id in open_ends for source in state.sources(layer.layer)]
        columns = [target.id in open_ends for target in state.destinations(layer.layer)]
        verdict = [
            "".join("?" if mark in "PFS" and (rows[i] or columns[j]) else mark for j, mark in enumerate(row))
            for i, row in enumerate(verdict)
        ]
    return JudgedLayer(layer.layer, tuple(expected), layer.rows, tuple(verdict))
