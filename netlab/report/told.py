"""Claims, findings and rules in sentences, for reports with room for them (HTML, Markdown)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from netlab.report import axes, words
from netlab.report.reach import reach

Record = Mapping[str, Any]

#: Rules by which filters end a packet's way.
FILTERS = ("nft/dropped", "nft/rejected")
_NOT_PLAIN = re.compile("[UA]")


def claims(record: Record) -> list[dict[str, Any]]:
    """Each claim with its verdict, the observation that decides it, and all of its tests."""
    told = []
    for claim in record["claims"]:
        told.append(
            {
                "number": claim["number"],
                "says": claim["says"],
                "stand_in": claim.get("stand_in", ""),
                "verdict": claim["verdict"],
                "mark": words.CLAIM_MARKS[claim["verdict"]],
                "because": _why(record, claim),
                "tests": [_test(record, test) for test in claim["tests"]],
            }
        )
    return told


def _why(record: Record, claim: Record) -> dict[str, Any] | None:
    """The observation that decides a claim; for a confirmed claim the one that shows most."""
    wanted = {"refuted": "F", "undecided": "?S", "confirmed": "P"}[claim["verdict"]]
    tests = [because(record, test) for test in claim["tests"] if test["verdict"] in wanted]
    if claim["verdict"] != "confirmed":
        return tests[0] if tests else None
    # What doesn't get through teaches more than what does.
    return next((one for letters in ("UA", "R") for one in tests if one["rule"] and one["letter"] in letters), None)


def _test(record: Record, test: Record) -> dict[str, Any]:
    seen = because(record, test)
    return {
        "mark": words.VERDICT_MARKS[test["verdict"]],
        "verdict": words.OUTCOMES[test["verdict"]],
        "text": test["text"],
        "step": seen["step"],
        "saw": seen["saw"],
    }


def because(record: Record, test: Record) -> dict[str, Any]:
    """What was seen that decides a test, and the rule that makes it so."""
    step = test["step"] if len(record["steps"]) > 1 else ""
    if not test["cells"]:
        return {"pair": test["text"], "layer": "", "letter": "", "step": step, "saw": test["detail"], "rule": None}
    cell = test["cells"][0]
    return {
        "pair": f"{cell['src']} → {cell['dst']}",
        "layer": cell["layer"],
        "letter": cell["observed"],
        "step": step,
        "saw": saw(record, test["step"], cell),
        "rule": _rule(record, cell["rule"]),
    }


def saw(record: Record, step_name: str, cell: Record) -> str:
    """What was observed at a cell, in words: ``A:ens160 answered instead``."""
    found = evidence(record, step_name, cell)
    if cell["observed"] == "A" and (interfaces := entered(found)):
        return f"{interfaces} answered in its place"
    said = words.LETTERS[cell["observed"]]
    why = reason_of(record, step_name, cell) if cell["observed"] in "U?" else ""
    return f"{said}: {why}" if why else said


def reason_of(record: Record, step_name: str, cell: Record) -> str:
    """Why a cell has its letter, as a part of a sentence; empty where nothing tells.

    Of a packet that is lost where the model says that a filter drops it, that is why.
    """
    if cell["observed"] == "U" and cell["rule"] in FILTERS:
        step = next(one for one in record["steps"] if one["name"] == step_name)
        story = _of_pair(record, step_name, cell, "stories")
        hops = [step["hops"][number] for number in story.get("hops", ())]
        for hop in reversed(hops):
            if hop["rule"] == cell["rule"]:
                return f"at {hop['at']}: {hop['what']}"
    reason = evidence(record, step_name, cell).get("reason")
    return words.because(reason, cell["layer"], cell["src"], cell["dst"]) if reason else ""


def entered(evidence: Record) -> str:
    """The interfaces by which a request came in."""
    return " and ".join(evidence.get("entered") or ())


def evidence(record: Record, step_name: str, cell: Record) -> Mapping[str, Any]:
    """The evidence of a cell that is given by names."""
    return _of_pair(record, step_name, cell, "evidence")


def _of_pair(record: Record, step_name: str, cell: Record, what: str) -> Mapping[str, Any]:
    """What a layer has of a pair: its ``evidence`` or ``stories``."""
    step = next((one for one in record["steps"] if one["name"] == step_name), None)
    layer = step["layers"].get(cell["layer"]) if step else None
    if step is None or layer is None:
        return {}
    rows = [one["id"] for one in axes.rows(record, step, cell["layer"])]
    columns = [one["id"] for one in axes.columns(record, step, cell["layer"])]
    if cell["src"] not in rows or cell["dst"] not in columns:
        return {}
    found: Mapping[str, Any] = layer[what].get(f"{rows.index(cell['src'])},{columns.index(cell['dst'])}", {})
    return found


def _rule(record: Record, name: str | None) -> dict[str, str] | None:
    rule = record["rules"].get(name or "")
    return {"id": str(name), "sentence": rule["sentence"]} if rule else None


def findings(record: Record) -> list[dict[str, Any]]:
    """What is not a plain pass, the worst first; what was only observed as counts by reason."""
    ranking, only = ranked(record["findings"])
    told = [_finding(record, finding) for finding in ranking]
    for reason, pairs in only.items():
        told.append(
            {
                "mark": words.VERDICT_MARKS["S"],
                "verdict": "skip",
                "what": f"{pairs} pairs only observed",
                "said": reason or "nothing is expected",
                "examples": "",
                "where": "",
                "rule": None,
            }
        )
    return told


def ranked(findings: Iterable[Record]) -> tuple[list[Record], Counter[str]]:
    """Findings, the worst first; and of those that are only observations, how many pairs there are for each reason."""
    order = sorted(findings, key=lambda finding: "F?PS".index(finding["verdict"]))
    only: Counter[str] = Counter()
    for finding in order:
        if finding["kind"] == "unpredicted":
            only[finding["detail"]] += finding["pairs"]
    return [finding for finding in order if finding["kind"] != "unpredicted"], only


def _finding(record: Record, finding: Record) -> dict[str, Any]:
    what = [finding["step"]] if len(record["steps"]) > 1 else []
    if finding["layer"]:
        what.append(finding["layer"])
    if finding["src"]:
        what.append(f"{finding['src']} → {finding['dst']}" if finding["dst"] else finding["src"])
    if finding["pairs"] > 1:
        what.append(f"{finding['pairs']} pairs")
    if finding["expectation"]:
        what.append(finding["expectation"])
    said = words.FINDINGS[finding["kind"]]
    if finding["expected"] or finding["observed"]:
        said = f"expected {words.letter(finding['expected']) or '–'}, observed {finding['observed'] or '–'}: {said}"
    said += more(finding)
    return {
        "mark": words.VERDICT_MARKS[finding["verdict"]],
        "verdict": words.OUTCOMES[finding["verdict"]],
        "what": " · ".join(what),
        "said": said,
        "examples": ", ".join(f"{a} → {b}" for a, b in finding["examples"]) if finding["pairs"] > 1 else "",
        "where": finding["where"] or "",
        "rule": _rule(record, finding["rule"]),
    }


def more(finding: Record) -> str:
    """What a finding says beyond its kind, in brackets; '' where that is the same."""
    said = detail(finding) if finding["detail"] else ""
    return f" ({said})" if said and said != words.FINDINGS[finding["kind"]] else ""


def detail(finding: Record) -> str:
    layer, source, destination = (finding[name] or "" for name in ("layer", "src", "dst"))
    return words.because(finding["detail"], layer, source, destination)


def rules(record: Record) -> dict[str, list[dict[str, Any]]]:
    """Every rule that was met: those that decide about a cell that is not plainly reached, and the others."""
    decided = _decided(record)
    told = []
    for name, rule in record["rules"].items():
        told.append(
            {
                "id": name,
                "sentence": rule["sentence"],
                "function": rule["function"],
                "file": rule["file"],
                "versions": ", ".join(rule["versions"]),
                "link": words.source_link(rule),
                "cells": decided.get(name, 0),
            }
        )
    return {
        "deciding": sorted((rule for rule in told if rule["cells"]), key=lambda rule: -rule["cells"]),
        "others": [rule for rule in told if not rule["cells"]],
    }


def _decided(record: Record) -> Counter[str]:
    """How many cells each rule decided where the destination was not plainly reached."""
    count: Counter[str] = Counter()
    for step in record["steps"]:
        found = reach(record, step)
        for layer in step["layers"].values():
            keys = layer["rules"]["keys"]
            for i, (letters, row) in enumerate(zip(layer["observed"], layer["rules"]["rows"], strict=False)):
                # That a host reaches itself is told nowhere.
                own = found.own_places[i] if found and layer["asked"] == "host" else ()
                for cell in _NOT_PLAIN.finditer(letters):
                    j, letter, key = cell.start(), cell.group(), row[cell.start()]
                    if key in keys and (letter == "U" or j not in own):
                        count[keys[key]] += 1
    return count
