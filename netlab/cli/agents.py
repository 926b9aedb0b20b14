"""The agent of a command that examines topologies one after the other."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netlab.cli import auto, early, on, other_kernel

if TYPE_CHECKING:
    from netlab.client import Agent


class Agents:
    """The agent, and a fresh one where it has died."""

    def __init__(self, stack: contextlib.ExitStack, log: Callable[[str], None] | None, asked: dict[str, Any]) -> None:
        self._stack = stack
        self._log = log
        self._kernel = other_kernel.asked_for(asked)
        self._agent = on.client(asked, log) or early.take()
        if self._agent is not None:
            stack.enter_context(self._agent)

    def get(self, files: Sequence[Path], note: Callable[[str], None]) -> Agent:
        """One that can be asked, on a kernel that has what the files ask for; what is noted while it starts is told."""
        from netlab.client import start

        if self._agent is None or not self._agent.alive or self._agent.lent:
            if self._kernel is not None:
                self._kernel = auto.settled(self._kernel, files, note)
            self._agent = self._stack.enter_context(start(self._kernel, self._log))
        self._agent.listen(note)
        return self._agent
