"""`netlab rules`: what the model knows of Linux."""

from __future__ import annotations

import fnmatch
import sys
import textwrap

import click

from netlab.cli.output import echo_json
from netlab.cli.params import AS_JSON, KernelVersion, RulePattern
from netlab.contract.kernels import Version


@click.command("rules", short_help="List the kernel's rules that the model knows.")
@click.argument("pattern", default="*", type=RulePattern())
@click.option(
    "--kernel-version",
    "kernel",
    type=KernelVersion(),
    metavar="VERSION",
    help="Only what holds in this version of Linux. [default: all]",
)
@AS_JSON
def command(pattern: str, kernel: Version | None, as_json: bool) -> None:
    """List the rules by which the model decides: for each a sentence, and the kernel function it was read in.

    Some hold in some versions of Linux only: those say so, and --kernel-version leaves out what doesn't hold in one.

    PATTERN limits the list to names that begin so or that it matches: netlab rules macvlan, netlab rules '*flood*'
    """
    from netlab.errors import UsageError, did_you_mean
    from netlab.model import RULES
    from netlab.report.style import style_for

    chosen = {
        name: rule
        for name, rule in sorted(RULES.items())
        if (name.startswith(pattern) or fnmatch.fnmatchcase(name, pattern)) and (kernel is None or rule.holds(kernel))
    }
    if not chosen:
        hint = did_you_mean(pattern, [*{name.partition("/")[0]: "" for name in RULES}, *RULES])
        raise UsageError(f"no rule begins with or matches '{pattern}'{hint}: 'netlab rules' lists all {len(RULES)}")
    if as_json:
        rules = {
            name: {
                "sentence": rule.sentence,
                "function": rule.function,
                "file": rule.file,
                "verified": list(rule.verified),
                "since": str(rule.since or "") or None,
                "until": str(rule.until or "") or None,
                "commit": rule.commit or None,
            }
            for name, rule in chosen.items()
        }
        echo_json(rules)
        return
    style = style_for(sys.stdout)
    for name, rule in chosen.items():
        click.echo(style.paint(name, "cyan"))
        for line in textwrap.wrap(rule.sentence, style.width - 3):
            click.echo(f"  {line}")
        bounds = f"; {rule.kernels}" if rule.kernels else ""
        source = f"{rule.function}, {rule.file}, {', '.join(rule.verified)}{bounds}"
        click.echo(f"  {style.paint(source, 'dim')}")
