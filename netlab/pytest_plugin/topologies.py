"""Topology files as tests: one item for each step and layer, and for each kind of measurement."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netlab.client import BuildError, LabDied, LabError
from netlab.client.errors import AgentBug
from netlab.contract.types import ExpectRefused, ExpectState, Plan, Step
from netlab.pytest_plugin.bench import LINKS, MEASURES, NotAsExpected, judge
from netlab.pytest_plugin.gather import pack
from netlab.pytest_plugin.keeper import left_up, skip_or_raise
from netlab.pytest_plugin.session import asked_kernels, asked_layers, keeper_of, known, version_of


class TopologyFile(pytest.File):
    """A topology file."""

    def collect(self) -> Iterator[pytest.Collector]:
        """Its steps."""
        from netlab import plan, spec

        try:
            plans = {
                kernel: plan.from_file(self.path, kernel=version_of(kernel))
                for kernel in asked_kernels(self.config) or ("",)
            }
        except spec.TopologyError as error:
            raise self.CollectError(str(error)) from None
        for warning in dict.fromkeys(one for resolved in plans.values() for one in resolved.warnings):
            self.warn(UserWarning(warning))
        for kernel, resolved in plans.items():
            for step in resolved.steps:
                name = f"{step.name}[{kernel}]" if kernel else step.name
                yield TopologyStep.from_parent(self, name=name, plan=resolved, step=step, kernel=known(kernel))


class TopologyStep(pytest.Collector):
    """A step of a topology file, on a kernel ('': the machine's own)."""

    def __init__(self, plan: Plan, step: Step, kernel: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan = plan
        self.step = step
        self.kernel = kernel

    def collect(self) -> Iterator[pytest.Item]:
        """Its layers, and what has none."""
        from netlab import chosen

        if (self.step.changes and any(change.refusal for change in self.step.changes)) or _readbacks(self.step):
            yield TopologyItem.from_parent(self, name=LINKS)
        asked = asked_layers(self.config)
        named = tuple(name for name in asked if name not in MEASURES)
        # Also the host questions that the file asks of these layers.
        wanted = chosen.layers(self.plan, self.step, named) if named else ()
        for layer in chosen.layers(self.plan, self.step, ()):
            if not asked or layer in wanted:
                yield TopologyItem.from_parent(self, name=layer)
        for kind in MEASURES:
            if getattr(self.step.measures, kind) and (not asked or kind in asked):
                yield TopologyItem.from_parent(self, name=kind)


def _readbacks(step: Step) -> bool:
    return any(isinstance(entry, (ExpectState, ExpectRefused)) for entry in step.expect)


class TopologyItem(pytest.Item):
    """One layer of one step, or one kind of its measurements."""

    parent: TopologyStep
    #: What it has seen, and where, for the reports of the whole run.
    seen: str | None = None
    where: dict[str, str] | None = None

    def runtest(self) -> None:
        """Examine the layer on the kernel."""
        keeper = keeper_of(self.config)
        bench = keeper.bench(self.parent.kernel)
        try:
            seen = bench.examine(self.parent.plan, self.parent.step, self.name)
        except LabError as error:
            skip_or_raise(error, self.config)
        self.where = {"topology": self.parent.plan.name, "kernel": seen.here.kernel}
        self.where |= {"substrate": seen.here.substrate, "seed": str(seen.here.seed)}
        if self.config.getoption("--netlab-report"):
            self.seen = pack(self.nodeid.partition("::")[0], seen)
        required = bool(self.config.getini("netlab_required"))
        try:
            judge(self.parent.plan, seen.examined, seen.here, required=required)
        except NotAsExpected as error:
            if not self.config.getoption("--netlab-keep-on-failure"):
                raise
            said = left_up(lambda: bench.leave_up(self.path, self.parent.step))
            raise NotAsExpected(f"{error}\n{said}") from None

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The report of what is not as expected, and no traceback."""
        if isinstance(excinfo.value, (NotAsExpected, BuildError, LabDied)):
            return str(excinfo.value)
        if isinstance(excinfo.value, LabError) and not isinstance(excinfo.value, AgentBug):
            return f"{excinfo.value}; {excinfo.value.fix}" if excinfo.value.fix else str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where the step stands in its file."""
        where = next((change.where for change in self.parent.step.changes if change.where), None)
        line = where.line - 1 if where and self.parent.step is not self.parent.plan.steps[0] else 0
        return self.path, line, f"{self.path.name}::{self.parent.name}::{self.name}"
