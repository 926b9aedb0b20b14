"""What the report's template shows of a record: the template decides only the order."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from markupsafe import Markup

from netlab.report import axes, diagram, figures, words
from netlab.report.html import island as data
from netlab.report.html import tables
from netlab.report.matrix import FOLD_ABOVE
from netlab.report.reach import Reach, beside, reach
from netlab.report.told import claims, findings, rules, saw

Record = Mapping[str, Any]

_HEADLINES = {
    "pass": ("✓", "All as expected"),
    "fail": ("✗", "Not as expected"),
    "inconclusive": ("?", "Not all is proved"),
}
#: The same of a prediction, by what the file expects of pairs.
_FORESEEN = {
    "pass": ("✓", "As the file expects"),
    "fail": ("✗", "Not as the file expects"),
    "inconclusive": ("→", "Predicted"),
}
#: The substrate of a record that holds a prediction alone (`netlab.foresee`).
PREDICTED = "model"


def report(record: Record) -> dict[str, Any]:
    topology, summary = record["topology"], record["summary"]
    foreseen = record["substrate"] == PREDICTED
    verdict = _of_entries(summary) if foreseen else summary["verdict"]
    mark, headline = (_FORESEEN if foreseen else _HEADLINES)[verdict]
    steps = [_step(record, k) for k in range(len(record["steps"]))]
    return {
        "title": topology["name"],
        "description": topology["description"],
        "warnings": topology["warnings"],
        "verdict": verdict,
        "mark": mark,
        "headline": headline,
        "counts": [] if foreseen else [(word, summary[word]) for word in words.COUNTED],
        "facts": list(_facts(record)),
        "claims": claims(record),
        "steps": steps,
        "several": len(steps) > 1,
        # Beside many matrices of this size the stage has to be narrow.
        "many": any(len(axes.listed(record, step, "endpoints")) > tables.SMALL for step in record["steps"]),
        "findings": findings(record),
        "measured": figures.view(record),
        "rules": rules(record),
        "endpoints": record["endpoints"],
        "legend": _legend(record),
        "again": again(record),
        "versions": ", ".join(
            [
                f"netlab {record['netlab']}",
                *([] if foreseen else [f"Linux {record['kernel']}", f"record {record['schema']}"]),
            ]
        ),
        "durations": list(_durations(record)),
        "diagram_css": Markup(diagram.css()),
        "data": data.island(record),
    }


def _of_entries(summary: Mapping[str, Any]) -> str:
    """The verdict of a prediction: that of the file's expectations alone."""
    entries = summary["expectations"]
    return "fail" if entries["fail"] else "pass" if entries["pass"] and not entries["inconclusive"] else "inconclusive"


def again(record: Record) -> str:
    """The command that does the same run again; empty where the topology came from no file."""
    if record["topology"]["file"].startswith("<"):
        return ""
    words_ = ["netlab", "run", shlex.quote(record["topology"]["file"])]
    return " ".join([*words_, *(["--seed", str(record["seed"])] if record["seed"] else [])])


def when(record: Record) -> str:
    """The time of the run, to the minute."""
    return datetime.fromisoformat(record["started"].replace("Z", "+00:00")).strftime("%d %b %Y, %H:%M UTC")


# --- head -------------------------------------------------------------------------------------------

_SUBSTRATES = {"netns": "network namespaces", "vm": "a virtual machine", "hosts": "real machines"}


def _facts(record: Record) -> Iterator[str]:
    if foreseen := record["substrate"] == PREDICTED:
        yield "predicted by the model: nothing was built, nothing was sent"
    else:
        yield f"Linux {record['kernel']}"
        substrate: str = _SUBSTRATES.get(record["substrate"]) or record["substrate"]
        yield f"{substrate}, without root" if record["rootless"] else substrate
    yield f"{len(record['endpoints'])} endpoints"
    if len(record["steps"]) > 1:
        yield f"{len(record['steps'])} steps"
    if not foreseen:
        yield when(record)
    if "total" in record["durations"]:
        yield f"{record['durations']['total']:.2f} s"


def _durations(record: Record) -> Iterator[tuple[str, str]]:
    for name, seconds in record["durations"].items():
        yield name, f"{seconds:.3f} s"
    for step in record["steps"]:
        parts = ", ".join(f"{name} {seconds:.3f}" for name, seconds in step["durations"].items())
        if parts:
            yield step["name"], f"{parts} s"


def _legend(record: Record) -> list[tuple[str, str, str]]:
    """The letters and marks that occur: look, sign, meaning."""
    letters: set[str] = set()
    verdicts: set[str] = set()
    for step in record["steps"]:
        found = reach(record, step)
        for layer in step["layers"].values():
            verdicts.update(*layer["verdict"])
            if found is None or layer["asked"] == "interface":
                letters.update(*layer["observed"])
                continue
            for i, row in enumerate(layer["observed"]):
                others = list(row)
                for j in sorted(found.own_places[i], reverse=True):
                    del others[j]
                letters.update(others)
    looks = {"R": "r", "A": "a", "B": "a", "U": "u", "?": "q"}
    shown = [(look, letter, words.LETTERS[letter]) for letter, look in looks.items() if letter in letters]
    signs = {"F": ("r f", "!"), "?": ("q i", "?"), "S": ("r s", "~")}
    if any(layer["asked"] == "host" for step in record["steps"] for layer in step["layers"].values()):
        shown.append(("a own", "A", "a host's own address"))
    shown += [(look, sign, words.VERDICTS[verdict]) for verdict, (look, sign) in signs.items() if verdict in verdicts]
    return shown


# --- steps ------------------------------------------------------------------------------------------


def _step(record: Record, k: int) -> dict[str, Any]:
    step = record["steps"][k]
    endpoints = axes.listed(record, step, "endpoints")
    found = reach(record, step)
    rest = beside(step, found)
    states = record["topology"]["plan"].get("steps", [])
    state = states[k].get("state", {}) if k < len(states) else {}
    # Of a large lab that was only covered the pairs would be nearly all blank.
    whole = not record.get("cover") or len(endpoints) <= FOLD_ABOVE
    label = f"Diagram of {record['topology']['name']}"
    if len(record["steps"]) > 1:
        label += f", step {step['name']}"
    return {
        "name": step["name"],
        "description": step["description"],
        # How the lab was built is in the diagram.
        "changes": step["changes"] if k else [],
        "wide": Markup(diagram.as_svg(state, label, alone=False)),
        "narrow": Markup(diagram.as_svg(state, label, alone=False, sides=1)),
        "reach": _reach(found, whole) if found else None,
        "folded": tables.folded(rest, endpoints, endpoints),
        "matrices": tables.matrices(rest, endpoints) if whole else [],
        "card_width": tables.card_width(endpoints),
        "pairs": tables.pairs(
            {name: layer for name, layer in step["layers"].items() if layer["asked"] == "interface"}, endpoints
        ),
        "told": bool(step["hops"]),
        "endpoints": step["endpoints"],
        "expectations": [_entry(record, step, entry) for entry in step["expectations"]],
        "failed": _failed(step),
        "heard": _heard(step, endpoints),
        "refused": _refused(step),
        "unsettled": step["unsettled"],
        "notes": step["notes"],
    }


def _reach(found: Reach, whole: bool) -> dict[str, Any]:
    groups = tables.folded({next(iter(found.layers)): found.layer}, found.rows, found.columns)
    return {
        "title": found.title,
        "layers": tuple(map(words.asked, found.layers)),
        "whole": tables.who_reaches_whom(found) if whole else None,
        "folded": groups,
        # With lines at its heads, or a table below another, it takes the whole width; else it stands beside others.
        "alone": bool(groups) or len(found.columns) <= tables.LEVEL,
        "apart": list(found.told_apart()),
        "same": found.same,
    }


def _entry(record: Record, step: Record, entry: Record) -> dict[str, Any]:
    detail = entry["detail"]
    if entry["verdict"] == "P":
        # That it holds is said already; who answered instead may surprise.
        instead = next((cell for cell in entry["cells"] if cell["observed"] == "A"), None)
        detail = saw(record, step["name"], instead) if instead else ""
    return {
        "mark": words.VERDICT_MARKS[entry["verdict"]],
        "verdict": words.OUTCOMES[entry["verdict"]],
        "said": words.VERDICTS[entry["verdict"]],
        "text": entry["text"],
        "where": entry["where"],
        "detail": detail,
        "cells": entry["cells"][:3] if entry["verdict"] in "F?" else [],
    }


def _failed(step: Record) -> str:
    """The worst verdict of a step: its tab shows it."""
    seen = {letter for layer in step["layers"].values() for row in layer["verdict"] for letter in row}
    seen |= {entry["verdict"] for entry in step["expectations"]}
    return "fail" if "F" in seen else "inconclusive" if "?" in seen else "pass"


def _heard(step: Record, endpoints: Sequence[Record]) -> list[tuple[str, list[str]]]:
    """Which interfaces and ports (the wire) hear each source's broadcast; nothing in large labs."""
    if len(endpoints) > tables.PAIRS_UP_TO:
        return []
    order = [endpoint["id"] for endpoint in endpoints]
    return [(source, step["heard"][source]) for source in order if source in step["heard"]]


def _refused(step: Record) -> list[tuple[str, str]]:
    found = []
    for link, seen in step["refused"].items():
        if seen.get("errno"):
            said = f"refused with {seen['errno']} at {seen.get('at')}"
            found.append((link, said + (f": {seen['message']}" if seen.get("message") else "")))
        else:
            found.append((link, "accepted"))
    return found
