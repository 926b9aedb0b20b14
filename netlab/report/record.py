"""The run record: what ``run.json`` holds. Every report is rendered from it, and only from it.

Documented in docs/record.md and by ``run.schema.json``; a change that breaks readers gets a new `SCHEMA`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from netlab.contract.dataclass import dataclass
from netlab.contract.observed import StepObserved
from netlab.contract.types import (
    HOST_LAYERS,
    AnyTarget,
    Asker,
    Endpoint,
    Plan,
    State,
    Step,
    Target,
    asks_host,
    layer_family,
)
from netlab.contract.wire import to_plain
from netlab.errors import FAILED, INCONCLUSIVE, PASSED
from netlab.groups import column_groups, fold, fold_hosts
from netlab.judge.types import Finding, JudgedClaim, JudgedExpectation, JudgedStep
from netlab.report.changes import describe
from netlab.report.rules import cited, rule_rows
from netlab.report.stories import Stories
from netlab.report.words import OUTCOMES

if TYPE_CHECKING:
    from netlab.judge.measure import JudgedMeasures
    from netlab.model import Prediction

Record = dict[str, Any]

SCHEMA = "netlab.run/2"
#: What the rows and columns of matrices are called: those of interface questions are endpoints, in both ways; host
#: questions are asked by hosts, of addresses.
AXES = ("endpoints", "hosts", "addresses")
#: Up to this many endpoints a record tells the story of every pair.
STORIES_UP_TO = 30


@dataclass(frozen=True)
class Examined:
    """One step as the pipeline hands it over."""

    step: Step
    observed: StepObserved
    prediction: Prediction | None
    judged: JudgedStep
    stories: Stories = field(default_factory=Stories)
    measures: JudgedMeasures | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Circumstances:
    """Where and when a run took place.

    ``cover`` is how often each end was asked, 0: in all pairs; ``seconds`` maps a phase (``load``, ``total``) to its
    duration.
    """

    version: str
    kernel: str
    substrate: str
    rootless: bool
    seed: int
    started: str
    repetition: int = 1
    cover: int = 0
    machine: Mapping[str, Any] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)


def build(
    plan: Plan,
    steps: Sequence[Examined],
    claims: Sequence[JudgedClaim],
    rules: Mapping[str, Any],
    circumstances: Circumstances,
) -> Record:
    """The record of one run. ``rules`` maps a rule's id to the rule (`netlab.model.RULES`)."""
    listed = axes(steps[0].step.state) if steps else {name: [] for name in AXES}
    findings = [
        _finding(one.step.name, finding)
        for one in steps
        for finding in (*one.judged.findings, *(one.measures.findings if one.measures else ()))
    ]
    measured = _measured(steps)
    step_records = [_step(one, listed) for one in steps]
    weighed = [_claim(claim) for claim in claims]
    return {
        "schema": SCHEMA,
        "netlab": circumstances.version,
        "topology": {
            "name": plan.name,
            "description": plan.description,
            "file": plan.file,
            "warnings": list(plan.warnings),
            "plan": to_plain(_bare(plan, steps)),
        },
        "kernel": circumstances.kernel,
        "predicted_for": str(steps[0].step.state.kernel) if steps else "",
        "substrate": circumstances.substrate,
        "rootless": circumstances.rootless,
        "machine": dict(circumstances.machine),
        "seed": circumstances.seed,
        "repetition": circumstances.repetition,
        "cover": circumstances.cover,
        "started": circumstances.started,
        "durations": {name: round(value, 4) for name, value in circumstances.seconds.items()},
        **listed,
        "steps": step_records,
        "findings": findings,
        "claims": weighed,
        "rules": _rules(step_records, findings, weighed, rules),
        **measured,
        "summary": summarise(step_records, findings, weighed, measured),
    }


def summarise(
    steps: Sequence[Record],
    findings: Sequence[Record],
    claims: Sequence[Record],
    measured: Mapping[str, Sequence[Record]],
) -> Record:
    """The counts: cells, entries that have no cells and measurements by verdict, and the exit code they make."""
    counts = dict.fromkeys(OUTCOMES.values(), 0)
    for step in steps:
        for layer in step["layers"].values():
            for row in layer["verdict"]:
                for letter, word in OUTCOMES.items():
                    counts[word] += row.count(letter)
        for entry in step["expectations"]:
            # An entry about pairs is counted by its cells, unless none of them applies.
            if entry["kind"] != "pair" or not entry["cells"]:
                counts[OUTCOMES[entry["verdict"]]] += 1
    # What only the model says of the wire, listeners and refusals, and programs that end, have neither cell nor entry.
    for finding in findings:
        if finding["kind"] in ("heard", "wire", "refusal", "program"):
            counts[OUTCOMES[finding["verdict"]]] += 1
    for one in (one for several in measured.values() for one in several):
        counts[OUTCOMES[one["verdict"]]] += 1
    entries = [entry["verdict"] for step in steps for entry in step["expectations"]]
    failed = counts["fail"] > 0 or "F" in entries
    unproved = counts["inconclusive"] > 0 or "?" in entries
    # Where nothing was judged, nothing is as expected either: the exit code must show that.
    unproved = unproved or not (counts["pass"] or failed)
    code = FAILED if failed else INCONCLUSIVE if unproved else PASSED
    return {
        **counts,
        "verdict": "fail" if failed else "inconclusive" if unproved else "pass",
        "exit_code": code,
        "expectations": {word: entries.count(letter) for letter, word in OUTCOMES.items()},
        "claims": {
            word: sum(claim["verdict"] == word for claim in claims) for word in ("confirmed", "refuted", "undecided")
        },
    }


# --- the topology -----------------------------------------------------------------------------------


def _bare(plan: Plan, steps: Sequence[Examined]) -> Plan:
    """The plan of the steps that were examined, without sysctls, changes and entries."""
    return replace(
        plan,
        steps=tuple(
            replace(
                one.step,
                changes=(),
                expect=(),
                state=replace(
                    one.step.state,
                    namespaces=tuple(replace(ns, sysctls=()) for ns in one.step.state.namespaces),
                ),
            )
            for one in steps
        ),
        claims=(),
        warnings=(),
    )


def axes(state: State) -> dict[str, list[Record]]:
    """The rows and columns of a state's matrices as the record holds them, by `AXES`."""
    columns, groups = state.destinations(HOST_LAYERS[0]), column_groups(state, HOST_LAYERS[0])
    return {
        "endpoints": [_endpoint(state, one, group) for one, group in zip(state.endpoints, fold(state), strict=True)],
        "hosts": [_host(state, one, group) for one, group in zip(state.askers, fold_hosts(state), strict=True)],
        "addresses": [_address(state, one, group) for one, group in zip(columns, groups, strict=True)],
    }


def own_axes(state: State, listed: Mapping[str, list[Record]]) -> dict[str, list[Record] | None]:
    """A step's rows and columns, null where they are the record's: not where interfaces have come, gone or changed."""
    mine = axes(state)
    return {name: None if mine[name] == listed[name] else mine[name] for name in AXES}


def _host(state: State, asker: Asker, group: str) -> Record:
    kind = state.namespace(asker.namespace).kind
    return {"id": asker.id, "kind": kind, "families": list(asker.families), "group": group}


def _address(state: State, one: AnyTarget, group: str) -> Record:
    links = one.links if isinstance(one, Target) else (one.link,)
    places = {state.link(link).namespace for link in links}
    v4, v6 = one.address(4), one.address(6)
    return {
        "id": one.id,
        "namespace": places.pop() if len(places) == 1 else None,
        "links": list(links),
        "v4": v4.ip if v4 else None,
        "v6": v6.ip if v6 else None,
        "group": group,
    }


def _endpoint(state: State, endpoint: Endpoint, group: str) -> Record:
    link = state.link(endpoint.link)
    return {
        "id": endpoint.id,
        "namespace": endpoint.namespace,
        "interface": link.name,
        "link": endpoint.link,
        "kind": link.kind,
        "mode": link.effective_mode,
        "parent": link.lower,
        "mac": endpoint.mac,
        "v4": str(endpoint.v4) if endpoint.v4 else None,
        "v6": str(endpoint.v6) if endpoint.v6 else None,
        "addresses": [str(address) for address in link.addresses],
        "extra": endpoint.extra,
        "group": group,
    }


def _measured(steps: Sequence[Examined]) -> dict[str, list[Record]]:
    """``throughput[]``, ``latency[]`` and ``compare[]``."""
    if not any(one.measures for one in steps):
        return {"throughput": [], "latency": [], "compare": []}
    from netlab.report.measure import lists

    return lists([(one.step.name, one.measures) for one in steps])


# --- steps ------------------------------------------------------------------------------------------


def _step(one: Examined, listed: Mapping[str, list[Record]]) -> Record:
    state, observed = one.step.state, one.observed
    layers: dict[str, Record] = {}
    for judged, seen in zip(one.judged.layers, observed.layers, strict=True):
        layers[judged.layer] = {
            "asked": "host" if asks_host(judged.layer) else "interface",
            "family": layer_family(judged.layer),
            "expected": list(judged.expected),
            "observed": list(judged.observed),
            "verdict": list(judged.verdict),
            "rules": rule_rows(judged, one.prediction),
            "again": list(seen.again),
            "evidence": dict(seen.evidence),
            "stories": one.stories.layers.get(judged.layer, {}),
        }
    return {
        "name": one.step.name,
        "description": one.step.description,
        "changes": [describe(change) for change in one.step.changes],
        **own_axes(state, listed),
        "layers": layers,
        "hops": one.stories.hops,
        "heard": {s: sorted(who) for layer in observed.layers for s, who in layer.heard.items()},
        "wire": {layer.layer: list(layer.wire) for layer in observed.layers if layer.wire},
        "links": observed.links,
        "refused": observed.refused,
        "unsettled": list(observed.unsettled),
        "notes": list(observed.notes),
        "expectations": [_entry(entry) for entry in one.judged.expectations],
        "durations": {name: round(value, 4) for name, value in one.seconds.items()},
    }


def _entry(entry: JudgedExpectation) -> Record:
    return {
        "kind": entry.kind,
        "text": entry.text,
        "where": entry.where,
        "verdict": entry.verdict,
        "detail": entry.detail,
        "cells": [
            {
                "layer": cell.layer,
                "src": cell.source,
                "dst": cell.destination,
                "observed": cell.observed,
                "rule": cell.rule,
            }
            for cell in entry.cells
        ],
    }


def _finding(step: str, finding: Finding) -> Record:
    return {
        "step": step,
        "kind": finding.kind,
        "verdict": finding.verdict,
        "layer": finding.layer or None,
        "src": finding.source or None,
        "dst": finding.destination or None,
        "pairs": finding.pairs,
        "examples": [list(pair) for pair in finding.examples],
        "expected": finding.expected,
        "observed": finding.observed,
        "rule": finding.rule,
        "expectation": finding.expectation or None,
        "where": finding.where or None,
        "detail": finding.detail,
        "evidence": dict(finding.evidence),
    }


def _claim(claim: JudgedClaim) -> Record:
    return {
        "number": claim.number,
        "says": claim.says,
        "stand_in": claim.stand_in,
        "verdict": claim.verdict,
        "tests": [{"step": step, **_entry(entry)} for step, entry in claim.tests],
    }


# --- rules ------------------------------------------------------------------------------------------


def _rules(
    steps: Sequence[Record], findings: Sequence[Record], claims: Sequence[Record], rules: Mapping[str, Any]
) -> Record:
    """Every rule that anything in the record names."""
    met: set[str | None] = {finding["rule"] for finding in findings}
    for step in steps:
        for layer in step["layers"].values():
            met.update(layer["rules"]["keys"].values())
        met.update(hop["rule"] for hop in step["hops"])
        met.update(cell["rule"] for entry in step["expectations"] for cell in entry["cells"])
    met.update(cell["rule"] for claim in claims for test in claim["tests"] for cell in test["cells"])
    return cited(met, rules)
