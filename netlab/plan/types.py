"""The plan: frozen values that say exactly what the kernel is to be asked for.

Everything that another room needs to know of a topology is here, resolved: names, MACs, ifindexes,
ports, sysctls, endpoints, the order of creation, and what the author of the file expects. The plan
knows no YAML and no kernel; it travels to the agent as JSON (`netlab.wire`).

Identifiers are plain strings, the ones that people write:

- a *namespace*: ``A`` (a host), ``A/c1`` (a container), ``lan`` (a switch);
- a *link*: ``A:ens160``, ``A/c1:eth0``; the bridge of a switch is ``lan``; the link between two
  switches is ``s2--s1``;
- an *endpoint*: a link's id, or ``A:eth0@192.168.26.5`` for a further address of it;
- a *switch port*: ``port(A:ens160)``, the switch's end of that interface's wire; of an interface that is plugged
  into a bridge inside of a host, that bridge's end.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Literal

from netlab.plan.measures import NOTHING, Bound, Measures
from netlab.plan.where import Where as Where

NsKind = Literal["host", "container", "switch"]
MacvlanMode = Literal["bridge", "vepa", "private", "passthru", "source"]
PortState = Literal["forwarding", "disabled", "listening", "learning"]
RefusedAt = Literal["create", "up", "set"]

#: Main routing table (RT_TABLE_MAIN).
MAIN_TABLE = 254


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
        return ipaddress.ip_interface(f"{self.ip}/{self.prefixlen}").network

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
    """A route beyond the connected ones. ``to`` is a prefix; ``default`` is ``0.0.0.0/0`` or ``::/0``."""

    to: str
    via: str | None = None
    dev: str | None = None
    table: int = MAIN_TABLE

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

    ``switch`` is a switch, or a bridge inside of the same host (``A:br0``). ``master`` is the bridge of its own
    namespace that it is a port of itself, if it is.
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

    Both ends are links. The one that ``makes`` the pair, the first, is made with the other, whose names it knows.
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


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row and one column of a matrix.

    ``v4`` and ``v6`` are the addresses its layers use; ``extra`` marks a further address, which takes
    part in address layers only.
    """

    id: str
    namespace: str
    link: str
    ifname: str
    ifindex: int
    mac: str | None
    v4: Address | None = None
    v6: Address | None = None
    extra: bool = False


@dataclass(frozen=True)
class State:
    """The whole lab as it should be in one step. Everything the model and the read-back need.

    ``links`` are in creation order (the order of addresses decides routes). ``hops`` bounds how many
    queues (a CPU's receive backlog, macvlan's workqueue) one frame can wait in, one after the other,
    on its way from any interface to any other; ``routers`` is how many namespaces forward packets.
    ``addressed`` pairs link ids and addresses of all links that are up, in the order in which the kernel got
    them and made their connected routes: that of ``links`` at first, but who has been down comes last.
    """

    namespaces: tuple[Namespace, ...]
    links: tuple[AnyLink, ...]
    endpoints: tuple[Endpoint, ...]
    hops: int
    routers: int = 0
    addressed: tuple[tuple[str, str], ...] = ()

    @cached_property
    def _links(self) -> dict[str, AnyLink]:
        return {link.id: link for link in self.links}

    @cached_property
    def _namespaces(self) -> dict[str, Namespace]:
        return {namespace.id: namespace for namespace in self.namespaces}

    @cached_property
    def index(self) -> dict[str, int]:
        """Endpoint id to its row and column."""
        return {endpoint.id: i for i, endpoint in enumerate(self.endpoints)}

    def link(self, link_id: str) -> AnyLink:
        """The link with this id; KeyError where there is none."""
        return self._links[link_id]

    def namespace(self, ns_id: str) -> Namespace:
        """The namespace with this id; KeyError where there is none."""
        return self._namespaces[ns_id]

    def links_of(self, ns_id: str) -> Iterator[AnyLink]:
        """The links inside a namespace, in creation order (ports of a switch are not links of it)."""
        return (link for link in self.links if link.namespace == ns_id)

    def children_of(self, link_id: str) -> Iterator[Macvlan]:
        """The macvlan and macvtap children of a link, in creation order."""
        return (link for link in self.links if isinstance(link, Macvlan) and link.parent == link_id)


def ends(link: AnyLink) -> tuple[str, ...]:
    """The ids of every place where a link can be watched: its own, and the switch port at the other end of its wire."""
    if isinstance(link, Veth):
        return link.id, link.port_id
    return (link.id, f"{link.peer}--{link.namespace}") if isinstance(link, SwitchLink) else (link.id,)


# --- changes: what the agent is asked to do, in order -----------------------------------------------


@dataclass(frozen=True, slots=True)
class Refusal:
    """The author expects the kernel to refuse a change with this errno (its name, ``EINVAL``)."""

    errno: str
    at: RefusedAt


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing to do. ``where`` is the line of the file that asked for it."""

    where: Where | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddNamespace(Change):
    """Make a namespace, write its sysctls, bring ``lo`` up (hosts and containers)."""

    namespace: Namespace


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteNamespace(Change):
    """Delete a namespace and every link in it."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddLink(Change):
    """Make a link with everything it has; ``sysctls`` are written while it is still down."""

    link: AnyLink
    sysctls: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteLink(Change):
    """Delete a link (RTM_DELLINK); children of a parent go with it."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLink(Change):
    """Change a link from ``before`` to ``after``; only what differs is asked for.

    What the kernel throws away by itself on the way (static neighbours of a link that goes down or gets
    another MAC, IPv6 addresses, a port's state) is missing in ``before`` already.

    ``via`` says by which tool port options are set: netlink itself, or for the sake of the article
    the ``ip`` or ``brctl`` binary or sysfs.
    """

    before: AnyLink
    after: AnyLink
    via: Literal["netlink", "ip", "brctl", "sysfs"] = "netlink"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSysctl(Change):
    """Write one sysctl of a namespace."""

    namespace: str
    path: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRouting(Change):
    """Change a namespace's routes and rules from ``before`` to ``after``."""

    before: Namespace
    after: Namespace


AnyChange = AddNamespace | DeleteNamespace | AddLink | DeleteLink | SetLink | SetSysctl | SetRouting


# --- expectations -----------------------------------------------------------------------------------

Outcome = Literal["reachable", "through-interface", "address-only", "unreachable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One entry of ``expect``: ``text`` as written, ``where`` it stands."""

    text: str
    where: Where


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectPair(Expectation):
    """Every (source, destination) endpoint pair has the outcome on every layer."""

    pairs: tuple[tuple[str, str], ...]
    layers: tuple[str, ...]
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectWire(Expectation):
    """The probe's request is, or is not, seen entering the switch by the port of the source's parent."""

    pairs: tuple[tuple[str, str], ...]
    layer: str
    on_wire: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectHeard(Expectation):
    """Who hears the source's broadcast: at least these (or, ``only``, exactly these) interfaces and ports."""

    source: str
    listeners: tuple[str, ...]
    only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectState(Expectation):
    """Values read back from a link: ``mode``, ``mac`` (a MAC, or ``=A:eth0`` for equal to that
    link's, ``!A:eth0`` for different, ``local-unicast``), ``addresses``, ``promiscuity``, ``mtu``, …

    ``link`` may be a switch port, too (``port(A:eth0)``)."""

    link: str
    values: tuple[tuple[str, str | int | bool | tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectRefused(Expectation):
    """The kernel refuses this link (or this change of it) with this errno."""

    link: str
    errno: str
    at: RefusedAt


AnyExpectation = ExpectPair | ExpectWire | ExpectHeard | ExpectState | ExpectRefused


@dataclass(frozen=True)
class Step:
    """One state of the lab: how to get there, what it then is, what its author expects there."""

    name: str
    changes: tuple[AnyChange, ...]
    state: State
    expect: tuple[AnyExpectation, ...] = ()
    description: str = ""
    measures: Measures = NOTHING


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody says of the kernel, and what would be seen if it were true.

    ``tests`` pairs a step's name with an expectation, ``compare`` the name of a comparison with what its ratio
    would be (None: what the comparison itself says). The claim is
    *confirmed* when every test holds, *refuted* when one is contradicted by an observation, and otherwise neither.
    """

    number: str
    says: str
    tests: tuple[tuple[str, AnyExpectation], ...]
    compare: tuple[tuple[str, Bound | None], ...] = ()


@dataclass(frozen=True)
class Plan:
    """A topology, resolved. ``steps[0]`` is always ``baseline``."""

    name: str
    file: str
    steps: tuple[Step, ...]
    description: str = ""
    claims: tuple[Claim, ...] = ()
    warnings: tuple[str, ...] = field(default=())


#: Every layer, in the order of reports. ``icmp/SIZE`` and ``icmp6/SIZE`` besides.
LAYERS = ("broadcast", "unicast", "arp", "ndp", "icmp", "icmp6", "icmp-static", "icmp6-static", "tcp", "udp")


def base_layer(layer: str) -> str:
    """``icmp`` for ``icmp/1472``; the layer itself otherwise."""
    return layer.partition("/")[0]


def layer_family(layer: str) -> Literal[4, 6] | None:
    """The address family a layer needs; None for ``broadcast`` and ``unicast``."""
    base = base_layer(layer)
    if base in ("broadcast", "unicast"):
        return None
    return 6 if base in ("ndp", "icmp6", "icmp6-static") else 4
