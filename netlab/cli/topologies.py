"""`netlab list`: the topologies that ship."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import click


@click.command("list", short_help="List the topologies that ship with netlab.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(as_json: bool) -> None:
    """List the topologies that ship with netlab, with a line on each.

    Any of them can be named, from any folder: netlab run bridge-two-node
    """
    import json
    import shutil

    from tabulate import tabulate

    from netlab.spec import load, shipped

    specs = [(path, load(path).topology) for path in shipped()]
    found = [
        _Shipped(
            path.stem,
            [str(claim.number) for claim in (*filter(None, [topology.claim]), *topology.claims)],
            topology.description.strip(),
        )
        for path, topology in specs
    ]
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=2, ensure_ascii=False))
        return
    names = max((len(one.name) for one in found), default=0)
    room = max(30, min(shutil.get_terminal_size((80, 24)).columns, 120) - names - 12)
    rows = [(one.name, ", ".join(one.claims), _first(one.description, room)) for one in found]
    headers = ("topology", "claims", "what it shows")
    click.echo(tabulate(rows, headers=headers, tablefmt="plain", disable_numparse=True))


@dataclass(frozen=True)
class _Shipped:
    name: str
    claims: list[str]
    description: str


def _first(text: str, room: int) -> str:
    """The first sentence, cut to one line."""
    sentence = " ".join(text.split()).split(". ")[0].rstrip(".")
    return sentence if len(sentence) <= room else sentence[: room - 1].rstrip() + "…"
