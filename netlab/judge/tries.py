"""Second tries: what neither file nor model expected is probed again before it is reported.

Both tries are kept. Tries that differ prove nothing; a retry never turns a failure into a pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from netlab.contract.observed import LayerObserved
from netlab.contract.types import ExpectWire, Step
from netlab.judge.asked import among, asked
from netlab.judge.given import given_rows
from netlab.judge.predicted import Predicted
from netlab.judge.table import ACCEPTS

Pair = tuple[int, int]


def surprises(step: Step, observed: LayerObserved, prediction: Predicted | None) -> list[Pair]:
    """The pairs (row, column) whose letter, or whose use of the wire, is not as the file or the model expects."""
    letters = _letters(step, observed, prediction)
    return sorted({*letters, *_wires(step, observed, prediction)}) if observed.wire else list(letters)


def _letters(step: Step, observed: LayerObserved, prediction: Predicted | None) -> Iterator[Pair]:
    size = len(step.state.destinations(observed.layer))
    predicted = prediction.letters.get(observed.layer) if prediction else None
    given = given_rows(step, observed.layer)
    for i, row in enumerate(observed.rows):
        model = predicted[i] if predicted else "?" * size
        if row == model and i not in given:
            continue
        wanted, places = given.get(i, " " * size), asked(row)
        for j, file, modelled, letter in zip(
            places, *(among(letters, places) for letters in (wanted, model, row)), strict=True
        ):
            if letter in "RAU" and (_against(file, letter) or _against(modelled, letter)):
                yield i, j


def _against(expected: str, letter: str) -> bool:
    return expected in ACCEPTS and letter not in ACCEPTS[expected]


def _wires(step: Step, observed: LayerObserved, prediction: Predicted | None) -> Iterator[Pair]:
    state = step.state
    for entry in step.expect:
        if isinstance(entry, ExpectWire) and entry.layer == observed.layer:
            for source, destination in entry.pairs:
                i, j = state.row(entry.layer, source), state.column(entry.layer, destination)
                if observed.wire[i][j] == ("0" if entry.on_wire else "1"):
                    yield i, j
    if prediction is not None:
        for i, row in enumerate(observed.wire):
            for j, mark in enumerate(row):
                if mark in "01" and prediction.on_wire(observed.layer, i, j) is (mark == "0"):
                    yield i, j


def second_try(first: LayerObserved, again: LayerObserved) -> LayerObserved:
    """The layer after a second try of some pairs: what is equal stays; letters and wires that differ become ``?``."""
    rows = [list(row) for row in first.rows]
    wire = [list(row) for row in first.wire]
    tried = [[" "] * len(row) for row in first.rows]
    evidence = dict(first.evidence)
    for i, row in enumerate(again.rows):
        for j in asked(row):
            letter, before = row[j], rows[i][j]
            if letter == "." or before in " .":
                continue
            tried[i][j] = letter
            if letter != before:
                rows[i][j] = "?"
                told = {"reason": "tries-differ", "tries": [before, letter]}
                evidence[f"{i},{j}"] = {**evidence.get(f"{i},{j}", {}), **told}
            if wire and again.wire and again.wire[i][j] != wire[i][j]:
                wire[i][j] = "?"
    heard, heard_open = dict(first.heard), {*first.heard_open, *again.heard_open}
    for source in first.heard.keys() & again.heard.keys():
        if set(first.heard[source]) != set(again.heard[source]):
            heard[source] = tuple(sorted(set(first.heard[source]) & set(again.heard[source])))
            heard_open.add(source)
    return replace(
        first,
        rows=_joined(rows),
        wire=_joined(wire),
        again=_joined(tried),
        evidence=evidence,
        heard=heard,
        heard_open=tuple(sorted(heard_open)),
    )


def _joined(rows: list[list[str]]) -> tuple[str, ...]:
    return tuple("".join(row) for row in rows)
