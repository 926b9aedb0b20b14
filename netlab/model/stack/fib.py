"""IPv4 routing: tables, policy rules, source validation, the choice of a source address.

Look-ups depend on nothing that a probe changes, so each namespace keeps their results.
"""

from __future__ import annotations

from netlab.model.rules import rule
from netlab.model.world import Device, Namespace, PolicyRule, Route

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


class Output:
    """Where a packet goes: by `dev` to `nexthop`; where `local`, it loops back through lo.

    ``origin`` is the interface that a looped packet seems to come from (rt_iif). ``assumed`` says that no route was
    found, and the destination is taken to be on the link; ``broadcast``, that the destination is a subnet's broadcast
    address.
    """

    __slots__ = ("assumed", "broadcast", "dev", "local", "nexthop", "origin")

    def __init__(
        self,
        dev: Device,
        nexthop: int,
        local: bool,
        origin: Device,
        assumed: bool = False,
        broadcast: bool = False,
    ) -> None:
        self.assumed = assumed
        self.broadcast = broadcast
        self.dev = dev
        self.nexthop = nexthop
        self.local = local
        self.origin = origin


def lookup(ns: Namespace, dst: int, src: int, iif: str, oif: Device | None, linkstate: bool) -> Route | None:
    """The route for a destination (fib_lookup); ``linkstate`` False sees linkdown routes in any case."""
    key = (dst, src if ns.custom_rules4 else 0, iif if ns.custom_rules4 else "", oif, linkstate)
    try:
        found: Route | None = ns.cache[key]
    except KeyError:
        found = ns.cache[key] = _lookup(ns, dst, src, iif, oif, linkstate)
    return found


def _lookup(ns: Namespace, dst: int, src: int, iif: str, oif: Device | None, linkstate: bool) -> Route | None:
    for policy in ns.rules4:
        if not selects(policy, 32, dst, src, iif, oif):
            continue
        for route in ns.tables4.get(policy.table, ()):
            if dst & route.mask != route.net or (oif is not None and route.dev is not oif):
                continue
            dev = route.dev
            if linkstate and dev.conf.ignore_linkdown and not dev.running and route.type != "local":
                continue
            return route
    return None


def selects(policy: PolicyRule, bits: int, dst: int, src: int, iif: str, oif: Device | None) -> bool:
    """Whether a policy rule applies to a packet (fib_rule_match)."""
    if policy.iif is not None and policy.iif != iif:
        return False
    if policy.oif is not None and (oif is None or policy.oif != oif.name):
        return False
    if policy.src is not None and not _within(src, policy.src, bits):
        return False
    return policy.dst is None or _within(dst, policy.dst, bits)


def _within(address: int, prefix: tuple[int, int], bits: int) -> bool:
    network, plen = prefix
    return address >> (bits - plen) == network >> (bits - plen) if plen else True


def output(ns: Namespace, dst: int, src: int, oif: Device | None) -> Output | None:
    """Where a packet of the namespace's own goes (ip_route_output_key_hash_rcu); None is unreachable."""
    key = ("out", dst, src, oif)
    try:
        found: Output | None = ns.cache[key]
    except KeyError:
        found = ns.cache[key] = _output(ns, dst, src, oif)
    return found


def _output(ns: Namespace, dst: int, src: int, oif: Device | None) -> Output | None:
    if oif is not None and not oif.up:
        return None
    route = lookup(ns, dst, src, "lo", oif, True)
    if route is None:
        # "Apparently, routing tables are wrong. Assume, that the destination is on link."
        return None if oif is None else Output(oif, dst, False, oif, assumed=True)
    if route.type == "local":
        return Output(ns.lo, dst, True, route.dev)
    if route.type == "broadcast":
        return Output(route.dev, dst, False, route.dev, broadcast=True)
    return Output(route.dev, route.gateway or dst, False, route.dev)


def refused_source(ns: Namespace, dev: Device, src: int, dst: int, oif: Device | None) -> str | None:
    """The rule by which a packet's source is refused on `dev`, or None (fib_validate_source)."""
    key = ("in", dev, src, dst, oif)
    try:
        found: str | None = ns.cache[key]
    except KeyError:
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
    route = lookup(ns, src, dst, iif, None, True)
    if route is not None:
        if route.type != "unicast" and (route.type != "local" or not conf.accept_local):
            return MARTIAN_LOCAL
        if route.dev is dev:
            return None
        if dev.addresses4:
            # rp_filter=1 is strict; 2, and none at all, only asks that there be some way back.
            return RP_FILTER if conf.rp_filter == 1 else None
    return NO_WAY_BACK if conf.rp_filter else None


def direct(ns: Namespace, dev: Device, src: int, dst: int) -> bool:
    """Whether a source is directly connected to `dev` (what fib_validate_source returns)."""
    route = lookup(ns, src, dst, dev.name, None, True)
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
    for other in dev.ns.devices:
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
