"""Which topology of a run is next, for workers that share it."""

from __future__ import annotations

from multiprocessing.context import BaseContext
from typing import Any


class Tickets:
    """The numbers of topologies, each for whoever is free first, until ``count`` of them were topologies that count.

    Which ones a run consists of doesn't depend on who takes them: always the first that count.
    """

    def __init__(self, count: int, context: BaseContext) -> None:
        #: The next number, and how many are still to be taken; with a lock, as processes share it.
        self._shared: Any = context.Array("q", [0, count])

    def take(self) -> int | None:
        """The next number; None where enough were taken."""
        with self._shared.get_lock():
            number, left = self._shared
            if not left:
                return None
            self._shared[:] = number + 1, left - 1
            return int(number)

    def replace(self) -> None:
        """Whoever took a number that doesn't count has another taken in its place, by himself if need be."""
        with self._shared.get_lock():
            self._shared[1] += 1
