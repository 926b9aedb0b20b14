"""The ratio of two paths: its interval, when it is looked at, and what verdict it allows."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from netlab import compare
from netlab.compare import FEWEST, MOST_LOOKS, Look, Ratio
from netlab.contract.measures import Bound, Compare, Side, Traffic
from netlab.contract.observed import Sample
from netlab.contract.where import Where


def wanted(metric: str = "throughput", percentile: str = "p50") -> Compare:
    """A comparison of two paths by a metric."""
    kind = "latency" if metric == "latency" else "throughput"
    side = Side(text="A -> B", source="A:e", destination="B:e", traffic=Traffic(metric=kind))
    return Compare(
        name="n", where=Where("f", 1, 1), metric=metric, faster=side, than=side,  # type: ignore[arg-type]
        by=Bound("> 1.0x", 1.0, None), percentile=percentile,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rounds", "confidence", "when", "level"),
    [
        (8, 0.95, [8], 0.95),
        (14, 0.9, [14], 0.9),
        (15, 0.95, [8, 15], 0.975),
        (30, 0.95, [8, 15, 30], 1 - 0.05 / 3),
        (1000, 0.95, [250, 500, 1000], 1 - 0.05 / 3),
    ],
)
def test_looks_are_few_and_share_the_error(rounds: int, confidence: float, when: list[int], level: float) -> None:
    """The last look is at the end, none is too early, and together they err no more often than was allowed."""
    looks = compare.looks(rounds, confidence)
    assert [look.rounds for look in looks] == when
    assert [look.level for look in looks] == pytest.approx([level] * len(when))
    assert len(looks) <= MOST_LOOKS
    assert looks[0].rounds >= FEWEST


def test_the_ratio_is_that_of_the_medians() -> None:
    """Two paths without noise have their exact ratio, with an interval of no width."""
    assert compare.ratio([2.0] * 8, [1.0] * 8, level=0.95) == Ratio(2.0, 2.0, 2.0, 0.95)


def test_of_what_should_be_little_the_ratio_is_turned_round() -> None:
    """Where less is better, half as much is a ratio of two."""
    found = compare.ratio([1.0] * 8, [2.0] * 8, level=0.95, more_is_better=False)
    assert found.value == 2.0


def test_an_even_number_of_rounds_has_the_mean_of_the_middle_two() -> None:
    """Of four rounds the median is between the second and the third."""
    assert compare.ratio([1.0, 2.0, 4.0, 9.0], [1.0] * 4, level=0.5).value == 3.0


def test_a_round_is_drawn_as_a_whole() -> None:
    """What slows down both sides of a round alike leaves the interval narrow."""
    drift = [1.0, 5.0, 2.0, 9.0, 3.0, 7.0, 1.5, 6.0, 2.5]
    found = compare.ratio([2 * value for value in drift], drift, level=0.95)
    assert (found.low, found.high) == pytest.approx((2.0, 2.0))


def test_the_same_seed_draws_the_same_interval() -> None:
    """A verdict can be had again from the record."""
    left, right = [1.0, 1.2, 0.9, 1.4, 1.1, 1.3, 0.8, 1.0], [1.0, 0.7, 1.1, 0.9, 1.2, 0.8, 1.3, 1.05]
    first = compare.ratio(left, right, level=0.9, seed=1)
    assert first == compare.ratio(left, right, level=0.9, seed=1)
    assert first.low < 1.0 < first.high


@pytest.mark.parametrize(("left", "right"), [([], []), ([1.0], []), ([1.0, 2.0], [1.0])])
def test_a_ratio_needs_both_sides(left: Sequence[float], right: Sequence[float]) -> None:
    """Without rounds, or with a round of one side only, there is no ratio."""
    with pytest.raises(ValueError, match="every round"):
        compare.ratio(left, right, level=0.95)


@pytest.mark.parametrize(
    ("low", "high", "least", "most", "verdict"),
    [
        (1.1, 1.3, 1.0, None, "P"),
        (0.7, 0.9, 1.0, None, "F"),
        (0.9, 1.1, 1.0, None, "?"),
        (1.0, 1.2, 1.0, None, "?"),
        (0.8, 1.0, 1.0, None, "?"),
        (0.7, 0.9, None, 1.0, "P"),
        (1.1, 1.3, None, 1.0, "F"),
        (0.95, 1.05, 0.9, 1.1, "P"),
        (0.85, 1.05, 0.9, 1.1, "?"),
        (0.85, 1.2, 0.9, 1.1, "?"),
        (0.5, 0.6, 0.9, 1.1, "F"),
        (1.2, 1.3, 0.9, 1.1, "F"),
    ],
)
def test_only_an_interval_that_clears_the_bound_decides(
    low: float, high: float, least: float | None, most: float | None, verdict: str
) -> None:
    """Wholly within the bounds is a pass, wholly beyond one a failure, everything else is open."""
    assert compare.verdict(Ratio((low + high) / 2, low, high, 0.95), least, most) == verdict


def test_a_verdict_is_wrong_no_more_often_than_it_says() -> None:
    """Of many comparisons of two equal, noisy, drifting paths at most the promised part find a difference."""
    draw = random.Random(20)
    wrong = 0
    trials = 60
    for trial in range(trials):
        drift = [draw.lognormvariate(0, 0.1) for _ in range(15)]
        left = [value * draw.lognormvariate(0, 0.1) for value in drift]
        right = [value * draw.lognormvariate(0, 0.1) for value in drift]
        settled = "?"
        for look in compare.looks(15, 0.95):
            if settled == "?":
                found = compare.ratio(left[: look.rounds], right[: look.rounds], level=look.level, seed=trial)
                settled = compare.verdict(found, 1.0, None)
        wrong += settled != "?"
    # 5 % of 60 are 3; more than 8 would happen once in a few hundred suites, if 5 % were true.
    assert wrong <= 8


def test_a_difference_as_large_as_the_noise_is_found() -> None:
    """Fifteen rounds of 10 % noise tell a path from one that is half as fast again."""
    draw = random.Random(1)
    left = [1.5 * draw.lognormvariate(0, 0.1) for _ in range(15)]
    right = [draw.lognormvariate(0, 0.1) for _ in range(15)]
    assert compare.verdict(compare.ratio(left, right, level=0.975), 1.0, None) == "P"


def test_each_metric_has_its_figure() -> None:
    """Throughput is compared by its rate, latency by the percentile asked for, cpu by its cost."""
    sample = Sample(value=3.0, cpu=0.5, times={"p50": 1e-5, "p99": 4e-5})
    assert compare.figure(sample, wanted()) == 3.0
    assert compare.figure(sample, wanted("cpu")) == 0.5
    assert compare.figure(sample, wanted("latency")) == 1e-5
    assert compare.figure(sample, wanted("latency", "p99")) == 4e-5
    assert compare.figure(Sample(status="timed-out"), wanted()) is None


def test_a_round_counts_where_both_sides_have_a_figure() -> None:
    """A side that could not be measured takes its round out, and leaves the others."""
    faster = [Sample(value=1.0), Sample(status="timed-out"), Sample(value=3.0)]
    than = [Sample(value=4.0), Sample(value=5.0), Sample(value=6.0)]
    assert compare.rounds(faster, than, wanted()) == ([1.0, 3.0], [4.0, 6.0])


def test_less_latency_is_better() -> None:
    """The side with the shorter round trips has a ratio above one."""
    quick, slow = Sample(value=1e-5, times={"p50": 1e-5}), Sample(value=2e-5, times={"p50": 2e-5})
    assert compare.found([quick] * 8, [slow] * 8, wanted("latency"), Look(8, 0.95).level).value == pytest.approx(2.0)
