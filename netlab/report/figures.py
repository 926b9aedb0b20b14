"""Throughput, latency and comparisons: bars with intervals, ratios with theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from netlab.report import words
from netlab.units import bits, cpu, seconds

Record = Mapping[str, Any]


def view(record: Record) -> dict[str, Any]:
    """What the page shows of measurements; empty lists where nothing was measured."""
    return {
        "throughput": _groups(record["throughput"], bits),
        "latency": _groups(record["latency"], seconds),
        "compare": [_compare(one) for one in record["compare"]],
    }


def _groups(measured: Sequence[Record], text: Any) -> list[dict[str, Any]]:
    """Measurements of one entry together, each as a bar on a common scale."""
    groups: dict[tuple[str, int], list[Record]] = {}
    for one in measured:
        groups.setdefault((one["step"], one["group"]), []).append(one)
    return [_group(members, text) for members in groups.values()]


def _group(members: Sequence[Record], text: Any) -> dict[str, Any]:
    spans = [_span(one) for one in members]
    top = max((span[1] for span in spans if span), default=0.0) or 1.0
    best = max((one["value"] for one in members if one["value"]), default=None)
    first = members[0]
    rows = []
    for one, span in zip(members, spans, strict=True):
        rows.append(
            {
                "src": one["src"],
                "dst": one["dst"],
                "value": text(one["value"]) if one["value"] is not None else one["status"],
                "share": _percent(one["value"] or 0.0, top),
                "low": _percent(span[0], top) if span else None,
                "high": _percent(span[1], top) if span else None,
                "range": f"{text(span[0])} to {text(span[1])}" if span and len(one["repetitions"]) > 1 else "",
                "ratio": f"{one['value'] / best:.2f}×" if best and one["value"] is not None else "",
                "cpu": cpu(one["cpu"]) if one["cpu"] is not None else "",
                "bound": one["bound"]["text"] if one["bound"] else "",
                "mark": words.VERDICT_MARKS[one["verdict"]],
                "verdict": words.OUTCOMES[one["verdict"]],
                "detail": one["detail"],
            }
        )
    return {
        "text": first["text"],
        "step": first["step"],
        "engine": first["engine"],
        "protocol": first["protocol"].upper(),
        "repetitions": max(len(one["repetitions"]) for one in members),
        "rows": rows,
    }


def _span(one: Record) -> tuple[float, float] | None:
    values = [sample["value"] for sample in one["repetitions"] if sample.get("value") is not None]
    return (min(values), max(values)) if values else None


def _percent(value: float, top: float) -> float:
    return round(100 * value / top, 2)


def _compare(one: Record) -> dict[str, Any]:
    text = seconds if one["metric"] == "latency" else bits
    interval = one["interval"]
    low, high = _scale(one)
    return {
        "name": one["name"],
        "step": one["step"],
        "by": one["by"],
        "metric": " ".join(filter(None, (one["metric"], one["percentile"]))),
        "mark": words.VERDICT_MARKS[one["verdict"]],
        "verdict": words.OUTCOMES[one["verdict"]],
        "detail": one["detail"],
        "rounds": one["rounds"],
        "planned": one["planned"],
        "ratio": f"{one['ratio']:.2f}×" if one["ratio"] is not None else "no ratio",
        "interval": f"{interval[0]:.2f} to {interval[1]:.2f}" if interval else "",
        "confidence": f"{one['confidence']:.0%}",
        "at": _at(one["ratio"], low, high) if one["ratio"] is not None else None,
        "from": _at(interval[0], low, high) if interval else None,
        "to": _at(interval[1], low, high) if interval else None,
        "one": _at(1.0, low, high),
        "least": _at(one["least"], low, high) if one["least"] is not None else None,
        "most": _at(one["most"], low, high) if one["most"] is not None else None,
        "ends": (f"{low:.2f}×", f"{high:.2f}×"),
        "sides": [_side(one[side], one["metric"], text) for side in ("faster", "than")],
    }


def _side(side: Record, metric: str, text: Any) -> dict[str, str]:
    value = side["cpu"] if metric == "cpu" else side["value"]
    in_words = cpu if metric == "cpu" else text
    return {"text": side["text"], "value": "not measured" if value is None else in_words(value)}


def _scale(one: Record) -> tuple[float, float]:
    """An axis around everything that is to be seen on it, 1 among it."""
    points = [
        1.0,
        *(one["interval"] or ()),
        *(x for x in (one["ratio"], one["least"], one["most"]) if x is not None),
    ]
    low, high = min(points), max(points)
    margin = max(0.08, (high - low) * 0.15)
    return max(0.0, low - margin), high + margin


def _at(value: float, low: float, high: float) -> float:
    return round(100 * min(1.0, max(0.0, (value - low) / (high - low))), 2)
