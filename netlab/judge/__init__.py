"""The judge: expected × observed → verdicts. Pure; it never asks the kernel anything."""

from __future__ import annotations

from netlab.judge.cells import judge
from netlab.judge.claims import weigh
from netlab.judge.predicted import Predicted
from netlab.judge.tries import second_try, surprises
from netlab.judge.types import (
    Cell,
    Finding,
    JudgedClaim,
    JudgedExpectation,
    JudgedLayer,
    JudgedStep,
)
from netlab.judge.unsettled import unsettled_ends

__all__ = [
    "Cell",
    "Finding",
    "JudgedClaim",
    "JudgedExpectation",
    "JudgedLayer",
    "JudgedStep",
    "Predicted",
    "judge",
    "second_try",
    "surprises",
    "unsettled_ends",
    "weigh",
]
