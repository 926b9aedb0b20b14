"""`netlab set`, `netlab step` and `netlab reset`: a lab that stays, changed."""

from __future__ import annotations

import click

from netlab.cli.lab import InLab, adopted, attached, nothing_more, one, pick
from netlab.cli.params import StepName
from netlab.errors import UsageError


@click.command("set", short_help="Change what is in a lab that stays.")
@click.argument("words", metavar="[LAB] TARGET KEY=VALUE...", nargs=-1, type=InLab("interfaces", "hosts"))
@click.option("--adopt", is_flag=True, help="Set nothing: take over what programs have changed, in these hosts or all.")
def settle(words: tuple[str, ...], adopt: bool) -> None:
    """Change an interface (A:eth0), a host (A) or a switch of a lab, in the words of topology files.

    \b
    netlab set A:eth0 state=down            netlab set A:eth0 port.hairpin=true
    netlab set A:eth0 netem.delay=50ms      netlab set A:eth0 addresses=[10.0.0.7/24]
    netlab set A sysctls.net.ipv4.ip_forward=1
    netlab set A:eth0 state=down B:eth0 state=down

    All changes of one command are one step, which prediction and probes go by from then on.

    What programs or you by hand have changed is taken over before every 'set', 'step', 'probe' and 'why', and told;
    'netlab set --adopt [LAB] [HOST]...' does that alone. Pairs that are touched by what no topology can say are unknown
    to the model, and only observed.
    """
    from netlab.client import registry
    from netlab.spec import TopologyError

    name, rest = pick(words)
    if rest == list(words) and ["=" in word for word in rest[:3]] == [False, False, True] and ":" not in rest[0]:
        # A target that nothing is set of, where a lab's name can stand.
        raise registry.unknown(rest[0], [name])
    changes = {} if adopt else parse(rest)
    with attached(name, change=True) as lab:
        new = adopted(lab, *(rest if adopt else ()))
        if adopt:
            click.echo(f"{name}: {lab.current.name if new else 'nothing new'}")
            return
        try:
            lab.settle(changes, " ".join(rest))
        except TopologyError as error:
            # It stands in no file.
            told = (str(problem).removeprefix(f"{problem.where}: ") for problem in error.problems)
            raise UsageError("\n".join(told)) from None
        click.echo(f"{name}: {lab.current.name}")


def parse(words: list[str]) -> dict[str, dict[str, object]]:
    """What is set of which target. Raises UsageError."""
    from netlab.spec import nodes

    found: dict[str, dict[str, object]] = {}
    target = ""
    for word in words:
        key, sign, text = word.partition("=")
        if not sign:
            target = word
            found.setdefault(target, {})
            continue
        if not target:
            raise UsageError(f"{word!r} is set of nothing", fix="name what it is of before it: A:eth0 state=down")
        # A sysctl's name has dots of its own.
        path = key.split(".", 1) if key.startswith("sysctls.") else key.split(".")
        value = nodes.compose(text, f"<{key}>").plainly() if text[:1] in ("[", "{") else text or None
        here = found[target]
        for name in path[:-1]:
            inner = here.setdefault(name, {})
            if not isinstance(inner, dict):
                raise UsageError(f"{name!r} is given twice for {target}")
            here = inner
        here[path[-1]] = value
    if not found or not all(found.values()):
        about = next((name for name, given in found.items() if not given), "LAB")
        raise UsageError(f"nothing is set of {about}", fix="netlab set LAB A:eth0 state=down")
    return found


@click.command("step", short_help="Take a lab that stays into a step of its topology.")
@click.argument("words", metavar="[LAB] STEP", nargs=-1, type=InLab("steps"))
def step(words: tuple[str, ...]) -> None:
    """Go on to a step of the topology, through those before it.

    Steps that are over can't be gone back to; 'netlab reset' builds the lab afresh.
    """
    name, wanted = one(words, "the step")
    with attached(name, change=True) as lab:
        adopted(lab)
        lab.step(wanted)
        click.echo(f"{name}: {lab.current.name}")


@click.command("reset", short_help="Build a lab that stays afresh.")
@click.argument("words", metavar="[LAB]", nargs=-1, type=InLab())
@click.option("-s", "--step", type=StepName(), help="And go on to this step. [default: baseline]")
def reset(words: tuple[str, ...], step: str | None) -> None:
    """Build the lab afresh, as its topology says: whatever was changed since, by netlab or by hand, is gone, and so are
    the programs and shells in it."""
    name, rest = pick(words)
    nothing_more(rest)
    with attached(name, change=True) as lab:
        lab.reset(step or "baseline")
        click.echo(f"{name}: {lab.current.name}, built afresh")
