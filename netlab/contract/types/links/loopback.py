"""The loopback interface, which every namespace has: a place for addresses of the host itself."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import ClassVar

from netlab.contract.dataclass import dataclass
from netlab.contract.types.links.base import Link

#: Its name and number in every namespace (loopback_net_init, drivers/net/loopback.c), and its MTU.
NAME, INDEX, MTU = "lo", 1, 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Loopback(Link):
    """``lo`` with addresses of the host: a router's own, an anycast address, the virtual one of a real server."""

    kind: ClassVar[str] = "loopback"
    swallows: ClassVar[bool] = True
    bindable: ClassVar[bool] = False
    no_taker: ClassVar[str] = "EINVAL"
    no_part: ClassVar[str] = "EINVAL"
    no_vlan: ClassVar[str] = "EOPNOTSUPP"
    #: loopback_setup
    multicast: bool = False

    def carries(self, find: Callable[[str], Link | None], live: Set[str]) -> bool:
        """Nothing ever takes its carrier away."""
        return True

    @property
    def cabling(self) -> str:
        return "lo is there"

    @property
    def words(self) -> tuple[str, ...]:
        return ("the loopback",)
