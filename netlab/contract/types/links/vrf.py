"""A VRF: routing tables of their own for some interfaces of a namespace."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import ClassVar

from netlab.contract.dataclass import dataclass
from netlab.contract.types.links.base import Link


@dataclass(frozen=True, slots=True, kw_only=True)
class Vrf(Link):
    """A VRF device. The addresses and routes of its members, and its own, are in ``table``."""

    kind: ClassVar[str] = "vrf"
    members: ClassVar[str] = "part"
    swallows: ClassVar[bool] = True
    no_taker: ClassVar[str] = "EINVAL"
    no_part: ClassVar[str] = "EINVAL"
    no_vlan: ClassVar[str] = "EOPNOTSUPP"
    #: As of all devices without ARP and multicasts (vrf_dev_init, drivers/net/vrf.c).
    arp: bool = False
    multicast: bool = False
    table: int

    @property
    def domain(self) -> str:
        return self.id

    @property
    def vrf_table(self) -> int:
        return self.table

    @property
    def carries_frames(self) -> bool:
        """Only IP packets pass it (vrf_xmit)."""
        return False

    def carries(self, find: Callable[[str], Link | None], live: Set[str]) -> bool:
        """Nothing ever takes its carrier away."""
        return True

    @property
    def argv(self) -> tuple[str, ...]:
        return ("type", self.kind, "table", str(self.table))

    @property
    def words(self) -> tuple[str, ...]:
        return (f"vrf, table {self.table}",)
