"""What the judge says: frozen values from which the record is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from netlab.contract.dataclass import dataclass

#: ``P`` pass, ``F`` fail, ``?`` inconclusive, ``S`` skip (nothing was expected, or nothing was looked at).
Verdict = Literal["P", "F", "?", "S"]

ExpectationKind = Literal["pair", "wire", "heard", "state", "refused", "compare"]

FindingKind = Literal[
    "unexpected",  # not as expected, by the file, the model or both
    "model-contradicted",  # the kernel did what the file says and the model does not
    "expect-contradicted",  # the kernel did what the model says and the file does not
    "inconclusive",  # no proof either way
    "unpredicted",  # the model does not know, the file says nothing: only observed
    "expectation",  # an entry of the file about the wire, listeners, read-back values or a refusal failed
    "heard",  # a broadcast was heard at other places than the model says
    "wire",  # a request left by the wire, or did not, against the model
    "refusal",  # the kernel refused what the model lets pass, or the other way round
    "duplicate",  # as expected, but more than one copy arrived
    "program",  # a program of the topology has ended by itself
    "measure",  # a throughput, a latency or a comparison is not what the file says, or could not be measured
]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of one layer, with what was observed there."""

    layer: str
    source: str
    destination: str
    observed: str
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Every cell (or many that are alike) that is not a plain pass, and every failed entry that has no cell.

    ``source`` and ``destination`` are endpoints or groups of them; ``pairs`` counts the cells and
    ``examples`` names the first few. ``evidence`` is what was seen at the first. ``expectation`` and ``where`` are the
    text and the place of the entry that is about it, if any.
    """

    kind: FindingKind
    verdict: Verdict
    layer: str = ""
    source: str = ""
    destination: str = ""
    expected: str = ""
    observed: str = ""
    rule: str | None = None
    pairs: int = 1
    examples: tuple[tuple[str, str], ...] = ()
    expectation: str = ""
    where: str = ""
    detail: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JudgedLayer:
    """One layer's three matrices: a row per source, a letter per destination."""

    layer: str
    expected: tuple[str, ...]
    observed: tuple[str, ...]
    verdict: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JudgedExpectation:
    """One entry of ``expect``: whether it held, and the cells (or the words) that decide it."""

    kind: ExpectationKind
    text: str
    where: str
    verdict: Verdict
    detail: str = ""
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True, slots=True)
class JudgedStep:
    """Everything the judge says of one step."""

    layers: tuple[JudgedLayer, ...]
    expectations: tuple[JudgedExpectation, ...]
    findings: tuple[Finding, ...]

    @property
    def failed(self) -> bool:
        """Whether anything was not as expected."""
        rows = any("F" in row for layer in self.layers for row in layer.verdict)
        entries, findings = (one.verdict for one in self.expectations), (one.verdict for one in self.findings)
        return rows or "F" in entries or "F" in findings


@dataclass(frozen=True, slots=True)
class JudgedClaim:
    """Whether a statement about the kernel was confirmed or refuted by what was observed."""

    number: str
    says: str
    verdict: Literal["confirmed", "refuted", "undecided"]
    tests: tuple[tuple[str, JudgedExpectation], ...]
    stand_in: str = ""
