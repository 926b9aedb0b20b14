"""JUnit XML, as Jenkins, GitLab and GitHub's actions read it, from records alone.

A suite for each topology, a case for each step's layer and for each entry of ``expect``. What is inconclusive is an
error, what was only observed is skipped. Properties say on which kernel, with which file and seed it was.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from typing import Any

from netlab.report.style import clean
from netlab.report.words import letter

Record = dict[str, Any]

#: XML 1.0 has no way to write these (https://www.w3.org/TR/xml/#charsets).
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BAD = {"F": ("failure", "not as expected"), "?": ("error", "inconclusive"), "S": ("skipped", "only observed")}


def render(records: Sequence[Record], broken: Sequence[tuple[str, str]] = ()) -> str:
    """One document for any number of runs, and for topologies (name, what was said) that there is no record of."""
    suites = [*(_suite(record) for record in records), *(_broken(name, said) for name, said in broken)]
    root = ET.Element("testsuites", name="netlab", time=_seconds(sum(map(_total, records))))
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    root.extend(suites)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(record: Record) -> ET.Element:
    cases = list(_cases(record))
    suite = ET.Element(
        "testsuite",
        name=_clean(record["topology"]["name"]),
        tests=str(len(cases)),
        failures=str(sum(case.find("failure") is not None for case in cases)),
        errors=str(sum(case.find("error") is not None for case in cases)),
        skipped=str(sum(case.find("skipped") is not None for case in cases)),
        time=_seconds(_total(record)),
        timestamp=record["started"].removesuffix("Z"),
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in {
        "topology": record["topology"]["name"],
        "file": record["topology"]["file"],
        "kernel": record["kernel"],
        "substrate": record["substrate"],
        "rootless": str(record["rootless"]).lower(),
        "seed": str(record["seed"]),
        "repetition": str(record["repetition"]),
        "netlab": record["netlab"],
    }.items():
        ET.SubElement(properties, "property", name=f"netlab.{name}", value=_clean(value))
    suite.extend(cases)
    return suite


def _broken(name: str, said: str) -> ET.Element:
    suite = ET.Element("testsuite", name=_clean(name), tests="1", failures="0", errors="1", skipped="0")
    case = ET.SubElement(suite, "testcase", classname=_clean(name), name="run", time=_seconds(0))
    lines = [clean(line) for line in said.splitlines()]
    error = ET.SubElement(case, "error", type="not run", message=_clean(lines[0][:300] if lines else "not run"))
    error.text = _clean("\n".join(lines))
    return suite


def _cases(record: Record) -> Iterator[ET.Element]:
    for step in record["steps"]:
        place = f"{record['topology']['name']}.{step['name']}"
        findings = [finding for finding in record["findings"] if finding["step"] == step["name"]]
        share = sum(step["durations"].values()) / max(1, len(step["layers"]))
        for name, layer in step["layers"].items():
            marks = {mark for row in layer["verdict"] for mark in row}
            mine = [finding for finding in findings if finding["layer"] == name]
            marks |= {finding["verdict"] for finding in mine if finding["kind"] in ("heard", "wire", "program")}
            told = [_words(finding) for finding in mine if finding["verdict"] != "P"]
            yield _case(place, name, _worst(marks), told, share)
        for entry in step["expectations"]:
            told = [f"{entry['where']}: {entry['detail']}"] if entry["detail"] else [entry["where"]]
            told += (f"{cell['layer']} {cell['src']} -> {cell['dst']}: {cell['observed']}" for cell in entry["cells"])
            yield _case(place, entry["text"], entry["verdict"], told)
        for finding in findings:
            if finding["kind"] == "refusal":
                yield _case(place, f"refusal of {finding['src']}", finding["verdict"], [_words(finding)])


def _case(place: str, name: str, verdict: str, told: Sequence[str], seconds: float = 0.0) -> ET.Element:
    case = ET.Element("testcase", classname=_clean(place), name=_clean(name), time=_seconds(seconds))
    if verdict in _BAD:
        tag, word = _BAD[verdict]
        lines = [clean(line) for line in told]
        message = f"{word}: {lines[0]}" if lines else word
        child = ET.SubElement(case, tag, message=_clean(message[:300]))
        if tag != "skipped":
            child.set("type", word)
        child.text = _clean("\n".join(lines))
    return case


def _worst(marks: set[str]) -> str:
    return next((mark for mark in "F?P" if mark in marks), "S")


def _words(finding: Record) -> str:
    pair = f"{finding['src']} -> {finding['dst']}" if finding["src"] and finding["dst"] else finding["src"] or ""
    count = f" ({finding['pairs']} pairs)" if finding["pairs"] > 1 else ""
    expected = f"expected {letter(finding['expected'])}, observed {finding['observed']}" if finding["expected"] else ""
    parts = [f"{pair}{count}", expected, finding["detail"], finding["rule"] or "", finding["where"] or ""]
    return ", ".join(part for part in parts if part)


def _total(record: Record) -> float:
    return float(record["durations"].get("total", 0.0))


def _seconds(value: float) -> str:
    return f"{value:.3f}"


def _clean(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text)
