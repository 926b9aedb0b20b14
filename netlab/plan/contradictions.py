"""Expectations of one step that cannot hold together."""

from __future__ import annotations

from netlab.contract.types import (
    AnyExpectation,
    ExpectHeard,
    ExpectPair,
    ExpectState,
    ExpectWire,
    Where,
    as_written,
)
from netlab.spec.problems import Problems

#: The letters that an outcome accepts.
ACCEPTS = {
    "reachable": frozenset("RAB"),
    "through-interface": frozenset("R"),
    "address-only": frozenset("A"),
    "unreachable": frozenset("U"),
}


def contradictions(expect: list[AnyExpectation], problems: Problems) -> None:
    """Two entries that cannot both hold on a cell, a wire, a listener or a value."""
    pairs = [entry for entry in expect if isinstance(entry, ExpectPair)]
    if len({entry.outcome for entry in pairs}) > 1:
        _cells([(entry, entry.layers, entry.pairs, ACCEPTS[entry.outcome]) for entry in pairs], problems)
    wires = [entry for entry in expect if isinstance(entry, ExpectWire)]
    _cells([(entry, (entry.layer,), entry.pairs, frozenset({str(entry.on_wire)})) for entry in wires], problems)
    heard: dict[str, ExpectHeard] = {}
    for entry in expect:
        if isinstance(entry, ExpectHeard):
            first = heard.setdefault(entry.source, entry)
            ours, theirs = set(entry.listeners), set(first.listeners)
            if (first.only and not ours <= theirs) or (entry.only and not theirs <= ours):
                _contradiction(entry, first, f"who hears {entry.source}", problems)
    values: dict[tuple[str, str], tuple[object, ExpectState]] = {}
    for entry in expect:
        if isinstance(entry, ExpectState):
            for key, value in entry.values:
                before, at = values.setdefault((entry.link, key), (value, entry))
                if before != value and not _relative(before) and not _relative(value):
                    _contradiction(entry, at, f"{key} of {entry.link}", problems)


def _relative(value: object) -> bool:
    return isinstance(value, str) and (value[:1] in ("=", "!") or value == "local-unicast")


def _cells(
    entries: list[tuple[ExpectPair | ExpectWire, tuple[str, ...], tuple[tuple[str, str], ...], frozenset[str]]],
    problems: Problems,
) -> None:
    cells: dict[tuple[str, tuple[str, str]], tuple[frozenset[str], ExpectPair | ExpectWire]] = {}
    reported: set[tuple[Where, Where]] = set()
    for entry, layers, pairs, accepts in entries:
        for layer in layers:
            for pair in pairs:
                known = cells.get((layer, pair))
                if known is None:
                    cells[layer, pair] = (accepts, entry)
                    continue
                both = known[0] & accepts
                if both:
                    cells[layer, pair] = (both, entry)
                elif (known[1].where, entry.where) not in reported:
                    reported.add((known[1].where, entry.where))
                    _contradiction(entry, known[1], f"{pair[0]} -> {pair[1]} [{as_written(layer)}]", problems)


def _contradiction(entry: AnyExpectation, first: AnyExpectation, what: str, problems: Problems) -> None:
    message = f"contradicts line {first.where.line} ({first.text}) on {what}"
    problems.add(entry.where, message, "remove one of them, or name its endpoints or layers")
