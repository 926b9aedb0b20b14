"""Figures against bounds, ratios against theirs, and why there is none."""

from __future__ import annotations

from typing import Any

import pytest

from netlab.contract.measures import Bound, Compare, Measure, Measures, Side, Traffic
from netlab.contract.observed import Compared, Measured, MeasuresObserved, Sample
from netlab.contract.where import Where
from netlab.judge.measure import JudgedMeasures, expectations, judge_measures

WHERE = Where("f", 3, 5)


def judged(samples: list[Sample], letter: str = "R", **how: Any) -> Any:
    """One pair, measured so, where the model predicts a letter."""
    measure = Measure(text="A -> B", where=WHERE, pairs=(("A:e", "B:e"),), traffic=Traffic(metric="throughput"), **how)
    seen = MeasuresObserved(throughput=((Measured("A:e", "B:e", tuple(samples)),),))
    found = judge_measures(Measures(throughput=(measure,)), seen, lambda *_pair: letter, lambda _traffic: "tcp")
    return found.throughput[0], found.findings


def good(*values: float) -> list[Sample]:
    """Samples with figures."""
    return [Sample(value=value, cpu=value / 1e9) for value in values]


FLOOR = Bound("at least 100 bit/s", 100.0, None)
RANGE = Bound("90 to 100 bit/s", 90.0, 100.0)


@pytest.mark.parametrize(
    ("values", "bound", "verdict", "value"),
    [
        ([50.0], None, "P", 50.0),
        ([100.0], FLOOR, "P", 100.0),
        ([99.0], FLOOR, "F", 99.0),
        ([120.0, 130.0, 110.0], FLOOR, "P", 120.0),
        ([90.0, 130.0, 110.0], FLOOR, "?", 110.0),
        ([90.0, 80.0], FLOOR, "F", 85.0),
        ([95.0], RANGE, "P", 95.0),
        ([101.0], RANGE, "F", 101.0),
        ([80.0], RANGE, "F", 80.0),
    ],
)
def test_a_bound_is_kept_by_every_repetition_or_by_none(
    values: list[float], bound: Bound | None, verdict: str, value: float
) -> None:
    """All within is a pass, none within a failure, some within is open; the figure is the median."""
    one, findings = judged(good(*values), bound=bound)
    assert (one.verdict, one.value, one.status) == (verdict, value, "ok")
    assert len(findings) == (verdict in "F?")


@pytest.mark.parametrize(
    ("status", "letter", "named", "verdict"),
    [
        ("unreachable", "R", True, "F"),
        ("unreachable", "U", True, "F"),
        ("unreachable", "R", False, "F"),
        ("unreachable", "U", False, "S"),
        ("refused", "R", False, "F"),
        ("timed-out", "R", True, "?"),
        ("server-died", "R", True, "?"),
        ("no-tool", "U", False, "?"),
    ],
)
def test_no_figure(status: str, letter: str, named: bool, verdict: str) -> None:
    """No way fails, unless a pattern meant a pair that none is predicted for; an accident leaves it open."""
    one, findings = judged([Sample(status=status, detail="why")], letter, named=named)
    assert (one.verdict, one.value, one.status) == (verdict, None, status)
    assert "why" in one.detail
    assert len(findings) == (verdict in "F?")
    for finding in findings:
        assert (finding.kind, finding.source, finding.where) == ("measure", "A:e", "f:3:5")


def test_one_failed_repetition_leaves_the_others_figures() -> None:
    """Two repetitions of three have a median; the verdict is that of the one that failed."""
    one, _ = judged([*good(10.0, 20.0), Sample(status="client-died", detail="x")])
    assert (one.value, one.verdict, one.status) == (15.0, "?", "client-died")


# --- comparisons -------------------------------------------------------------------------------------


def compared(faster: list[Sample], than: list[Sample], by: Bound, **how: Any) -> JudgedMeasures:
    """Two paths, measured in turn."""
    side = Side(text="A -> B", source="A:e", destination="B:e", traffic=Traffic(metric="throughput"))
    wanted = Compare(
        name="n", where=WHERE, metric="throughput", faster=side, than=side, by=by, **{"repetitions": 8, **how}
    )
    order = tuple("faster" for _ in faster)
    seen = MeasuresObserved(compare=(Compared(tuple(faster), tuple(than), order),))
    return judge_measures(Measures(compare=(wanted,)), seen, lambda *_pair: "R", lambda _traffic: "tcp")


ABOVE = Bound("> 1.0x", 1.0, None)


def test_a_clear_difference_passes_and_fails() -> None:
    """Twice as fast is faster, and half as fast is not; both are said with their interval."""
    quick, slow = good(*[20.0] * 8), good(*[10.0] * 8)
    [passed], [failed] = compared(quick, slow, ABOVE).compare, compared(slow, quick, ABOVE).compare
    assert (passed.verdict, failed.verdict) == ("P", "F")
    assert passed.ratio is not None
    assert passed.ratio.value == 2.0
    assert compared(quick, slow, ABOVE).findings == ()
    [finding] = compared(slow, quick, ABOVE).findings
    assert finding.observed == "0.50x, 0.50 to 0.50 (95.0%) after 8 rounds"


def test_noise_is_open() -> None:
    """An interval on both sides of the bound decides nothing."""
    left, right = good(9, 11, 10, 12, 8, 10, 11, 9), good(10, 9, 11, 8, 12, 11, 9, 10)
    [one] = compared(left, right, ABOVE).compare
    assert one.verdict == "?"
    assert "needs more repetitions" in one.detail


def test_rounds_that_nobody_planned_to_look_at_decide_nothing() -> None:
    """Seven rounds of fifteen, ended by an accident, are no verdict, however clear they look."""
    left = [*good(*[20.0] * 7), *[Sample(status="failed", detail="x")] * 3]
    [one] = compared(left, good(*[10.0] * 10), ABOVE, repetitions=15).compare
    assert one.verdict == "?"
    assert one.ratio is not None
    assert "x" in one.detail


def test_a_side_that_cannot_be_reached_fails() -> None:
    """There is nothing to compare with, and the file asks for it."""
    [one] = compared(good(1.0), [Sample(status="unreachable", detail="no way")], ABOVE).compare
    assert (one.verdict, one.ratio, one.rounds) == ("F", None, 0)
    assert "no way" in one.detail


def test_a_claim_may_ask_for_more_than_the_comparison() -> None:
    """One and the same measurement confirms that a path is faster and refutes that it is thrice as fast."""
    judged_ = compared(good(*[20.0] * 8), good(*[10.0] * 8), ABOVE)
    listed = [("baseline", one) for one in judged_.compare]
    names = [("n", None), ("n", Bound("> 3x", 3.0, None)), ("other", None)]
    found = [test for _, test in expectations(names, listed)]
    assert [test.verdict for test in found] == ["P", "F", "?"]
    assert found[1].text == "n: > 3x"
    assert found[2].detail == "not measured"
