"""Interfaces of the 8021q driver: one VLAN of the link that they sit on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from netlab.contract.dataclass import dataclass
from netlab.contract.types.links.base import Link
from netlab.contract.types.links.child import Child
from netlab.contract.types.parts import AD, VlanProtocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Vlan(Child):
    """A vlan interface: it sends by ``parent`` with the tag of VLAN ``vid``, and gets what comes in there with it.

    Unless it has its ``own_mac`` it has its parent's.
    """

    kind: ClassVar[str] = "vlan"
    rises: ClassVar[bool] = True
    vid: int
    protocol: VlanProtocol = "802.1Q"
    own_mac: bool = False

    @property
    def mac_of(self) -> str | None:
        return None if self.own_mac else self.parent

    @property
    def tag(self) -> int:
        return self.vid + (AD if self.protocol == "802.1ad" else 0)

    def flags_over(self, below: Iterable[Link]) -> dict[str, bool]:
        """A new one has its parent's ARP and MULTICAST (vlan_dev_init), which may be about to change themselves."""
        copied = {name: getattr(self, name) for name in ("arp", "multicast")}
        wrong = {name for link in below for name in copied if name in link.flags or getattr(link, name) != copied[name]}
        return self.flags | {name: copied[name] for name in sorted(wrong)}

    def conflicts(self, other: Link) -> Iterator[tuple[str, str, str]]:
        """It is in nobody's way but another's for the same VLAN (vlan_check_real_dev)."""
        if other.tag == self.tag:
            yield (
                "id",
                f"{other.id} is the interface for VLAN {self.vid} of {self.parent} already (EEXIST)",
                "another id",
            )

    @property
    def argv(self) -> tuple[str, ...]:
        return ("type", self.kind, "protocol", self.protocol, "id", str(self.vid))

    @property
    def words(self) -> tuple[str, ...]:
        return (f"VLAN {self.vid} of {self.parent}",)
