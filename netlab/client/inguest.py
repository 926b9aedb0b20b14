"""A lab that stays in a guest: no descriptor comes out of it, so its programs get this process's streams piece by
piece."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn

from netlab.client import relay
from netlab.client.errors import LabError, NotOnThisSubstrate, SpawnError
from netlab.client.guest import GuestLab
from netlab.client.kept import StayingLab
from netlab.client.process import Process
from netlab.contract.lacks import NOT_EXECUTABLE, NOT_FOUND
from netlab.contract.wire import PIECE

#: What ends or interrupts a program: passed on to it.
_PASSED_ON = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
#: After the end of a program: how long its output is silent before nothing more is waited for, in seconds.
QUIET = 0.25


class StayingGuestLab(StayingLab, GuestLab):
    """A lab that stays in a guest, seen by a process that has connected to it."""

    def become(self, namespace: str, argv: Sequence[str], *, leads: bool = False) -> NoReturn:
        """Run a program in one of its namespaces with this process's streams, and end with its status. Where input and
        output are a terminal it gets one in the guest, of the same size, which it leads. Raises LabError."""
        terminal = _size() if os.isatty(0) and os.isatty(1) else None
        request = {
            "lab": self.number, "ns": namespace, "argv": list(argv), "env": dict(os.environ), "cwd": os.getcwd(),
            "anywhere": True, "named": True, "outputs": {}, "terminal": terminal,
        }  # fmt: skip
        try:
            process = relay.spawn(self.agent, request, [])
        except SpawnError as error:
            print(f"netlab: {error}", file=sys.stderr)
            sys.exit(NOT_FOUND if error.errno == errno.ENOENT else NOT_EXECUTABLE)

        def tell(op: str, **values: Any) -> None:
            # Where it has ended there is nothing to tell.
            with contextlib.suppress(LabError):
                self.agent.request(op, lab=self.number, process=process.number, **values)

        for number in _PASSED_ON:
            signal.signal(number, lambda number, _frame: tell("signal", signal=number))
        if terminal:
            signal.signal(signal.SIGWINCH, lambda *_: tell("resize", terminal=_size()))

        def held(pipe: int) -> bool:
            # Where the lab has ended nothing is.
            with contextlib.suppress(LabError):
                return bool(self.agent.request("held", pipe=pipe).result())
            return False

        with _raw() if terminal else contextlib.nullcontext():
            status = _Passing(process, held).wait()
        sys.exit(status if status >= 0 else 128 - status)

    def nsenter(self, namespace: str) -> NoReturn:
        """No namespace of another kernel can be entered."""
        raise NotOnThisSubstrate(
            f"{self.name} is in a guest with another kernel: its namespaces can't be entered from here",
            f"netlab exec {self.name} {namespace} -- CMD... runs a command in it",
        )


def _size() -> list[int]:
    size = os.get_terminal_size(1)
    return [size.lines, size.columns]


@contextlib.contextmanager
def _raw() -> Iterator[None]:
    """Have the terminal of the guest do what a terminal does; this one passes on every key."""
    before = termios.tcgetattr(0)
    tty.setraw(0)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


class _Passing:
    """Passes on what is typed to a program, and what it says. ``held``: whether anything there has an output of it."""

    def __init__(self, process: Process, held: Callable[[int], bool]) -> None:
        self._process = process
        self._held = held
        self._said = 0
        self._outputs = [
            threading.Thread(target=self._copy, args=ends, daemon=True)
            for ends in ((process.stdout.fileno(), 1), (process.stderr.fileno(), 2))
        ]

    def wait(self) -> int:
        """Pass on until it has ended, and has said everything; its status."""
        # Nobody waits for what is typed: it may never come.
        threading.Thread(target=self._type, daemon=True).start()
        for thread in self._outputs:
            thread.start()
        status = self._process.wait()
        for thread, pipe in zip(self._outputs, self._process.pipes[1:], strict=True):
            said = -1
            # What it has started may go on with its output: then silence is the end. Else the end is still to come.
            while thread.is_alive() and (said != self._said or not self._held(pipe)):
                said = self._said
                thread.join(QUIET)
        return status

    def _type(self) -> None:
        self._copy(0, self._process.stdin.fileno())
        self._process.stdin.close()

    def _copy(self, source: int, target: int) -> None:
        try:
            while data := os.read(source, PIECE):
                relay.write(target, data)
                self._said += len(data)
        except OSError as error:
            # A reader that has gone needs no more, and a terminal that has gone says no more.
            if error.errno not in (errno.EPIPE, errno.EIO, errno.EBADF):
                raise
