"""`netlab check`: everything that is wrong with a file, without a kernel."""

from __future__ import annotations

import sys
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import click

from netlab.cli.live import PLACES
from netlab.cli.output import echo_json
from netlab.cli.params import KERNEL_OPTION, TopologyFile
from netlab.cli.problems import explain
from netlab.contract.kernels import Version, here
from netlab.errors import FAILED, PASSED, printable, worst

if TYPE_CHECKING:
    from netlab.contract.types import Plan


@click.command("check", short_help="Find everything that is wrong with topology files, or with this machine.")
@click.argument("files", metavar="FILE...", nargs=-1, type=TopologyFile())
@click.option("--live", is_flag=True, help="Look at this machine, as it is, in the place of files.")
@PLACES
@click.option("--json", "as_json", is_flag=True, help="With --live: as JSON.")
@click.option("--strict", is_flag=True, help="Exit 1 where there are warnings, too; with --live where there are notes.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing of files that are right.")
@KERNEL_OPTION
def command(
    files: tuple[str, ...],
    live: bool,
    as_json: bool,
    strict: bool,
    quiet: bool,
    kernel: Version | None,
    **places: Any,
) -> int:
    """Report everything that is wrong with topology files, each with its line, in one go.

    What the model contradicts is a warning, an expectation or something that the kernel will refuse:
    one of the two is wrong, and a run will show which.

    With --live it is a linter of this machine's network: two interfaces with one MAC or one address, parents that are
    down, VEPA without a reflecting switch, rp_filter, MTUs that differ, each with its place and what fixes it.
    Nothing is changed. Exit 1 where something is wrong; notes don't count.
    """
    from netlab.errors import UsageError

    if live:
        if files:
            raise UsageError("--live looks at this machine: leave the files out")
        return _machine(as_json, strict, places)
    if not files:
        raise UsageError("Missing argument 'FILE...'.")
    if as_json or any(places.values()):
        raise UsageError("--json, --netns, --container, --pid and --all are for --live alone")
    return worst([_check(name, strict, quiet, kernel or here()) for name in files])


def _machine(as_json: bool, strict: bool, places: dict[str, Any]) -> int:
    from netlab.cli.live import faults_of_machine
    from netlab.live.machine.faults import RULES

    found, real, unread = faults_of_machine(**places)
    for line in unread:
        print(printable(f"warning: not read: {line}"), file=sys.stderr)
    if as_json:
        from dataclasses import asdict

        rules = {name: sentence for name, (sentence, _) in RULES.items()}
        told = {"schema": "netlab.check-live/1", "faults": [asdict(one) for one in found], "rules": rules}
        echo_json({**told, "unread": unread})
    else:
        for one in found:
            click.echo(printable(f"{one.place}: {one.severity}: {one.says} [{one.rule}]"))
            if one.fix:
                click.echo(f"  {real.place(one.place.partition(':')[0])}:")
                click.echo("\n".join(one.fix))
        counts = {kind: sum(one.severity == kind for one in found) for kind in ("error", "warning", "note")}
        summary = [f"{many} {kind}{'s' * (many > 1)}" for kind, many in counts.items() if many]
        nothing = "nothing wrong was found" + (" in what could be read" if unread else "")
        click.echo(", ".join(summary) or nothing)
    wrong = [one for one in found if strict or one.severity != "note"]
    return FAILED if wrong else PASSED


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
