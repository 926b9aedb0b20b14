"""What the agent saw: frozen values that travel from the agent to the judge."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class LayerObserved:
    """One layer, every pair asked for.

    ``rows`` holds one string per source endpoint and one letter (``R A U ? .``) per destination, in the
    order of the state's endpoints; a pair that was not asked for is a space. ``evidence`` maps
    ``"i,j"`` to what was seen, where there is more to say than the letter: ``entered`` (the link by
    which the request came in), ``answered_by`` (MACs), ``reason`` (``refused``, an errno's name,
    ``request-lost``, ``reply-lost``, ``known-dead``, …), ``finding``, ``tries``.
    ``heard`` maps a source endpoint to every link and switch port at which its broadcast arrived; ``heard_open`` names
    the sources for which it isn't proved that the broadcast arrived nowhere else.
    ``wire`` has a row per source with ``1`` where the request entered the switch by the port of the
    source's parent, ``0`` where it was proved not to, ``?`` where neither; empty where taps were not asked for.
    ``notes`` says why a part of the proof was left out.
    ``again`` has the letters of a second try, where there was one (spaces elsewhere).
    """

    layer: str
    rows: tuple[str, ...]
    evidence: dict[str, dict[str, Any]] = field(default_factory=dict)
    heard: dict[str, tuple[str, ...]] = field(default_factory=dict)
    heard_open: tuple[str, ...] = ()
    wire: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    again: tuple[str, ...] = ()


@dataclass(frozen=True)
class StepObserved:
    """Everything seen in one step.

    ``unsettled`` names links whose admin state or carrier did not become what the plan says before the
    deadline; ``links`` is what was read back, by link id; ``notes`` says why a proof was left out.
    """

    layers: tuple[LayerObserved, ...]
    links: dict[str, dict[str, Any]] = field(default_factory=dict)
    unsettled: tuple[str, ...] = ()
    refused: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


# --- measurements -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sample:
    """One measurement of one path.

    ``status`` is ``ok`` or why there is no ``value``: ``unreachable``, ``refused``, ``server-died``,
    ``client-died``, ``timed-out``, ``no-tool``, ``failed``; ``detail`` says it in words. ``value`` is bits per
    second received, or the median round trip in seconds; ``cpu`` processor seconds per gigabyte of both ends.
    ``times`` are quantiles of round trips in seconds (``min p50 p90 p99 max mean``).
    """

    status: str = "ok"
    detail: str = ""
    tool: str = ""
    value: float | None = None
    seconds: float | None = None
    cpu: float | None = None
    cpu_client: float | None = None
    cpu_server: float | None = None
    bytes: int | None = None
    retransmits: int | None = None
    lost: int | None = None
    packets: int | None = None
    jitter: float | None = None
    reported: tuple[float, float] | None = None
    congestion: str | None = None
    count: int | None = None
    times: dict[str, float] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether there is a figure."""
        return self.status == "ok" and self.value is not None


@dataclass(frozen=True)
class Measured:
    """Every repetition of one pair."""

    source: str
    destination: str
    samples: tuple[Sample, ...]


@dataclass(frozen=True)
class Compared:
    """Two paths, measured in turn: one sample of each for every round, and which came first in it."""

    faster: tuple[Sample, ...] = ()
    than: tuple[Sample, ...] = ()
    order: tuple[str, ...] = ()


@dataclass(frozen=True)
class MeasuresObserved:
    """What came of a step's measurements, entry by entry in the order of the plan's; ``seconds`` it took."""

    throughput: tuple[tuple[Measured, ...], ...] = ()
    latency: tuple[tuple[Measured, ...], ...] = ()
    compare: tuple[Compared, ...] = ()
    seconds: float = 0.0
