"""Claims: whether a statement about the kernel agrees with what was observed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from netlab.contract.observed import StepObserved
from netlab.contract.types import AnyExpectation, Claim, ExpectPair, Step
from netlab.judge.expect import decide, undecided
from netlab.judge.predicted import Predicted
from netlab.judge.types import JudgedClaim, JudgedExpectation
from netlab.judge.unsettled import unsettled_ends

if TYPE_CHECKING:
    from netlab.judge.measure import JudgedCompare

#: A step of the run: what it was, what was seen, what was predicted.
Seen = tuple[Step, StepObserved, "Predicted | None"]


def weigh(claim: Claim, steps: Sequence[Seen], compared: Sequence[tuple[str, JudgedCompare]] = ()) -> JudgedClaim:
    """Confirmed when every test holds, refuted when one is contradicted by an observation, else undecided.

    ``compared`` pairs the steps' names and the comparisons that were made in them.
    """
    by_name = {step.name: (step, observed, prediction) for step, observed, prediction in steps}
    tests: list[tuple[str, JudgedExpectation]] = []
    for name, entry in claim.tests:
        if name in by_name:
            step, observed, prediction = by_name[name]
            open_ends = unsettled_ends(step.state, observed.unsettled)
            test = decide(entry, step, observed, prediction, open_ends)
            # A part of the layers can refute a claim, but not confirm it.
            if test.verdict == "P" and not _layers(entry) <= {layer.layer for layer in observed.layers}:
                test = undecided(entry, "not every layer of it was probed")
            tests.append((name, test))
        else:
            tests.append((name, undecided(entry, "step not probed")))
    if claim.compare:
        from netlab.judge.measure import expectations

        tests += expectations(claim.compare, compared)
    verdicts = {test.verdict for _, test in tests}
    if "F" in verdicts:
        return JudgedClaim(claim.number, claim.says, "refuted", tuple(tests), claim.stand_in)
    confirmed = bool(tests) and verdicts == {"P"}
    word: Literal["confirmed", "undecided"] = "confirmed" if confirmed else "undecided"
    return JudgedClaim(claim.number, claim.says, word, tuple(tests), claim.stand_in)


def _layers(entry: AnyExpectation) -> set[str]:
    return set(entry.layers) if isinstance(entry, ExpectPair) else set()
