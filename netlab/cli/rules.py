"""`netlab rules`: what the model knows of Linux."""

from __future__ import annotations

import fnmatch
import sys
import textwrap

import click

from netlab.cli.params import RulePattern


@click.command("rules", short_help="List the kernel's rules that the model knows.")
@click.argument("pattern", default="*", type=RulePattern())
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(pattern: str, as_json: bool) -> None:
    """List the rules by which the model decides: for each a sentence, and the kernel function it was read in.

    PATTERN limits the list to names that begin so or that it matches: netlab rules macvlan, netlab rules '*flood*'
    """
    from netlab.errors import UsageError, did_you_mean
    from netlab.model import RULES
    from netlab.report.style import style_for

    chosen = {
        name: rule
        for name, rule in sorted(RULES.items())
        if name.startswith(pattern) or fnmatch.fnmatchcase(name, pattern)
    }
    if not chosen:
        hint = did_you_mean(pattern, [*{name.partition("/")[0]: "" for name in RULES}, *RULES])
        raise UsageError(f"no rule begins with or matches '{pattern}'{hint}: 'netlab rules' lists all {len(RULES)}")
    if as_json:
        import json

        rules = {
            name: {
                "sentence": rule.sentence,
                "function": rule.function,
                "file": rule.file,
                "verified": list(rule.verified),
            }
            for name, rule in chosen.items()
        }
        click.echo(json.dumps(rules, indent=2, ensure_ascii=False))
        return
    style = style_for(sys.stdout)
    for name, rule in chosen.items():
        click.echo(style.paint(name, "cyan"))
        for line in textwrap.wrap(rule.sentence, style.width - 3):
            click.echo(f"  {line}")
        source = f"{rule.function}, {rule.file}, {', '.join(rule.verified)}"
        click.echo(f"  {style.paint(source, 'dim')}")
