"""`netlab kernel`: the kernels that labs can run on besides the machine's own."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netlab.cli.other_kernel import CachedName
from netlab.cli.output import echo_json
from netlab.cli.params import AS_JSON

if TYPE_CHECKING:
    from netlab.kernels import Cached
    from netlab.kernels.debian import Tell
    from netlab.kernels.machine import Vmlinuz


@click.group("kernel", short_help="Build, fetch, list other kernels to run labs on.")
def command() -> None:
    """The kernels for --kernel: each is a User-Mode Linux, a kernel that runs as an ordinary process.

    They need no root, no virtual machine and no image, and are kept in ~/.cache/netlab/kernels. A kernel for machines
    (vmlinuz) is given by its path, and run by QEMU.
    """


@command.command("build", short_help="Build a kernel of its source (minutes).")
@click.argument("version")
@click.option(
    "--source",
    type=click.Path(exists=True, path_type=Path),
    metavar="PATH",
    help="A folder or an archive of its source. [default: Debian's package linux-source-VERSION]",
)
@click.option(
    "-j", "--jobs", type=click.IntRange(min=1), metavar="N", help="Compilers at a time. [default: one a processor]"
)
def build(version: str, source: Path | None, jobs: int | None) -> None:
    """Build Linux VERSION, such as 6.12, with everything that labs use built in. It takes minutes and 2.5 GB of disk on
    the way, and ends as a program of 10 MB.

    An interrupted build goes on where it was. The source's checksum is apt's to check.
    """
    from netlab.kernels.build import build as make

    with _telling() as tell:
        kept = make(version, source.absolute() if source else None, jobs or len(os.sched_getaffinity(0)), tell)
    _kept(kept)


@command.command("fetch", short_help="Take Debian's ready-made kernel.")
@click.argument("version", required=False)
def fetch(version: str | None) -> None:
    """Download Debian's User-Mode Linux (40 MB), of the release that this machine's apt has.

    It starts in 2 s where an own build takes 0.3 s, and has nftables for bridges only.
    """
    from netlab.kernels.fetch import fetch as take

    with _telling() as tell:
        kept = take(version, tell)
    _kept(kept)


@command.command("list", short_help="List the kernels that are there.")
@AS_JSON
def listing(as_json: bool) -> None:
    """List the kernels in the cache, the oldest first."""
    from netlab.kernels import cached, folder
    from netlab.report.columns import pad, visible

    found = cached()
    if as_json:
        echo_json([_plain(one) for one in found])
        return
    if not found:
        click.echo(f"There is no kernel in {folder()} yet: netlab kernel build 6.12")
        return
    rows = [(one.name, one.facts.release, f"{_size(one) / 1e6:.0f} MB", one.source) for one in found]
    widths = [max(visible(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        click.echo("  ".join((*(pad(cell, width) for cell, width in zip(row, widths, strict=False)), row[3])))


@command.command("info", short_help="Say what a kernel can do.")
@click.argument("kernel", type=CachedName(paths=True))
@AS_JSON
def info(kernel: str, as_json: bool) -> None:
    """Say what KERNEL is (a name in the cache, a version, or a path): its kinds of links, and what of netem, nftables,
    several processors and a clock for --virtual-time it has."""
    from netlab.kernels import choose
    from netlab.report.columns import fold, pad, visible
    from netlab.report.style import style_for

    one = choose(kernel)
    if as_json:
        echo_json(_plain(one))
        return
    style = style_for(sys.stdout)
    lines = _of_machines(one, one.vmlinuz) if one.vmlinuz else _of_programs(one)
    width = max(map(visible, lines))
    for name, words in lines.items():
        first, *rest = fold(words, style.width - width - 3) or [""]
        click.echo(f"{pad(name, width)}  {first}")
        for line in rest:
            click.echo(f"{' ' * width}  {line}")


def _of_programs(one: Cached) -> dict[str, str]:
    """What is told of a User-Mode Linux."""
    facts = one.facts
    return {
        "kernel": f"Linux {facts.release}",
        "program": str(one.program),
        "from": one.source,
        "kinds of links": ", ".join(facts.kinds),
        "netem": _yes(facts.netem),
        "nftables": "all families" if facts.nftables else "bridge only, or none",
        "processors": "several" if facts.smp else "one",
        "processes run by": "seccomp" if facts.seccomp else "ptrace",
        "--virtual-time": _yes(facts.time_travel),
        "namespaces": "needs a PID namespace of its own" if facts.leaves else "needs none",
    }


def _of_machines(one: Cached, more: Vmlinuz) -> dict[str, str]:
    """What is told of a kernel for machines; what only its configuration tells is unknown without one."""
    facts = one.facts
    nftables = "all families" if facts.nftables else "bridge only, or none"
    return {
        "kernel": f"Linux {facts.release}",
        "image": str(one.program),
        "run by": "QEMU, with KVM where that works",
        "configuration": str(more.config or f"not found: config-{facts.release} beside it, or in /boot"),
        "modules": str(more.modules / facts.release if more.modules else "none: all is built in"),
        "kinds of links": ", ".join(facts.kinds),
        "netem": _yes(facts.netem),
        "nftables": nftables if more.config else "unknown",
        "processors": "one, of a guest's",
        "--virtual-time": "no",
        "namespaces": "needs none",
    }


@command.command("remove", short_help="Delete kernels from the cache.")
@click.argument("kernels", metavar="KERNEL...", nargs=-1, required=True, type=CachedName())
def remove(kernels: tuple[str, ...]) -> None:
    """Delete kernels from the cache, by their names."""
    from netlab.kernels import store

    for name in kernels:
        click.echo(f"{store.remove(name)} is deleted")


def _kept(one: Cached) -> None:
    click.echo(f"Linux {one.facts.release} is ready: netlab run FILE --kernel {one.name}")


@contextlib.contextmanager
def _telling() -> Iterator[Tell]:
    """Progress on stderr: a bar on a terminal, else a line for each part of the work."""
    from netlab.cli.progress import Progress

    with Progress() as watch:
        said = ""

        def tell(doing: str, part: float | None) -> None:
            nonlocal said
            watch(f"{_bar(part)}{doing}")
            stage = doing.partition(":")[0]
            if stage != said and not sys.stderr.isatty():
                watch.note(stage)
            said = stage

        yield tell


def _bar(part: float | None) -> str:
    if part is None:
        return ""
    done = round(20 * part)
    return f"{'━' * done}{'─' * (20 - done)} {part:4.0%}  "


def _plain(one: Cached) -> dict[str, Any]:
    plain = {"name": one.name, "program": str(one.program), "source": one.source, **one.facts.plain()}
    if one.vmlinuz:
        config, modules = one.vmlinuz.config, one.vmlinuz.modules
        plain |= {"config": config and str(config), "modules": modules and str(modules / one.facts.release)}
    return plain


def _size(one: Cached) -> int:
    return sum(path.stat().st_size for path in one.program.parent.rglob("*") if path.is_file())


def _yes(value: bool) -> str:
    return "yes" if value else "no"
