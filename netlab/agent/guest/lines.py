"""The agent's stream by two serial lines of a User-Mode Linux, each a pipe on the machine's side: the guest's end.

One carries bytes to the guest, and acknowledgements back; the other carries bytes from it. The driver stops for ever
once its input buffer of 4096 bytes has been full (line_throttle, arch/um/drivers/line.c: nothing undoes what it does).
So the machine's side never has more than `WINDOW` bytes under way that the guest has not read.

A lab that stays has several fronts, and all share the lines. So a message's header has in place of a number of
descriptors, which can't travel here, the number of its front; of `ABOUT` are those in which the stand-in and the guest
tell each other of fronts and labs. The first front is number 0, and the only one until a lab stays.
"""

from __future__ import annotations

import glob
import os
import platform
import select
import time
import tty
from collections.abc import Sequence
from typing import Any

from netlab.agent.clients import Client, Clients
from netlab.contract.wire import Channel, frame

#: How many bytes may be under way to the guest, and after how many that it has read the guest says so.
WINDOW, STEP = 3900, 2048
#: The guest's ends in a User-Mode Linux, and in one that QEMU runs.
SERIAL = "/dev/ttyS0", "/dev/ttyS1"
PORTS = "/dev/vport*p1", "/dev/vport*p2"
#: How often a port is looked at that isn't there yet, in seconds.
_MOMENT = 0.01
#: ``came``: this front has connected, to a ``lab``. ``gone``: it has hung up. ``over``: it gets no more answers, its
#: number is free. ``ended``: this lab, that has stayed, has ended.
ABOUT = 255


def serial() -> tuple[int, int]:
    """Open the lines of a User-Mode Linux."""
    into, out_of = (os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC) for path in SERIAL)
    # Until then a line echoes, and waits for ends of lines.
    tty.setraw(into)
    tty.setraw(out_of)
    return into, out_of


def ports() -> tuple[int, int]:
    """Open the lines of a guest of QEMU's, when they are there and their other ends are known to be open: until then
    they read as ended (port_fops_read, drivers/char/virtio_console.c). Nothing tells when that is."""
    into, out_of = map(_open_port, PORTS)
    for fd in (into, out_of):
        poll = select.poll()
        poll.register(fd, 0)
        while poll.poll(0):
            time.sleep(_MOMENT)
    return into, out_of


def _open_port(pattern: str) -> int:
    while not (found := glob.glob(pattern)):
        time.sleep(_MOMENT)
    return os.open(found[0], os.O_RDWR | os.O_CLOEXEC)


class Line(Channel):
    """Both lines as a channel that acknowledges what it reads."""

    def __init__(self, into: int, out_of: int) -> None:
        super().__init__(read_fd=into, write_fd=out_of)
        self._unsaid = 0

    def say(self, data: bytes) -> None:
        """Write outside of messages."""
        self._send(data)

    def send_to(self, front: int, message: dict[str, Any]) -> None:
        self._send(frame(message, front))

    def receive_from(self) -> tuple[int, dict[str, Any]]:
        """The next message, and the number of its front. Raises Closed."""
        message, front = self._receive()
        return front, message

    def _read(self) -> bytes:
        data = super()._read()
        steps, self._unsaid = divmod(self._unsaid + len(data), STEP)
        if steps:
            os.write(self._read_fd, b"." * steps)
        return data


class Share(Channel):
    """A front's share of the lines."""

    def __init__(self, line: Line, number: int) -> None:
        super().__init__(read_fd=line.fileno())
        self._line = line
        self.number = number

    def send(self, message: dict[str, Any], fds: Sequence[int] = ()) -> None:
        """Send one message. Raises Closed."""
        assert not fds, "descriptors cannot travel over this stream"
        self._line.send_to(self.number, message)

    def close(self) -> None:
        """No more is sent to this front."""
        self._line.send_to(ABOUT, {"over": self.number})


class Fronts(Clients):
    """The fronts that share the lines."""

    def __init__(self, line: Channel) -> None:
        assert isinstance(line, Line)
        self.line = line
        self._shares: dict[int, Client] = {}
        super().__init__(Share(line, 0))
        self.watch(line.fileno())

    def add(self, channel: Channel, lab: int | None) -> Client:
        assert isinstance(channel, Share)
        client = Client(next(self._numbers), channel, lab)
        self._by_number[client.number] = self._shares[channel.number] = client
        return client

    def remove(self, client: Client) -> None:
        """Let a front go."""
        assert isinstance(client.channel, Share)
        del self._by_number[client.number], self._shares[client.channel.number]
        client.channel.close()

    def ready(self, seconds: float | None) -> list[int]:
        """The descriptors at which there is something to read; waits for at most so many seconds (None: for ever)."""
        return [self.line.fileno()] if self.line.has_buffered else super().ready(seconds)

    def receive(self, fd: int) -> tuple[Client, dict[str, Any], list[int]] | None:
        """The next message of a front; None where there is none. Raises Closed: with the line all is over."""
        if fd != self.line.fileno():
            return None
        number, message = self.line.receive_from()
        if number != ABOUT:
            client = self._shares.get(number)
            return (client, message, []) if client else None
        if "came" in message:
            # It must know which rules hold here.
            self.welcome(Share(self.line, message["came"]), message["lab"], kernel=platform.release())
        elif (client := self._shares.get(message["gone"])) is not None:
            client.gone = True
        return None
