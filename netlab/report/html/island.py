"""The part of a record that the page's script needs, as a data island."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from netlab.report import words
from netlab.report.html import page

Record = Mapping[str, Any]


def island(record: Record) -> Markup:
    """JSON for the script: endpoints, letters, evidence and stories by step, rules, words."""
    layers = dict.fromkeys(name for step in record["steps"] for name in step["layers"])
    return page.island(
        {
            "endpoints": [_endpoint(one) for one in record["endpoints"]],
            "steps": [_step(step) for step in record["steps"]],
            "rules": {
                name: {
                    "sentence": rule["sentence"],
                    "source": f"{rule['function']}, {rule['file']}",
                    "link": words.source_link(rule),
                }
                for name, rule in record["rules"].items()
            },
            "words": {
                "letters": words.LETTERS,
                "marks": words.MARKS,
                "verdicts": words.VERDICTS,
                "reasons": words.REASONS,
                "does": {name: words.does(name) for name in layers},
            },
        }
    )


def _endpoint(one: Record) -> dict[str, Any]:
    return {name: one[name] for name in ("id", "namespace", "link", "mac")}


def _step(step: Record) -> dict[str, Any]:
    return {
        "name": step["name"],
        "endpoints": [_endpoint(one) for one in step["endpoints"]] if step["endpoints"] else None,
        "layers": {name: _layer(layer) for name, layer in step["layers"].items()},
        "hops": [
            [hop["phase"], hop["at"], hop["what"], hop["rule"], 1 if hop.get("end") else 0]
            for hop in step["hops"]
        ],
        "heard": step["heard"] if len(step["hops"]) else {},
        "expectations": [
            [
                entry["text"],
                entry["where"],
                [[cell["layer"], cell["src"], cell["dst"]] for cell in entry["cells"]],
            ]
            for entry in step["expectations"]
            if entry["kind"] == "pair"
        ],
    }


def _layer(layer: Record) -> dict[str, Any]:
    return {
        "expected": layer["expected"] if layer["expected"] != layer["observed"] else None,
        "observed": layer["observed"],
        "verdict": layer["verdict"],
        "again": layer.get("again") or [],
        "rules": layer["rules"],
        "evidence": layer["evidence"],
        "stories": {pair: [story["path"], story["hops"]] for pair, story in layer["stories"].items()},
    }
