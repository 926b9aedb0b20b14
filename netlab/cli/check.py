"""`netlab check`: everything that is wrong with a file, without a kernel."""

from __future__ import annotations

import sys
from pathlib import PurePath
from typing import TYPE_CHECKING

import click

from netlab.cli.params import FILES, KERNEL_OPTION
from netlab.cli.problems import explain
from netlab.contract.kernels import Version, here
from netlab.errors import FAILED, PASSED, printable, worst

if TYPE_CHECKING:
    from netlab.contract.types import Plan


@click.command("check", short_help="Find everything that is wrong with topology files.")
@FILES
@click.option("--strict", is_flag=True, help="Exit 1 where there are warnings, too.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing of files that are right.")
@KERNEL_OPTION
def command(files: tuple[str, ...], strict: bool, quiet: bool, kernel: Version | None) -> int:
    """Report everything that is wrong with topology files, each with its line, in one go.

    What the model contradicts is a warning, an expectation or something that the kernel will refuse:
    one of the two is wrong, and a run will show which.
    """
    return worst([_check(name, strict, quiet, kernel or here()) for name in files])


def _check(name: str, strict: bool, quiet: bool, kernel: Version) -> int:
    from netlab import check, plan, spec

    try:
        resolved = plan.from_file(spec.find(name), kernel=kernel)
    except spec.TopologyError as error:
        return explain(error)
    warnings = check.warnings(resolved)
    for warning in warnings:
        print(printable(warning), file=sys.stderr)
    if not quiet:
        doubts = f", with {len(warnings)} warning{'' if len(warnings) == 1 else 's'}" if warnings else ""
        click.echo(f"{PurePath(resolved.file).name}: right{doubts}: {_summary(resolved)}")
    return FAILED if warnings and strict else PASSED


def _summary(plan: Plan) -> str:
    state = plan.steps[0].state
    hosts = sum(namespace.kind == "host" for namespace in state.namespaces)
    entries = sum(len(step.expect) for step in plan.steps)
    counts = {"host": hosts, "endpoint": len(state.endpoints), "step": len(plan.steps), "expectation": entries}
    return ", ".join(f"{count} {one}{'' if count == 1 else 's'}" for one, count in counts.items())
