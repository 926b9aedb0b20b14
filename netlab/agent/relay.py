"""Descriptors that can't be passed to the front: it asks for the contents of a pipe or file instead, piece by piece.

It asks for the next piece when the last one was read. So a process whose output isn't read blocks on its full pipe, as
usual, and nothing piles up in between.
"""

from __future__ import annotations

import base64
import errno
import itertools
import os
import select
import threading
from typing import IO, Any

from netlab.agent.clients import Client, owner
from netlab.agent.errors import NotDone
from netlab.agent.jobs import Jobs
from netlab.agent.launcher import Entered
from netlab.agent.loop import LATER, Answer
from netlab.agent.server import Server
from netlab.contract.wire import PIECE, Channel

#: Pieces belong to no lab's measurements.
_NO_LAB = 0


class Relay:
    """The descriptors that are kept for the front, by number. Each has at most one request at a time."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._numbers = itertools.count(1)
        self._fds: dict[int, int] = {}
        #: The front of each.
        self._fronts: dict[int, int] = {}
        self._lock = threading.Lock()
        #: Those from which nothing more is read, and what wakes a read that waits.
        self._released: set[int] = set()
        self._waiting: dict[int, int] = {}

    def keep(self, fds: list[int], request: int) -> list[int]:
        """Take descriptors over, for the front that has made a request; their numbers for it."""
        numbers = [next(self._numbers) for _ in fds]
        self._fds.update(zip(numbers, fds, strict=True))
        self._fronts.update(dict.fromkeys(numbers, owner(request)))
        return numbers

    def leave(self, front: int) -> None:
        """A front has gone: nobody asks for what is kept for it."""
        for number in [number for number, one in self._fronts.items() if one == front]:
            self._forget(number)

    def read(self, message: dict[str, Any]) -> Answer:
        """The next piece, as soon as there is one; an empty one at the end."""
        number = message["pipe"]
        fd = self.descriptor(number)
        if number in self._released:
            return "", []
        stop = self._waiting[number] = os.eventfd(0, os.EFD_CLOEXEC)

        def read(_job: object) -> str:
            try:
                return base64.b64encode(_read(fd, stop)).decode()
            finally:
                with self._lock:
                    del self._waiting[number]
                    os.close(stop)

        self._jobs.start(message["id"], _NO_LAB, read)
        return LATER, []

    def release(self, message: dict[str, Any]) -> Answer:
        """Read no more from one: a read that waits ends, as at the end of a file. The number of a new one for what
        comes out of it from now on."""
        number = message["pipe"]
        fd = os.dup(self.descriptor(number))
        self._released.add(number)
        with self._lock:
            if number in self._waiting:
                os.eventfd_write(self._waiting[number], 1)
        [anew] = self.keep([fd], message["id"])
        return anew, []

    def write(self, message: dict[str, Any]) -> Answer:
        """Write a piece; the answer comes when all of it was taken."""
        fd = self.descriptor(message["pipe"])
        data = memoryview(base64.b64decode(message["data"]))

        def write(_job: object) -> None:
            left = data
            while left:
                left = left[os.write(fd, left) :]

        self._jobs.start(message["id"], _NO_LAB, write)
        return LATER, []

    def drop(self, message: dict[str, Any]) -> Answer:
        """Close one; the process at its other end notices."""
        self.descriptor(message["pipe"])
        self._forget(message["pipe"])
        return None, []

    def held(self, message: dict[str, Any]) -> Answer:
        """Whether a process has the other end of one: if none has, no more comes than what is in it."""
        poll = select.poll()
        if (number := message["pipe"]) in self._fds:
            # That nobody has it (POLLHUP) is told always.
            poll.register(self._fds[number], 0)
            return not poll.poll(0), []
        return False, []

    def descriptor(self, number: int) -> int:
        """That of a number. Raises NotDone."""
        if number not in self._fds:
            raise NotDone("usage", message="this pipe is closed")
        return self._fds[number]

    def _forget(self, number: int) -> None:
        os.close(self._fds.pop(number))
        del self._fronts[number]
        self._released.discard(number)


def _read(fd: int, stop: int) -> bytes:
    """A piece; an empty one at the end, or where ``stop`` can be read instead."""
    poll = select.poll()
    for one in (fd, stop):
        poll.register(one, select.POLLIN)
    if fd not in dict(poll.poll()):
        return b""
    try:
        return os.read(fd, PIECE)
    except OSError as error:
        # So ends a terminal that no process has open any more.
        if error.errno != errno.EIO:
            raise
        return b""


class RelayingServer(Server):
    """A server whose front gets no descriptors: those of programs and captures are kept here."""

    def __init__(self, channel: Channel, entered: Entered) -> None:
        super().__init__(channel, entered)
        self.relay = Relay(self.jobs)
        self._spools: dict[int, list[IO[bytes]]] = {}
        relay = self.relay
        kept = {"read": relay.read, "write": relay.write, "drop": relay.drop, "release": relay.release}
        kept["held"] = relay.held
        self._operations |= {"spawn": self.spawn, "take": self.take, **kept}

    def spawn(self, message: dict[str, Any]) -> Answer:
        """Start a process; its standard streams are kept here, and asked for piece by piece."""
        started, fds = self.inside.spawn(message)
        return {**started, "pipes": self.relay.keep(fds, message["id"])}, []

    def take(self, message: dict[str, Any]) -> Answer:
        """Make a process that a front has started one of the lab's own: what it has said comes as text, a character for
        each byte, and what it says from a released pipe."""
        log = os.memfd_create("netlab daemon", os.MFD_CLOEXEC)
        try:
            os.write(log, message["said"].encode("latin-1"))
            self.inside.take({**message, "fds": [self.relay.descriptor(message["pipe"]), log]})
        finally:
            os.close(log)
        return self.relay.drop(message)

    def leave(self, client: Client) -> None:
        """A front has gone: what is kept for it goes, too."""
        super().leave(client)
        self.relay.leave(client.number)
        for key in [key for key in self._spools if owner(key) == client.number]:
            del self._spools[key]

    def capture(self, message: dict[str, Any]) -> Answer:
        """Capture into files without a name, so that no captured data is sent during the capture."""
        # Importing takes its time, and few fronts ask for captures.
        import tempfile

        spools: list[IO[bytes]] = [tempfile.TemporaryFile() for _ in range(message["files"])]  # noqa: SIM115 - kept
        answer = super().capture({**message, "fds": [spool.fileno() for spool in spools]})
        self._spools[message["id"]] = spools
        return answer

    def uncapture(self, message: dict[str, Any]) -> Answer:
        """Stop a capture; its files can be asked for piece by piece."""
        spools = self._spools.pop(message["capture"], [])
        counts, _ = super().uncapture(message)
        for spool in spools:
            spool.seek(0)
        return {**counts, "pipes": self.relay.keep([os.dup(spool.fileno()) for spool in spools], message["id"])}, []
