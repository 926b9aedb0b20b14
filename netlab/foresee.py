"""A run that only the model made: a record in the shape of a run's, for pages that need no kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from netlab import chosen, pipeline
from netlab.clock import Clock
from netlab.contract.observed import LayerObserved, StepObserved
from netlab.contract.types import ExpectPair, Plan, Step

if TYPE_CHECKING:
    from netlab.report.record import Examined, Record


def foresee(plan: Plan, steps: Sequence[str] = (), layers: Sequence[str] = ()) -> Record:
    """The record of what the model predicts, with what the file expects of pairs judged by it.

    Cells hold predicted letters, ``B`` among them. Entries about the wire, listeners, read-back values and refusals are
    left out: only a kernel can show those.
    """
    from netlab import model, report
    from netlab.report.html.view import PREDICTED
    from netlab.version import __version__

    examined = [
        _examined(replace(step, expect=tuple(one for one in step.expect if isinstance(one, ExpectPair))), plan, layers)
        for step, wanted in chosen.steps(plan, steps)
        if wanted
    ]
    where = report.Circumstances(
        version=__version__, kernel="", substrate=PREDICTED, rootless=True, seed=0, started="1970-01-01T00:00:00.000Z"
    )
    record = report.build(plan, examined, (), model.RULES, where)
    for told, one in zip(record["steps"], examined, strict=True):
        assert one.prediction is not None
        for name, layer in told["layers"].items():
            layer["observed"] = layer["expected"] = list(one.prediction.letters[name])
        if "broadcast" in told["layers"]:
            ends = one.step.state.endpoints
            told["heard"] = {end.id: sorted(one.prediction.heard(i)) for i, end in enumerate(ends) if not end.extra}
    return record


def _examined(step: Step, plan: Plan, layers: Sequence[str]) -> Examined:
    clock = Clock()
    prediction, stories = pipeline.predict(step, chosen.layers(plan, step, layers), clock)
    refused = {link: {"errno": errno, "at": at} for link, (errno, at, _) in pipeline.predicted_refusals(step).items()}
    seen = [
        LayerObserved(layer, tuple(row.replace("B", "R") for row in rows)) for layer, rows in prediction.letters.items()
    ]
    return pipeline.conclude(step, StepObserved((), refused=refused), seen, prediction, stories)
