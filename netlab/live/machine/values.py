"""What a kernel says of its network namespaces, by whatever reader: pyroute2 here, or ``ip -j`` elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any

from netlab.contract.dataclass import dataclass
from netlab.live.reading import Left

#: A device of some namespace: the key of the namespace (None: one that was not read), and the index there.
End = tuple["str | None", int]


@dataclass(frozen=True, slots=True)
class Ip:
    """An address of a device, with prefix length. ``prefix_route``: the kernel makes the connected route."""

    ip: str
    length: int
    prefix_route: bool = True
    peer: str | None = None

    @property
    def family(self) -> int:
        """4 or 6."""
        return 6 if ":" in self.ip else 4

    @property
    def alone(self) -> bool:
        """Whether its prefix has no room for another."""
        return self.length == (32 if self.family == 4 else 128)

    def __str__(self) -> str:
        return f"{self.ip}/{self.length}"


def as_given(told: Iterable[Ip]) -> tuple[Ip, ...]:
    """Addresses of a device in the order in which it got them, of those in the kernel's order, in which a new one of
    IPv6 stands before those of its scope (ipv6_link_dev_addr)."""
    found = list(told)
    return (*(one for one in found if one.family == 4), *(one for one in reversed(found) if one.family == 6))


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A network device. ``kind`` is as ip-link(8) says it, empty for hardware.

    ``data`` and ``port`` are what it has as one of its kind, and as a port of ``master``, in the words of ``ip -d -j``.
    ``lower`` is the device that it sits on, or the other end of its wire. ``conf`` are its own sysctls by path.
    """

    index: int
    name: str
    kind: str = ""
    mac: str | None = None
    mtu: int = 1500
    up: bool = True
    carrier: bool = True
    arp: bool = True
    promisc: bool = False
    allmulticast: bool = False
    multicast: bool = True
    loopback: bool = False
    ether: bool = True
    lower: End | None = None
    master: int | None = None
    port_kind: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    port: Mapping[str, Any] = field(default_factory=dict)
    addresses: tuple[Ip, ...] = ()
    conf: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Way:
    """A next hop: gateway, the device's index, its weight."""

    via: str | None = None
    dev: int | None = None
    weight: int = 1
    onlink: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRoute:
    """A route. ``strange`` names what it has that a topology file can't say."""

    to: str
    family: int
    ways: tuple[Way, ...] = ()
    table: int = 254
    metric: int = 0
    src: str | None = None
    type: str = "unicast"
    protocol: int = 0
    strange: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRule:
    """A rule of policy routing."""

    priority: int
    family: int
    table: int = 0
    src: str | None = None
    to: str | None = None
    iif: str | None = None
    oif: str | None = None
    fwmark: str | None = None
    strange: tuple[str, ...] = ()

    def __str__(self) -> str:
        words = {"from": self.src, "to": self.to, "iif": self.iif, "oif": self.oif, "fwmark": self.fwmark}
        told = " ".join(f"{key} {value}" for key, value in words.items() if value)
        return f"rule {self.priority}{' ' * bool(told)}{told} table {self.table}"


@dataclass(frozen=True, slots=True)
class LiveNeighbor:
    """An entry of a neighbour table, of those with a MAC."""

    ip: str
    mac: str
    dev: int
    permanent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """A network namespace. ``key`` tells it from others; ``names`` are those that it goes by, the best first."""

    key: str
    names: tuple[str, ...] = ()
    home: bool = False
    #: The name that ``ip netns`` has for it, a process in it, and whose container it is.
    netns: str = ""
    pid: int | None = None
    engine: str = ""
    devices: tuple[Device, ...] = ()
    routes: tuple[LiveRoute, ...] = ()
    rules: tuple[LiveRule, ...] = ()
    neighbors: tuple[LiveNeighbor, ...] = ()
    #: Static entries of forwarding tables: MAC, index of the port.
    fdb: tuple[tuple[str, int], ...] = ()
    #: VLANs of ports: index of the port, VLAN, whether it is the port's own (pvid), and leaves it without a tag.
    vlans: tuple[tuple[int, int, bool, bool], ...] = ()
    #: Static entries of tunnels: index of the tunnel, MAC, the other end.
    tunnels: tuple[tuple[int, str, str], ...] = ()
    #: Those of the namespace as a whole, by path below /proc/sys.
    sysctls: Mapping[str, str] = field(default_factory=dict)
    ruleset: str = ""
    #: What could not be read of it, and why.
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Machine:
    """The namespaces of a machine, those that were asked for in ``start``; ``unread`` says what could not be read.

    ``tool`` is who says so, ``assumed`` and ``left`` what its text doesn't say, and what of it is not here.
    """

    spaces: tuple[Space, ...]
    start: tuple[str, ...]
    unread: tuple[str, ...] = ()
    tool: str = "the kernel"
    assumed: tuple[str, ...] = ()
    left: tuple[Left, ...] = ()
