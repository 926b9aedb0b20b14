"""What two machines saw of one probe, put together."""

from __future__ import annotations

from typing import Any

from netlab.contract.observed import Result
from netlab.contract.types import Endpoint, base_layer

#: Which machine can say what became of a probe: the destination's, the source's, or both together.
_BY_DESTINATION = ("broadcast", "unicast")
_BY_SOURCE = ("arp", "ndp")


def merged(layer: str, destination: Endpoint, at_source: Result, at_destination: Result, *, final: bool) -> Result:
    """The pair's result; ``final``: after the rounds, when silence says U."""
    base = base_layer(layer)
    both = Result(
        answered=at_source.answered or at_destination.answered,
        wire=at_source.wire,
        evidence=_union(at_source.evidence, at_destination.evidence),
    )
    if at_source.letter in ("U", "?") and base not in _BY_SOURCE:
        # It wasn't sent: the other machine heard nothing, and its word for that says less.
        both.letter = at_source.letter
        both.evidence["reason"] = at_source.evidence.get("reason", "not-delivered")
    elif base in _BY_DESTINATION:
        both.letter = at_destination.letter
    elif base in _BY_SOURCE:
        both.letter = at_source.letter
    elif at_destination.letter == "?":
        # Its answer wasn't sent.
        both.letter = "?"
    else:
        _answer(both, destination, final=final)
    if both.letter == "R":
        both.evidence.pop("elsewhere", None)
    return both


def _answer(both: Result, destination: Endpoint, *, final: bool) -> None:
    """The layers that use the machines' own stacks: where did the request come in, and did the answer come back?"""
    entered = both.evidence.get("entered")
    if both.answered and entered and destination.link in entered:
        both.letter = "R"
    elif final and both.answered and entered:
        # Before, a copy of the request may still be on its way to the destination's own interface.
        both.letter = "A"
    elif final:
        both.letter = "U"
        lost = "reply-lost" if entered else "request-lost"
        both.evidence.setdefault("reason", "answered-by-a-stranger" if both.answered else lost)


def _union(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    both = dict(one)
    for key, value in other.items():
        if isinstance(value, list) and isinstance(both.get(key), list):
            both[key] = [*both[key], *(item for item in value if item not in both[key])]
        else:
            both.setdefault(key, value)
    return both
