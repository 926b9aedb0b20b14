"""Entries of ``throughput:``, ``latency:`` and ``compare:``, as `netlab.spec.measure` reads them."""

from __future__ import annotations

from typing import Literal

from netlab.contract.dataclass import dataclass
from netlab.contract.measures import Bound, Percentile, Traffic
from netlab.contract.where import Where

SECTIONS = ("throughput", "latency", "compare")


@dataclass(frozen=True, slots=True)
class Pair:
    """``left -> right``, or both ways."""

    left: str
    right: str
    both: bool
    where: Where


@dataclass(frozen=True, slots=True)
class Measuring:
    """An entry of ``throughput:`` or ``latency:``. ``family`` None: 4 where both ends have it, else 6."""

    text: str
    where: Where
    pairs: tuple[Pair, ...]
    traffic: Traffic
    family: Literal[4, 6] | None = None
    repetitions: int = 1
    bound: Bound | None = None


@dataclass(frozen=True, slots=True)
class GivenSide:
    """One side of a comparison."""

    text: str
    metric: Literal["throughput", "latency", "cpu"]
    percentile: Percentile
    pair: Pair
    traffic: Traffic
    family: Literal[4, 6] | None = None


@dataclass(frozen=True, slots=True)
class Comparing:
    """An entry of ``compare:``."""

    name: str
    where: Where
    faster: GivenSide
    than: GivenSide
    by: Bound
    repetitions: int = 15
    confidence: float = 0.95


@dataclass(frozen=True, slots=True)
class Measurements:
    """The measurements of the file, or of one of its steps."""

    throughput: tuple[Measuring, ...] = ()
    latency: tuple[Measuring, ...] = ()
    compare: tuple[Comparing, ...] = ()


#: Of most files, and most steps.
NO_MEASUREMENTS = Measurements()
