"""Captures: what interfaces of a lab send and receive, as pcapng."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from netlab.client.reply import Reply


class Counts(NamedTuple):
    """How many frames a capture holds, and how many the kernel had no room for."""

    frames: int
    dropped: int


class Capture:
    """A capture that is going on; it ends with `stop`, or with its lab. ``end`` ends the one of a number."""

    def __init__(self, started: Reply[int], end: Callable[[int], Counts]) -> None:
        self._started = started
        self._end = end

    def begun(self) -> None:
        """Wait until it has begun. Raises LabError."""
        self._started.result()

    def stop(self) -> Counts:
        """Stop it, once everything that was sent before has been handled.

        Raises LabError: the file could not be written (a full disk), or the lab has ended.
        """
        return self._end(self._started.result())
