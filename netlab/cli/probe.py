"""`netlab probe`: who reaches whom in a lab that stays, now."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netlab.cli.lab import InLab, adopted, attached, pick
from netlab.cli.output import STDOUT, OutputPath, deliver
from netlab.cli.params import LAYERS_OPTION
from netlab.errors import FAILED, INCONCLUSIVE, PASSED, UsageError, worst

if TYPE_CHECKING:
    from netlab.testing.staying import StayingLab


@click.command("probe", short_help="Probe and judge a lab that stays, as it is now.")
@click.argument("words", metavar="[LAB] [SRC,DST]...", nargs=-1, type=InLab("hosts", "interfaces"))
@LAYERS_OPTION
@click.option(
    "--json", "json_to", type=OutputPath(), metavar="PATH", help="Write the record as JSON; - is stdout, instead."
)
def command(words: tuple[str, ...], layers: tuple[str, ...], json_to: Path | None) -> int:
    """Probe every pair, from cold, and judge what is seen by what the topology expects and by the model of what is
    there now: after every 'set' and 'step' that it has gone through, and with what programs have changed.

    A pair is two names with a comma: A,B (a program in A, the first address of B), A:eth0,B. Then only these are
    probed, and told in a line each. The exit codes are those of 'netlab run'.
    """
    name, rest = pick(words)
    pairs = [_pair(word) for word in rest]
    if pairs and json_to is not None:
        raise UsageError("--json is for the whole matrix")
    with attached(name) as lab:
        adopted(lab)
        if pairs:
            return worst([_probed(lab, *pair, layer) for pair in pairs for layer in layers or (_ping(pair[1]),)])
        record = lab.examine(layers)
    if json_to is not None:
        import json

        deliver(json_to, json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")
    if json_to != STDOUT:
        from netlab.report import terminal
        from netlab.report.style import style_for

        click.echo(terminal.render(record, style_for(sys.stdout)))
    return int(record["summary"]["exit_code"])


def _pair(word: str) -> tuple[str, str]:
    source, sign, destination = word.partition("->" if "->" in word else ",")
    if not (sign and source.strip() and destination.strip()):
        raise UsageError(
            f"{word!r} is neither a lab that is up nor a pair", fix="write two names with a comma between them: A,B"
        )
    return source.strip(), destination.strip()


def _ping(destination: str) -> str:
    """The ping that can be sent to a destination."""
    from netlab.spec.expect import address_of

    return "icmp6" if ":" in (address_of(destination) or "") else "icmp"


def _probed(lab: StayingLab, source: str, destination: str, layer: str) -> int:
    """Probe one pair, and say in a line what was seen and whether that is as the model says; the exit code."""
    from netlab.judge.table import judgement
    from netlab.report.style import style_for
    from netlab.report.words import BRIEFLY, asked, because

    try:
        seen = lab.ping(source, destination, layer)
        model = lab.predicted[seen.layer, seen.source, seen.destination]
    except KeyError as error:
        raise UsageError(str(error.args[0])) from None
    judged = judgement(" ", model, seen.letter)
    reason = seen.evidence.get("reason")
    why = f": {because(str(reason), seen.layer, seen.source, seen.destination)}" if reason else ""
    words = f"{seen.letter} {BRIEFLY[seen.letter]}{why}"
    rule: Any = None
    if judged.verdict == "F":
        words += f"; the model says {model}, {BRIEFLY[model]}"
        rule = lab.predicted.rule(seen.layer, seen.source, seen.destination)
    elif model == "?":
        words += "; the model has no prediction"
    style = style_for(sys.stdout)
    mark = style.verdict(judged.verdict) if judged.verdict in "PF?S" else " "
    click.echo(f"{mark} {seen.source} {style.arrow} {seen.destination} ({asked(seen.layer)}): {words}")
    if rule is not None:
        click.echo(f"    {rule.sentence} [{rule.id}]")
    return {"F": FAILED, "?": INCONCLUSIVE}.get(judged.verdict, PASSED)
