"""The JSON Schema of ``throughput:``, ``latency:`` and ``compare:``, for editors."""

from __future__ import annotations

from typing import Any

from netlab.compare import FEWEST
from netlab.spec.measure import EXAMPLE, OPTIONS


def json_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of one of the three lists."""
    scalar = {"type": ["string", "number", "boolean"]}
    if name == "compare":
        side = {
            "type": "object",
            "properties": dict.fromkeys(
                ("metric", "pair", "percentile", *OPTIONS["throughput"], *OPTIONS["latency"]), scalar
            ),
            "required": ["pair"],
            "additionalProperties": False,
        }
        item: dict[str, Any] = {
            "type": "object",
            "properties": {
                "name": scalar,
                "faster": {**side, "description": "The side that is to be better."},
                "than": {**side, "description": "The side that it is compared with."},
                "by": {"type": "string", "description": "What the ratio is to be: > 1.0x."},
                "repetitions": {"type": "integer", "minimum": FEWEST, "description": "Rounds at most (15)."},
                "confidence": {**scalar, "description": "Of the verdict (0.95)."},
            },
            "required": ["name", "faster", "than", "by"],
            "additionalProperties": False,
        }
        return {"type": "array", "items": item}
    options: dict[str, Any] = dict.fromkeys((*OPTIONS[name], "repetitions", "is"), scalar)
    pairs = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
    mapping = {
        "type": "object",
        "properties": {"pairs": pairs, **options},
        "required": ["pairs"],
        "additionalProperties": False,
    }
    short = {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "patternProperties": {
            "->": {
                "anyOf": [
                    {"type": "string", "description": f"at least {EXAMPLE[name]}"},
                    {"type": "object", "properties": options, "additionalProperties": False},
                ]
            }
        },
        "additionalProperties": False,
    }
    return {"type": "array", "items": {"anyOf": [{"type": "string", "description": "A -> B"}, mapping, short]}}
