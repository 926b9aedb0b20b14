"""Captures: what interfaces of a lab send and receive, as pcapng."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from netlab.client.agent import Lab
    from netlab.client.reply import Reply


class Counts(NamedTuple):
    """How many frames a capture holds, and how many the kernel had no room for."""

    frames: int
    dropped: int


class Capture:
    """A capture that is going on; it ends with `stop`, or with its lab."""

    def __init__(self, lab: Lab, started: Reply[int]) -> None:
        self._lab = lab
        self._started = started

    def begun(self) -> None:
        """Wait until it has begun. Raises LabError."""
        self._started.result()

    def stop(self) -> Counts:
        """Stop it, once everything that was sent before has been handled.

        Raises LabError: the file could not be written (a full disk), or the lab has ended.
        """
        counts: dict[str, Any] = self._lab.agent.request("uncapture", capture=self._started.result()).result()
        return Counts(**counts)
