"""What the model predicts, as a record of its own: the same shape as a run's, with nothing observed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netlab.contract.kernels import stand_in
from netlab.contract.types import Plan, Step, asks_host
from netlab.judge.types import JudgedLayer
from netlab.report.changes import describe
from netlab.report.matrix import Notes, draw
from netlab.report.record import axes, own_axes
from netlab.report.rules import cited, rule_rows
from netlab.report.style import Style
from netlab.report.terminal import head, legend, step_head, why

if TYPE_CHECKING:
    from netlab.model import Prediction

Record = dict[str, Any]

SCHEMA = "netlab.predict/2"
_VERDICTS = str.maketrans("RAUB?", "PPPPP")


def build(
    plan: Plan,
    steps: Sequence[Step],
    predict: Callable[[Step], Prediction],
    rules: Mapping[str, Any],
    version: str,
) -> Record:
    """The prediction of these steps. ``predict`` asks the model, ``rules`` are `netlab.model.RULES`."""
    first, kernel = axes(steps[0].state), steps[0].state.kernel
    made = [_step(step, predict(step), first) for step in steps]
    met = {rule for step in made for layer in step["layers"].values() for rule in layer["rules"]["keys"].values()}
    return {
        "schema": SCHEMA,
        "netlab": version,
        "topology": {
            "name": plan.name,
            "description": plan.description,
            "file": plan.file,
            "warnings": list(plan.warnings),
        },
        "kernel": str(kernel),
        "stand_in": stand_in(kernel),
        **first,
        "steps": made,
        "rules": cited(met, rules),
    }


def _step(step: Step, prediction: Prediction, first: Mapping[str, list[Record]]) -> Record:
    layers = {}
    for layer, rows in prediction.letters.items():
        verdict = tuple(row.translate(_VERDICTS) for row in rows)
        judged = JudgedLayer(layer, rows, rows, verdict)
        unknown = {f"{i},{j}": why for (name, i, j), why in prediction.unknown.items() if name == layer}
        asked = "host" if asks_host(layer) else "interface"
        layers[layer] = {
            "asked": asked,
            "expected": list(rows),
            "rules": rule_rows(judged, prediction),
            "unknown": unknown,
        }
    heard = {}
    if "broadcast" in prediction.letters:
        heard = {
            endpoint.id: sorted(prediction.heard(i))
            for i, endpoint in enumerate(step.state.endpoints)
            if not endpoint.extra and "?" not in prediction.letters["broadcast"][i]
        }
    return {
        "name": step.name,
        "description": step.description,
        "changes": [describe(change) for change in step.changes],
        **own_axes(step.state, first),
        "layers": layers,
        "heard": heard,
    }


def render(record: Record, style: Style, *, told: bool = True) -> str:
    """The matrices and the rules behind them, for a terminal; ``told``: also for which kernel."""
    notes = Notes()
    lines = list(head(record, style))
    if told or record["stand_in"]:
        lines += style.wrap(record["stand_in"] or f"for Linux {record['kernel']}", "", "  ")
    for step in record["steps"]:
        lines.append("")
        lines += step_head(record, step, style)
        lines += [""] if len(record["steps"]) > 1 else []
        shown = {
            name: {
                "asked": layer["asked"],
                "observed": layer["expected"],
                "expected": layer["expected"],
                "verdict": [row.translate(_VERDICTS) for row in layer["expected"]],
                "rules": layer["rules"],
            }
            for name, layer in step["layers"].items()
        }
        lines += draw(record, {**step, "layers": shown}, notes, style)
        reasons = {why for layer in step["layers"].values() for why in layer["unknown"].values()}
        lines += (f"  ? not known: {reason}" for reason in sorted(reasons))
    lines += legend(notes, style)
    lines += why(record, notes, style)
    return "\n".join(lines)
