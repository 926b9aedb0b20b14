"""`netlab doctor`: what this machine can do."""

from __future__ import annotations

import sys
from typing import Any

import click

from netlab.cli import on
from netlab.cli.params import AS_JSON
from netlab.errors import CANNOT_RUN, PASSED


@click.command("doctor", short_help="Say what this machine can do, and how to fix what it can't.")
@AS_JSON
@on.options
def command(as_json: bool, **asked: Any) -> int:
    """Try everything that netlab needs, for real: namespaces, each kind of link, iperf3. Nothing is changed.

    With --on or --vagrant: each machine's Python, root, NIC and kernel, and whether the network between them lets the
    frames of a macvlan child through. What is missing comes with the one line that fixes it.
    """
    from netlab.client.doctor import examine
    from netlab.report.columns import fold, pad, visible
    from netlab.report.style import style_for

    machines = on.machines(asked)
    found = examine() if machines is None else on.doctor(machines, asked)
    if as_json:
        import json

        click.echo(json.dumps(found, indent=2))
    else:
        style = style_for(sys.stdout)
        width = max((visible(one["name"]) for one in found), default=0)
        for one in found:
            mark = style.verdict("P" if one["ok"] else "F" if one.get("required", True) else "?")
            first, *rest = fold(str(one["detail"]), style.width - width - 6) or [""]
            click.echo(f"{mark} {pad(one['name'], width)}  {first}")
            for line in rest:
                click.echo(f"  {' ' * width}  {line}")
            if not one["ok"] and one.get("fix"):
                click.echo(f"  {' ' * width}  {style.paint(one['fix'], 'bold')}")
    lacks = [one for one in found if not one["ok"] and one.get("required", True)]
    return CANNOT_RUN if lacks else PASSED
