"""Descriptors that can't be passed to the front: it asks for the contents of a pipe or file instead, piece by piece.

It asks for the next piece when the last one was read. So a process whose output isn't read blocks on its full pipe, as
usual, and nothing piles up in between.
"""

from __future__ import annotations

import base64
import itertools
import os
from typing import Any

from netlab.agent.jobs import Jobs
from netlab.agent.server import LATER, Answer, NotDone
from netlab.contract.wire import PIECE

#: Pieces belong to no lab's measurements.
_NO_LAB = 0


class Relay:
    """The descriptors that are kept for the front, by number. Each has at most one request at a time."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._numbers = itertools.count(1)
        self._fds: dict[int, int] = {}

    def keep(self, fds: list[int]) -> list[int]:
        """Take descriptors over; their numbers for the front."""
        numbers = [next(self._numbers) for _ in fds]
        self._fds.update(zip(numbers, fds, strict=True))
        return numbers

    def read(self, message: dict[str, Any]) -> Answer:
        """The next piece, as soon as there is one; an empty one at the end."""
        fd = self._fd(message)
        self._jobs.start(message["id"], _NO_LAB, lambda _job: base64.b64encode(os.read(fd, PIECE)).decode())
        return LATER, []

    def write(self, message: dict[str, Any]) -> Answer:
        """Write a piece; the answer comes when all of it was taken."""
        fd = self._fd(message)
        data = memoryview(base64.b64decode(message["data"]))

        def write(_job: object) -> None:
            left = data
            while left:
                left = left[os.write(fd, left) :]

        self._jobs.start(message["id"], _NO_LAB, write)
        return LATER, []

    def drop(self, message: dict[str, Any]) -> Answer:
        """Close one; the process at its other end notices."""
        os.close(self._fd(message))
        del self._fds[message["pipe"]]
        return None, []

    def _fd(self, message: dict[str, Any]) -> int:
        if message["pipe"] not in self._fds:
            raise NotDone("usage", message="this pipe is closed")
        return self._fds[message["pipe"]]
