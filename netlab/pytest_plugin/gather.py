"""One report for each topology file, from what its items have observed, in any worker.

Workers send observations; the controller predicts, judges and writes, once, here.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict, field, replace
from pathlib import Path

import pytest

from netlab.clock import Clock
from netlab.contract.dataclass import dataclass
from netlab.contract.kernels import parse
from netlab.contract.observed import LayerObserved, MeasuresObserved, StepObserved
from netlab.contract.types import Step
from netlab.contract.wire import from_plain, to_plain
from netlab.errors import ReportError
from netlab.judge.measure import JudgedMeasures
from netlab.pytest_plugin.bench import MEASURES, Seen, only
from netlab.report import Circumstances
from netlab.report.folder import Folder
from netlab.report.naming import Folders


def pack(file: str, seen: Seen) -> str:
    """What an item sends: the file (relative to the root folder), the step, the observations, when and where."""
    one, measured = seen.examined, seen.measured
    return json.dumps({
        "file": file, "step": one.step.name, "here": asdict(seen.here), "observed": to_plain(one.observed),
        "measured": None if measured is None else to_plain(measured),
    })  # fmt: skip


def _tell(text: str) -> None:
    print(f"\nnetlab: {text}", file=sys.stderr)


@dataclass
class _File:
    """What was observed of one topology file: by step, the values read back, the layers, and the measurements."""

    here: Circumstances
    steps: dict[str, StepObserved] = field(default_factory=dict)
    layers: dict[str, list[LayerObserved]] = field(default_factory=dict)
    measured: dict[str, dict[str, MeasuresObserved]] = field(default_factory=dict)


class Gatherer:
    """A plugin of the controller's (or of the only process): gathers, and writes at the end."""

    def __init__(self, root: Path, folder: Folder) -> None:
        self.root = root
        self.folder = folder
        self._folders = Folders(folder)
        #: By file and kernel.
        self._files: dict[tuple[str, str], _File] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Make the folder, or say why it can't be, before anything is built.

        Not before xdist has started its workers: it takes an argument that exists for a path to be copied to them.
        """
        try:
            self.folder.make()
            self.folder.check()
        except ReportError as error:
            raise pytest.UsageError(f"--netlab-report: {error}") from None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take what an item of a topology file has seen."""
        sent: str | None = getattr(report, "netlab_seen", None)
        if sent is None:
            return
        plain = json.loads(sent)
        here, observed = Circumstances(**plain["here"]), from_plain(StepObserved, plain["observed"])
        seconds = {"total": here.seconds.get("total", 0.0)}
        file = self._files.setdefault((plain["file"], here.kernel), _File(replace(here, seconds={"total": 0.0})))
        seconds["total"] += file.here.seconds["total"]
        started = min(file.here.started, here.started)
        file.here = replace(file.here, seconds=seconds, started=started)
        file.steps.setdefault(plain["step"], observed)
        file.layers.setdefault(plain["step"], []).extend(observed.layers)
        if plain["measured"] is not None:
            measured = from_plain(MeasuresObserved, plain["measured"])
            kinds = {kind: measured for kind in MEASURES if getattr(measured, kind)}
            file.measured.setdefault(plain["step"], {}).update(kinds)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the reports; one that can't be written is told, and the session has failed."""
        times = Counter(name for name, _ in self._files)
        for (name, kernel), file in self._files.items():
            try:
                self._write(self.root / name, file, f"-{kernel}" if times[name] > 1 else "")
            except ReportError as error:
                _tell(f"{error}{f'; {error.fix}' if error.fix else ''}")
                session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED

    def _write(self, path: Path, file: _File, ending: str) -> None:
        from netlab import chosen, model, pipeline, plan, report
        from netlab.report.save import save

        resolved = plan.from_file(path, kernel=parse(file.here.kernel))
        examined = []
        for step in resolved.steps:
            if step.name not in file.steps:
                continue
            by_name = {layer.layer: layer for layer in file.layers[step.name]}
            names = tuple(name for name in chosen.layers(resolved, step, ()) if name in by_name)
            prediction, stories = pipeline.predict(step, names, Clock())
            layers = [by_name[name] for name in names]
            one = pipeline.conclude(step, file.steps[step.name], layers, prediction, stories)
            measures = self._measured(step, file.measured.get(step.name, {}), file.here.seed)
            examined.append(replace(one, measures=measures))
        claims = pipeline.weigh_claims(resolved, examined)
        name = self._folders.of(resolved.name + ending, str(path), (path, ending), _tell)
        save(report.build(resolved, examined, claims, model.RULES, file.here), self.folder, name)

    def _measured(self, step: Step, seen: dict[str, MeasuresObserved], seed: int) -> JudgedMeasures | None:
        """The measurements of all items of a step as those of one run; None where there was none."""
        from netlab import pipeline

        if not seen:
            return None
        whole = MeasuresObserved(
            **{kind: getattr(one, kind) for kind, one in seen.items()},
            seconds=sum(one.seconds for one in seen.values()),
        )
        return pipeline.judge_measured(replace(step, measures=only(step.measures, seen)), whole, seed)
