"""The part of a record that the page's script needs, as a data island."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from netlab.report import axes, words
from netlab.report.html import page
from netlab.report.packed import pack

Record = Mapping[str, Any]


def island(record: Record) -> Markup:
    """JSON for the script: endpoints, letters, evidence and stories by step, rules, words.

    Events, and whole layers that are equal in several steps, are stored once and referred to by number.
    """
    tables = _Tables()
    steps = [_step(number, record, tables) for number in range(len(record["steps"]))]
    layers = dict.fromkeys(name for step in record["steps"] for name in step["layers"])
    return page.island(
        {
            **_sides(record),
            "steps": steps,
            "layers": tables.layers,
            "hops": tables.hops,
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


class _Tables:
    """What several steps share."""

    def __init__(self) -> None:
        self.hops: list[list[Any]] = []
        self.layers: list[dict[str, Any]] = []
        self._hops: dict[tuple[Any, ...], int] = {}
        self._layers: dict[str, int] = {}

    def hop(self, hop: Record) -> int:
        """The number of an event."""
        told = (hop["phase"], hop["at"], hop["what"], hop["rule"], 1 if hop.get("end") else 0)
        if told not in self._hops:
            self._hops[told] = len(self.hops)
            self.hops.append(list(told))
        return self._hops[told]

    def layer(self, layer: dict[str, Any]) -> int:
        text = json.dumps(layer)
        if text not in self._layers:
            self._layers[text] = len(self.layers)
            self.layers.append(layer)
        return self._layers[text]


#: What the script wants to know of the rows and columns.
_WANTED = {"endpoints": ("id", "namespace", "link", "mac"), "hosts": ("id",), "addresses": ("id", "links")}


def _sides(of: Record) -> dict[str, Any]:
    return {
        what: None if of[what] is None else [{name: one[name] for name in names} for one in of[what]]
        for what, names in _WANTED.items()
    }


def _evidence(name: str, layer: Record, step: Record, record: Record) -> Mapping[str, Any]:
    """What was seen; reasons that depend on the pair are in words already."""
    found: Mapping[str, Any] = layer["evidence"]
    if layer["asked"] != "host":
        return found
    rows, columns = axes.rows(record, step, name), axes.columns(record, step, name)
    told = {}
    for pair, seen in found.items():
        i, j = map(int, pair.split(","))
        reason = seen.get("reason")
        said = {"reason": words.reason(reason, name, rows[i]["id"], columns[j]["id"])} if reason else {}
        told[pair] = {**seen, **said}
    return told


def _step(number: int, record: Record, tables: _Tables) -> dict[str, Any]:
    step = record["steps"][number]
    hops = [tables.hop(hop) for hop in step["hops"]]
    return {
        "name": step["name"],
        **_sides(step),
        "layers": {
            name: tables.layer(_layer(layer, _evidence(name, layer, step, record), hops))
            for name, layer in pack(record)["steps"][number]["layers"].items()
        },
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


def _layer(layer: Record, evidence: Mapping[str, Any], hops: Sequence[int]) -> dict[str, Any]:
    return {
        "asked": layer["asked"],
        "expected": layer["expected"] if layer["expected"] != layer["observed"] else None,
        "observed": layer["observed"],
        "verdict": layer["verdict"],
        "again": layer.get("again") or [],
        "rules": layer["rules"],
        "packed": layer.get("packed"),
        "evidence": evidence,
        "stories": {
            pair: [story["path"], [hops[number] for number in story["hops"]]]
            for pair, story in layer["stories"].items()
        },
    }
