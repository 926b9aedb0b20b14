"""`netlab show`: the resolved plan of a topology, down to the sysctls."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netlab.cli.output import echo_json
from netlab.cli.params import FILE, KERNEL_OPTION
from netlab.contract.kernels import Version, here

if TYPE_CHECKING:
    from netlab.contract.types import AnyLink, Plan, State, Where


@click.command("show", short_help="Show what exactly a topology asks the kernel for.")
@FILE
@click.option("--json", "as_json", is_flag=True, help="The plan as JSON, exactly as it goes to the agent.")
@click.option("--yaml", "as_yaml", is_flag=True, help="The file itself, as it is written.")
@click.option("-a", "--all", "everything", is_flag=True, help="All sysctls, also those that every namespace is given.")
@KERNEL_OPTION
def command(file: str, as_json: bool, as_yaml: bool, everything: bool, kernel: Version | None) -> None:
    """Show the resolved plan of a topology: what exactly the kernel is going to be asked for."""
    from netlab import plan, spec

    if as_yaml:
        from netlab.errors import UsageError
        from netlab.spec.loader import read

        if as_json or everything:
            raise UsageError("--yaml shows the file as it is; --json and --all are of its plan")
        click.echo(read(spec.find(file), file), nl=False)
        return
    resolved = plan.from_file(spec.find(file), kernel=kernel or here())
    if as_json:
        from netlab.contract.wire import to_plain

        echo_json(to_plain(resolved))
        return
    from netlab.report.style import style_for

    # What reads lines gets whole ones.
    width = style_for(sys.stdout).width if sys.stdout.isatty() else None
    lines = _plan(resolved, everything, width)
    click.echo("\n".join(lines if width is None else _wrapped(lines, width)))


def _wrapped(lines: Iterable[str], width: int) -> Iterator[str]:
    from netlab.report.columns import fold, visible

    for line in lines:
        if visible(line) < width:
            yield line
        else:
            indent = " " * (len(line) - len(line.lstrip()) + 2)
            yield from fold(line, width - 1, further=indent)


def _plan(plan: Plan, everything: bool, width: int | None) -> Iterator[str]:
    """The lines; on a terminal of a ``width`` the table of links fits it, and places name the file without its path."""
    from netlab.report.changes import describe

    def place(where: Where) -> str:
        return str(where if width is None else replace(where, file=Path(where.file).name))

    yield f"{plan.name}  ({plan.file})"
    if plan.description:
        yield from (f"  {line.strip()}" for line in plan.description.splitlines())
    yield ""
    yield from _links(plan.steps[0].state, width)
    yield ""
    yield from _routing(plan.steps[0].state)
    yield from _sysctls(plan.steps[0].state, everything)
    for number, step in enumerate(plan.steps):
        if step.name != "baseline":
            yield ""
            yield f"step {step.name}" + (f": {step.description}" if step.description else "")
            yield from (f"  {describe(change)}" for change in step.changes)
            yield from _announced(plan.steps[number - 1].state, step.state)
        elif step.expect:
            yield ""
        yield from (f"  expect {entry.text}   ({place(entry.where)})" for entry in step.expect)
    for claim in plan.claims:
        yield ""
        yield f"claim {claim.number}: {claim.says}"
        yield from (f"  in {name}: {entry.text}" for name, entry in claim.tests)


def _announced(before: State, after: State) -> Iterator[str]:
    """What interfaces tell their neighbours of themselves on the way from one state to the next."""
    from netlab import model

    for one in model.announcements(before, after):
        learned = "; ".join(f"{bridge} learns that it is behind {port}" for bridge, port in one.learned)
        yield f"  {one.link} announces {one.ip} at {one.mac}" + (f": {learned}" if learned else "") + f" ({one.rule})"


def _links(state: State, width: int | None) -> Iterator[str]:
    from netlab.report.columns import aligned, visible

    rows = [
        (
            link.id,
            str(link.ifindex),
            link.mac or "(kernel's choice)",
            str(link.mtu),
            _state(link),
            _what(link),
            _addresses(link),
        )
        for link in state.links
    ]
    headers = ("link", "index", "MAC", "MTU", "state", "what", "addresses")
    table = aligned([headers, *rows])
    yield from table if width is None or max(map(visible, table)) < width else _one_by_one(rows)
    yield ""
    ids = ", ".join(endpoint.id for endpoint in state.endpoints)
    yield f"endpoints, in the matrices' order: {ids}"


def _one_by_one(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Links where the table of them is too wide."""
    for link, index, mac, mtu, state, what, addresses in rows:
        yield f"{link}: {what}, {state}"
        if addresses:
            yield f"  {addresses}"
        yield f"  MAC {mac}, MTU {mtu}, index {index}"


def _state(link: AnyLink) -> str:
    return ("up" if link.carrier else "up, no carrier") if link.up else "down"


def _addresses(link: AnyLink) -> str:
    static = [f"{one.ip} is at {one.mac}" for one in link.neighbors]
    return ", ".join([*map(str, link.addresses), *static])


def _what(link: AnyLink) -> str:
    from netlab.report.changes import kind_in_words

    return ", ".join(kind_in_words(link))


def _routing(state: State) -> Iterator[str]:
    for namespace in state.namespaces:
        for word, made in (("route", namespace.routes), ("rule", namespace.rules)):
            yield from (f"{namespace.id}: {word} {' '.join(one.argv)}" for one in made)
    for namespace in state.namespaces:
        if namespace.nftables:
            yield f"nftables of {namespace.id}:"
            yield from (f"  {line}" for line in namespace.nftables.splitlines())


def _sysctls(state: State, everything: bool) -> Iterator[str]:
    """The sysctls that all hosts have, once, if asked for; and each set of differences once, for all hosts that have
    it."""
    from netlab.plan import sysctls

    usual = {"host": sysctls.defaults(), "container": sysctls.defaults(), "switch": sysctls.SWITCH}
    kinds = {namespace.kind for namespace in state.namespaces}
    hosts = " and ".join(f"every {kind}" for kind in ("host", "container") if kind in kinds)
    if everything:
        yield from _listed(hosts, usual["host"])
        if "switch" in kinds:
            yield from _listed("every switch", sysctls.SWITCH)
    else:
        yield f"sysctls of {hosts}: {len(usual['host'])}, Linux's own defaults with a silent IPv6 (--all lists them)"
    special: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for namespace in state.namespaces:
        own = tuple(pair for pair in namespace.sysctls if usual[namespace.kind].get(pair[0]) != pair[1])
        special.setdefault(own, []).append(namespace.id)
    for own, names in special.items():
        if own:
            yield from _listed(", ".join(names), dict(own))


def _listed(whose: str, values: Mapping[str, str]) -> Iterator[str]:
    from netlab.report.changes import sysctl_name

    yield f"sysctls of {whose}:"
    yield from (f"  {sysctl_name(path)} = {value}" for path, value in values.items())
