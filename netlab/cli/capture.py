"""`netlab capture`: what crosses interfaces of a lab that stays, as pcapng."""

from __future__ import annotations

import contextlib
import os
import select
import stat
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netlab.cli import Interrupted
from netlab.cli.lab import InLab, pick
from netlab.cli.output import STDOUT, OutputPath
from netlab.client.errors import LabError
from netlab.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from netlab.client.kept import StayingLab

#: How much of a capture is passed on at once, in bytes: what a pipe holds.
PIECE = 1 << 16


@click.command("capture", short_help="Capture frames at interfaces of a lab that stays.")
@click.argument("words", metavar="[LAB] INTERFACE...", nargs=-1, type=InLab("interfaces"))
@click.option("-w", "--write", "target", type=OutputPath(), metavar="PATH", help="Where to. [default: - (stdout)]")
def command(words: tuple[str, ...], target: Path | None) -> None:
    """Capture at interfaces (A:eth0) and switch ports ('port(A:eth0)') until Ctrl-C, as pcapng: all of them in one
    file, in the order of time, each under its name. Without an interface, everywhere.

    \b
    netlab capture A:eth0 B:eth0 -w lan.pcapng       it can be read while it grows
    netlab capture A:eth0 | wireshark -k -i -
    netlab capture A:eth0 | tcpdump -n -r -

    No interface becomes promiscuous: the capture changes nothing that the lab does.
    """
    from netlab.client import staying

    name, rest = pick(words)
    # Others may change the lab meanwhile: the capture goes on.
    with staying.attached(name) as lab:
        known = lab.about()["memo"]["places"]
        for word in rest:
            if word not in known:
                raise UsageError(f"no interface {word!r} in {name}{did_you_mean(word, known)}: {', '.join(known)}")
        if target in (None, STDOUT) and sys.stdout.isatty():
            raise UsageError("a capture is no text", fix="write it with -w PATH, or pipe it: | tcpdump -n -r -")
        _capture(lab, rest or known, target)


def _capture(lab: StayingLab, wanted: Sequence[str], target: Path | None) -> None:
    out = 1 if target in (None, STDOUT) else os.open(str(target), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    passing: _Passing | None = None
    if stat.S_ISREG(os.fstat(out).st_mode):
        running = lab.capture(wanted, [out])
    else:
        passing = _Passing(out)
        running = lab.capture(wanted, [passing.end])
    running.begun()
    print(f"capturing at {', '.join(wanted)}; Ctrl-C ends it", file=sys.stderr, flush=True)
    with contextlib.suppress(KeyboardInterrupt, Interrupted):
        if passing is None:
            lab.wait()
        else:
            passing.go_on()
            passing.done.wait()
    if not lab.agent.alive:
        print("the lab has ended", file=sys.stderr)
        return
    try:
        counts = running.stop()
    except LabError:
        if passing is None or not passing.left:
            raise
        # Its reader has gone.
        return
    if passing is not None:
        passing.done.wait()
    lost = f", {counts.dropped} lost" if counts.dropped else ""
    print(f"{counts.frames} frames{lost}", file=sys.stderr)


class _Passing:
    """From a pipe of our own to the reader's: one that is slow, or stopped, must not hold up the lab.

    ``end`` is for the agent. ``done``: all is passed on, or the reader has gone (``left``).
    """

    def __init__(self, out: int) -> None:
        self._out = out
        self._source, self.end = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.end, False)
        self.done = threading.Event()
        self.left = False

    def go_on(self) -> None:
        """Begin; the agent has its end."""
        os.close(self.end)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._source, select.POLLIN)
        # The reader is seen to go even while nothing is captured.
        poll.register(self._out, 0)
        try:
            while True:
                ready = {fd for fd, _ in poll.poll()}
                if self._source not in ready:
                    raise BrokenPipeError
                view = memoryview(os.read(self._source, PIECE))
                if not view:
                    return
                while view:
                    view = view[os.write(self._out, view) :]
        except BrokenPipeError:
            self.left = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._out)
        finally:
            os.close(self._source)
            self.done.set()
