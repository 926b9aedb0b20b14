"""Examines topology files: the lab of the file that is being tested stays up from one item to the next."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from netlab import model, pipeline, report
from netlab.client import Agent, LabError, Reply
from netlab.client import Lab as Handle
from netlab.clock import Clock
from netlab.contract.dataclass import dataclass
from netlab.contract.measures import Measures
from netlab.contract.observed import MeasuresObserved, StepObserved
from netlab.contract.types import Plan, Step
from netlab.measure import session
from netlab.report import terminal
from netlab.report.style import Style

if TYPE_CHECKING:
    from netlab.judge.measure import JudgedMeasures
    from netlab.testing.labs import Labs


#: The item of what has no layer: values that are read back, and refusals.
LINKS = "links"
#: The items of what a step has measured, one for each kind.
MEASURES = ("throughput", "latency", "compare")


class NotAsExpected(Exception):
    """A topology is not what its file or the model says; the message is the report."""


@dataclass(frozen=True)
class Seen:
    """What an item has observed and judged; when and where; and its measurements, if it is one of `MEASURES`."""

    examined: report.Examined
    here: report.Circumstances
    measured: MeasuresObserved | None


class Bench:
    """Holds at most one lab. Items of one file and step share it, and a later step continues with it. An earlier step,
    or another file, gets a new lab: so an item's result doesn't depend on the items before it, or on the worker."""

    def __init__(self, labs: Labs, seed: int) -> None:
        self._labs = labs
        self._seed = seed
        self._plan: Plan | None = None
        self._agent: Agent | None = None
        self._handle: Handle | None = None
        self._passed: list[Reply[StepObserved]] = []

    def examine(self, plan: Plan, step: Step, name: str) -> Seen:
        """Examine a layer of a step, `LINKS` or one of `MEASURES`. Raises LabError."""
        try:
            handle, entered = self._enter(plan, step)
            options = pipeline.Options(layers=(name,), seed=self._seed, measure=False)
            started, clock = datetime.now(UTC), Clock()
            measured = None
            if name == LINKS:
                one = pipeline.conclude(step, entered.result())
            elif name in MEASURES:
                part = replace(step, measures=only(step.measures, (name,)))
                # It waits for other measurements on this machine.
                measured = session.measure(part, handle, {}, self._seed)
                judged = pipeline.judge_measured(part, measured, self._seed)
                one = replace(pipeline.conclude(step, entered.result()), measures=judged)
            else:
                one = pipeline.examine(plan, step, handle, options, entered=entered)
            clock.lap("total")
            here = pipeline.circumstances(handle.agent, options, started, clock.seconds)
        except LabError:
            self.leave()
            raise
        return Seen(one, here, measured)

    def leave_up(self, file: Path, step: Step) -> list[str]:
        """Have the lab stay as it is; how to enter it. Raises LabError, NetlabError, OSError."""
        from netlab.testing.memo import leave_run_up

        assert self._handle is not None
        told = leave_run_up(self._handle, file, step)
        self.leave()
        return told

    def leave(self) -> None:
        """Give the lab back."""
        if self._handle is not None:
            self._handle.close()
        self._plan = self._handle = None
        self._passed = []

    def _enter(self, plan: Plan, step: Step) -> tuple[Handle, Reply[StepObserved]]:
        agent = self._labs.agent()
        number = plan.steps.index(step)
        if self._plan is not plan or self._agent is not agent or len(self._passed) > number + 1:
            self.leave()
            self._agent = agent
            self._plan, self._handle = plan, agent.lab(plan)
        assert self._handle is not None
        while len(self._passed) <= number:
            entering = self._handle.enter(plan.steps[len(self._passed)])
            entering.result()
            self._passed.append(entering)
        return self._handle, self._passed[-1]


def only(measures: Measures, kinds: Container[str]) -> Measures:
    """What is to be measured of these kinds."""
    return replace(measures, **{kind: () for kind in MEASURES if kind not in kinds})


def judge(plan: Plan, one: report.Examined, here: report.Circumstances, *, required: bool = False) -> None:
    """Raises NotAsExpected where anything failed or was inconclusive, and skips where nothing was expected.

    Results without a layer (values read back, refusals, measurements) have items of their own. A measurement whose tool
    this machine lacks is skipped, unless labs are ``required``.
    """
    record = report.build(plan, [one], [], model.RULES, here)
    [step] = record["steps"]
    findings = record["findings"]
    if one.measures is not None:
        verdicts = {made["verdict"] for kind in MEASURES for made in record[kind]}
    elif not one.observed.layers:
        verdicts = {entry["verdict"] for entry in step["expectations"] if entry["kind"] in ("state", "refused")}
        verdicts |= {finding["verdict"] for finding in findings if finding["kind"] == "refusal"}
    else:
        verdicts = {entry["verdict"] for entry in step["expectations"] if entry["kind"] not in ("state", "refused")}
        verdicts |= {mark for layer in step["layers"].values() for row in layer["verdict"] for mark in row}
        # What only the model says of listeners and of the wire has no cell.
        verdicts |= {finding["verdict"] for finding in findings if finding["kind"] in ("heard", "wire", "program")}
    if "F" not in verdicts and not required and (lacking := _lacking(one.measures)):
        pytest.skip(lacking)
    if "F" in verdicts or "?" in verdicts:
        word = "not as expected" if "F" in verdicts else "inconclusive: nothing could be proved either way"
        raise NotAsExpected(f"{word}\n\n{terminal.render(record, Style(width=100))}")
    if "P" not in verdicts:
        why = next((finding["detail"] for finding in findings if finding["detail"]), "nothing is expected")
        pytest.skip(f"only observed: {why}")


def _lacking(measures: JudgedMeasures | None) -> str:
    """Which tool this machine lacks for a measurement, and what fixes it; '' if it lacks none."""
    if measures is None:
        return ""
    entries = [one.measured.samples for one in (*measures.throughput, *measures.latency)]
    sides = [side for one in measures.compare for side in (one.compared.faster, one.compared.than)]
    return next((one.detail for samples in (*entries, *sides) for one in samples if one.status == "no-tool"), "")
