"""What a file wants measured, resolved: who, how, how often, and what must come out.

Like `netlab.contract.types` these values travel to the agent; they import nothing but the standard library.
"""

from __future__ import annotations

from typing import Literal

from netlab.contract.dataclass import dataclass
from netlab.contract.where import Where

Metric = Literal["throughput", "latency"]
Protocol = Literal["tcp", "udp"]
Percentile = Literal["p50", "p90", "p99"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """How a path is measured, once. Times are in seconds, ``bitrate`` is in bits per second.

    ``length`` is that of a write, a datagram or a request; ``reverse`` lets the server send. With ``bytes`` or
    (latency) ``count`` the duration doesn't matter. ``engine`` ``auto`` is iperf3 where it is installed and can
    do it, else plain sockets. ``port`` 0 is any that is free.
    """

    metric: Metric
    protocol: Protocol = "tcp"
    family: Literal[4, 6] = 4
    duration: float = 1.0
    bytes: int | None = None
    streams: int = 1
    mss: int | None = None
    omit: float = 0.0
    length: int | None = None
    bitrate: int | None = None
    reverse: bool = False
    count: int | None = None
    port: int = 0
    engine: Literal["auto", "iperf3", "sockets"] = "auto"

    @property
    def seconds(self) -> float | None:
        """How long it takes, start and end apart; None where that depends on the path."""
        return None if self.bytes is not None or self.count is not None else self.duration + self.omit


@dataclass(frozen=True, slots=True)
class Bound:
    """What a figure must be: as written, and from ``least`` to ``most`` (bits per second, seconds, or a ratio)."""

    text: str
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One entry of ``throughput:`` or ``latency:``. ``named``: its pairs are not from a pattern."""

    text: str
    where: Where
    pairs: tuple[tuple[str, str], ...]
    traffic: Traffic
    repetitions: int = 1
    bound: Bound | None = None
    named: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of a comparison."""

    text: str
    source: str
    destination: str
    traffic: Traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class Compare:
    """One entry of ``compare:``: how much better ``faster`` is to be than ``than``, in ``metric``.

    ``by`` bounds the ratio, above 1 where the first side is better: it has more throughput, less latency, or
    takes less processor time for a gigabyte. ``repetitions`` is the number of rounds at most.
    """

    name: str
    where: Where
    metric: Literal["throughput", "latency", "cpu"]
    faster: Side
    than: Side
    by: Bound
    repetitions: int = 15
    confidence: float = 0.95
    percentile: Percentile = "p50"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """Everything that is to be measured in one step."""

    throughput: tuple[Measure, ...] = ()
    latency: tuple[Measure, ...] = ()
    compare: tuple[Compare, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.throughput or self.latency or self.compare)


#: Of most steps.
NOTHING = Measures()
