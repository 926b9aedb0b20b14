"""`netlab why`: the story of one pair, and what would make it work."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netlab.cli import auto, other_kernel
from netlab.cli.lab import adopted, attached, pick
from netlab.cli.output import OutputPath, deliver, echo_json
from netlab.cli.params import AS_JSON, KERNEL_OPTION, EndpointName, FixNumber, Layers, StepName, TopologyFile, up
from netlab.contract.kernels import Version, here

if TYPE_CHECKING:
    from netlab.cli.story import Shown
    from netlab.contract.types import Plan, State
    from netlab.kernels import Choice
    from netlab.live.machine.real import Real
    from netlab.live.reading import Left
    from netlab.spec import Spec
    from netlab.why import Explanation
    from netlab.why.commands import Run


@click.command("why", short_help="Tell why a pair is reached or not, and what would help.")
@click.argument("file", metavar="FILE|[LAB]", type=TopologyFile(labs=True, ends=True), required=False)
@click.argument("source", metavar="SRC", type=EndpointName(), required=False)
@click.argument("destination", metavar="DST", type=EndpointName(), required=False)
@click.option("--live", is_flag=True, help="Of this machine, as it is, in the place of FILE.")
@click.option(
    "-l", "--layer", "layers", type=Layers(), help="The layer, or a port of your own: tcp/80. [default: icmp]"
)
@click.option("-s", "--step", type=StepName(), help="The step. [default: baseline]")
@click.option("--fix", type=FixNumber(), metavar="N|all", help="Tell fix N whole, in the place of the story; or all.")
@click.option("--verify", is_flag=True, help="Try every fix in a real lab, too.")
@other_kernel.options
@KERNEL_OPTION
@AS_JSON
@click.option("--html", type=OutputPath(), metavar="PAGE", help="As a page, too, with a drawing and the file.")
def command(
    file: str | None,
    source: str | None,
    destination: str | None,
    live: bool,
    layers: tuple[str, ...] | None,
    step: str | None,
    fix: int | None,
    verify: bool,
    guest: str | None,
    kernel: Version | None,
    as_json: bool,
    html: Path | None,
) -> int:
    """Tell hop by hop what becomes of a packet from SRC to DST, which rule of the kernel decides, and what
    would make it work.

    SRC is a host or container (A, A/c1): a program there, for which routing chooses; or one of its interfaces
    (A:eth0), as 'ping -I' asks. DST is either of these, or an address.

    FILE is a topology, LAB one that is up (netlab up), of which the state is told that it is in now; where one lab is
    up it may be left out.

    Every fix was tried on the model; with --verify also in a real lab. The best is told as steps of the file, each
    other in a sentence; --fix 2 tells one whole: its steps, commands for the real machines, and what takes them back.

    With --live there is no FILE: this machine is read, as 'netlab import live' does, and nothing on it is changed.
    SRC and DST are then '.' (its own namespace), a container, a namespace of 'ip netns', or an address; --verify
    builds a copy of it in a lab.

    \b
    netlab why bridge-two-node A A:ens160.1
    sudo netlab why --live . web
    """
    from netlab import model, plan, spec, why
    from netlab.cli.story import Shown, render
    from netlab.contract.types import layer_family
    from netlab.errors import FAILED, PASSED, UsageError
    from netlab.kernels import choose
    from netlab.live.machine.lost import open_questions
    from netlab.report.style import style_for
    from netlab.why.explain import to_plain

    if layers is not None and len(layers) > 1:
        raise UsageError("one layer at a time: every layer has its own story")
    if verify and kernel is not None:
        raise UsageError("--verify shows what a kernel does: leave --kernel-version out, --kernel says which")
    if fix is not None and as_json:
        raise UsageError("--json has all fixes: leave --fix out")
    if guest is not None and not verify:
        raise UsageError("--kernel is the kernel on which --verify tries: --kernel-version predicts without one")
    real, text, lab = None, "", None
    again = _again(live, (file, source, destination), layers, step, kernel)
    foreign: tuple[tuple[str, str], ...] = ()
    left: tuple[Left, ...] = ()
    if live:
        if destination is not None:
            raise UsageError("--live asks of this machine: leave the FILE out")
        if file is None or source is None:
            raise UsageError("name two ends of this machine, as in: netlab why --live . web")
        source, destination = file, source
        loaded, real, text, left = _machine(source, destination)
        source, destination = (_known(one, real) for one in (source, destination))
    elif file is None or source is None:
        raise click.MissingParameter(param_type="argument", param_hint=f"'{'SRC' if file else 'FILE|[LAB]'}'")
    elif destination is None or file in up():
        lab, source, destination = (file, source, destination) if destination else (pick(())[0], file, source)
        text, foreign = _now(lab)
        loaded = spec.load(text, f"<{lab}>")
    else:
        loaded = spec.load(spec.find(file))
        text = Path(loaded.file).read_text("utf-8") if html is not None and Path(loaded.file).is_file() else ""
    choice = other_kernel.asked_for({"guest": guest})
    if choice is not None:
        choice = auto.settled(choice, [Path(loaded.file)], other_kernel.say)
    if choice is not None:
        kernel = choose(choice.kernel).facts.version
    resolved = plan.resolve(loaded, kernel or here())
    if lab is not None:
        if step is not None:
            raise UsageError("a lab is in one step: leave --step out")
        step = resolved.steps[-1].name
    if left:
        family = layer_family(layers[0] if layers else "icmp")
        foreign = tuple(open_questions(left, resolved.steps[-1].state, source, destination, family).items())
    if foreign:
        *steps, now = resolved.steps
        resolved = replace(resolved, steps=(*steps, replace(now, state=replace(now.state, foreign=foreign))))
    told = why.explain(loaded, resolved, source, destination, layer=layers[0] if layers else None, step=step)
    if fix is not None and fix > len(told.fixes):
        raise UsageError(f"there is no fix {fix}: {_many(len(told.fixes))}")
    if verify:
        told = _verified(loaded, [one.name for one in resolved.steps].index(told.step), told, choice)
    if real is not None:
        told = _spoken(told, real, next(one.state for one in resolved.steps if one.name == told.step))
    shown = Shown(_entries(loaded), kernel, real, fix, again)
    if html is not None:
        deliver(html, _page(told, resolved, shown, text))
    if as_json:
        echo_json(to_plain(told, model.RULES))
    else:
        click.echo("\n".join(render(told, model.RULES, style_for(sys.stdout), shown)))
    return FAILED if any(fix.holds is False for fix in told.fixes) else PASSED


def _page(told: Explanation, resolved: Plan, shown: Shown, text: str) -> str:
    """The answer as a page, with the lab drawn, and the text of the topology."""
    from netlab import model
    from netlab.cli.story import answer, whole
    from netlab.contract.wire import to_plain
    from netlab.report.html import why
    from netlab.report.style import Style

    style, shown = Style(width=100), replace(shown, fix=None)
    said = "\n".join(answer(told, model.RULES, style, shown))
    fixes = [
        (f"{number}  {fix.title}", "\n".join(whole(number, told, style, shown)))
        for number, fix in enumerate(told.fixes, 1)
    ]
    state = next(step.state for step in resolved.steps if step.name == told.step)
    return why.render(f"{told.source} → {told.destination}", said, fixes, to_plain(state), text)


def _again(
    live: bool,
    ends: tuple[str | None, ...],
    layers: tuple[str, ...] | None,
    step: str | None,
    kernel: Version | None,
) -> str:
    """The command line that asks the same."""
    import shlex

    from netlab.cli.called import program

    words = [program(), "why", *(["--live"] if live else []), *(end for end in ends if end is not None)]
    words += [*(("-l", *layers) if layers else ()), *(("-s", step) if step else ())]
    return shlex.join([*words, *(("--kernel-version", str(kernel)) if kernel else ())])


def _many(fixes: int) -> str:
    """How many there are, as the reason why one isn't."""
    if not fixes:
        return "nothing has to be fixed here, or nothing that was tried helps"
    return "there is 1" if fixes == 1 else f"there are {fixes}"


def _machine(*mentioned: str) -> tuple[Spec, Real, str, tuple[Left, ...]]:
    """This machine as a topology, what the names on the command line are called there, its text, and what it lacks."""
    from netlab import spec
    from netlab.cli.importing import tell
    from netlab.cli.live import of_machine
    from netlab.live import write

    draft, real = of_machine("host", mentioned=mentioned)
    tell(draft)
    text = write(draft)
    return spec.load(text, "this machine"), real, text, draft.left


def _known(asked: str, real: Real) -> str:
    """What an end is called in the file. Raises UsageError: nothing on this machine is called so."""
    import ipaddress

    from netlab.errors import UsageError, did_you_mean

    space = asked.partition(":")[0]
    try:
        ipaddress.ip_address(asked)
    except ValueError:
        ends = real.ends()
        if space not in (*ends, *real.keys, *real.assumed):
            raise UsageError(
                f"nothing on this machine is called {space!r}{did_you_mean(space, ends)}; there are {', '.join(ends)}"
            ) from None
    return real.name(asked)


def _spoken(told: Explanation, real: Real, state: State) -> Explanation:
    """The explanation with commands that have the machine's own names of ports and bridges."""
    from netlab.live.machine.real import renamed

    names = real.devices(state)

    def those(runs: tuple[Run, ...]) -> tuple[Run, ...]:
        return tuple(
            replace(run, lines=tuple(renamed(line, names.get(run.on, {})) for line in run.lines)) for run in runs
        )

    fixes = (replace(fix, commands=those(fix.commands), undo=those(fix.undo)) for fix in told.fixes)
    return replace(told, fixes=tuple(fixes))


def _now(lab: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The topology of a lab that is up, with the steps that it has gone through, and what is foreign to it."""
    with attached(lab) as one:
        adopted(one)
        return one.topology, one.state.foreign


def _verified(loaded: Spec, number: int, told: Explanation, choice: Choice | None) -> Explanation:
    """The explanation with what a real lab shows of each fix."""
    from netlab import pair, plan, why
    from netlab.client import start

    fixes = []
    with start(choice) as agent:
        agent.listen(other_kernel.say)
        for fix in told.fixes:
            resolved = plan.resolve(why.with_steps(loaded, number, fix.steps), agent.kernel)
            targets = why.with_targets(resolved.steps[-1].state, told.targets).targets
            seen = pair.observe(agent, resolved, told.layer, fix.source, fix.destination, targets)
            fixes.append(replace(fix, observed=seen))
    return replace(told, fixes=tuple(fixes))


def _entries(loaded: Spec) -> int | None:
    """How far the entries of the file's steps are indented; None where it has none."""
    if not loaded.topology.steps:
        return None
    return max(0, loaded.where("steps", 0, key=False).column - 3)
