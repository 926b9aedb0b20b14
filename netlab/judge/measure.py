"""Measurements judged: figures against bounds, ratios against theirs, and why there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from netlab import compare, units
from netlab.compare import Ratio
from netlab.contract.dataclass import dataclass
from netlab.contract.measures import Bound, Compare, Measure, Measures, Traffic
from netlab.contract.observed import Compared, Measured, MeasuresObserved, Sample
from netlab.judge.types import Finding, JudgedExpectation, Verdict

#: The letter that is predicted for a layer, a source and a destination; ``?`` where there is none.
Predicted = Callable[[str, str, str], str]

#: Why nothing was measured, where that contradicts a file that asks for it.
NO_WAY = ("unreachable", "refused")


@dataclass(frozen=True, slots=True)
class JudgedMeasure:
    """One pair of one entry. ``value`` and ``cpu`` are medians; ``status`` is ``ok`` or why there is no figure."""

    group: int
    measure: Measure
    measured: Measured
    value: float | None
    cpu: float | None
    status: str
    verdict: Verdict
    detail: str


@dataclass(frozen=True, slots=True)
class JudgedCompare:
    """One comparison; ``ratio`` is None where no round has figures of both sides.

    ``looked`` says that it was made at a planned number of rounds; only such a comparison may give a verdict.
    """

    compare: Compare
    compared: Compared
    ratio: Ratio | None
    rounds: int
    looked: bool
    verdict: Verdict
    detail: str


@dataclass(frozen=True, slots=True)
class JudgedMeasures:
    """Everything that was measured in one step."""

    throughput: tuple[JudgedMeasure, ...] = ()
    latency: tuple[JudgedMeasure, ...] = ()
    compare: tuple[JudgedCompare, ...] = ()
    findings: tuple[Finding, ...] = ()


def judge_measures(
    wanted: Measures, seen: MeasuresObserved, predicted: Predicted, layer: Callable[[Traffic], str], seed: int = 0
) -> JudgedMeasures:
    """Judge a step's measurements. ``layer`` names the layer that a measurement goes by."""
    lists: dict[str, list[JudgedMeasure]] = {"throughput": [], "latency": []}
    kinds = (("throughput", wanted.throughput, seen.throughput), ("latency", wanted.latency, seen.latency))
    group = 0
    for kind, entries, results in kinds:
        for measure, pairs in zip(entries, results, strict=True):
            for measured in pairs:
                letter = predicted(layer(measure.traffic), measured.source, measured.destination)
                lists[kind].append(_measure(group, measure, measured, letter))
            group += 1
    compared = tuple(_compare(one, found, seed) for one, found in zip(wanted.compare, seen.compare, strict=True))
    return JudgedMeasures(
        throughput=tuple(lists["throughput"]),
        latency=tuple(lists["latency"]),
        compare=compared,
        findings=(
            *(_finding(one) for kind in lists.values() for one in kind if one.verdict in "F?"),
            *(_compare_finding(one) for one in compared if one.verdict in "F?"),
        ),
    )


def expectations(
    names: Sequence[tuple[str, Bound | None]], judged: Sequence[tuple[str, JudgedCompare]]
) -> list[tuple[str, JudgedExpectation]]:
    """Comparisons as tests of a claim, by their own bounds or by the claim's, each with its step."""
    found = []
    for name, bound in names:
        step, one = next(((step, one) for step, one in judged if one.compare.name == name), ("baseline", None))
        if one is None:
            found.append((step, JudgedExpectation("compare", name, "", "?", "not measured")))
            continue
        by = bound or one.compare.by
        verdict: Verdict = one.verdict
        if bound is not None:
            verdict = compare.verdict(one.ratio, by.least, by.most) if one.ratio is not None and one.looked else "?"
        seen = in_figures(one)
        detail = f"{seen}: {one.detail}" if seen and one.detail and verdict == "?" else seen or one.detail
        text = f"{name}: {by.text}"
        found.append((step, JudgedExpectation("compare", text, str(one.compare.where), verdict, detail)))
    return found


# --- one pair ---------------------------------------------------------------------------------------


def _measure(group: int, measure: Measure, measured: Measured, letter: str) -> JudgedMeasure:
    samples = measured.samples
    values = [sample.value for sample in samples if sample.ok and sample.value is not None]
    costs = [sample.cpu for sample in samples if sample.ok and sample.cpu is not None]
    failed = next((sample for sample in samples if not sample.ok), None)
    value = median(values) if values else None
    if failed is None:
        status, (verdict, detail) = "ok", _bounded(values, measure)
    else:
        status = failed.status
        verdict, detail = _failed(failed, letter, measure.named)
    cpu = median(costs) if costs else None
    return JudgedMeasure(group, measure, measured, value, cpu, status, verdict, detail)


def _bounded(values: Sequence[float], measure: Measure) -> tuple[Verdict, str]:
    """Every repetition has to keep the bound, or none of them; one that some keep is open."""
    if measure.bound is None:
        return "P", ""
    text = units.TEXT[measure.traffic.metric]
    kept = [_keeps(value, measure.bound) for value in values]
    if all(kept):
        return "P", ""
    seen = text(values[0]) if len(values) == 1 else f"{text(min(values))} to {text(max(values))}"
    if any(kept):
        return "?", f"{sum(kept)} of {len(kept)} repetitions keep it: {seen}"
    return "F", seen


def _keeps(value: float, bound: Bound) -> bool:
    return (bound.least is None or value >= bound.least) and (bound.most is None or value <= bound.most)


def _failed(sample: Sample, letter: str, named: bool) -> tuple[Verdict, str]:
    if sample.status not in NO_WAY:
        return "?", f"{in_words(sample.status)}: {sample.detail}"
    if letter == "U" and sample.status == "unreachable":
        detail = f"{sample.detail}; as predicted"
        # Of a pattern only those are meant that can be reached at all.
        return ("F", detail) if named else ("S", detail)
    return "F", f"{in_words(sample.status)}: {sample.detail}"


def in_words(status: str) -> str:
    """Why nothing was measured, for people."""
    return {
        "unreachable": "unreachable",
        "refused": "the connection was refused",
        "server-died": "the server died",
        "client-died": "the client died",
        "timed-out": "it took too long",
        "no-tool": "a tool is missing",
        "failed": "it failed",
    }.get(status, status)


def _finding(one: JudgedMeasure) -> Finding:
    measure = one.measure
    value = units.TEXT[measure.traffic.metric](one.value) if one.value is not None else one.status
    return Finding(
        kind="measure",
        verdict=one.verdict,
        source=one.measured.source,
        destination=one.measured.destination,
        expected=measure.bound.text if measure.bound else "a figure",
        observed=value,
        expectation=f"{measure.traffic.metric}: {measure.text}",
        where=str(measure.where),
        detail=one.detail,
    )


# --- comparisons ------------------------------------------------------------------------------------


def _compare(wanted: Compare, seen: Compared, seed: int) -> JudgedCompare:
    looks = compare.looks(wanted.repetitions, wanted.confidence)
    counted = len(compare.rounds(seen.faster, seen.than, wanted)[0])
    ratio = compare.found(seen.faster, seen.than, wanted, looks[0].level, seed) if counted else None
    failed = [
        (side, sample)
        for side, samples in ((wanted.faster, seen.faster), (wanted.than, seen.than))
        for sample in samples
        if not sample.ok
    ]
    looked = ratio is not None and counted in {look.rounds for look in looks}
    if ratio is not None and looked:
        verdict = compare.verdict(ratio, wanted.by.least, wanted.by.most)
        detail = "the interval does not clear the bound: it needs more repetitions" if verdict == "?" else ""
        return JudgedCompare(wanted, seen, ratio, counted, looked, verdict, detail)
    if not failed:
        return JudgedCompare(wanted, seen, ratio, counted, looked, "?", "not measured")
    side, sample = failed[-1]
    detail = f"{side.text}: {in_words(sample.status)}: {sample.detail}"
    return JudgedCompare(wanted, seen, ratio, counted, looked, "F" if sample.status in NO_WAY else "?", detail)


def in_figures(one: JudgedCompare) -> str:
    """The ratio with its interval, for people; nothing where there is none."""
    if one.ratio is None:
        return ""
    ratio = one.ratio
    return f"{ratio.value:.2f}x, {ratio.low:.2f} to {ratio.high:.2f} ({ratio.level:.1%}) after {one.rounds} rounds"


def _compare_finding(one: JudgedCompare) -> Finding:
    return Finding(
        kind="measure",
        verdict=one.verdict,
        expected=one.compare.by.text,
        observed=in_figures(one) or "no ratio",
        expectation=f"compare: {one.compare.name}",
        where=str(one.compare.where),
        detail=one.detail,
    )
