"""What the file's entries accept, cell by cell."""

from __future__ import annotations

from netlab.contract.types import ExpectPair, Step
from netlab.judge.table import ACCEPTS, OUTCOME_LETTER


def given_rows(step: Step, layer: str) -> dict[int, str]:
    """What the file accepts on a layer: for each source that it speaks of a row of *given* letters."""
    state, size = step.state, len(step.state.destinations(layer))
    rows: dict[int, list[str]] = {}
    for entry in step.expect:
        if isinstance(entry, ExpectPair) and layer in entry.layers:
            letter = OUTCOME_LETTER[entry.outcome]
            for source, destination in entry.pairs:
                row = rows.setdefault(state.row(layer, source), [" "] * size)
                j = state.column(layer, destination)
                row[j] = _narrower(row[j], letter)
    return {i: "".join(row) for i, row in rows.items()}


def entry_about(step: Step, layer: str, source: str, destination: str, observed: str) -> ExpectPair | None:
    """The entry that speaks of a cell: the first that does not hold there, else the first."""
    entries = [
        entry
        for entry in step.expect
        if isinstance(entry, ExpectPair) and layer in entry.layers and (source, destination) in entry.pairs
    ]
    broken = (entry for entry in entries if observed not in ACCEPTS[OUTCOME_LETTER[entry.outcome]])
    return next(broken, entries[0] if entries else None)


def _narrower(one: str, other: str) -> str:
    """Of two entries about one cell the one that accepts less (no plan holds two that contradict)."""
    return one if one != " " and other == "B" else other
