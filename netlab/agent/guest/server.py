"""The agent's requests in a guest: as everywhere, but what has to do with its stand-in, and with a terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import struct
import termios
import time
from typing import Any

from netlab.agent import keeping
from netlab.agent.errors import NotDone
from netlab.agent.guest.lines import ABOUT, Fronts
from netlab.agent.launcher import Entered
from netlab.agent.loop import Answer
from netlab.agent.relay import RelayingServer
from netlab.contract.wire import Channel


class GuestServer(RelayingServer):
    """A server whose fronts are behind a stand-in."""

    clients: Fronts
    fronts = Fronts

    def __init__(self, channel: Channel, entered: Entered) -> None:
        super().__init__(channel, entered)
        #: By process: the number of its terminal.
        self._terminals: dict[int, int] = {}
        self._operations["resize"] = self.resize

    def keep(self, message: dict[str, Any]) -> Answer:
        """Have a lab stay; the stand-in has the socket that came along, and is free of its front already."""
        number = message["lab"]
        self._lab(number)
        self.kept[number] = keeping.Kept(number, None, "", (0, 0), message["memo"], time.time(), 0.0)
        return None, []

    def _end_kept(self, kept: keeping.Kept) -> None:
        self.clients.line.send_to(ABOUT, {"ended": kept.lab})
        super()._end_kept(kept)

    def about(self, message: dict[str, Any]) -> Answer:
        """What is noted of a lab that stays; the memory is all that this kernel has taken of the machine's."""
        found, _ = super().about(message)
        return {**found, "kernel": platform.release(), "memory": _taken()}, []

    def spawn(self, message: dict[str, Any]) -> Answer:
        """Start a process; with a ``terminal`` (lines and columns) all of its standard streams are that one."""
        if not message.get("terminal"):
            return super().spawn(message)
        master, slave = os.openpty()
        with contextlib.ExitStack() as opened:
            opened.callback(os.close, master)
            try:
                _resize(slave, message["terminal"])
                streams = dict.fromkeys(("stdin", "stdout", "stderr"), slave)
                started, (stdin, stdout, stderr) = self.inside.spawn(message, **streams, preexec_fn=_take_terminal)
            finally:
                os.close(slave)
            opened.pop_all()
        for fd in (stdin, stdout):
            os.close(fd)
        pipes = self.relay.keep([master, os.dup(master), stderr], message["id"])
        self._terminals[started["process"]] = pipes[0]
        return {**started, "pipes": pipes}, []

    def resize(self, message: dict[str, Any]) -> Answer:
        """The terminal of a process has got other lines and columns."""
        if message["process"] in self._terminals:
            with contextlib.suppress(NotDone):
                _resize(self.relay.descriptor(self._terminals[message["process"]]), message["terminal"])
        return None, []

    def ended(self, pid: int, status: int) -> int | None:
        """A child has ended that no job has started; the request that has started it, if there was one."""
        self._terminals.pop(pid, None)
        return super().ended(pid, status)


def _take_terminal() -> None:
    """Make the standard input the controlling terminal; this process leads a session (ioctl_tty(2))."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _resize(terminal: int, size: list[int]) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))


def _taken() -> int:
    """How much memory this kernel has in use, in bytes: what it has taken of the machine's it doesn't give back."""
    with open("/proc/meminfo") as file:
        found = {line.split(":")[0]: int(line.split()[1]) for line in file}
    return 1024 * (found["MemTotal"] - found["MemFree"])
