"""`netlab logs`: what the programs of a lab that stays have said."""

from __future__ import annotations

import contextlib
import select
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from netlab.cli import Interrupted
from netlab.cli.lab import InLab, at_most_one, has_host, pick
from netlab.client.errors import LabError
from netlab.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from netlab.client.kept import StayingLab

#: Seconds between two looks at what is followed.
LOOK = 0.2


@click.command("logs", short_help="Show what programs of a lab that stays have said.")
@click.argument("words", metavar="[LAB] [HOST[:PROGRAM]]", nargs=-1, type=InLab("programs"))
@click.option("-f", "--follow", is_flag=True, help="Go on with what they say, until Ctrl-C.")
@click.option("-n", "--lines", type=click.IntRange(min=0), metavar="LINES", help="The last lines alone. [default: all]")
def command(words: tuple[str, ...], follow: bool, lines: int | None) -> None:
    """Show the output of the programs that the topology gives its hosts ('programs:'), of all starts: of every host, of
    one, or of one program (A:web).

    Each line begins with its program, unless one is named. How a program has ended is told on stderr. Other programs
    (netlab exec, those of tests) write where they were started.
    """
    from netlab.client import staying

    name, rest = pick(words)
    wanted = at_most_one(name, rest, words, "the program")
    with staying.attached(name) as lab:
        shown = _Shown(lab, wanted)
        shown.show(lines, follow=follow)
        shown.tell(follow=follow)
        if not follow:
            return
        # Its reader may go while nothing is said.
        reader = select.poll()
        reader.register(sys.stdout.fileno(), 0)
        with contextlib.suppress(KeyboardInterrupt, Interrupted):
            while not reader.poll(LOOK * 1000):
                try:
                    shown.show()
                except LabError:
                    if not lab.agent.alive:
                        click.echo("the lab has ended", err=True)
                        return


class _Shown:
    """What has been shown of a lab's programs: of all, of a host's, or of one."""

    def __init__(self, lab: StayingLab, wanted: str) -> None:
        self._lab = lab
        self._host, self._one, self._program = wanted.partition(":")
        #: Of each: the number of its log, how much of that was read, and what has no end of a line yet.
        self._read: dict[tuple[str, str], tuple[int, int, bytes]] = {}
        self._check()

    def _check(self) -> None:
        """Raises UsageError where the lab has no such host or program."""
        if self._host:
            has_host(self._lab, self._host)
        if self._one and not self._programs():
            own = [one["name"] for one in self._lab.programs() if one["host"] == self._host]
            hint, there = did_you_mean(self._program, own), f"there are {', '.join(own)}" if own else "it has none"
            raise UsageError(f"no program {self._program!r} in {self._host}{hint}; {there}")

    def _programs(self) -> list[dict[str, Any]]:
        return [
            one
            for one in self._lab.programs()
            if self._host in ("", one["host"]) and (not self._one or one["name"] == self._program)
        ]

    def show(self, lines: int | None = None, *, follow: bool = True) -> None:
        """What is new, of each program the last ``lines`` alone. While it is followed a line that has no end yet is
        kept back. Raises LabError."""
        for one in self._programs():
            key = one["host"], one["name"]
            log, position, rest = self._read.get(key, (0, 0, b""))
            now, said = self._lab.output(*key, position)
            if now != log and position:
                # Built afresh.
                position, rest, (now, said) = 0, b"", self._lab.output(*key)
            *told, begun = (rest + said).split(b"\n")
            self._read[key] = now, position + len(said), begun
            told += [begun] if begun and not follow else []
            self._write(key, told if lines is None else told[max(0, len(told) - lines) :])

    def tell(self, *, follow: bool) -> None:
        """That there are none, that one has said nothing, and how those have ended that don't run."""
        programs = self._programs()
        if not programs:
            where = f"{self._host} of {self._lab.name}" if self._host else self._lab.name
            click.echo(f"nothing to show: no program of the topology's ('programs:') is in {where}", err=True)
        for one in programs:
            key = one["host"], one["name"]
            if not follow and not self._read.get(key, (0, 0, b""))[1]:
                click.echo(f"{':'.join(key)} has said nothing", err=True)
            if one["stopped"]:
                click.echo(f"{':'.join(key)} was stopped", err=True)
            elif not one["running"]:
                click.echo(f"{':'.join(key)} has ended with {one['status']}", err=True)

    def _write(self, key: tuple[str, str], lines: Sequence[bytes]) -> None:
        before = b"" if self._one else f"{':'.join(key)} | ".encode()
        for line in lines:
            sys.stdout.buffer.write(before + line + b"\n")
        sys.stdout.flush()
