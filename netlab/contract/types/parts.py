"""What belongs to links: addresses, neighbours, limits, routes, ports; and the namespaces they are in."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterator
from dataclasses import field
from typing import Literal, get_args

from netlab.contract.dataclass import dataclass
from netlab.contract.where import Where

NsKind = Literal["host", "container", "switch"]
MacvlanMode = Literal["bridge", "vepa", "private", "passthru", "source"]
RouteType = Literal["unicast", "blackhole", "unreachable", "prohibit"]
ROUTE_TYPES: tuple[str, ...] = get_args(RouteType)
VlanProtocol = Literal["802.1Q", "802.1ad"]
PortState = Literal["forwarding", "disabled", "listening", "learning"]

#: The folders that a private host has of its own.
OWN_FOLDERS = ("/etc", "/var", "/run", "/tmp", "/dev/shm")

#: Added to the id of a VLAN in a tag of 802.1ad.
AD = 1 << 12
#: Main routing table (RT_TABLE_MAIN).
MAIN_TABLE = 254


@functools.lru_cache(maxsize=4096)
def _network(ip: str, prefixlen: int) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """It is asked for time and again, for each layer of each step."""
    return ipaddress.ip_interface(f"{ip}/{prefixlen}").network


def vlan_name(tag: int) -> str:
    """``VLAN 10``."""
    return f"VLAN {tag % AD}" + (" (802.1ad)" if tag >= AD else "")


def _given(**values: object) -> tuple[str, ...]:
    """The words and values of those that are given."""
    return tuple(str(word) for pair in values.items() if pair[1] is not None for word in pair)


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
class Netem:
    """What a queueing discipline does to the frames that an interface sends, as a bad line would (tc-netem(8)).

    ``delay`` and ``jitter`` are in nanoseconds, ``rate`` in bits per second (0: not limited); ``loss``, ``duplicate``
    and ``reorder`` are parts of 1.
    """

    delay: int = 0
    jitter: int = 0
    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    rate: int = 0

    @property
    def chance(self) -> bool:
        """Whether it is left to chance what becomes of a frame, or which comes first."""
        return bool(self.jitter or self.loss or self.duplicate or self.reorder)

    def __str__(self) -> str:
        times = [f"{name} {getattr(self, name) / 1e6:g}ms" for name in ("delay", "jitter") if getattr(self, name)]
        parts = [f"{name} {getattr(self, name):g}" for name in ("loss", "duplicate", "reorder") if getattr(self, name)]
        return " ".join([*times, *parts, *([f"rate {self.rate}bit"] if self.rate else [])])


@dataclass(frozen=True, slots=True)
class Nexthop:
    """One of several ways of a route (RTA_MULTIPATH); ``weight`` is 1 to 256, ``oif`` as a route's own."""

    via: str | None = None
    dev: str | None = None
    weight: int = 1
    onlink: bool = False
    oif: str | None = field(default=None, compare=False)

    @property
    def argv(self) -> tuple[str, ...]:
        """The words that ip-route(8) takes for it, one of several."""
        weight = () if self.weight == 1 else ("weight", str(self.weight))
        return ("nexthop", *_given(via=self.via, dev=self.dev), *weight, *(("onlink",) if self.onlink else ()))


@dataclass(frozen=True, slots=True)
class Route:
    """A route beyond the connected ones. ``to`` is a prefix; ``default`` is ``0.0.0.0/0`` or ``::/0``.

    ``metric`` is the priority, None for the kernel's default (0, and 1024 for IPv6). ``src`` is the source address that
    programs get which bind to none. A ``blackhole``, ``unreachable`` or ``prohibit`` route has no way out. With
    ``onlink`` the gateway needn't be on the link. ``nexthops`` stands in the place of ``via``, ``dev`` and ``onlink``.

    ``oif`` is the interface that the route leads out of. That is ``dev``; where the file gives none, the kernel looks
    the gateway up once, when it gets the route (fib_check_nh, ip6_route_check_nh), and later changes don't move it. Two
    routes that differ in ``oif`` alone are the same route. The model ignores a way without ``oif``: the kernel leaves
    out a next hop whose interface was down, or has lost its IPv4 addresses, until that comes up again.
    """

    to: str
    via: str | None = None
    dev: str | None = None
    table: int = MAIN_TABLE
    metric: int | None = None
    src: str | None = None
    type: RouteType = "unicast"
    onlink: bool = False
    nexthops: tuple[Nexthop, ...] = ()
    oif: str | None = field(default=None, compare=False)

    @property
    def family(self) -> Literal[4, 6]:
        """4 or 6."""
        return 6 if ":" in self.to else 4

    @property
    def ways(self) -> tuple[Route | Nexthop, ...]:
        """Its ways out, each with ``via``, ``dev``, ``onlink`` and ``oif``: itself, or its next hops; none of a
        blackhole."""
        return self.nexthops or ((self,) if self.type == "unicast" else ())

    @property
    def priority(self) -> int:
        """The metric that it has in the kernel (IP6_RT_PRIO_USER, where none is given)."""
        return self.metric or (1024 if self.family == 6 else 0)

    @property
    def argv(self) -> tuple[str, ...]:
        """The words that ip-route(8) takes for it, after ``add`` or ``del``."""
        typed = () if self.type == "unicast" else (self.type,)
        table = None if self.table == MAIN_TABLE else self.table
        told = _given(via=self.via, dev=self.dev, src=self.src, metric=self.metric, table=table)
        onlink = ("onlink",) if self.onlink else ()
        everywhere = self.to == "0.0.0.0/0" or (self.to == "::/0" and self.via is not None)
        return (
            *typed,
            "default" if everywhere else self.to,
            *told,
            *onlink,
            *(word for hop in self.nexthops for word in hop.argv),
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """A routing policy rule (``ip rule``); every given selector must match. ``fwmark`` is a mark and a mask."""

    table: int
    priority: int
    family: Literal[4, 6] = 4
    src: str | None = None
    dst: str | None = None
    iif: str | None = None
    oif: str | None = None
    fwmark: tuple[int, int] | None = None

    @property
    def argv(self) -> tuple[str, ...]:
        """The words that ip-rule(8) takes for it, after ``add`` or ``del``."""
        mark = self.fwmark and f"{self.fwmark[0]:#x}/{self.fwmark[1]:#x}"
        chosen = {"from": self.src, "to": self.dst, "iif": self.iif, "oif": self.oif, "fwmark": mark}
        return _given(priority=self.priority, **chosen, table=self.table)


@dataclass(frozen=True, slots=True)
class Port:
    """Options of a bridge port (IFLA_BRPORT_*), each at the kernel's default unless the file says otherwise.

    ``up`` is the admin state of the port's device, ``attached`` whether it is enslaved to the bridge. ``pvid`` (None:
    the bridge's default_pvid), ``untagged`` and ``tagged`` are ids of VLANs, which count while the bridge has
    vlan_filtering. ``policy`` is the name of that which the options come from (`netlab.contract.policies`); the kernel
    knows nothing of it.
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
    mab: bool = False
    neigh_suppress: bool = False
    proxy_arp: bool = False
    proxy_arp_wifi: bool = False
    state: PortState = "forwarding"
    fdb: tuple[str, ...] = ()
    pvid: int | None = None
    untagged: tuple[int, ...] = ()
    tagged: tuple[int, ...] = ()
    policy: str = ""

    @property
    def forwards(self) -> bool:
        """Whether frames of its bridge come in and go out by it, if it has a carrier."""
        return self.attached and self.state == "forwarding"

    @property
    def proxies(self) -> bool:
        """Whether the bridge may answer for others because of it."""
        return self.neigh_suppress or self.proxy_arp or self.proxy_arp_wifi

    def vlans(self, default: int) -> dict[int, bool]:
        """The VLANs that it is a member of, and of each whether its frames leave untagged; ``default`` is the pvid that
        the bridge gives to new ports."""
        pvid = self.pvid_or(default)
        found = {vid: True for vid in (pvid, *self.untagged) if vid} | dict.fromkeys(self.tagged, False)
        return dict(sorted(found.items()))

    def pvid_or(self, default: int) -> int:
        """The VLAN of frames that come in without a tag; 0 for none."""
        return default if self.pvid is None else self.pvid


def vlan_changes(before: Port, after: Port, default: int) -> Iterator[tuple[str, int, bool, bool]]:
    """What makes a port a member of other VLANs: ``add`` or ``del``, the id, whether it is the pvid, and untagged."""
    old, new = before.vlans(default), after.vlans(default)
    yield from (("del", vid, False, False) for vid in old if vid not in new)
    was, pvid = before.pvid_or(default), after.pvid_or(default)
    for vid, untagged in new.items():
        if (old.get(vid), vid == was) != (untagged, vid == pvid):
            yield "add", vid, vid == pvid, untagged


#: A port as the kernel makes it.
NEW_PORT = Port()


@dataclass(frozen=True, slots=True)
class GivenFile:
    """A file that a private host is given. ``owner`` is a user, ``user:group``, or '' for root."""

    path: str
    text: str
    mode: int = 0o644
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Program:
    """A program that goes on in a host. It is ready when its output matches ``ready`` (a regular expression), and when
    ``port`` (``tcp/80``) is open; ``stop`` is the number of the signal that ends it."""

    name: str
    argv: tuple[str, ...]
    ready: str = ""
    port: str = ""
    stop: int = 15
    env: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Private:
    """What a host or container has of its own besides its network: name, processes, mounts, and these files."""

    hostname: str
    files: tuple[GivenFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace.

    ``sysctls`` maps a path below ``/proc/sys`` (``net/ipv4/conf/all/rp_filter``) to a value, in the
    order of writing: first ``all`` and ``default``, which are written before the first link, then
    those of single interfaces, written right after the interface was made and before it is up.

    ``nftables`` is a ruleset in nft's own language, loaded as a whole; empty for none. ``private`` is what it doesn't
    share with other hosts; None where it shares all but the network.
    """

    id: str
    kind: NsKind
    sysctls: tuple[tuple[str, str], ...] = ()
    routes: tuple[Route, ...] = ()
    rules: tuple[Rule, ...] = ()
    nftables: str = ""
    private: Private | None = None
    where: Where | None = None

    @property
    def host(self) -> str:
        """The host that this namespace belongs to (itself, for a host or a switch)."""
        return self.id.partition("/")[0]

    def sysctl(self, path: str) -> str | None:
        """The value the plan writes to ``path``, or None where it writes none."""
        return dict(self.sysctls).get(path)
