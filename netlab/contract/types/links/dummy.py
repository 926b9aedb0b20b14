"""An interface without a wire."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import ClassVar

from netlab.contract.dataclass import dataclass
from netlab.contract.types.links.base import Link


@dataclass(frozen=True, slots=True, kw_only=True)
class Dummy(Link):
    """A dummy interface: a parent for children that talk to each other only, or an address of its host's own."""

    kind: ClassVar[str] = "dummy"
    swallows: ClassVar[bool] = True
    #: dummy_setup (drivers/net/dummy.c) sets IFF_NOARP and clears IFF_MULTICAST.
    arp: bool = False
    multicast: bool = False

    def carries(self, find: Callable[[str], Link | None], live: Set[str]) -> bool:
        """Nothing ever takes its carrier away, not even being down."""
        return True

    @property
    def words(self) -> tuple[str, ...]:
        return ("a dummy",)
