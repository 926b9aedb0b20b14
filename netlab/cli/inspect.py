"""`netlab ps` and `netlab inspect`: which labs stay, and what is in one."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click

from netlab.cli.lab import InLab, adopted, attached, nothing_more, pick
from netlab.cli.output import echo_json
from netlab.cli.params import AS_JSON

#: Seconds that a busy lab has to say what it is.
PATIENCE = 2.0


@click.command("ps", short_help="List the labs that stay.")
@AS_JSON
def ps(as_json: bool) -> None:
    """List this user's labs: since when they are up, in which step, how many programs run in them, their memory, and
    their kernel."""
    from netlab.client import registry

    rows = [row for name in registry.names() if (row := about(name))]
    if as_json:
        echo_json(rows)
        return
    if not rows:
        click.echo("no lab is up")
        return
    table: list[tuple[str, ...]] = [
        ("LAB", "UP FOR", "USER", "STEP", "PROGRAMS", "MEMORY", "KERNEL", "FILE"),
        *map(_row, rows),
    ]
    widths = [max(len(row[k]) for row in table) for k in range(len(table[0]))]
    for cells in table:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())


def about(name: str) -> dict[str, Any] | None:
    """What is known of a lab; None where it has just ended."""
    from netlab.client import LabError, staying

    try:
        with staying.attached(name, PATIENCE) as lab:
            found = lab.about(PATIENCE)
            pid = lab.pid
    except LabError:
        return None
    except TimeoutError:
        return {"name": name, "busy": True}
    noted = found["memo"]
    return {
        "name": name,
        "file": noted["file"],
        "user": noted["user"],
        "step": noted["step"],
        "since": datetime.fromtimestamp(found["since"], UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "seconds": round(time.time() - found["since"], 3),
        "pid": pid,
        "kernel": found.get("kernel", os.uname().release),
        "programs": found["programs"],
        "memory": found["memory"],
        "namespaces": list(noted["interfaces"]),
        "busy": False,
    }


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    if row["busy"]:
        return (row["name"], "busy", *[""] * 6)
    memory = f"{row['memory'] / (1 << 20):.0f} MB"
    return (
        row["name"], duration(row["seconds"]), row["user"], row["step"], str(row["programs"]), memory, row["kernel"],
        _short(row["file"]),
    )  # fmt: skip


def _short(path: str) -> str:
    """A path from the current folder on, where it is in that, else from the user's own."""
    for base, sign in ((os.getcwd(), ""), (os.path.expanduser("~"), "~/")):
        if path.startswith(f"{base}/"):
            return sign + path[len(base) + 1 :]
    return path


def duration(seconds: float) -> str:
    """In the unit that fits: ``42 s``, ``7 min``, ``3 h 12 min``, ``2 d 3 h``."""
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{int(seconds)} s"


@click.command("inspect", short_help="Tell what is in a lab that stays.")
@click.argument("words", metavar="[LAB]", nargs=-1, type=InLab())
@AS_JSON
@click.option("--yaml", "as_yaml", is_flag=True, help="As a topology file: with the steps that it has gone through.")
def inspect(words: tuple[str, ...], as_json: bool, as_yaml: bool) -> None:
    """Tell what is in a lab: hosts and switches, and of each interface what the kernel says of it now."""
    name, rest = pick(words)
    nothing_more(rest)
    with attached(name) as lab:
        adopted(lab)
        if as_yaml:
            click.echo(lab.topology, nl=False)
            return
        told: dict[str, Any] = {"name": name, "step": lab.current.name, "steps": list(lab.blueprint.steps)}
        told["unknown"] = dict(lab.state.foreign)
        told["namespaces"] = {
            one.id: {
                "kind": one.kind,
                "interfaces": {
                    link.name: {**lab.links.get(link.id, {}), "type": link.kind} for link in lab.state.links_of(one.id)
                },
            }
            for one in lab.state.namespaces
        }
    if as_json:
        echo_json(told)
        return
    for line in _text(told):
        click.echo(line)


def _text(told: dict[str, Any]) -> Iterator[str]:
    yield f"{told['name']}, {told['step']}"
    for name, namespace in told["namespaces"].items():
        yield f"  {name} ({namespace['kind']})"
        for ifname, link in namespace["interfaces"].items():
            addresses = " ".join(map(str, link.get("addresses", ())))
            yield f"    {ifname}  {link['type']}  {link.get('mac', '')}  {addresses}".rstrip()
    for place, why in told["unknown"].items():
        yield f"  unknown to the model: {place}: {why}"
