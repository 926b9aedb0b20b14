"""`netlab list`: the topologies that ship."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import click

from netlab.cli.output import echo_json
from netlab.cli.params import AS_JSON
from netlab.contract.dataclass import dataclass


@click.command("list", short_help="List the topologies that ship with netlab.")
@AS_JSON
def command(as_json: bool) -> None:
    """List the topologies that ship with netlab, with a sentence on each, in the order of the claims that they check.

    Any of them can be named, from any folder: netlab run bridge-two-node
    """

    from netlab.report.index import claim_order
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
    # Those that check no claim come last.
    found.sort(key=lambda one: claim_order(one.claims[0] if one.claims else ""))
    if as_json:
        echo_json([asdict(one) for one in found])
        return
    from netlab.report.style import style_for

    # A line each for what reads lines; on a terminal as wide as that is.
    width = style_for(sys.stdout).width if sys.stdout.isatty() else None
    click.echo("\n".join(_lines(found, width)))


def _lines(found: Sequence[_Shipped], width: int | None) -> Iterator[str]:
    from netlab.report.columns import fold, pad, visible

    names = max((visible(one.name) for one in found), default=0)
    claims = max((len(", ".join(one.claims)) for one in found), default=0)
    claims = max(claims, len("claims"))
    lead = names + claims + 4
    if width is not None and width - lead < 24:
        for one in found:
            yield f"{one.name}  {', '.join(one.claims)}".rstrip()
            yield from (f"  {line}" for line in fold(_first(one.description), width - 3))
        return
    yield f"{'topology'.ljust(names)}  {'claims'.ljust(claims)}  what it shows"
    for one in found:
        sentence = _first(one.description)
        first, *rest = fold(sentence, width - lead - 1) if width is not None else [sentence]
        yield f"{pad(one.name, names)}  {', '.join(one.claims).ljust(claims)}  {first}"
        yield from (" " * lead + line for line in rest)


@dataclass(frozen=True)
class _Shipped:
    name: str
    claims: list[str]
    description: str


def _first(text: str) -> str:
    """The first sentence, as one line."""
    return re.split(r"(?<=[.?!]) ", " ".join(text.split()))[0].rstrip(".")
