"""What the agent saw: frozen values that travel from the agent to the judge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any

from netlab.contract.dataclass import dataclass

#: A row and a column of a layer's matrix.
Pair = tuple[int, int]


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


@dataclass(slots=True)
class Result:
    """What became of one probe. ``letter`` stays empty until something was seen that decides it; ``wire`` says whether
    the request left, ``answered`` whether an answer came back, ``told`` what an ICMP error said."""

    letter: str = ""
    wire: bool = False
    answered: bool = False
    told: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)

    def doubt(self, proof: str, ends: Iterable[tuple[str, str]]) -> None:
        """A negative stands only where the proof is whole and both ends are proved alive or known dead.

        ``proof`` says why it isn't whole. Of each end ``ends`` tells how it is dead, or else what of it isn't proved.
        """
        if proof:
            self.letter = "?"
            self.evidence["reason"] = proof
        elif self.letter == "U":
            for dead, lack in ends:
                if dead and self.letter == "U":
                    self.evidence |= {"reason": "known-dead", "dead": dead}
                elif lack and not dead:
                    self.letter = "?"
                    self.evidence["reason"] = f"no control: {lack}"


def matrix(
    layer: str,
    size: tuple[int, int],
    results: Mapping[Pair, Result],
    wanted: Iterable[Pair] | None,
    *,
    wire: bool,
    **more: Any,
) -> LayerObserved:
    """The results of a layer as it travels; ``size`` is that of its matrix, ``more`` are further fields.

    The layer doesn't apply to pairs that were ``wanted`` (None: all) and have no result. Of a large lab the evidence of
    what was reached is left out.
    """
    letters: dict[int, dict[int, str]] = {}
    lefts: dict[int, dict[int, str]] = {}
    evidence = {}
    for i, j in () if wanted is None else wanted:
        letters.setdefault(i, {})[j] = "."
    for (i, j), result in sorted(results.items()):
        letters.setdefault(i, {})[j] = result.letter
        unseen = result.evidence.pop("wire", "0")
        lefts.setdefault(i, {})[j] = "1" if result.wire else unseen
        if result.evidence and (result.letter != "R" or "finding" in result.evidence or max(size) <= 30):
            evidence[f"{i},{j}"] = result.evidence
    rows = tuple(_row("." if wanted is None else " ", size[1], letters.get(i)) for i in range(size[0]))
    wires = tuple(_row(" ", size[1], lefts.get(i)) for i in range(size[0])) if wire else ()
    return LayerObserved(layer, rows, evidence, wire=wires, **more)


def _row(blank: str, size: int, letters: Mapping[int, str] | None) -> str:
    """A row of a matrix that is blank but for some letters."""
    if not letters:
        return blank * size
    row = [blank] * size
    for j, letter in letters.items():
        row[j] = letter
    return "".join(row)


@dataclass(frozen=True)
class StepObserved:
    """Everything seen in one step.

    ``unsettled`` names links whose admin state or carrier did not become what the plan says before the
    deadline; ``links`` is what was read back, by link id; ``notes`` says why a proof was left out,
    ``programs`` are those of the topology after the probes.
    """

    layers: tuple[LayerObserved, ...]
    links: dict[str, dict[str, Any]] = field(default_factory=dict)
    unsettled: tuple[str, ...] = ()
    refused: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    programs: tuple[dict[str, Any], ...] = ()


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
