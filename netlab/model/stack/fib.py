"""IPv4 routing: tables, policy rules, source validation, the choice of a source address.

Look-ups depend on nothing that a probe changes, so each namespace keeps their results.
"""

from __future__ import annotations

from typing import NamedTuple

from netlab.contract.kernels import Version
from netlab.model.routes import PolicyRule, Route
from netlab.model.rules import rule
from netlab.model.sim import Sim, Unknown
from netlab.model.world import Device, Namespace

_FRONTEND = "net/ipv4/fib_frontend.c"

MARTIAN_LOCAL = rule(
    "ip/local-source-refused",
    "A packet from one of the namespace's own addresses that comes in from outside is refused unless"
    " accept_local is on.",
    "fib_validate_source",
    _FRONTEND,
)
RP_FILTER = rule(
    "ip/rp-filter",
    "With rp_filter=1 a packet is refused where the way back to its source leads out of another interface.",
    "__fib_validate_source",
    _FRONTEND,
)
NO_WAY_BACK = rule(
    "ip/rp-filter-no-way-back",
    "With rp_filter on, a packet is refused where no route leads back to its source.",
    "__fib_validate_source",
    _FRONTEND,
)


MULTIPATH = rule(
    "ip/multipath",
    "Of a route's next hops a hash over both addresses takes one, of a kind that nobody can foresee.",
    "fib_select_multipath",
    "net/ipv4/fib_semantics.c",
)


BLACKHOLE = rule(
    "route/blackhole",
    "A blackhole route holds the destination: a program is told EINVAL, a router drops the packet and tells nobody.",
    "fib_table_lookup",
    "net/ipv4/fib_trie.c",
)
UNREACHABLE = rule(
    "route/unreachable",
    "A route of the type unreachable holds the destination: a program is told EHOSTUNREACH, the sender of a packet to"
    " be sent on gets an ICMP error.",
    "fib_table_lookup",
    "net/ipv4/fib_trie.c",
)
PROHIBITED = rule(
    "route/prohibit",
    "A route of the type prohibit holds the destination: a program is told EACCES, the sender of a packet to be sent on"
    " gets an ICMP error.",
    "fib_table_lookup",
    "net/ipv4/fib_trie.c",
)


class Refusal(NamedTuple):
    """Why a packet goes nowhere: the error's name, the rule if it isn't the want of a route, whether a router tells."""

    errno: str
    rule: str | None = None
    tells: bool = True


#: "ipv4: prefer multipath nexthop that matches source address"; 6.12 takes any by the hash.
OWN_SOURCE = Version(6, 16)
#: There is no route.
NOWHERE = Refusal("ENETUNREACH")


class Output:
    """Where a packet goes: by `dev` to `nexthop`, with `source`; where `local`, it loops back through lo.

    A VRF is the loopback of its domain.

    ``errno`` is the error's name where it goes nowhere, empty elsewhere; ``rule`` and ``tells`` as in a `Refusal`.
    ``route`` is the one chosen, None where there is none. ``origin`` is the interface that a looped packet seems to
    come from (rt_iif). ``assumed`` says that no route was found, and the destination is taken to be on the link;
    ``broadcast``, that the destination is a subnet's broadcast address.
    """

    __slots__ = (
        "assumed", "broadcast", "dev", "errno", "local", "nexthop", "origin", "route", "rule", "source", "tells",
    )  # fmt: skip

    def __init__(
        self, dev: Device, nexthop: int, source: int, route: Route | None, refusal: Refusal | None = None,
        local: bool = False,
    ) -> None:  # fmt: skip
        self.errno, self.rule, self.tells = refusal or Refusal("", tells=False)
        self.assumed = route is None and not refusal
        self.broadcast = route is not None and route.type == "broadcast"
        self.origin = dev
        self.dev = (dev.vrf or dev.ns.lo) if local else dev
        self.nexthop = nexthop
        self.source = source
        self.route = route
        self.local = local

    def __str__(self) -> str:
        return f"{self.errno}: " * bool(self.errno) + (f"route {self.route}" if self.route else "no route")


def rejected(route: Route) -> Refusal | None:
    """What a route does that leads nowhere (fib_props, ip6_rt_init_dst_reject); None for another one."""
    if route.type == "blackhole":
        return Refusal("EINVAL", BLACKHOLE, tells=False)
    if route.type == "unreachable":
        return Refusal("EHOSTUNREACH", UNREACHABLE)
    if route.type == "prohibit":
        return Refusal("EACCES", PROHIBITED)
    return None


def lookup(
    ns: Namespace, dst: int, src: int, iif: str, oif: Device | None, mark: int = 0,
    vrf: Device | None = None,
) -> Route | None:  # fmt: skip
    """The route for a destination (fib_lookup). ``vrf`` is the VRF of the interface by which the packet came in; by
    ``oif`` it is that of the latter.
    """
    if oif is not None:
        oif, vrf = leading(oif)
    key = (dst, src, iif, oif, mark, vrf) if ns.custom_rules4 else (dst, oif)
    try:
        found: Route | None = ns.cache[key]
    except KeyError:
        found = ns.cache[key] = _lookup(ns, dst, src, iif, oif, mark, vrf)
    return found


def leading(oif: Device) -> tuple[Device | None, Device | None]:
    """By which interface a packet must leave that is bound to one, and the VRF whose table it is looked up in. A VRF
    itself binds to no interface (l3mdev_update_flow).
    """
    return (None if oif is oif.vrf else oif), oif.vrf


def _lookup(
    ns: Namespace, dst: int, src: int, iif: str, oif: Device | None, mark: int, vrf: Device | None
) -> Route | None:
    for policy in ns.rules4:
        if not selects(policy, 32, dst, src, iif, oif, mark, vrf):
            continue
        for route in ns.tables4.get(table(policy, vrf), ()):
            if dst & route.mask != route.net:
                continue
            if rejected(route):
                return route
            ways = [way for way in route.ways or (route,) if oif is None or way.dev is oif]
            if route.type != "local":
                ways = [way for way in ways if way.dev.running or not way.dev.conf.ignore_linkdown]
            if ways:
                # Bound to an interface, a packet takes the first next hop by it (fib_table_lookup).
                return ways[0] if oif is not None or len(ways) == 1 else route
    return None


def table(policy: PolicyRule, vrf: Device | None) -> int:
    """The table that a rule leads to (l3mdev_fib_rule_match)."""
    return vrf.table if policy.l3mdev and vrf is not None else policy.table


def selects(
    policy: PolicyRule, bits: int, dst: int, src: int, iif: str, oif: Device | None, mark: int = 0,
    vrf: Device | None = None,
) -> bool:  # fmt: skip
    """Whether a policy rule applies to a packet (fib_rule_match)."""
    if policy.l3mdev and vrf is None:
        return False
    if policy.iif is not None and policy.iif != iif:
        return False
    if policy.oif is not None and (oif is None or policy.oif != oif.name):
        return False
    if (mark ^ policy.mark[0]) & policy.mark[1]:
        return False
    if policy.src is not None and not _within(src, policy.src, bits):
        return False
    return policy.dst is None or _within(dst, policy.dst, bits)


def _within(address: int, prefix: tuple[int, int], bits: int) -> bool:
    network, plen = prefix
    return address >> (bits - plen) == network >> (bits - plen) if plen else True


def _settled(dev: Device, *addresses: int) -> None:
    """Raise `Unknown` where one is an address of a VRF's that table local has as a broadcast address."""
    if dev.vrf is not None and not dev.domain.doubtful4.isdisjoint(addresses):
        raise Unknown(f"an address of {dev.vrf.id} is a broadcast address of another interface of {dev.ns.id}")


def output(sim: Sim, ns: Namespace, dst: int, src: int, oif: Device | None, mark: int = 0) -> Output:
    """Where a packet of the namespace's own goes (ip_route_output_key_hash_rcu); ``src`` 0: it has no source yet."""
    key = ("out", dst, src, oif, mark)
    found: Output | None = ns.cache.get(key)
    if found is not None:
        return found
    if oif is not None:
        _settled(oif, dst, src)
        if not oif.up:
            return Output(oif, dst, src, None, NOWHERE)
    route = lookup(ns, dst, src, "lo", oif, mark)
    if route is not None and route.ways:
        way = choose(sim, route, dst, src)
        return Output(way.dev, way.gateway or dst, src or preferred(way), route)
    if oif is not None and oif.vrf is None and (route is None or rejected(route)):
        # "Apparently, routing tables are wrong. Assume, that the destination is on link."
        found = Output(oif, dst, src or source_address(oif, 0), None)
    elif route is None:
        found = Output(ns.lo, dst, src, None, NOWHERE)
    else:
        found = _by(route, dst, src)
    ns.cache[key] = found
    return found


def _by(route: Route, dst: int, src: int) -> Output:
    if refusal := rejected(route):
        return Output(route.dev, dst, src, route, refusal)
    if route.type == "local":
        return Output(route.dev, dst, src or route.source, route, local=True)
    return Output(route.dev, route.gateway or dst, src or preferred(route), route)


def preferred(route: Route) -> int:
    """The source of packets that have none yet (fib_result_prefsrc)."""
    return route.source or source_address(route.dev, route.gateway)


def choose(sim: Sim, route: Route, dst: int, src: int) -> Route:
    """One of a route's next hops (fib_select_multipath): since Linux 6.16 those with the packet's own source come
    first."""
    ways = [way for way in route.ways if way.dev.running or not way.dev.conf.ignore_linkdown]
    if sim.world.state.kernel >= OWN_SOURCE:
        ways = [way for way in ways if source_address(way.dev, way.gateway) == src] or ways
    return ways[sim.pick((route, dst, src), len(ways))]


def refused_source(ns: Namespace, dev: Device, src: int, dst: int, oif: Device | None) -> str | None:
    """The rule by which a packet's source is refused on `dev`, or None (fib_validate_source)."""
    key = ("in", dev, src, dst, oif)
    try:
        found: str | None = ns.cache[key]
    except KeyError:
        _settled(dev, dst, src)
        found = ns.cache[key] = _refused_source(ns, dev, src, dst, oif)
    return found


def _refused_source(ns: Namespace, dev: Device, src: int, dst: int, oif: Device | None) -> str | None:
    conf = dev.conf
    if not conf.rp_filter and (dev is not oif or not conf.send_redirects):
        if conf.accept_local:
            return None
        if not (ns.custom_local or ns.custom_rules4):
            return MARTIAN_LOCAL if src in ns.owned4 else None
    iif = oif.name if oif is not None else "lo"
    route = lookup(ns, src, dst, iif, None, vrf=dev.vrf)
    if route is not None and not rejected(route):
        if route.type != "unicast" and (route.type != "local" or not conf.accept_local):
            return MARTIAN_LOCAL
        if any(way.dev is dev for way in route.ways or (route,)):
            return None
        if dev.addresses4:
            # rp_filter=1 is strict; 2, and none at all, only asks that there be some way back.
            return RP_FILTER if conf.rp_filter == 1 else None
    return NO_WAY_BACK if conf.rp_filter else None


def direct(ns: Namespace, dev: Device, src: int, dst: int) -> bool:
    """Whether a source is directly connected to `dev` (what fib_validate_source returns)."""
    route = lookup(ns, src, dst, dev.name, None, vrf=dev.vrf)
    return route is not None and route.type == "unicast" and route.dev is dev and not route.gateway


def source_address(dev: Device, dst: int) -> int:
    """The address that `dev` would show to `dst` (inet_select_addr); 0 where the namespace has none."""
    first = 0
    for address, network, plen, secondary in dev.addresses4:
        if secondary:
            continue
        if dst >> (32 - plen) == network >> (32 - plen):
            return address
        first = first or address
    if first:
        return first
    others = [other for other in dev.ns.devices if other.domain is dev.domain]
    for other in sorted(others, key=lambda one: one is not dev.vrf):
        for address, _, _, secondary in other.addresses4:
            if not secondary:
                return address
    return 0


def on_link(dev: Device, a: int, b: int) -> bool:
    """Whether one prefix of the interface holds both addresses (inet_addr_onlink)."""
    for _, network, plen, _ in dev.addresses4:
        shift = 32 - plen
        if a >> shift == network >> shift and b >> shift == network >> shift:
            return True
    return False
