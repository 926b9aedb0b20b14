"""Linux bridges: the one of a switch, and those inside of hosts."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import ClassVar

from netlab.contract.dataclass import dataclass
from netlab.contract.types.links.base import Link


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridged(Link):
    """The options of every Linux bridge."""

    kind: ClassVar[str] = "bridge"
    bridges: ClassVar[bool] = True
    members: ClassVar[str] = "port"
    no_port: ClassVar[str] = "ELOOP"
    stp: bool = False
    ageing_time: int = 300
    mcast_snooping: bool = False
    fdb_max_learned: int | None = None
    vlan_filtering: bool = False
    default_pvid: int = 1

    def carries(self, find: Callable[[str], Link | None], live: Set[str]) -> bool:
        """It has a carrier where a port forwards (br_port_state_selection)."""
        return self.up and self.id in live

    @property
    def new_pvid(self) -> int:
        return self.default_pvid

    @property
    def filters_vlans(self) -> bool:
        return self.vlan_filtering

    @property
    def spanning(self) -> bool:
        return self.stp

    @property
    def room(self) -> int | None:
        return self.fdb_max_learned


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch(Bridged):
    """A Linux bridge in a namespace of its own. ``namespace`` is the switch's name, and so is its id."""

    interface: ClassVar[bool] = False

    @property
    def id(self) -> str:
        return self.namespace

    @property
    def cabling(self) -> str:
        return f"the switch {self.namespace}"

    @property
    def words(self) -> tuple[str, ...]:
        return ("a switch",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge(Bridged):
    """A Linux bridge inside of a host, which is an interface of it as well."""
