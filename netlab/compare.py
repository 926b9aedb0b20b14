"""Is one path better than another? The ratio of medians, an interval for it by bootstrap, and a verdict. Pure.

Both paths are measured in every round, one right after the other: what slows the machine down in a round slows both.
So the bootstrap draws whole rounds, with replacement. The interval is the percentile one
(Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13).

Looking at the interval after every round, and stopping when it fits, would give more wrong verdicts than the confidence
allows. So there are few looks, planned beforehand (after half of the rounds, and after all), and each has its share of
the error (Bonferroni).
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Literal

from netlab.contract.dataclass import dataclass
from netlab.contract.measures import Compare
from netlab.contract.observed import Sample

#: With fewer rounds the bootstrap promises more than it keeps.
FEWEST = 8
#: The interval is looked at so often at most.
MOST_LOOKS = 3
DRAWS = 4000

Verdict = Literal["P", "F", "?"]


@dataclass(frozen=True, slots=True)
class Look:
    """A planned look: after how many rounds, and at what level the interval is then taken."""

    rounds: int
    level: float


@dataclass(frozen=True, slots=True)
class Ratio:
    """The ratio of medians and its interval at ``level``. Above 1 the first side is better."""

    value: float
    low: float
    high: float
    level: float


def figure(sample: Sample, wanted: Compare) -> float | None:
    """What is compared of a sample: bits per second, seconds, or processor seconds per gigabyte; None without one."""
    if not sample.ok:
        return None
    if wanted.metric == "cpu":
        return sample.cpu
    return sample.times.get(wanted.percentile) if wanted.metric == "latency" else sample.value


def rounds(faster: Iterable[Sample], than: Iterable[Sample], wanted: Compare) -> tuple[list[float], list[float]]:
    """The figures of both sides, of those rounds in which both have one."""
    left: list[float] = []
    right: list[float] = []
    for pair in zip(faster, than, strict=False):
        one, other = (figure(sample, wanted) for sample in pair)
        if one is not None and other is not None:
            left.append(one)
            right.append(other)
    return left, right


def looks(rounds: int, confidence: float) -> tuple[Look, ...]:
    """When to look, for this maximum of rounds and this confidence of the whole verdict."""
    when = [rounds]
    while len(when) < MOST_LOOKS and -(-when[-1] // 2) >= FEWEST:
        when.append(-(-when[-1] // 2))
    level = 1 - (1 - confidence) / len(when)
    return tuple(Look(at, level) for at in reversed(when))


def ratio(
    faster: Sequence[float], than: Sequence[float], *, level: float, more_is_better: bool = True, seed: int = 0
) -> Ratio:
    """The ratio of medians of two sides measured in the same rounds. Raises ValueError without rounds."""
    if not faster or len(faster) != len(than):
        raise ValueError("both sides are needed for every round")
    above, below = (faster, than) if more_is_better else (than, faster)
    draw = random.Random(seed)
    those = range(len(above))
    drawn = []
    for _ in range(DRAWS):
        picked = draw.choices(those, k=len(those))
        drawn.append(_median([above[i] for i in picked]) / _median([below[i] for i in picked]))
    drawn.sort()
    tail = int(DRAWS * (1 - level) / 2)
    return Ratio(_median(list(above)) / _median(list(below)), drawn[tail], drawn[DRAWS - 1 - tail], level)


def found(faster: Sequence[Sample], than: Sequence[Sample], wanted: Compare, level: float, seed: int = 0) -> Ratio:
    """The ratio that samples show. Raises ValueError where no round has figures of both sides."""
    better = wanted.metric == "throughput"
    return ratio(*rounds(faster, than, wanted), level=level, more_is_better=better, seed=seed)


def verdict(found: Ratio, least: float | None, most: float | None) -> Verdict:
    """``P`` where the whole interval is within the bounds, ``F`` where all of it is beyond one, else ``?``."""
    if (least is not None and found.high < least) or (most is not None and found.low > most):
        return "F"
    if (least is None or found.low > least) and (most is None or found.high < most):
        return "P"
    return "?"


def _median(values: list[float]) -> float:
    values.sort()
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2
