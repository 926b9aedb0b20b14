"""The ways that a route leads out by: which interface each takes, and what of it the kernel refuses."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from netlab.contract.types import MAIN_TABLE, Nexthop, Route, Rule, Where
from netlab.plan.memory import broadcast_of

if TYPE_CHECKING:
    from netlab.plan.file import Path
    from netlab.plan.lab import Box, Lab

#: A prefix, the metric of its route, and the name of the interface that it leads out of.
Lead = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, int, str]
#: A route by itself, or one of its next hops.
Way = Route | Nexthop
#: The priority of the rule for table main (fib_default_rules_init).
MAIN_PRIORITY = 32766
#: The metric of IPv6's connected routes (IP6_RT_PRIO_ADDRCONF); IPv4's have 0.
CONNECTED6 = 256


class Shadows:
    """IPv6 routes by which no gateway is found: they have one themselves, or drop packets."""

    def __init__(self) -> None:
        #: How many there are.
        self.count = 0
        self._lengths: set[int] = set()
        self._metrics: dict[tuple[int, int, int], list[tuple[int, str | None]]] = {}

    def add(self, route: Route) -> None:
        """Note a route that has its interfaces, where it is such a one."""
        if route.family == 6 and not direct([route]):
            network = ipaddress.ip_network(route.to)
            found = self._metrics.setdefault((route.table, network.prefixlen, int(network.network_address)), [])
            found += [(route.priority, way.oif) for way in route.ways] or [(route.priority, None)]
            self.count += 1
            self._lengths.add(network.prefixlen)

    def cover(self, table: int, gateway: ipaddress.IPv6Address, dev: str | None, best: Lead) -> bool:
        """Whether one of a table is better than the best direct route there to an address, by an interface where that
        is named (ip6_route_check_nh)."""
        for length in self._lengths:
            place = table, length, int(gateway) >> (128 - length) << (128 - length)
            for metric, oif in self._metrics.get(place, ()):
                if dev in (None, oif) and (-length, metric) < (-best[0].prefixlen, best[1]):
                    return True
        return False


def direct(routes: Iterable[Route]) -> list[Route]:
    """Those of the routes by which gateways are found: they lead to a link, and have no gateway themselves.

    A route with several next hops is of a wider scope, and so are those that drop packets (fib_table_lookup).
    """
    return [route for route in routes if route.via is None and route.dev is not None]


def give(lab: Lab, box: Box, routes: Iterable[Route]) -> None:
    """Give a namespace its routes; a route that it has already keeps its interfaces."""
    routes = tuple(routes)
    placed = {route: route for route in box.routes}
    others = direct(route for route in routes if route in placed)
    found: dict[tuple[object, ...], Route] = {}
    for route in routes:
        if route not in placed:
            key = route.via, route.dev, route.nexthops, route.table, len(others)
            if key not in found:
                found[key] = place(lab, box.id, route, others)
            placed[route] = replace(route, oif=found[key].oif, nexthops=found[key].nexthops)
            others += direct([route])
    box.routes = tuple(placed[route] for route in routes)


def place(lab: Lab, namespace: str, route: Route, others: Sequence[Route]) -> Route:
    """The route with the interface of each of its ways; ``others`` are the direct routes that the namespace has."""
    if route.nexthops:
        hops = (replace(hop, oif=_device_of(lab, namespace, hop, route.table, others)) for hop in route.nexthops)
        return replace(route, nexthops=tuple(hops))
    return replace(route, oif=_device_of(lab, namespace, route, route.table, others))


def _device_of(lab: Lab, namespace: str, way: Way, table: int, others: Iterable[Route]) -> str | None:
    """The name of the interface that a new way leads out of: the given one, or that of the route to the gateway.

    The gateway is looked up in the route's own table, then (IPv4 only) among the namespace's own addresses and in the
    tables that its rules lead to, then in table main (fib_check_nh_v4_gw, ip6_nh_lookup_table). Of one prefix the least
    metric counts, then the older route; one of the file that IPv4 doesn't refuse beside a connected one is older.
    """
    if way.dev is not None or way.via is None:
        return way.dev
    gateway = ipaddress.ip_address(way.via)
    links = lab.links_of(namespace)
    own = [link.name for link in links if gateway.version == 4 and any(a.ip == way.via for a in link.addresses)]
    ruled = [] if gateway.version == 6 else _ruled(lab.boxes[namespace].rules, gateway)
    tables = {one: [*_leads(r for r in others if r.table == one), *_connected(lab, namespace, one)]
              for one in {table, *ruled, MAIN_TABLE}}  # fmt: skip
    aside = tables[table] if table != MAIN_TABLE else []
    local = [(ipaddress.ip_network(gateway), 0, name) for name in own]
    for leads in (aside, local, *(tables[one] for one in ruled), tables[MAIN_TABLE]):
        fitting = [lead for lead in leads if gateway in lead[0]]
        if fitting:
            return min(fitting, key=lambda lead: (-lead[0].prefixlen, lead[1]))[2]
    return None


def _ruled(rules: Iterable[Rule], gateway: ipaddress.IPv4Address) -> list[int]:
    """The tables before main in which a gateway is looked up: it has no source, no interface, no mark, and comes from
    lo (fib_rule_match)."""
    fitting = [
        rule
        for rule in rules
        if rule.family == 4 and rule.src is None and rule.oif is None and rule.iif in (None, "lo")
        and (rule.dst is None or gateway in ipaddress.ip_network(rule.dst))
        and (rule.fwmark is None or not rule.fwmark[0] & rule.fwmark[1])
        and rule.priority < MAIN_PRIORITY
    ]  # fmt: skip
    return [rule.table for rule in sorted(fitting, key=lambda rule: rule.priority)]


def _leads(routes: Iterable[Route]) -> list[Lead]:
    return [(ipaddress.ip_network(route.to), route.priority, route.dev or "") for route in routes]


def _connected(lab: Lab, namespace: str, table: int, dev: str | None = None) -> list[Lead]:
    """The connected routes of a table; and those by an interface that a way names, whatever its VRF."""
    return [
        (address.network, 0 if address.family == 4 else CONNECTED6, name)
        for address, name, number in lab.memory.connected(lab.links_of(namespace))
        if number == table or name == dev
    ]


def check(
    lab: Lab, namespace: str, table: int, way: Way, others: Sequence[Route], shadows: Shadows, path: Path
) -> bool:
    """Whether the kernel takes a way, which stands at ``path``; ``others`` are the direct routes before it, ``shadows``
    what of the rest can be in its way.

    A gateway must be reached by a route without gateway, of ``others`` or connected; otherwise the kernel refuses it
    (fib_check_nh, ip6_route_check_nh), and the problem is noted. A namespace's own address is a gateway that IPv4
    takes, and IPv6 doesn't.
    """
    problems, place = lab.file.problems, lab.file.where(*path, "via", key=False)
    links = lab.links_of(namespace)
    if any(link.name == way.dev and not link.up for link in links):
        problems.add(
            lab.file.where(*path, "dev", key=False),
            f"{namespace}:{way.dev} is down, so no route leads out of it",
            "bring it up first",
        )
        return False
    if way.onlink and None in (way.via, way.dev):
        words = "'onlink' is of a gateway, and says on which interface's link it is"
        problems.add(lab.file.where(*path, "onlink"), words, "give 'via' and 'dev', too")
        return False
    if way.via is None:
        return True
    gateway = ipaddress.ip_address(way.via)
    own = {address.ip for link in links for address in link.addresses}
    if way.via in own and (gateway.version == 6 or way.onlink):
        problems.add(place, f"{gateway} is an address of {namespace} itself", "a gateway is another machine")
        return False
    if gateway.is_multicast:
        problems.add(place, f"{gateway} is a multicast address", "a gateway is a single machine")
        return False
    if isinstance(gateway, ipaddress.IPv6Address) and gateway.is_link_local:
        if way.dev is None:
            problems.add(place, f"{gateway} is a link-local address, of whatever interface", "add 'dev: …'")
            return False
        return True
    if gateway.version == 4 and (broadcast := _as_broadcast(lab, namespace, table, way, others)):
        problems.add(place, f"{gateway} is the broadcast address of {broadcast}", "a gateway is a single machine")
        return False
    known = dict.fromkeys((*_connected(lab, namespace, table, way.dev), *_connected(lab, namespace, MAIN_TABLE)))
    there = [one for one in others if one.table in (table, MAIN_TABLE) or one.dev == way.dev]
    leads = [lead for lead in (*known, *_leads(there)) if lead[0].version == gateway.version]
    fitting = [lead for lead in leads if gateway in lead[0]]
    if way.onlink:
        return _check_onlink(lab, way, [lead for lead in fitting if lead[0].prefixlen], place)
    able = [lead for lead in fitting if way.dev in (None, lead[2])]
    if able:
        if gateway.version == 4:
            return True
        for number in dict.fromkeys((table, MAIN_TABLE)):
            # With an interface the last look-up is in that one's table (l3mdev_update_flow).
            routes = [one for one in there if one.table == number or (number == MAIN_TABLE and one.table != table)]
            mine = (*_connected(lab, namespace, number, way.dev), *_leads(routes))
            found = [lead for lead in mine if gateway in lead[0] and way.dev in (None, lead[2])]
            best = min(found, key=lambda lead: (-lead[0].prefixlen, lead[1]), default=None)
            if best is not None and not shadows.cover(number, gateway, way.dev, best):
                return True
        words = f"a route before this one has {gateway} somewhere else than on a link"
        problems.add(place, words, "put that route behind")
        return False
    networks = ", ".join(dict.fromkeys(f"{network} ({name})" for network, _, name in leads))
    by = f"{namespace}:{way.dev}" if way.dev else namespace
    problems.add(
        place,
        f"{gateway} is on no network of {by}, so it can be no gateway",
        f"its networks are {networks}{'; or say onlink: true' if way.dev else ''}"
        if networks
        else f"{namespace} has no IPv{gateway.version} address on a link that is up",
        follows=lab.file.lost(namespace),
    )
    return False


def _check_onlink(lab: Lab, way: Way, fitting: Sequence[Lead], place: Where) -> bool:
    """IPv6 refuses a gateway that is said to be on one link and leads to another (ip6_route_check_nh_onlink)."""
    best = min(fitting, key=lambda lead: (-lead[0].prefixlen, lead[1]), default=None)
    if best is None or best[0].version == 4 or best[2] == way.dev:
        return True
    lab.file.problems.add(place, f"{way.via} is on the network {best[0]} of {best[2]}", f"'dev: {best[2]}'")
    return False


def _as_broadcast(lab: Lab, namespace: str, table: int, way: Way, others: Iterable[Route]) -> str:
    """The network whose broadcast address an IPv4 gateway is, else '': the kernel refuses it (fib_check_nh_v4_gw).

    It doesn't where the namespace had this address as its own before, nor where the route's table isn't main and has a
    route to it.
    """
    gateway = ipaddress.ip_address(str(way.via))
    aside = [one for one in others if one.table == table != MAIN_TABLE]
    if not way.onlink and any(gateway in ipaddress.ip_network(one.to) and way.dev in (None, one.dev) for one in aside):
        return ""
    for address, name, _ in lab.memory.connected(lab.links_of(namespace)):
        if address.ip == way.via:
            return ""
        if broadcast_of(address) == way.via and (way.onlink or way.dev in (None, name)):
            return f"{address.network} ({name})"
    return ""
