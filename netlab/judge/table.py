"""The judging table, whole: what a file expects × what the model says × what was observed.

*given* is what an entry of the file accepts: ``B`` for reachable (R or A), ``R`` through-interface, ``A``
address-only, ``U`` unreachable, a space where no entry speaks of the cell.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

GIVEN = " BRAU"
MODEL = "RAUB?."
OBSERVED = "RAU?. "

#: What each letter, as an expectation, lets pass.
ACCEPTS = {"R": frozenset("R"), "A": frozenset("A"), "U": frozenset("U"), "B": frozenset("RA")}

#: The letter under which an outcome of the file enters the table.
OUTCOME_LETTER = {"reachable": "B", "through-interface": "R", "address-only": "A", "unreachable": "U"}


class Judgement(NamedTuple):
    """The letter that was expected, the verdict, and the kind of finding (empty for a plain pass)."""

    expected: str
    verdict: str
    kind: str


def judgement(given: str, model: str, observed: str) -> Judgement:
    """Judge one cell. A pair that was not asked for (observed: a space) has no verdict either."""
    expected = _expected(given, model)
    if observed == " ":
        return Judgement(expected, " ", "")
    if observed == "?":
        return Judgement(expected, "?", "inconclusive")
    if observed == ".":
        return Judgement(".", ".", "") if model in "?." else Judgement(expected, "F", "unexpected")
    as_given = given == " " or observed in ACCEPTS[given]
    as_modelled = model in ACCEPTS and observed in ACCEPTS[model]
    if given == " ":
        if model == "?":
            return Judgement(expected, "S", "unpredicted")
        return Judgement(expected, "P", "") if as_modelled else Judgement(expected, "F", "unexpected")
    if model == "?":
        return Judgement(expected, "P", "") if as_given else Judgement(expected, "F", "unexpected")
    agree = model in ACCEPTS and bool(ACCEPTS[given] & ACCEPTS[model])
    kind = {
        (True, True): "",
        (True, False): "model-contradicted",
        (False, True): "expect-contradicted",
        (False, False): "unexpected",
    }[as_given, as_modelled]
    return Judgement(expected, "P" if agree and as_given else "F", kind)


def _expected(given: str, model: str) -> str:
    """What both the file and the model accept; the file's word where they contradict each other."""
    if given == " ":
        return model
    if model not in ACCEPTS:
        return given
    both = ACCEPTS[given] & ACCEPTS[model]
    return next((letter for letter, accepted in ACCEPTS.items() if accepted == both), given)


#: Every combination, judged once: matrices of a million cells are looked up, not reasoned about.
TABLE: dict[tuple[str, str, str], Judgement] = {key: judgement(*key) for key in product(GIVEN, MODEL, OBSERVED)}
