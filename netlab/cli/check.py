"""`netlab check`: everything that is wrong with a file, without a kernel."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netlab.cli.params import FILES
from netlab.cli.problems import explain
from netlab.errors import FAILED, PASSED, worst

if TYPE_CHECKING:
    from netlab.plan.types import Plan


@click.command("check", short_help="Find everything that is wrong with topology files.")
@FILES
@click.option("--strict", is_flag=True, help="Exit 1 where there are warnings, too.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing of files that are right.")
def command(files: tuple[str, ...], strict: bool, quiet: bool) -> int:
    """Report everything that is wrong with topology files, each with its line, in one go.

    An expectation that contradicts the model is a warning: one of the two is wrong, and a run will
    show which.
    """
    return worst([_check(name, strict, quiet) for name in files])


def _check(name: str, strict: bool, quiet: bool) -> int:
    from netlab import plan, spec

    try:
        resolved = plan.from_file(spec.find(name))
    except spec.TopologyError as error:
        return explain(error)
    warnings = [*resolved.warnings, *contradictions(resolved)]
    for warning in warnings:
        print(f"{warning}" if ": " in warning else f"{resolved.file}: {warning}", file=sys.stderr)
    if not warnings and not quiet:
        click.echo(f"{Path(resolved.file).name}: {_summary(resolved)}")
    return FAILED if warnings and strict else PASSED


def contradictions(plan: Plan) -> list[str]:
    """Expectations that the model says will not hold, in words."""
    from netlab import model
    from netlab.judge.table import ACCEPTS, OUTCOME_LETTER
    from netlab.plan.types import ExpectPair

    found = []
    for step in plan.steps:
        entries = [entry for entry in step.expect if isinstance(entry, ExpectPair)]
        layers = tuple(dict.fromkeys(layer for entry in entries for layer in entry.layers))
        if not layers:
            continue
        prediction = model.predict(step.state, layers)
        index = step.state.index
        for entry in entries:
            accepted = ACCEPTS[OUTCOME_LETTER[entry.outcome]]
            against = [
                (layer, source, destination, letter)
                for layer in entry.layers
                for source, destination in entry.pairs
                if (letter := prediction.letters[layer][index[source]][index[destination]]) in ACCEPTS
                and not ACCEPTS[letter] & accepted
            ]
            if against:
                layer, source, destination, letter = against[0]
                rule = prediction.rule(layer, index[source], index[destination])
                others = f" and {len(against) - 1} more" if len(against) > 1 else ""
                where = f" in step {step.name}" if step.name != "baseline" else ""
                found.append(
                    f"{entry.where}: warning: '{entry.text}'{where} contradicts the model: "
                    f"{source} -> {destination} ({layer}) is predicted {letter}{others}"
                    + (f"; {rule}: {model.RULES[rule].sentence}" if rule else "")
                )
    return found


def _summary(plan: Plan) -> str:
    state = plan.steps[0].state
    hosts = sum(namespace.kind == "host" for namespace in state.namespaces)
    entries = sum(len(step.expect) for step in plan.steps)
    return (
        f"right: {hosts} hosts, {len(state.endpoints)} endpoints, "
        f"{len(plan.steps)} {'step' if len(plan.steps) == 1 else 'steps'}, {entries} expectations"
    )
