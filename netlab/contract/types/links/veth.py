"""A "physical" interface."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from typing import ClassVar

from netlab.contract.dataclass import dataclass
from netlab.contract.types.links.base import Link, Place, Plug, Queue
from netlab.contract.types.parts import NEW_PORT, Port


@dataclass(frozen=True, slots=True, kw_only=True)
class Veth(Link):
    """A "physical" interface: a veth whose other end is a port of a switch.

    ``switch`` is a switch, or a bridge inside the same host (``A:br0``).
    """

    kind: ClassVar[str] = "veth"
    queues: ClassVar[frozenset[Queue]] = frozenset({"backlog"})
    switch: str
    port: Port = NEW_PORT
    port_ifname: str
    port_ifindex: int
    port_mac: str

    @property
    def port_namespace(self) -> str:
        """Where the other end is: the switch's namespace, or the host of the bridge."""
        return self.switch.partition(":")[0]

    @property
    def port_id(self) -> str:
        """``port(A:ens160)``."""
        return f"port({self.id})"

    @property
    def port_place(self) -> Place:
        """The switch's end of the wire."""
        return Place(self.port_id, self.port_namespace, self.port_ifname, self.port_ifindex)

    @property
    def plugs(self) -> tuple[Plug, ...]:
        return (*self.own_plugs, Plug(self.switch, self.port_place, self.port_mac, self.port))

    def carries(self, find: Callable[[str], Link | None], live: Set[str]) -> bool:
        """Both ends must be up (veth_open, veth_close)."""
        return self.up and self.port.up

    @property
    def cabling(self) -> str:
        return "" if ":" in self.switch else f"{self.ifname}: a NIC that is plugged into the switch {self.switch}"

    @property
    def words(self) -> tuple[str, ...]:
        return (f"on switch {self.switch}",)


def nics(links: Iterable[Link]) -> list[Veth]:
    """The "physical" interfaces among links: what on a real machine is a NIC, with a port of a switch behind it."""
    return [link for link in links if isinstance(link, Veth)]
