"""What the author of a file expects."""

from __future__ import annotations

from typing import Literal

from netlab.contract.dataclass import dataclass
from netlab.contract.types.changes import RefusedAt
from netlab.contract.where import Where

Outcome = Literal["reachable", "through-interface", "address-only", "unreachable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One entry of ``expect``: ``text`` as written, ``where`` it stands."""

    text: str
    where: Where


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectPair(Expectation):
    """Every (source, destination) endpoint pair has the outcome on every layer."""

    pairs: tuple[tuple[str, str], ...]
    layers: tuple[str, ...]
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectWire(Expectation):
    """The probe's request is, or is not, seen entering the switch by the port of the source's parent."""

    pairs: tuple[tuple[str, str], ...]
    layer: str
    on_wire: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectHeard(Expectation):
    """Who hears the source's broadcast: at least these (or, ``only``, exactly these) interfaces and ports."""

    source: str
    listeners: tuple[str, ...]
    only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectState(Expectation):
    """Values read back from a link: ``mode``, ``mac`` (a MAC, or ``=A:eth0`` for equal to that
    link's, ``!A:eth0`` for different, ``local-unicast``), ``addresses``, ``promiscuity``, ``mtu``, …

    ``link`` may be a switch port, too (``port(A:eth0)``)."""

    link: str
    values: tuple[tuple[str, str | int | bool | tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectRefused(Expectation):
    """The kernel refuses this link (or this change of it) with this errno."""

    link: str
    errno: str
    at: RefusedAt


AnyExpectation = ExpectPair | ExpectWire | ExpectHeard | ExpectState | ExpectRefused
