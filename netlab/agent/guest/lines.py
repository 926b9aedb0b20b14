"""The agent's stream by two serial lines of a User-Mode Linux, each a pipe on the machine's side.

One carries bytes to the guest, and acknowledgements back; the other carries bytes from it. The driver stops for ever
once its input buffer of 4096 bytes has been full (line_throttle, arch/um/drivers/line.c: nothing undoes what it does).
So the machine's side never has more than `WINDOW` bytes under way that the guest has not read.
"""

from __future__ import annotations

import os
import select
import socket
import tty
from collections.abc import Callable
from typing import NamedTuple

from netlab.contract.wire import Channel, Closed

#: How many bytes may be under way to the guest, and after how many that it has read the guest says so.
WINDOW, STEP = 3900, 2048
#: The guest's ends.
INTO, OUT_OF = "/dev/ttyS0", "/dev/ttyS1"


class Ends(NamedTuple):
    """Descriptors of the machine's side: what is written to the guest, its acknowledgements, what it says."""

    into: int
    acknowledged: int
    out_of: int


class Line(Channel):
    """The guest's end: an ordinary channel that acknowledges what it reads."""

    def __init__(self) -> None:
        into, out_of = (os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC) for path in (INTO, OUT_OF))
        # Until then a line echoes, and waits for ends of lines.
        tty.setraw(into)
        tty.setraw(out_of)
        super().__init__(read_fd=into, write_fd=out_of)
        self._unsaid = 0

    def say(self, data: bytes) -> None:
        """Write outside of messages."""
        while data:
            data = data[os.write(self._write_fd, data) :]

    def _read(self) -> bytes:
        data = super()._read()
        steps, self._unsaid = divmod(self._unsaid + len(data), STEP)
        if steps:
            os.write(self._read_fd, b"." * steps)
        return data


class Carrier:
    """The machine's side: carries bytes between the front and the guest, and calls ``others`` of further descriptors
    that become readable; one of these returns True where everything has ended."""

    def __init__(self, front: socket.socket, ends: Ends, others: dict[int, Callable[[], bool]]) -> None:
        self._front = front
        self._ends = ends
        self._others = others
        self._poll = select.poll()
        for fd in (ends.out_of, ends.acknowledged, *others):
            self._poll.register(fd, select.POLLIN)
        # Its end alone, until what it says can be passed on.
        self._poll.register(front.fileno(), 0)
        self._waiting = memoryview(b"")
        self._under_way = 0

    def hear(self, wanted: bytes) -> bool:
        """Wait until the guest has said this, and nothing before it; False where it ends instead. Raises Closed where
        the front does."""
        heard = b""
        while len(heard) < len(wanted):
            ready = self._ready()
            if ready is None:
                return False
            if self._front.fileno() in ready:
                raise Closed("the front has gone")
            if self._ends.out_of in ready:
                heard += os.read(self._ends.out_of, len(wanted) - len(heard))
        return heard == wanted

    def send(self, data: bytes) -> None:
        """Send to the guest, before anything that the front says."""
        self._waiting = memoryview(data)
        self._pass_on()

    def carry(self) -> None:
        """Carry until one side has ended."""
        stream = self._front.fileno()
        while True:
            # What the front says stays with it while the guest can't take it.
            self._poll.register(stream, 0 if self._waiting else select.POLLIN)
            ready = self._ready()
            if ready is None:
                return
            if self._ends.out_of in ready:
                said = os.read(self._ends.out_of, 1 << 16)
                if not said:
                    return
                self._front.sendall(said)
            if stream in ready:
                # While something waits only its end is reported.
                self._waiting = memoryview(b"" if self._waiting else self._front.recv(1 << 16))
                if not self._waiting:
                    return
            self._pass_on()

    def _ready(self) -> set[int] | None:
        """The descriptors that are ready, once what is not of the stream has been seen to; None at the end."""
        ready = {fd for fd, _ in self._poll.poll()}
        if self._ends.acknowledged in ready:
            said = os.read(self._ends.acknowledged, 1 << 16)
            if not said:
                return None
            self._under_way -= STEP * len(said)
        ended = False
        for fd in ready & self._others.keys():
            ended |= self._others[fd]()
        # What was said before an end is still read.
        return None if ended and self._ends.out_of not in ready else ready

    def _pass_on(self) -> None:
        room = WINDOW - self._under_way
        if self._waiting and room > 0:
            # A pipe holds more than the window.
            sent = os.write(self._ends.into, self._waiting[:room])
            self._under_way += sent
            self._waiting = self._waiting[sent:]
