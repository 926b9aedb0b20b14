"""The compiled lab: devices, namespaces, bridges and routes, as the simulation wants them.

Nothing here changes while frames move: what does (neighbour tables, forwarding databases, queues) is
in `sim.Sim`. Addresses are integers, MACs the strings of the plan; a MAC that the kernel will choose
has a made-up name of its own, equal to nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Any

from netlab.contract.dataclass import dataclass
from netlab.contract.types import State
from netlab.model.routes import PolicyRule, Route
from netlab.model.schedule import Outcome

UNICAST, BROADCAST, MULTICAST = 0, 1, 2
#: skb->pkt_type as the receiving device sees it (BROADCAST and MULTICAST as above).
HOST, OTHERHOST = 0, 3
#: What a frame carries: the probe's own EtherType, ARP, IPv4, IPv6.
RAW, ARP, IP4, IP6 = 0, 1, 2, 3

#: How many look-ups of a namespace, and how many races, are remembered.
REMEMBERED = 1024

ALL_STATIONS = "ff:ff:ff:ff:ff:ff"


class Frame:
    """A frame; ``cast`` is UNICAST, BROADCAST or MULTICAST, ``proto`` RAW, ARP, IP4 or IP6.

    ``tags`` are its VLAN tags, the outermost first (`netlab.contract.types.Link.tag`).
    """

    __slots__ = ("cast", "dst", "payload", "proto", "src", "tags")

    def __init__(self, cast: int, dst: str, src: str, proto: int, payload: Any, tags: tuple[int, ...] = ()) -> None:
        self.cast = cast
        self.dst = dst
        self.src = src
        self.proto = proto
        self.payload = payload
        self.tags = tags

    def tagged(self, tags: tuple[int, ...]) -> Frame:
        """The same frame with other tags."""
        return Frame(self.cast, self.dst, self.src, self.proto, self.payload, tags)


def cast_of(mac: str) -> int:
    """What a frame to a MAC is (eth_type_trans); a MAC that is made up is an interface's."""
    return UNICAST if mac[1] not in "13579bdf" else BROADCAST if mac == ALL_STATIONS else MULTICAST


@dataclass(slots=True, eq=False)
class Conf:
    """Effective per-interface settings (IN_DEV_*, IN6_DEV_*): `all` and the interface combined."""

    accept_local: bool = False
    accept_redirects: bool = True
    arp_announce: int = 0
    arp_filter: bool = False
    arp_ignore: int = 0
    forwarding: bool = False
    forwarding6: bool = False
    ignore_linkdown: bool = False
    ipv6: bool = False
    proxy_arp: bool = False
    rp_filter: int = 0
    send_redirects: bool = True


#: The kernel's compiled defaults.
DEFAULT_CONF = Conf()


class Domain:
    """What the addresses of a namespace mean that belong to one of its VRFs, or (``vrf`` None) to none of them."""

    __slots__ = ("broadcast4", "candidates6", "doubtful4", "local4", "local6", "own4", "vrf")

    def __init__(self, vrf: Device | None) -> None:
        self.vrf = vrf
        #: address -> device, entries of the domain's own table; and with those of table local, which comes first
        self.own4: dict[int, Device] = {}
        self.local4: dict[int, Device] = {}
        self.local6: dict[int, Device] = {}
        #: broadcast addresses of interfaces that are no addresses before
        self.broadcast4: set[int] = set()
        #: addresses of a VRF that are broadcast addresses outside of it, which table local knows before
        self.doubtful4: set[int] = set()
        #: what IPv6 chooses a source from, in its order: address, prefix length, interface
        self.candidates6: list[tuple[int, int, Device]] = []


class Device:
    """An interface of a host or container: a veth, a bridge, a macvlan child, or lo."""

    __slots__ = (
        "addresses4", "addresses6", "alone", "anycast6", "arp", "bridge", "chance", "conf", "domain", "groups",
        "handle", "id", "ifindex", "index", "kind", "linklocal", "lower", "mac", "macvlan", "master", "member",
        "memberships", "mode", "mtu", "name", "neighbors", "nodst", "ns", "peer", "port", "port_data", "promisc",
        "receive", "running", "senders", "stopped_by", "table", "transmit", "up", "uppers", "vlans",
    )  # fmt: skip

    def __init__(self, id: str, kind: str, ns: Namespace, name: str) -> None:
        self.id = id
        self.kind = kind
        self.ns = ns
        self.name = name
        self.index = 0
        self.ifindex = 0
        self.mac = ""
        self.mtu = 1500
        self.up = True
        #: up and with carrier: IFF_UP and a real queue discipline.
        self.running = True
        #: Whether it is left to chance what becomes of the frames that it sends.
        self.chance = False
        #: the rule by which it has no carrier, where that is one of its kind
        self.stopped_by = ""
        #: it asks for MACs, and answers (not IFF_NOARP)
        self.arp = True
        self.promisc = False
        #: (address, network, prefix length, secondary)
        self.addresses4: list[tuple[int, int, int, bool]] = []
        self.addresses6: list[tuple[int, int, int]] = []
        #: addresses of a subnet's routers (addrconf_join_anycast), which it may answer for
        self.anycast6: frozenset[int] = frozenset()
        self.linklocal = 0
        #: multicast MACs joined (solicited-node groups)
        self.groups: frozenset[str] = frozenset()
        #: IPv4 groups that tunnels have joined by it
        self.memberships: frozenset[int] = frozenset()
        #: static entries, (address) -> MAC; v4 and v6 never meet
        self.neighbors: dict[int, str] = {}
        self.conf: Conf = DEFAULT_CONF
        self.port: Port | None = None
        #: the bridge that this is the interface of
        self.bridge: Bridge | None = None
        #: the port that this is, of a bridge in its own namespace
        self.member: Port | None = None
        #: the other end of a wire without a switch
        self.peer: Device | None = None
        self.lower: Device | None = None
        #: the bond that it is a member of
        self.master: Device | None = None
        #: of a bond the members by which it sends
        self.senders: list[Device] | None = None
        #: of a VRF the number of its table
        self.table = 0
        #: what its addresses belong to; set where the namespace's routes are made
        self.domain = ns.domain
        #: what sits on it
        self.uppers: list[Device] = []
        #: of these, what takes the frames that come in with a tag, by tag
        self.vlans: dict[int, Device] = {}
        #: never taken for equal to another
        self.alone = False
        self.mode = ""
        self.nodst = False
        self.macvlan: MacvlanPort | None = None
        #: what another driver keeps of its children there
        self.port_data: Any = None
        # What its kind does: the first argument is the `sim.Sim`, which is made of what is here.
        #: it sends a frame
        self.transmit: Callable[[Any, Device, Frame], None] = no_frames
        #: a frame comes in
        self.receive: Callable[[Any, Device, Frame], None] = no_frames
        #: what takes a frame that has come in, and what it is to the interface (skb->pkt_type): the namespace's stack,
        #: or what has registered for all frames of the interface (rx_handler)
        self.handle: Callable[[Any, Device, Frame, int], None] = no_frames

    def __repr__(self) -> str:
        return f"<{self.id}>"

    @property
    def vrf(self) -> Device | None:
        """The VRF that it is a part of, or is itself (l3mdev_master_ifindex)."""
        return self.domain.vrf

    @property
    def bottom(self) -> Device:
        """The device at the bottom of its stack."""
        return self if self.lower is None else self.lower.bottom

    @property
    def bottoms(self) -> list[Device]:
        """The devices by which what it sends leaves its host."""
        root = self.bottom
        return [root] if root.senders is None else [below for one in root.senders for below in one.bottoms]

    def above(self) -> Iterator[Device]:
        """The device, and all that sit on it."""
        yield self
        for dev in self.uppers:
            yield from dev.above()


def no_frames(sim: Any, dev: Device, frame: Frame, packet_type: int = OTHERHOST) -> None:
    """The loopback's place holder: frames never pass through it."""
    raise AssertionError(f"{dev.id} carries no frames")


class MacvlanPort:
    """What hangs on a parent (struct macvlan_port)."""

    __slots__ = (
        "bc_queue_len", "bclim", "by_mac", "children", "echoes", "order", "parent", "passthru", "promiscuous",
        "source_macs", "sources", "unordered",
    )  # fmt: skip

    def __init__(self, parent: Device) -> None:
        self.parent = parent
        #: every child, in creation order
        self.children: list[Device] = []
        #: up children by MAC (vlan_hash)
        self.by_mac: dict[str, Device] = {}
        #: up children in the order in which a broadcast visits them
        self.order: list[Device] = []
        self.passthru: Device | None = None
        #: a child that is up puts its MAC on the parent's filter; a parent without one becomes promiscuous
        #: (__dev_set_rx_mode)
        self.promiscuous = False
        #: allowed MAC -> source-mode children, in the order of vlan_source_hash
        self.source_macs: dict[str, list[Device]] = {}
        self.sources = False
        self.bc_queue_len = 1000
        #: a group that so many children have joined isn't queued; nothing is, where it is negative
        self.bclim = 1
        #: bridge children hear a broadcast that comes back to one of them
        self.echoes = False
        #: the kernel chooses a MAC, so `order` is not known
        self.unordered = False


class Members:
    """The VLANs of a port of a VLAN-aware bridge, or of its own interface: of each whether frames leave untagged."""

    __slots__ = ("pvid", "vlans")

    def __init__(self, pvid: int, vlans: dict[int, bool]) -> None:
        self.pvid = pvid
        self.vlans = vlans


class Port:
    """A bridge port: the switch's end of a veth, or an interface of the bridge's own host."""

    __slots__ = (
        "attached", "bcast_flood", "bridge", "device", "far_device", "far_port", "flood", "hairpin", "id", "ifname",
        "isolated", "learning", "locked", "mab", "mac", "mcast_flood", "members", "mtu", "neigh_suppress", "order",
        "proxy_arp", "proxy_arp_wifi", "running", "state",
    )  # fmt: skip

    def __init__(self, id: str, bridge: Bridge) -> None:
        self.id = id
        self.bridge = bridge
        self.ifname = ""
        self.order = 0
        self.mac = ""
        self.mtu = 1500
        self.attached = True
        #: the port's device is up and has carrier
        self.running = True
        self.state = "forwarding"
        self.members = Members(0, {})
        self.hairpin = self.isolated = self.locked = self.mab = False
        self.neigh_suppress = self.proxy_arp = self.proxy_arp_wifi = False
        self.learning = self.flood = self.mcast_flood = self.bcast_flood = True
        self.device: Device | None = None
        self.far_device: Device | None = None
        self.far_port: Port | None = None

    def __repr__(self) -> str:
        return f"<{self.id}>"


#: What a bridge finds ports by: a MAC; where it is VLAN-aware, with the VLAN.
Address = str | tuple[str, int]


class Bridge:
    """A switch, or a bridge inside of a host, which has an interface there."""

    __slots__ = (
        "ageing", "aware", "device", "id", "index", "ip4", "ip6", "locals", "macs", "max_learned", "neighbors", "own",
        "ports", "proxies", "static", "strange", "suppresses", "trunks", "up",
    )  # fmt: skip

    def __init__(self, id: str, index: int) -> None:
        self.id = id
        self.index = index
        self.up = True
        #: it has vlan_filtering; and the VLANs of its own interface
        self.aware = False
        self.own = Members(0, {})
        #: why nothing can be said of it
        self.strange = ""
        self.ageing = 300
        self.max_learned = 0
        #: in the order in which a flood visits them
        self.ports: list[Port] = []
        #: by MAC, or by MAC and VLAN
        self.static: dict[Address, Port] = {}
        #: static neighbours, by which it answers for others; and whether ports of it want that, with neigh_suppress
        self.neighbors: dict[int, str] = {}
        self.proxies = self.suppresses = False
        self.device: Device | None = None
        #: MACs that are the switch's own, and the ports that have them
        self.locals: dict[Address, Port | None] = {}
        # Who could care for a flooded frame: only an economy, see `bridge.flood`.
        self.ip4: dict[int, list[Port]] = {}
        self.ip6: dict[int, list[Port]] = {}
        self.macs: dict[str, list[Port]] = {}
        self.trunks: list[Port] = []


class Namespace:
    """A host or container with its own stack."""

    __slots__ = (
        "cache", "custom_local", "custom_rules4", "custom_rules6", "devices", "domain", "domains", "echo_ignore",
        "echo_ignore6", "id", "index", "joins", "l3mdev_accept", "lo", "macs", "netfilter", "owned4", "ports", "rules4",
        "rules6", "tables4", "tables6", "tunnels", "unknown",
    )  # fmt: skip

    def __init__(self, id: str, index: int) -> None:
        self.id = id
        self.index = index
        self.devices: list[Device] = []
        #: that of what belongs to no VRF, and those of its VRFs
        self.domain = Domain(None)
        self.domains: list[Domain] = []
        #: the protocols whose unbound sockets also hear what comes in by a VRF
        self.l3mdev_accept: frozenset[str] = frozenset()
        self.lo = Device(f"{id}:lo", "lo", self, "lo")
        self.lo.mtu = 65536
        #: addresses assigned to any interface, whatever its state (inet_addr_lst)
        self.owned4: set[int] = set()
        self.tables4: dict[int, list[Route]] = {}
        self.tables6: dict[int, list[Route]] = {}
        self.rules4: list[PolicyRule] = []
        self.rules6: list[PolicyRule] = []
        self.custom_rules4 = False
        self.custom_rules6 = False
        self.custom_local = False
        self.echo_ignore = False
        self.echo_ignore6 = False
        #: its programs can join IPv4 groups
        self.joins = True
        self.macs: frozenset[str] = frozenset()
        #: switch ports behind which this namespace has a device, by bridge index
        self.ports: dict[int, list[Port]] = {}
        #: what its nftables do (`netfilter.hooks.Netfilter`), if it has any
        self.netfilter: Any = None
        #: its ends of tunnels, by kind, port and number of the tunnel
        self.tunnels: dict[Hashable, Any] = {}
        #: by address family, why nothing can be said of this namespace's stack
        self.unknown: dict[int, str] = {}
        #: memo of pure look-ups (routes, source validation)
        self.cache: dict[Any, Any] = {}

    def __repr__(self) -> str:
        return f"<{self.id}>"


class World:
    """A state, compiled."""

    __slots__ = ("bridges", "devices", "listening", "namespaces", "state", "tried")

    def __init__(self, state: State) -> None:
        self.state = state
        #: whether a program listens on each port that a layer names, which nobody can know
        self.listening = False
        #: what became of a probe (layer, ids of both ends) when a race went another way (a schedule)
        self.tried: dict[Hashable, Outcome] = {}
        self.namespaces: dict[str, Namespace] = {}
        self.bridges: list[Bridge] = []
        #: by link id
        self.devices: dict[str, Device] = {}

    def forget(self) -> None:
        """Drop remembered look-ups and races where they have become many: they can be computed again."""
        if len(self.tried) > REMEMBERED:
            self.tried.clear()
        for ns in self.namespaces.values():
            if len(ns.cache) > REMEMBERED:
                ns.cache.clear()
