"""Measurements in the record: ``throughput[]``, ``latency[]`` and ``compare[]``, with every repetition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netlab.compare import looks
from netlab.contract.measures import Bound, Side, Traffic
from netlab.contract.observed import Sample
from netlab.judge.measure import JudgedCompare, JudgedMeasure, JudgedMeasures

Record = dict[str, Any]

#: What only some measurements have; left out where there is nothing.
_SPECIAL = ("bytes", "retransmits", "lost", "packets", "jitter", "congestion", "count")


def lists(steps: Sequence[tuple[str, JudgedMeasures | None]]) -> dict[str, list[Record]]:
    """The three lists of the record, from every step's name and measurements."""
    found: dict[str, list[Record]] = {"throughput": [], "latency": [], "compare": []}
    for step, judged in steps:
        if judged is not None:
            found["throughput"] += (_measure(step, one) for one in judged.throughput)
            found["latency"] += (_measure(step, one) for one in judged.latency)
            found["compare"] += (_compare(step, one) for one in judged.compare)
    return found


def _measure(step: str, one: JudgedMeasure) -> Record:
    measure = one.measure
    return {
        "step": step,
        "group": one.group,
        "text": measure.text,
        "where": str(measure.where),
        "src": one.measured.source,
        "dst": one.measured.destination,
        **_how(measure.traffic, one.measured.samples),
        "value": one.value,
        "cpu": one.cpu,
        "bound": _bound(measure.bound),
        "status": one.status,
        "verdict": one.verdict,
        "detail": one.detail,
        "repetitions": [_sample(sample) for sample in one.measured.samples],
    }


def _how(traffic: Traffic, samples: Sequence[Sample]) -> Record:
    return {
        "protocol": traffic.protocol,
        "family": traffic.family,
        "engine": next((sample.tool for sample in samples[::-1] if sample.tool), ""),
        "options": {
            "duration": None if traffic.seconds is None else traffic.duration,
            "bytes": traffic.bytes,
            "streams": traffic.streams,
            "mss": traffic.mss,
            "omit": traffic.omit,
            "length": traffic.length,
            "bitrate": traffic.bitrate,
            "reverse": traffic.reverse,
            "count": traffic.count,
        },
    }


def _bound(bound: Bound | None) -> Record | None:
    return None if bound is None else {"text": bound.text, "least": bound.least, "most": bound.most}


def _sample(sample: Sample) -> Record:
    special = {name: value for name in _SPECIAL if (value := getattr(sample, name)) is not None}
    if sample.reported is not None:
        special["reported"] = list(sample.reported)
    return {
        "status": sample.status,
        "detail": sample.detail,
        "value": sample.value,
        "seconds": sample.seconds,
        "cpu": sample.cpu,
        "cpu_client": sample.cpu_client,
        "cpu_server": sample.cpu_server,
        **special,
        **sample.times,
    }


def _compare(step: str, one: JudgedCompare) -> Record:
    wanted, seen, ratio = one.compare, one.compared, one.ratio
    return {
        "step": step,
        "name": wanted.name,
        "where": str(wanted.where),
        "metric": wanted.metric,
        "percentile": wanted.percentile if wanted.metric == "latency" else None,
        "by": wanted.by.text,
        "least": wanted.by.least,
        "most": wanted.by.most,
        "faster": _side(wanted.faster, seen.faster, one),
        "than": _side(wanted.than, seen.than, one),
        "order": list(seen.order),
        "rounds": one.rounds,
        "planned": wanted.repetitions,
        "ratio": ratio.value if ratio else None,
        "interval": [ratio.low, ratio.high] if ratio else None,
        "level": looks(wanted.repetitions, wanted.confidence)[0].level,
        "confidence": wanted.confidence,
        "verdict": one.verdict,
        "detail": one.detail,
    }


def _side(side: Side, samples: Sequence[Sample], one: JudgedCompare) -> Record:
    from statistics import median

    from netlab.compare import figure

    values = [value for sample in samples if (value := figure(sample, one.compare)) is not None]
    costs = [sample.cpu for sample in samples if sample.ok and sample.cpu is not None]
    return {
        "text": side.text,
        "src": side.source,
        "dst": side.destination,
        **_how(side.traffic, samples),
        "value": median(values) if values else None,
        "cpu": median(costs) if costs else None,
        "repetitions": [_sample(sample) for sample in samples],
    }
