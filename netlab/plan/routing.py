"""Routes and rules of a namespace."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from netlab.contract.types import MAIN_TABLE, Address, AnyLink, Route, Rule, Where
from netlab.plan.memory import broadcast_of
from netlab.spec.problems import did_you_mean

if TYPE_CHECKING:
    from netlab.plan.file import Path
    from netlab.plan.lab import Lab
    from netlab.spec.schema import Route as GivenRoute
    from netlab.spec.schema import Rule as GivenRule

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
#: A link's id, or a namespace's, and an address.
Pair = tuple[str, str]

#: The priority of the rule for table main (fib_default_rules_init).
MAIN_PRIORITY = 32766


def routes(lab: Lab, namespace: str, given: Iterable[GivenRoute], path: Path) -> tuple[Route, ...]:
    """Routes as the kernel takes them."""
    file = lab.file
    made: list[Route] = []
    known: set[tuple[str, int]] = set()
    connected = {
        str(address.network): name
        for address, name in lab.memory.connected(lab.links_of(namespace))
        if address.family == 4 and address.prefixlen < 32
    }
    gateways: list[tuple[Route, Where]] = []
    for i, route in enumerate(given):
        here = (*path, i)
        if route.via is None and route.dev is None:
            lost = bool(file.spec.pruned & {"via", "dev"})
            file.problems.add(file.where(*here), f"the route to {route.to} has neither via nor dev", follows=lost)
            continue
        to = route.to
        if to == "default":
            to = "::/0" if route.via and ":" in route.via else "0.0.0.0/0"
        if route.via and (":" in route.via) != (":" in to):
            file.problems.add(file.where(*here, "via", key=False), f"{route.via} and {to} are of different families")
            continue
        dev = _device(lab, namespace, route.dev, (*here, "dev"))
        if route.dev is not None and dev is None:
            continue
        made.append(Route(to, route.via, dev.name if dev else None, route.table or MAIN_TABLE))
        way = str(ipaddress.ip_network(to)), made[-1].table
        # Another of the same prefix is refused (fib_table_insert, fib6_add_rt2node: NLM_F_EXCL).
        if way in known:
            message = f"a second route to {to} in one table"
            file.problems.add(file.where(*here, "to", key=False), message, "keep one, or give it a table and a rule")
        elif way[0] in connected and way[1] == MAIN_TABLE and made[-1] not in lab.boxes[namespace].devices:
            message = f"{namespace}:{connected[way[0]]} brings a route to {to} by its address"
            file.problems.add(
                file.where(*here, "to", key=False), message, "leave it out, or give it a table and a rule"
            )
        known.add(way)
        if route.via is not None:
            gateways.append((made[-1], file.where(*here, "via", key=False)))
    direct = [route for route in made if route.via is None]
    checked: set[tuple[str | None, str | None, int]] = set()
    for one, where in gateways:
        key = one.via, one.dev, one.table
        if key not in checked and _check_gateway(lab, namespace, one, direct, where):
            checked.add(key)
    return tuple(made)


def _check_gateway(lab: Lab, namespace: str, route: Route, others: Sequence[Route], where: Where) -> bool:
    """Whether the kernel takes a gateway: it must be reached by a route without gateway, of ``others`` or connected.

    Otherwise the kernel refuses it (fib_check_nh, ip6_route_check_nh), and the problem is noted. A namespace's own
    address is a gateway that IPv4 takes, and IPv6 doesn't.
    """
    file = lab.file
    gateway = ipaddress.ip_address(str(route.via))
    links = list(lab.links_of(namespace))
    if gateway.version == 6 and any(address.ip == str(gateway) for link in links for address in link.addresses):
        file.problems.add(where, f"{gateway} is an address of {namespace} itself", "a gateway is another machine")
        return False
    if isinstance(gateway, ipaddress.IPv6Address) and gateway.is_link_local:
        if route.dev is None:
            file.problems.add(where, f"{gateway} is a link-local address, of whatever interface", "add 'dev: …'")
            return False
        return True
    connected = lab.memory.connected(links)
    if gateway.version == 4 and (broadcast := _as_broadcast(connected, route, others)):
        file.problems.add(where, f"{gateway} is the broadcast address of {broadcast}", "a gateway is a single machine")
        return False
    networks = [(address.network, name) for address, name in connected if address.network.version == gateway.version]
    networks += [(ipaddress.ip_network(one.to), one.dev or "") for one in others]
    if any(gateway in network and route.dev in (None, name) for network, name in networks):
        return True
    known = ", ".join(f"{network} ({name})" for network, name in networks if network.version == gateway.version)
    by = f"{namespace}:{route.dev}" if route.dev else namespace
    file.problems.add(
        where,
        f"{gateway} is on no network of {by}, so it can be no gateway",
        f"its networks are {known}"
        if known
        else f"{namespace} has no IPv{gateway.version} address on a link that is up",
        follows=file.lost(namespace),
    )
    return False


def connect(lab: Lab) -> None:
    """Bring up to date which connected routes there are, and note the addresses that the kernel takes no packet for."""
    for link, address, first in lab.memory.connect(lab.links.values()):
        where = lab.file.address_where(link.id, link.addresses.index(address))
        words = f"{address.ip} has {first.ip} as its primary address, a broadcast address of {link.namespace}"
        lab.file.problems.add(where, words, "the kernel takes no packet for it; give it first, or another prefix")


def _as_broadcast(connected: Iterable[tuple[Address, str]], route: Route, others: Iterable[Route]) -> str:
    """The network whose broadcast address an IPv4 gateway is, else '': the kernel refuses it (fib_check_nh_v4_gw).

    It doesn't where the namespace had this address as its own before, nor where the route's table isn't main and has a
    route to it.
    """
    gateway = ipaddress.ip_address(str(route.via))
    aside = [one for one in others if one.via is None and one.table == route.table != MAIN_TABLE]
    if any(gateway in ipaddress.ip_network(one.to) and route.dev in (None, one.dev) for one in aside):
        return ""
    for address, name in connected:
        if address.ip == route.via:
            return ""
        if broadcast_of(address) == route.via and route.dev in (None, name):
            return f"{address.network} ({name})"
    return ""


def rules(lab: Lab, namespace: str, given: Iterable[GivenRule], path: Path) -> tuple[Rule, ...]:
    """Rules as the kernel takes them; one without a priority comes before all others (fib_default_rule_pref)."""
    file = lab.file
    made: list[Rule] = []
    taken: set[Rule] = set()
    lowest = {4: MAIN_PRIORITY, 6: MAIN_PRIORITY}
    for i, rule in enumerate(given):
        here = (*path, i)
        known = len(file.problems.found)
        families = {6 if ":" in prefix else 4 for prefix in (rule.src, rule.to) if prefix not in (None, "default")}
        if rule.family is not None:
            families.add(rule.family)
        if len(families) > 1 or 5 in families:
            file.problems.add(file.where(*here), "the rule mixes IPv4 and IPv6", "one rule for each")
            continue
        family: Literal[4, 6] = 6 if families == {6} else 4
        devices: dict[str, str | None] = {}
        for key in ("iif", "oif"):
            name: str | None = getattr(rule, key)
            link = None if name == "lo" else _device(lab, namespace, name, (*here, key))
            devices[key] = link.ifname if link else name
        if file.problems.found[known:]:
            continue
        made.append(
            Rule(
                table=rule.table,
                priority=lowest[family] - 1 if rule.priority is None else rule.priority,
                family=family,
                src=None if rule.src == "default" else rule.src,
                dst=None if rule.to == "default" else rule.to,
                iif=devices.get("iif"),
                oif=devices.get("oif"),
            )
        )
        if made[-1] in taken:
            # rule_exists, net/core/fib_rules.c
            file.problems.add(file.where(*here), "the same rule a second time", "leave it out")
        taken.add(made[-1])
        lowest[family] = min(lowest[family], made[-1].priority or MAIN_PRIORITY)
    return tuple(made)


def _device(lab: Lab, namespace: str, name: str | None, path: Path) -> AnyLink | None:
    file = lab.file
    if name is None:
        return None
    links = lab.links_of(namespace)
    for link in links:
        if name in (link.name, link.ifname):
            return link
    if name not in file.spec.pruned:
        known = did_you_mean(name, [link.name for link in links], "interfaces")
        file.problems.add(file.where(*path, key=False), f"no interface {name!r} in {namespace}", known)
    return None


def device_of(lab: Lab, namespace: str, route: Route, others: Iterable[Route]) -> str | None:
    """The name of the interface that a new route leads out of: the given one, or that of the route to the gateway.

    ``others`` are the routes that the namespace has. The gateway is looked up in the route's own table, then (IPv4
    only) among the namespace's own addresses, then in table main (fib_check_nh_v4_gw, ip6_nh_lookup_table). A route in
    main with the prefix of a connected route comes before it in IPv4 (it is older), and behind it in IPv6 (by its
    metric).
    """
    if route.dev is not None or route.via is None:
        return route.dev
    gateway = ipaddress.ip_address(route.via)
    aside = [one for one in others if one.via is None and one.table == route.table != MAIN_TABLE]
    links = list(lab.links_of(namespace))
    mine = [link.name for link in links if gateway.version == 4 and any(a.ip == route.via for a in link.addresses)]
    connected = [(address.network, name) for address, name in lab.memory.connected(links)]
    direct = _networks(one for one in others if one.via is None and one.table == MAIN_TABLE)
    main = [*direct, *connected] if gateway.version == 4 else [*connected, *direct]
    for ways in (_networks(aside), [(ipaddress.ip_network(gateway), name) for name in mine], main):
        fitting = [(network.prefixlen, name) for network, name in ways if gateway in network]
        if fitting:
            return max(fitting, key=lambda way: way[0])[1]
    return None


def _networks(routes: Iterable[Route]) -> list[tuple[Network, str | None]]:
    return [(ipaddress.ip_network(route.to), route.dev) for route in routes]
