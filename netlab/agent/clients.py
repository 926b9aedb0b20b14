"""Whom the agent serves: the front that started it, and fronts that connect to a lab that stays."""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import socket
import struct
from collections.abc import Sequence
from typing import Any

from netlab.contract.wire import CLIENT_BITS, Channel, Closed

#: Seconds for which a front that has connected may block the agent: by half a message, or by not reading its answers.
PATIENCE = 5


class Client:
    """A front. ``number`` is in the upper bits of its requests' ids, so that no two fronts use the same id. ``lab`` is
    the only lab that it may ask of; None where it may make its own."""

    def __init__(self, number: int, channel: Channel, lab: int | None) -> None:
        self.number = number
        self.channel = channel
        self.lab = lab
        #: Whether it can't be told anything more, and whether it is to be let go when it has been told all.
        self.gone = self.over = False

    def send(self, message: dict[str, Any], fds: Sequence[int] = ()) -> None:
        """Send a message. A front that has gone, or that has connected and does not read, is marked as gone."""
        try:
            if not self.gone:
                self.channel.send(message, fds)
        except Closed:
            self.gone = True
        except OSError:
            if self.lab is None:
                raise
            self.gone = True


class Clients:
    """All fronts, the sockets at which further ones connect, and what else wakes the loop."""

    def __init__(self, first: Channel) -> None:
        self._numbers = itertools.count()
        self._poll = select.poll()
        self._by_number: dict[int, Client] = {}
        self._by_fd: dict[int, Client] = {}
        self.add(first, None)

    def __iter__(self) -> Any:
        return iter(list(self._by_number.values()))

    def __bool__(self) -> bool:
        return bool(self._by_number)

    def add(self, channel: Channel, lab: int | None) -> Client:
        """Take a front in."""
        client = Client(next(self._numbers), channel, lab)
        self._by_number[client.number] = self._by_fd[channel.fileno()] = client
        self.watch(channel.fileno())
        return client

    def remove(self, client: Client) -> None:
        """Let a front go."""
        self.forget(client.channel.fileno())
        del self._by_number[client.number], self._by_fd[client.channel.fileno()]
        client.channel.close()

    def watch(self, fd: int) -> None:
        """Have `ready` tell of a descriptor."""
        self._poll.register(fd, select.POLLIN)

    def forget(self, fd: int) -> None:
        """Watch a descriptor no more."""
        self._poll.unregister(fd)

    def ready(self, seconds: float | None) -> list[int]:
        """The descriptors at which there is something to read; waits for at most so many seconds (None: for ever)."""
        if buffered := [client.channel.fileno() for client in self if client.channel.has_buffered]:
            return buffered
        return [fd for fd, _ in self._poll.poll(None if seconds is None else seconds * 1000)]

    def receive(self, fd: int) -> tuple[Client, dict[str, Any], list[int]] | None:
        """The next message of the front with this descriptor; None where there is none (any more)."""
        client = self._by_fd.get(fd)
        if client is None:
            return None
        try:
            return client, *client.channel.receive()
        except Closed:
            client.gone = True
        except OSError:
            if client.lab is None:
                raise
            client.gone = True
        return None

    def send(self, number: int, message: dict[str, Any], fds: Sequence[int] = ()) -> None:
        """Send a message to the front that has made request ``number``, if it is still there."""
        client = self._by_number.get(owner(number))
        if client is not None:
            client.send(message, fds)

    def accept(self, listener: socket.socket, lab: int) -> None:
        """Take in the front that connects, if the user is the same."""
        if sock := admit(listener):
            self.welcome(Channel(sock), lab)

    def welcome(self, channel: Channel, lab: int, **more: Any) -> Client:
        """Take a front in, and tell it from where its ids count, and ``more``."""
        client = self.add(channel, lab)
        client.send({"event": "hello", "first": client.number << CLIENT_BITS, **more})
        return client


def admit(listener: socket.socket) -> socket.socket | None:
    """The front that connects; None where it has gone, or is another user's."""
    with contextlib.suppress(BlockingIOError, ConnectionError):
        sock, _ = listener.accept()
        # struct ucred: pid, uid, gid. Its uid is what the user is called in here.
        _, uid, _ = struct.unpack("iII", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if uid == os.geteuid():
            for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", PATIENCE, 0))
            return sock
        sock.close()
    return None


def owner(number: int) -> int:
    """The number of the front that has made a request."""
    return number >> CLIENT_BITS
