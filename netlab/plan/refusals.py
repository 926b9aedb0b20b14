"""What the author expects the kernel to refuse in one step."""

from __future__ import annotations

from collections.abc import Iterable

from netlab.contract.kernels import Version
from netlab.contract.types import Refusal, RefusedAt
from netlab.spec.expect import AnyEntry, Refused
from netlab.spec.problems import Problems


class Refusals:
    """The ``refused:`` entries of a step, by link id, and which of them belong to a change.

    ``touched`` are the links that the step makes or sets.
    """

    def __init__(self, entries: Iterable[AnyEntry], problems: Problems, kernel: Version) -> None:
        self._entries: dict[str, Refused] = {}
        self._taken: dict[str, RefusedAt] = {}
        self.touched: dict[str, None] = {}
        for entry in entries:
            if not isinstance(entry, Refused) or not entry.holds(kernel):
                continue
            first = self._entries.get(entry.target)
            if first is not None:
                problems.add(
                    entry.where,
                    f"{entry.target} is refused twice (first in line {first.where.line})",
                    "remove one",
                )
            self._entries[entry.target] = entry

    def expects(self, link_id: str) -> bool:
        """Whether the link, or the change of it, is expected to be refused."""
        self.touched[link_id] = None
        return link_id in self._entries

    def take(self, link_id: str, at: RefusedAt) -> Refusal | None:
        """The refusal that goes with the change of a link; ``at`` is when, where the file doesn't say."""
        entry = self._entries.get(link_id)
        if entry is None:
            return None
        self._taken[link_id] = entry.at or at
        return Refusal(entry.errno, entry.at or at)

    def at(self, link_id: str) -> RefusedAt | None:
        """When the change of a link is refused; None where no change took the refusal up."""
        return self._taken.get(link_id)
