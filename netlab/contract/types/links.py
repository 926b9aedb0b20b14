"""Links and what belongs to them: addresses, neighbours, limits, routes, ports; and the namespaces they are in."""

from __future__ import annotations

import functools
import ipaddress
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from netlab.contract.where import Where

NsKind = Literal["host", "container", "switch"]
MacvlanMode = Literal["bridge", "vepa", "private", "passthru", "source"]
PortState = Literal["forwarding", "disabled", "listening", "learning"]

#: Main routing table (RT_TABLE_MAIN).
MAIN_TABLE = 254


@functools.lru_cache(maxsize=4096)
def _network(ip: str, prefixlen: int) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """It is asked for time and again, for each layer of each step."""
    return ipaddress.ip_interface(f"{ip}/{prefixlen}").network


@dataclass(frozen=True, slots=True)
class Address:
    """An address with its prefix, in canonical text."""

    ip: str
    prefixlen: int

    @property
    def family(self) -> Literal[4, 6]:
        """4 or 6."""
        return 6 if ":" in self.ip else 4

    @property
    def network(self) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        """The on-link prefix."""
        return _network(self.ip, self.prefixlen)

    def __str__(self) -> str:
        return f"{self.ip}/{self.prefixlen}"


@dataclass(frozen=True, slots=True)
class Neighbor:
    """A static (NUD_PERMANENT) neighbour entry of one interface."""

    ip: str
    mac: str


@dataclass(frozen=True, slots=True)
class Limit:
    """A queueing discipline that shapes what an interface sends.

    ``rate`` is in bits per second, ``burst`` (at full speed) and ``queue`` (waiting at most) in bytes.
    """

    kind: Literal["tbf", "htb"]
    rate: int
    burst: int
    queue: int

    def __str__(self) -> str:
        return f"{self.kind} {self.rate}bit"


@dataclass(frozen=True, slots=True)
class Route:
    """A route beyond the connected ones. ``to`` is a prefix; ``default`` is ``0.0.0.0/0`` or ``::/0``.

    ``oif`` is the interface that the route leads out of. That is ``dev``; where the file gives none, the kernel looks
    the gateway up once, when it gets the route (fib_check_nh, ip6_route_check_nh), and later changes don't move it. Two
    routes that differ in ``oif`` alone are the same route. The model ignores a route without ``oif``.
    """

    to: str
    via: str | None = None
    dev: str | None = None
    table: int = MAIN_TABLE
    oif: str | None = field(default=None, compare=False)

    @property
    def family(self) -> Literal[4, 6]:
        """4 or 6."""
        return 6 if ":" in self.to else 4


@dataclass(frozen=True, slots=True)
class Rule:
    """A routing policy rule (``ip rule``); every given selector must match."""

    table: int
    priority: int
    family: Literal[4, 6] = 4
    src: str | None = None
    dst: str | None = None
    iif: str | None = None
    oif: str | None = None


@dataclass(frozen=True, slots=True)
class Port:
    """Options of a bridge port (IFLA_BRPORT_*), each at the kernel's default unless the file says otherwise.

    ``up`` is the admin state of the port's device, ``attached`` whether it is enslaved to the bridge.
    """

    up: bool = True
    attached: bool = True
    hairpin: bool = False
    isolated: bool = False
    learning: bool = True
    flood: bool = True
    mcast_flood: bool = True
    bcast_flood: bool = True
    locked: bool = False
    state: PortState = "forwarding"
    fdb: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace.

    ``sysctls`` maps a path below ``/proc/sys`` (``net/ipv4/conf/all/rp_filter``) to a value, in the
    order of writing: first ``all`` and ``default``, which are written before the first link, then
    those of single interfaces, written right after the interface was made and before it is up.
    """

    id: str
    kind: NsKind
    sysctls: tuple[tuple[str, str], ...] = ()
    routes: tuple[Route, ...] = ()
    rules: tuple[Rule, ...] = ()
    where: Where | None = None

    @property
    def host(self) -> str:
        """The host that this namespace belongs to (itself, for a host or a switch)."""
        return self.id.partition("/")[0]

    def sysctl(self, path: str) -> str | None:
        """The value the plan writes to ``path``, or None where it writes none."""
        return dict(self.sysctls).get(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What every interface has, whatever its kind.

    ``name`` is the user's; ``ifname`` the kernel's (at most 15 bytes, else generated and ``name``
    becomes an altname). ``mac`` is None where the kernel chooses. ``carrier`` is what the plan says
    will be read back once the lab has settled.
    """

    kind: ClassVar[str] = ""
    namespace: str
    name: str
    ifname: str
    ifindex: int
    mac: str | None = None
    mtu: int = 1500
    up: bool = True
    carrier: bool = True
    addresses: tuple[Address, ...] = ()
    neighbors: tuple[Neighbor, ...] = ()
    limit: Limit | None = None
    where: Where | None = None

    @property
    def id(self) -> str:
        """``A:ens160``."""
        return f"{self.namespace}:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Veth(Link):
    """A "physical" interface: a veth whose other end is a port of a switch.

    ``switch`` is a switch, or a bridge inside the same host (``A:br0``). ``master`` is the bridge in its own namespace
    of which this end is a port, or None.
    """

    kind: ClassVar[str] = "veth"
    switch: str
    port: Port = Port()
    port_ifname: str
    port_ifindex: int
    port_mac: str
    master: str | None = None

    @property
    def port_namespace(self) -> str:
        """Where the other end is: the switch's namespace, or the host of the bridge."""
        return self.switch.partition(":")[0]

    @property
    def port_id(self) -> str:
        """``port(A:ens160)``."""
        return f"port({self.id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Macvlan(Link):
    """A macvlan child; ``parent`` is the link id of its lower device. ``mode`` None: the kernel's (vepa)."""

    kind: ClassVar[str] = "macvlan"
    parent: str
    mode: MacvlanMode | None = "bridge"
    allowed_macs: tuple[str, ...] = ()
    nodst: bool = False
    bcqueuelen: int | None = None

    @property
    def effective_mode(self) -> MacvlanMode:
        """The mode the kernel uses: vepa where none was given (macvlan_common_newlink)."""
        return self.mode or "vepa"


@dataclass(frozen=True, slots=True, kw_only=True)
class Macvtap(Macvlan):
    """A macvtap child: a macvlan with a character device; while nobody opens it, an ordinary macvlan."""

    kind: ClassVar[str] = "macvtap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch(Link):
    """A Linux bridge in a namespace of its own. ``namespace`` is the switch's name, and so is its id."""

    kind: ClassVar[str] = "bridge"
    stp: bool = False
    ageing_time: int = 300
    mcast_snooping: bool = False
    fdb_max_learned: int | None = None

    @property
    def id(self) -> str:
        return self.namespace


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchLink(Link):
    """A veth between two switches: this end is a port of ``namespace``, the other of ``peer``."""

    kind: ClassVar[str] = "switchlink"
    peer: str
    peer_ifname: str
    peer_ifindex: int
    peer_mac: str
    port: Port = Port()
    peer_port: Port = Port()

    @property
    def id(self) -> str:
        return f"{self.namespace}--{self.peer}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge(Link):
    """A Linux bridge inside of a host, which is an interface of it as well."""

    kind: ClassVar[str] = "bridge"
    stp: bool = False
    ageing_time: int = 300
    mcast_snooping: bool = False
    fdb_max_learned: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair(Link):
    """One end of a veth pair without any switch; ``peer`` is the link id of the other end.

    Both ends are links. The first ``makes`` the pair: its request creates both ends, so it knows the other's names.
    """

    kind: ClassVar[str] = "veth"
    peer: str
    makes: bool = False
    peer_ifname: str = ""
    peer_ifindex: int = 0
    peer_mac: str | None = None

    @property
    def peer_namespace(self) -> str:
        """The namespace of the other end."""
        return self.peer.partition(":")[0]


AnyLink = Veth | Macvlan | Macvtap | Switch | SwitchLink | Bridge | Pair
