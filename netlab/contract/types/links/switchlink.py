"""A wire between two switches."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import ClassVar

from netlab.contract.dataclass import dataclass
from netlab.contract.types.links.base import Link, Place, Plug
from netlab.contract.types.parts import NEW_PORT, Port


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchLink(Link):
    """A veth between two switches: this end is a port of ``namespace``, the other of ``peer``."""

    kind: ClassVar[str] = "switchlink"
    interface: ClassVar[bool] = False
    peer: str
    peer_ifname: str
    peer_ifindex: int
    peer_mac: str
    port: Port = NEW_PORT
    peer_port: Port = NEW_PORT

    @property
    def id(self) -> str:
        return f"{self.namespace}--{self.peer}"

    @property
    def plugs(self) -> tuple[Plug, ...]:
        there = Place(f"{self.peer}--{self.namespace}", self.peer, self.peer_ifname, self.peer_ifindex)
        return (
            Plug(self.namespace, self.place, self.mac, self.port),
            Plug(self.peer, there, self.peer_mac, self.peer_port, "peer_port"),
        )

    def carries(self, find: Callable[[str], Link | None], live: Set[str]) -> bool:
        """Both ends must be up (veth_open, veth_close)."""
        return self.up and self.port.up and self.peer_port.up

    @property
    def cabling(self) -> str:
        return f"a cable to the switch {self.peer}"

    @property
    def words(self) -> tuple[str, ...]:
        return ("a link between switches",)
