"""Candidates about addresses and routes: by a gateway, in one subnet, an unused address or MAC."""

from __future__ import annotations

import ipaddress
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network

from netlab.contract.types import MAIN_TABLE, Address, AnyLink, Endpoint, Namespace, Nexthop, Route, Rule, State
from netlab.why.case import Candidate, Case, Step

GATEWAY = (
    "Another subnet is reached by a router that is in both, and both ends must know it: the answer needs a route, too."
)
FORWARDING = "Linux passes packets on for others only if it is told to."
STRAY = "Of the routes to an address that with the longest prefix wins, then that with the lowest metric."
THROWN = "A {} route is there to send nothing to its addresses."
RULED = "A rule of its own table comes before the routes of the table main."
ONE_SUBNET = "Two machines on one link meet without a router if their addresses are in one subnet."
PREFIX = "Both ends must agree on how large their subnet is, or one of them looks for the other behind a router."
ON_LINK = "A route without a gateway says that those addresses are on this link, whatever their subnet."
TWICE = (
    "Of two hosts with one address the first to answer gets the packets; those to an own address never leave a host."
)
SAME_MAC = "Switches and macvlan find an interface by its MAC: two that have the same one take each other's frames."
#: How many addresses of a network are tried to find an unused one.
_SEARCH = 5000
_EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}
_FORWARD = {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}
#: A way from one end to the other: the links by which each namespace on it is left and the next one is entered.
Way = list[tuple[AnyLink, AnyLink]]


def routes(case: Case) -> Iterator[Candidate]:
    """Routes by a gateway, and forwarding there, where they are missing; routes that lead elsewhere are left out."""
    yield from _stray(case)
    way = _way(case)
    if len(way) < 2:
        return
    through = [before[1].namespace for before in way[:-1]]
    names = " and ".join(through)
    off = [router for router in through if not _forwards(case.state.namespace(router), case.family)]
    forward: Step = {router: {"sysctls": {_FORWARD[case.family]: 1}} for router in off}
    route = _missing(case, way)
    told = ", ".join(f"{place} by {settings['routes'][-1].get('via')}" for place, settings in route.items())
    if forward:
        yield case.candidate("forward", f"let {' and '.join(off)} forward packets", FORWARDING, {"set": forward})
    if route:
        yield case.candidate("routes", f"add routes through {names}: {told}", GATEWAY, {"set": route})
    if forward and route:
        both = {place: {**forward.get(place, {}), **route.get(place, {})} for place in (*route, *forward)}
        title = f"let {' and '.join(off)} forward packets, and add routes through {names}: {told}"
        parts = ("forward", "routes")
        yield case.candidate("routing", title, f"{GATEWAY} {FORWARDING}", {"set": both}, includes=parts)


def _stray(case: Case) -> Iterator[Candidate]:
    """Routes that hold packets to the other end though there is another way, or that throw them away; and rules."""
    ends = ((case.source, case.destination), (case.destination, case.source))
    for end, theirs in ((end, case.address(other)) for end, other in ends):
        namespace = case.state.namespace(end.namespace)
        for rule in namespace.rules if theirs is not None else ():
            kept = [written_rule(one) for one in namespace.rules if one != rule]
            title = f"take away the rule {' '.join(rule.argv)} in {end.namespace}"
            step: Step = {"set": {end.namespace: {"rules": kept}}}
            yield case.candidate(f"rule-{end.namespace}-{rule.priority}", title, RULED, step)
    places = {end.namespace: other for end, other in ends}
    for place, other in (*places.items(), *((router, case.destination) for router in gateways(case))):
        theirs, namespace = case.address(other), case.state.namespace(place)
        if theirs is None:
            continue
        ip = ipaddress.ip_address(theirs.ip)
        fitting = [route for route in namespace.routes if ip in ipaddress.ip_network(route.to)]
        connected = any(ip in one.network for link in case.state.links_of(place) for one in link.addresses)
        yield from _sooner(case, namespace, fitting)
        for route in fitting:
            if route.type == "unicast" and len(fitting) + connected < 2:
                continue
            left = [written(one) for one in namespace.routes if one != route]
            title = f"take away the route {' '.join(route.argv)} in {place}"
            because = STRAY if route.type == "unicast" else THROWN.format(route.type)
            key = f"stray-{place}-{' '.join(route.argv)}"
            yield case.candidate(key, title, because, {"set": {place: {"routes": left}}})


def _sooner(case: Case, namespace: Namespace, fitting: list[Route]) -> Iterator[Candidate]:
    """Of several routes to one prefix another is made the one that counts."""
    for route in fitting:
        others = [one for one in fitting if (one.to, one.table) == (route.to, route.table) and one is not route]
        least = min((one.metric or 0 for one in others), default=0)
        if least > 0 and (route.metric or 0) > least:
            changed = replace(route, metric=least - 1)
            routes_ = [written(changed if one is route else one) for one in namespace.routes]
            title = f"let the route {' '.join(route.argv)} in {namespace.id} count, with the metric {changed.metric}"
            key = f"metric-{namespace.id}-{' '.join(route.argv)}"
            yield case.candidate(key, title, STRAY, {"set": {namespace.id: {"routes": routes_}}})


def gateways(case: Case) -> list[str]:
    """The namespaces between the two ends, if there is such a way."""
    return [before[1].namespace for before in _way(case)[:-1]]


def _way(case: Case) -> Way:
    """The shortest way between the two ends, from subnet to subnet; empty where there is none or none is needed."""
    state, family = case.state, case.family
    start, goal = case.links
    if start.namespace == goal.namespace or not (case.address(case.source) and case.address(case.destination)):
        return []
    seen = {start.namespace}
    queue: deque[tuple[str, Way]] = deque([(start.namespace, [])])
    while queue:
        namespace, way = queue.popleft()
        for mine in (start,) if namespace == start.namespace else state.links_of(namespace):
            for theirs in state.links:
                other = theirs.namespace
                if other in seen or not theirs.interface or not _meet(mine, theirs, family):
                    continue
                if other == goal.namespace:
                    if theirs.id == goal.id:
                        return [*way, (mine, theirs)]
                    continue
                seen.add(other)
                queue.append((other, [*way, (mine, theirs)]))
    return []


def _meet(one: AnyLink, other: AnyLink, family: int) -> bool:
    networks = {address.network for address in one.addresses if address.family == family}
    return any(address.network in networks for address in other.addresses if address.family == family)


def _forwards(namespace: Namespace, family: int) -> bool:
    names = [f"net/ipv{family}/conf/all/forwarding", *(["net/ipv4/ip_forward"] if family == 4 else [])]
    return any(namespace.sysctl(name) == "1" for name in names)


def _missing(case: Case, way: Way) -> Step:
    """For each namespace on the way that lacks routes, in either direction: all of its routes, old and new.

    `set` replaces the whole list.
    """
    here, there = case.address(case.source), case.address(case.destination)
    assert here is not None
    assert there is not None
    wanted: dict[str, list[Route]] = {}
    there_are = {address.ip for link in case.state.links for address in link.addresses}
    back = [(theirs, mine) for mine, theirs in reversed(way)]
    for steps, target in ((way, there), (back, here)):
        for k, (mine, theirs) in enumerate(steps[:-1]):
            namespace = case.state.namespace(mine.namespace)
            gateway = address_in(theirs, mine, case.family)
            have = wanted.get(namespace.id, list(namespace.routes))
            if gateway is None or _knows(case.state, namespace, have, target, gateway):
                continue
            # A gateway that no host has as its address is replaced.
            have = [one for one in have if one.via is None or one.via in there_are or not _fits(one, target)]
            to = _EVERYWHERE[case.family] if k == 0 else str(target.network)
            if any(route.to == to and route.table == MAIN_TABLE for route in have):
                to = str(target.network)
            kept = [route for route in have if route.to != to or route.table != MAIN_TABLE]
            wanted[namespace.id] = [*kept, Route(to, via=gateway)]
    return {place: {"routes": [written(route) for route in found]} for place, found in wanted.items()}


def address_in(link: AnyLink, other: AnyLink, family: int) -> str | None:
    """The address of a link in a subnet of the other."""
    networks = [address.network for address in other.addresses if address.family == family]
    return next((a.ip for a in link.addresses if a.family == family and a.network in networks), None)


def _knows(state: State, namespace: Namespace, have: list[Route], target: Address, gateway: str) -> bool:
    """Whether a namespace has a connected route to an address, or its best one leads by the gateway."""
    ip = ipaddress.ip_address(target.ip)
    if any(ip in address.network for link in state.links_of(namespace.id) for address in link.addresses):
        return True
    fitting = [route for route in have if _fits(route, target)]
    best = max(fitting, key=lambda route: ipaddress.ip_network(route.to).prefixlen, default=None)
    return best is not None and best.via == gateway


def _fits(route: Route, target: Address) -> bool:
    """Whether a route of the main table is one to an address."""
    return route.table == MAIN_TABLE and ipaddress.ip_address(target.ip) in ipaddress.ip_network(route.to)


def written(route: Route) -> Step:
    """A route as the file has it."""
    to = "default" if route.to in _EVERYWHERE.values() and not (route.to == "::/0" and route.via is None) else route.to
    told = {name: value for name in ("via", "dev", "metric", "src") if (value := getattr(route, name)) is not None}
    made: Step = {"to": to, **told}
    if route.table != MAIN_TABLE:
        made["table"] = route.table
    if route.type != "unicast":
        made["type"] = route.type
    if route.onlink:
        made["onlink"] = True
    if route.nexthops:
        made["nexthops"] = [_hop(hop) for hop in route.nexthops]
    return made


def _hop(hop: Nexthop) -> Step:
    given = {"via": hop.via, "dev": hop.dev, "weight": hop.weight if hop.weight != 1 else None}
    made = {name: value for name, value in given.items() if value is not None}
    return {**made, "onlink": True} if hop.onlink else made


def written_rule(rule: Rule) -> Step:
    """A policy rule as the file has it."""
    mark = rule.fwmark and f"{rule.fwmark[0]:#x}/{rule.fwmark[1]:#x}"
    given = {"from": rule.src, "to": rule.dst, "iif": rule.iif, "oif": rule.oif, "fwmark": mark}
    family = {} if rule.src or rule.dst else {"family": rule.family}
    told = {name: value for name, value in given.items() if value is not None}
    return {**told, "table": rule.table, "priority": rule.priority, **family}


def with_route(namespace: Namespace, route: Route) -> list[Step]:
    """The routes of a namespace and one more, as `set` wants them."""
    return [written(one) for one in (*namespace.routes, route)]


# --- other addresses --------------------------------------------------------------------------------


def addresses(case: Case) -> Iterator[Candidate]:
    """Another prefix, another subnet, an unused address or MAC, a route without a gateway."""
    yield from _own_address(case)
    yield from _own_mac(case)
    here, there = case.address(case.source), case.address(case.destination)
    if here is None or there is None or here.network == there.network:
        return
    ends = ((case.source, here, there), (case.destination, there, here))
    for end, mine, theirs in ends[::-1]:
        if ipaddress.ip_address(mine.ip) in theirs.network:
            better = f"{mine.ip}/{theirs.prefixlen}"
            yield case.candidate(
                f"prefix-{end.id}",
                f"give {end.link} the prefix {better} instead of /{mine.prefixlen}",
                PREFIX,
                _readdressed(case, end, better),
            )
    for end, mine, other in ((case.destination, there, case.source), (case.source, here, case.destination)):
        free = free_address(case.state, other, case.family, like=mine)
        if free is not None:
            title = f"put {end.link} into the subnet of {other.link}: {free} instead of {mine}"
            made = case.candidate(f"subnet-{end.id}", title, ONE_SUBNET, _readdressed(case, end, free))
            # That another interface answers then, which is in that subnet already, is no use of it.
            yield replace(made, accepts="R")
    settings: Step = {}
    for end, _, theirs in ends:
        link, namespace = case.state.link(end.link), case.state.namespace(end.namespace)
        route = Route(f"{theirs.ip}/{case.bits}", dev=link.name)
        if case.source.namespace != case.destination.namespace:
            settings[end.namespace] = {"routes": with_route(namespace, route)}
    if settings:
        title = f"tell {' and '.join(settings)} that the other is on the link"
        yield case.candidate("on-link", title, ON_LINK, {"set": settings})


def _own_address(case: Case) -> Iterator[Candidate]:
    state = case.state
    if case.source.namespace == case.destination.namespace:
        return
    for end in (case.destination, case.source):
        mine = case.address(end)
        if mine is None or not any(
            mine.ip == address.ip for link in state.links if link.id != end.link for address in link.addresses
        ):
            continue
        free = free_address(state, end, case.family)
        if free is not None:
            title = f"give {end.link} an address of its own: {free} instead of {mine}"
            yield case.candidate(f"address-{end.id}", title, TWICE, _readdressed(case, end, free))


def _own_mac(case: Case) -> Iterator[Candidate]:
    one, other = case.links
    macs = {link.mac for link in case.state.links}
    for link, peer in ((other, one), (one, other)):
        relatives = link.mac_of is not None
        twin = any(third.mac == link.mac for third in case.state.links if third.id != link.id)
        if link.mac and not relatives and (twin or link.mac == peer.mac):
            number = int(link.mac.replace(":", ""), 16)
            new = next(mac for k in range(1, 256) if (mac := _mac(number ^ k)) not in macs)
            step: Step = {"set": {link.id: {"mac": new}}}
            yield case.candidate(f"mac-{link.id}", f"give {link.id} a MAC of its own", SAME_MAC, step)


def _mac(number: int) -> str:
    return ":".join(f"{byte:02x}" for byte in number.to_bytes(6, "big"))


def _readdressed(case: Case, end: Endpoint, new: str) -> Step:
    """Another address in the place of an endpoint's; the others of its interface stay.

    With the last IPv4 address of an interface its static neighbours go, and the routes out of it (fib_disable_ip,
    arp_ifdown): they are given anew.
    """
    mine, link, namespace = case.address(end), case.state.link(end.link), case.state.namespace(end.namespace)
    addresses_ = [new if address == mine else str(address) for address in link.addresses]
    settings: Step = {"addresses": addresses_}
    step: Step = {"set": {end.link: settings}}
    if case.family == 4 and sum(address.family == 4 for address in link.addresses) == 1:
        if link.neighbors:
            settings["neighbors"] = by_hand(link)
        networks = [ipaddress.ip_interface(one).network for one in addresses_]
        networks += [a.network for one in case.state.links_of(namespace.id) if one is not link for a in one.addresses]
        kept = [route for route in namespace.routes if all(_in_one(way.via, networks) for way in route.ways)]
        if kept:
            step["set"][namespace.id] = {"routes": [written(route) for route in kept]}
    return step


def by_hand(link: AnyLink) -> dict[str, str]:
    """The static neighbours of an interface, as `set` wants them."""
    return {entry.ip: entry.mac for entry in link.neighbors}


def _in_one(gateway: str | None, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    return gateway is None or any(ipaddress.ip_address(gateway) in network for network in networks)


def free_address(state: State, end: Endpoint, family: int, like: Address | None = None) -> str | None:
    """An address of the endpoint's network that no interface has; if possible one that ends ``like`` another."""
    mine = end.address(family)
    if mine is None:
        return None
    taken = {address.ip for link in state.links for address in link.addresses}
    network = mine.network
    highest = int(network[-1]) - (1 if network.version == 4 else 0)
    last = int(ipaddress.ip_address(like.ip)) & int(network.hostmask) if like is not None else 0
    first = [int(network[0]) + last] if 0 < last <= highest - int(network[0]) else []
    lowest = int(network[0]) + 1
    # IPv4: from the end of the network, since people number from its start. IPv6: from the start, which is easier to
    # read.
    rest = range(lowest, min(highest, lowest + _SEARCH))
    if family == 4:
        rest = range(highest, max(lowest - 1, highest - _SEARCH), -1)
    for number in (*first, *rest):
        ip = str(ipaddress.ip_address(number))
        if ip not in taken:
            return f"{ip}/{mine.prefixlen}"
    return None
