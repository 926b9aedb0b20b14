"""What the commands for labs that stay have in common: which lab is meant, and what completes its names."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from netlab.cli.params import Completed
from netlab.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from netlab.client.kept import StayingLab as Kept
    from netlab.testing.adopting import Adopted
    from netlab.testing.staying import StayingLab


def pick(words: Sequence[str]) -> tuple[str, list[str]]:
    """The lab that is meant, and the words behind it: the first word may name it; where one lab is up it needn't.

    Raises UsageError.
    """
    from netlab.client import registry

    there = registry.names()
    if words and words[0] in there:
        return words[0], list(words[1:])
    if len(there) == 1:
        return there[0], list(words)
    if not there:
        raise UsageError("no lab is up", fix="netlab up FILE brings one up")
    raise registry.unknown(words[0], there) if words else UsageError(f"which lab? There are {', '.join(there)}")


def one(words: Sequence[str], what: str) -> tuple[str, str]:
    """The same for a command with one word behind the lab. Raises UsageError."""
    name, rest = pick(words)
    if not rest:
        raise UsageError(f"{what} is missing")
    return name, at_most_one(name, rest, words, what)


def at_most_one(name: str, rest: list[str], words: Sequence[str], what: str) -> str:
    """The word behind the lab, '' where there is none. Raises UsageError."""
    from netlab.client import registry

    if len(rest) == 2 and rest == list(words):
        # Two words where one lab is up, and the first isn't its name.
        raise registry.unknown(rest[0], [name])
    if len(rest) > 1:
        raise UsageError(f"{what} is one word, not {' '.join(rest)!r}")
    return rest[0] if rest else ""


@contextlib.contextmanager
def attached(name: str, *, change: bool = False) -> Iterator[StayingLab]:
    """The lab of that name, as `netlab.attach` gives it; its warnings are told as `netlab run` tells them."""
    from netlab.report.style import style_for
    from netlab.testing.staying import attach

    def tell(message: Warning | str, *_more: Any, **_named: Any) -> None:
        style = style_for(sys.stderr)
        for line in style.wrap(str(message), style.paint("warning: ", "yellow"), "         "):
            click.echo(line, err=True)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = tell
        with attach(name, change=change) as lab:
            yield lab


def adopted(lab: StayingLab, *hosts: str) -> Adopted:
    """Have a lab take over what programs have changed in these hosts, or in all; what is new is told."""
    try:
        found = lab.adopt(*hosts)
    except KeyError as error:
        raise UsageError(str(error.args[0])) from None
    for line in str(found).splitlines():
        click.echo(f"changed by a program: {line}", err=True)
    return found


def nothing_more(words: Sequence[str]) -> None:
    """Raises UsageError where words are left that mean nothing."""
    if words:
        raise UsageError(f"no lab {words[0]!r} is up")


def has_host(lab: Kept, host: str) -> None:
    """Raises UsageError where the lab has no such host."""
    known = list(lab.about()["memo"]["interfaces"])
    if host not in known:
        raise UsageError(f"no host {host!r} in {lab.name}{did_you_mean(host, known)}; there are {', '.join(known)}")


class InLab(Completed[str]):
    """Words of which the first may be the name of a lab: labs, and what there is in them: ``hosts``, ``interfaces``,
    ``steps``, ``programs``."""

    name = "lab"

    def __init__(self, *kinds: str) -> None:
        self._kinds = kinds

    def words(self, ctx: click.Context, incomplete: str) -> Iterable[str]:
        """In the first place labs; behind a lab, or where one lab is up, its own names."""
        from netlab.client import registry

        labs = registry.names()
        # While a line is still being typed its words may not have been taken for parameters yet.
        said = [*ctx.args, *(word for value in ctx.params.values() if isinstance(value, tuple) for word in value)]
        named = next((word for word in said if word in labs), labs[0] if len(labs) == 1 else None)
        found = [] if said else labs
        if named is not None and self._kinds:
            found = [*found, *_names_in(named, self._kinds)]
        return dict.fromkeys(found)


def _names_in(lab: str, kinds: Sequence[str]) -> list[str]:
    from netlab.client import LabError, staying

    try:
        with staying.attached(lab, 1.0) as handle:
            memo = handle.about(1.0)["memo"]
            programs = handle.programs(1.0) if "programs" in kinds else []
    except (LabError, UsageError, TimeoutError):
        # It is busy, or has just ended: nothing to complete with.
        return []
    hosts = memo["interfaces"]
    found = {
        "hosts": list(hosts),
        "interfaces": [f"{host}:{name}" for host, names in hosts.items() for name in names],
        "steps": ["baseline", *memo["steps"]],
        "programs": [name for one in programs for name in (one["host"], f"{one['host']}:{one['name']}")],
    }
    return [name for kind in kinds for name in found[kind]]
