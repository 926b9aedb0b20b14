"""`netlab up` and `netlab down`: labs that stay."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import click

from netlab.cli import auto, early, other_kernel
from netlab.cli.lab import InLab
from netlab.cli.params import FILE, StepName


@click.command("up", short_help="Build a topology, and leave it running.")
@FILE
@click.option("-n", "--name", metavar="NAME", help="What to call it. [default: the topology's name]")
@click.option("-s", "--step", type=StepName(), help="Go on to this step. [default: baseline]")
@click.option("--private/--shared", default=None, help="Whether hosts have folders and processes of their own.")
@other_kernel.options
def up(file: str, name: str | None, step: str | None, private: bool | None, guest: str | None) -> None:
    """Build a topology and leave it running: until 'netlab down', or until the machine goes down.

    It belongs to this user. Nothing of it has a name on the machine but a socket in $XDG_RUNTIME_DIR/netlab
    (/run/netlab for root): no network namespace, no interface, and no process that outlives it.

    Hosts are private, unless the topology says otherwise: each has its own processes, /run, /tmp and hostname, and
    knows the others by their names.
    """
    from netlab import chosen
    from netlab.client import registry, staying
    from netlab.client.start import start
    from netlab.testing.blueprint import Blueprint
    from netlab.testing.memo import hints, memo

    begun = time.monotonic()
    with contextlib.ExitStack() as stack:
        kernel = other_kernel.asked_for({"guest": guest})
        blueprint = Blueprint.read(file)
        if kernel is not None:
            kernel = auto.settled(kernel, [Path(blueprint.file)], other_kernel.say)
        agent = stack.enter_context(early.take() or start(kernel))
        agent.listen(other_kernel.say)
        if private is not None or not blueprint.says("private"):
            blueprint.with_private(private is not False)
        plan = blueprint.plan(agent.kernel)
        steps = chosen.steps(plan, [step or plan.steps[0].name])
        called = name or plan.name
        with registry.reserved(called):
            lab = agent.lab(plan)
            for reply in [lab.enter(one) for one, _ in steps]:
                reply.result()
            now = steps[-1][0]
            staying.keep(lab, called, memo(blueprint, [blueprint.steps[one.name] for one, _ in steps[1:]], now))
    hosts = ", ".join(one.id for one in now.state.namespaces if one.kind != "switch")
    click.echo(f"{called} is up, {now.name}: {hosts} ({time.monotonic() - begun:.2f} s)")
    for line in hints(called, now.state):
        click.echo(f"  {line}")


@click.command("down", short_help="End a lab that stays.")
@click.argument("labs", metavar="[LAB]...", nargs=-1, type=InLab())
@click.option("--all", "every", is_flag=True, help="All of this user's.")
def down(labs: tuple[str, ...], every: bool) -> int:
    """End labs: every process in them is killed, and nothing of them is left. LAB may be left out where one is up."""
    from netlab.cli.lab import pick
    from netlab.client import registry, staying
    from netlab.errors import PASSED, UsageError

    if every and labs:
        raise UsageError("--all is all of them: name none")
    code = PASSED
    for name in registry.names() if every else labs or [pick(())[0]]:
        try:
            staying.down(name)
        except UsageError as error:
            from netlab.cli.problems import explain

            code = explain(error)
            continue
        click.echo(f"{name} is down")
    return code
