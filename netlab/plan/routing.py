"""Routes and rules of a namespace."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from netlab.contract.types import MAIN_TABLE, AnyLink, Nexthop, Route, Rule
from netlab.plan import gateways
from netlab.plan.memory import broadcast_of
from netlab.spec.problems import did_you_mean

if TYPE_CHECKING:
    from netlab.plan.file import Path
    from netlab.plan.lab import Lab
    from netlab.spec.routing_schema import Nexthop as GivenNexthop
    from netlab.spec.routing_schema import Route as GivenRoute
    from netlab.spec.routing_schema import Rule as GivenRule

#: What the ways out of a route are given by; a route with several gives them for each.
_WAY = ("via", "dev", "onlink")
#: A route's prefix, table and metric: the kernel has one such.
Key = tuple[str, int, int]


def routes(lab: Lab, namespace: str, given: Iterable[GivenRoute], path: Path) -> tuple[Route, ...]:
    """Routes as the kernel takes them, one after the other."""
    file, box = lab.file, lab.boxes[namespace]
    read = [((*path, i), one.to, _read(lab, namespace, one, (*path, i))) for i, one in enumerate(given)]
    made = [route for _, _, route in read if route is not None]
    # What is there and stays comes before what is added.
    present, staying = set(box.routes), set(made)
    direct = gateways.direct(kept for kept in box.routes if kept in staying)
    shadows = gateways.Shadows()
    for kept in box.routes:
        if kept in staying:
            shadows.add(kept)
    connected = _connected(lab, namespace)
    known: set[Key] = set()
    checked: set[tuple[object, ...]] = set()
    for here, to, route in read:
        if route is None:
            continue
        key = _key(route)
        if key in known or (key in connected and route not in present):
            # Another of the same prefix and metric is refused (fib_table_insert, fib6_add_rt2node: NLM_F_EXCL).
            words, hint = f"a second route to {to} in one table", "keep one"
            if key not in known:
                words, hint = f"{namespace}:{connected[key]} brings a route to {to} by its address", "leave it out"
            hint += ", or give it a metric, or a table and a rule"
            file.problems.add(file.where(*here, "to", key=False), words, hint)
        known.add(key)
        _check_source(lab, namespace, route, here)
        for way, at in zip(route.ways, _at(route, here), strict=True):
            same = way.via, way.dev, way.onlink, route.table, len(direct), shadows.count
            if same not in checked and gateways.check(lab, namespace, route.table, way, direct, shadows, at):
                checked.add(same)
        placed = gateways.place(lab, namespace, route, direct) if route.family == 6 else route
        _check_twice(lab, placed, here)
        if route not in present:
            direct += gateways.direct([route])
            shadows.add(placed)
    return tuple(made)


def _read(lab: Lab, namespace: str, given: GivenRoute, here: Path) -> Route | None:
    """A route that makes sense by itself; what is wrong with it is noted."""
    file = lab.file
    kind = given.type or "unicast"
    misplaced = [key for key in _WAY if getattr(given, key) is not None]
    if kind != "unicast":
        # fib_create_info: "Gateway, device and multipath can not be specified for this route type".
        misplaced += [key for key in ("src", "nexthops") if getattr(given, key)]
        words, hint = f"a route of type {kind} leads nowhere, so it has no {{key!r}}", "leave it out"
    else:
        words, hint = "each of the 'nexthops' has its own {key!r}", "move it there, or leave the nexthops out"
        if not given.nexthops:
            misplaced = []
            if given.via is None and given.dev is None:
                lost = bool(file.spec.pruned & {"via", "dev", "nexthops", "type"})
                file.problems.add(file.where(*here), f"the route to {given.to} has neither via nor dev", follows=lost)
                return None
    for key in misplaced:
        file.problems.add(file.where(*here, key), words.format(key=key), hint)
    if misplaced:
        return None
    to = _destination(given)
    known = len(file.problems.found)
    single = [_way(lab, namespace, to, given, here)] if kind == "unicast" and not given.nexthops else []
    hops = tuple(_way(lab, namespace, to, hop, (*here, "nexthops", i)) for i, hop in enumerate(given.nexthops))
    if given.src and (":" in given.src) != (":" in to):
        file.problems.add(file.where(*here, "src", key=False), f"{given.src} and {to} are of different families")
    if file.problems.found[known:]:
        return None
    usual = 1024 if ":" in to else 0
    metric = None if given.metric in (0, usual) else given.metric
    made = Route(to, table=given.table or MAIN_TABLE, metric=metric, src=given.src, type=kind, nexthops=hops)
    return replace(made, via=single[0].via, dev=single[0].dev, onlink=single[0].onlink) if single else made


def _destination(given: GivenRoute) -> str:
    """The prefix of a route; that of ``default`` is of the family of what else the route names."""
    if given.to != "default":
        return given.to
    named = (given.via, given.src, *(hop.via for hop in given.nexthops))
    return "::/0" if any(":" in ip for ip in named if ip) else "0.0.0.0/0"


def _way(lab: Lab, namespace: str, to: str, given: GivenRoute | GivenNexthop, here: Path) -> Nexthop:
    """One way out of a route to ``to``, the route's only one or one of several."""
    file = lab.file
    dev = _device(lab, namespace, given.dev, (*here, "dev"))
    if given.via and (":" in given.via) != (":" in to):
        file.problems.add(file.where(*here, "via", key=False), f"{given.via} and {to} are of different families")
    weight = getattr(given, "weight", None)
    if given.via is None and (given.dev is None or ("nexthops" in here and ":" in to)):
        # ip6_route_multipath_add: "Device only routes can not be added for IPv6 using the multipath API".
        needs = "a gateway with IPv6" if given.dev else "'via' or 'dev'"
        file.problems.add(file.where(*here, key=False), f"a next hop needs {needs}")
    return Nexthop(given.via, dev.name if dev else None, weight or 1, bool(given.onlink))


def _at(route: Route, here: Path) -> Iterator[Path]:
    """Where the ways of a route stand."""
    yield from ((*here, "nexthops", i) for i in range(len(route.nexthops)))
    if not route.nexthops and route.ways:
        yield here


def _key(route: Route) -> Key:
    return str(ipaddress.ip_network(route.to)), route.table, route.priority


def _connected(lab: Lab, namespace: str) -> dict[Key, str]:
    """The routes that addresses bring, with the interface's name: an IPv4 address by itself brings none but in a VRF,
    whose table has the routes of its own addresses, too.
    """
    found = {
        (f"{ip}/32", table, 0): name
        for address, name, table in lab.memory.connected(lab.links_of(namespace))
        for ip in (address.ip, broadcast_of(address))
        if table != MAIN_TABLE and address.family == 4 and ip
    }
    return found | {
        (str(address.network), table, gateways.CONNECTED6 if address.family == 6 else 0): name
        for address, name, table in lab.memory.connected(lab.links_of(namespace))
        if address.family == 6 or address.prefixlen < 32
    }


def _check_twice(lab: Lab, route: Route, here: Path) -> None:
    """IPv6 has a next hop once (ip6_route_info_append: EEXIST)."""
    if route.family == 6 and len({(hop.via, hop.oif) for hop in route.nexthops}) < len(route.nexthops):
        words = "one of them is there twice, which IPv6 refuses"
        lab.file.problems.add(lab.file.where(*here, "nexthops"), words, "'weight' says how often one is taken")


def _check_source(lab: Lab, namespace: str, route: Route, here: Path) -> None:
    """A source must be an address of the namespace. With IPv4 it may be in the VRF whose table the route is in, or in
    none (fib_valid_prefsrc); with IPv6 it must be in the VRF of each interface that the route names
    (ip6_route_info_create, ipv6_chk_addr).
    """
    if route.src is None or ipaddress.ip_address(route.src).is_loopback:
        return
    links = {link.name: link for link in lab.links_of(namespace)}
    named = [lab.table(links[hop.dev]) for hop in route.ways if hop.dev in links]
    if route.family == 6 and named:
        allowed = [link for link in links.values() if all(lab.table(link) == table for table in named)]
    else:
        allowed = [link for link in links.values() if lab.table(link) in (route.table, MAIN_TABLE)]
    own = [address.ip for link in allowed for address in link.addresses]
    if route.src not in own:
        known = ", ".join(ip for ip in own if (":" in ip) == (":" in route.src))
        lab.file.problems.add(
            lab.file.where(*here, "src", key=False),
            _no_source(route.src, namespace, list(links.values())),
            f"it has {known}" if known else "",
            follows=lab.file.lost(namespace),
        )
    elif route.family == 4:
        holders = {(link.id, route.src) for link in allowed if route.src in [one.ip for one in link.addresses]}
        if holders <= set(lab.memory.shadowed(lab.links.values())):
            words = f"{route.src} was a broadcast address before it was one of {namespace}'s, and is no source"
            lab.file.problems.add(lab.file.where(*here, "src", key=False), words, "another address, or another prefix")


def _no_source(address: str, namespace: str, links: list[AnyLink]) -> str:
    holder = next((link.id for link in links if address in [one.ip for one in link.addresses]), None)
    if holder:
        return f"{address} is an address of {holder}, which isn't in that VRF, so nothing can be sent from it"
    return f"{address} is no address of {namespace}, so nothing can be sent from it"


def rules(lab: Lab, namespace: str, given: Iterable[GivenRule], path: Path) -> tuple[Rule, ...]:
    """Rules as the kernel takes them; one without a priority comes before all others (fib_default_rule_pref)."""
    file = lab.file
    made: list[Rule] = []
    taken: set[Rule] = set()
    lowest = {4: gateways.MAIN_PRIORITY, 6: gateways.MAIN_PRIORITY}
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
                fwmark=rule.fwmark,
            )
        )
        if made[-1] in taken:
            # rule_exists, net/core/fib_rules.c
            file.problems.add(file.where(*here), "the same rule a second time", "leave it out")
        taken.add(made[-1])
        lowest[family] = min(lowest[family], made[-1].priority or gateways.MAIN_PRIORITY)
    return tuple(made)


def _device(lab: Lab, namespace: str, name: str | None, path: Path) -> AnyLink | None:
    file = lab.file
    if name is None:
        return None
    links = lab.links_of(namespace)
    for link in links:
        if name in (link.name, link.ifname):
            if not link.bindable:
                hint = "'type: blackhole' drops it; 'src: …' names an address of lo as the source"
                file.problems.add(file.where(*path, key=False), "no rule for what is routed out of lo", hint)
            return link
    if name not in file.spec.pruned:
        known = did_you_mean(name, [link.name for link in links], "interfaces")
        file.problems.add(file.where(*path, key=False), f"no interface {name!r} in {namespace}", known)
    return None
