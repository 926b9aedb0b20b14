"""Second tries: what nobody expected is probed again before it is reported.

Both tries are kept. Tries that differ prove nothing; a retry never turns a failure into a pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from netlab.judge.given import given_rows
from netlab.judge.predicted import Predicted
from netlab.judge.table import ACCEPTS
from netlab.observed import LayerObserved
from netlab.plan.types import Step


def surprises(step: Step, observed: LayerObserved, prediction: Predicted | None) -> list[tuple[int, int]]:
    """The pairs (row, column) whose letter the file or the model, where they say anything, did not expect."""
    size = len(step.state.endpoints)
    predicted = prediction.letters.get(observed.layer) if prediction else None
    given = given_rows(step, observed.layer)
    found = []
    for i, row in enumerate(observed.rows):
        model = predicted[i] if predicted else "?" * size
        if row == model and i not in given:
            continue
        wanted = given.get(i, " " * size)
        for j, (file, modelled, letter) in enumerate(zip(wanted, model, row, strict=True)):
            if letter in "RAU" and (_against(file, letter) or _against(modelled, letter)):
                found.append((i, j))
    return found


def _against(expected: str, letter: str) -> bool:
    return expected in ACCEPTS and letter not in ACCEPTS[expected]


def second_try(
    first: LayerObserved, again: LayerObserved, pairs: Iterable[tuple[int, int]] | None = None
) -> LayerObserved:
    """The layer with a second try weighed in: letters that are equal stay, others become ``?``.

    ``pairs`` limits it to these, where ``again`` holds more than was in doubt.
    """
    chosen = None if pairs is None else set(pairs)
    rows = [list(row) for row in first.rows]
    tried = [[" "] * len(row) for row in first.rows]
    evidence = dict(first.evidence)
    for i, row in enumerate(again.rows):
        for j, letter in enumerate(row):
            before = rows[i][j]
            if letter in " ." or before in " ." or (chosen is not None and (i, j) not in chosen):
                continue
            tried[i][j] = letter
            if letter != before:
                rows[i][j] = "?"
                key = f"{i},{j}"
                evidence[key] = {
                    **evidence.get(key, {}),
                    "reason": "tries-differ",
                    "tries": [before, letter],
                }
    return replace(first, rows=_joined(rows), again=_joined(tried), evidence=evidence)


def _joined(rows: list[list[str]]) -> tuple[str, ...]:
    return tuple("".join(row) for row in rows)
