"""What programs have changed in a lab, in the words of a step: what a topology can say of it, and what it can't."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netlab.contract.types import MAIN_TABLE, AnyLink, Namespace, Route, State
from netlab.contract.types.links import FLAGS, loopback
from netlab.plan import adopted_switching
from netlab.plan.news import News, Told

#: Interfaces of programs' own making that a topology can say, with the keys that say it.
_KINDS = {"macvlan": ("mode",), "dummy": ()}


def compare(state: State, told: Mapping[str, Told]) -> News:
    """What the kernel says of namespaces, against the plan."""
    news = News()
    places = {(place.namespace, place.ifindex) for link in state.links for place in link.places}
    for ns, one in told.items():
        namespace = state.namespace(ns)
        adopted_switching.compare(news, state, ns, one)
        if namespace.kind == "switch":
            _switch(news, state, ns, one)
            continue
        _links(news, state, namespace, one, places)
        _routing(news, state, namespace, one)
        for link_id, what, got in one["differs"]:
            news.cannot(ns, f"{link_id}: its {what} is {got}")
        if one["nftables"] is not None:
            news.say(ns, nftables=one["nftables"])
        if one["sysctls"]:
            news.say(ns, sysctls=dict(one["sysctls"]))
    for ns in news.added:
        # A step sets what it sets before it adds: routes by a new interface come in the next one.
        news.unsay(ns, "routes", "rules")
    return news


def _switch(news: News, state: State, ns: str, told: Told) -> None:
    """What a switch has besides its ports: no topology says any of it."""
    known = {place.ifindex for link in state.links for place in link.places if place.namespace == ns}
    names = {int(index): read["name"] for index, read in told["links"].items()}
    new = [name for index, name in names.items() if index not in known and name != "lo"]
    new += [f"address {one['address']}" for one in told["addresses"] if names.get(one["ifindex"]) != "lo"]
    new += [f"a route to {one['to']}" for one in told["routes"]]
    new += [f"{path} is {value}" for path, value in told["sysctls"].items()]
    new += ["nftables"] if told["nftables"] else []
    for what in new:
        news.cannot(ns, what)


def _links(news: News, state: State, namespace: Namespace, told: Told, places: set[tuple[str, int]]) -> None:
    ns = namespace.id
    addresses: dict[int, list[str]] = {}
    for one in told["addresses"]:
        if one["address"].startswith("fe80:"):
            continue
        if one["odd"]:
            news.cannot(ns, f"{one['address']}: {one['odd']}")
        addresses.setdefault(one["ifindex"], []).append(one["address"])
    there = {int(index): link for index, link in told["links"].items()}
    mine = {link.ifindex: link for link in state.links_of(ns)}
    for index, link in mine.items():
        if index == loopback.INDEX:
            continue
        if index not in there:
            news.delete(link.id)
        else:
            _changed(news, link, there[index], addresses.get(index, []), told)
    for index, read in there.items():
        if index == loopback.INDEX:
            _loopback(news, ns, mine.get(index), read, addresses.get(index, []))
        elif index not in mine and (ns, index) not in places:
            # That of a container's child is its host's.
            around = {link.ifindex: link for link in state.links_of(namespace.host)}
            parent = around.get(read["lower_elsewhere"]) if "/" in ns else None
            _new(news, mine.get(read.get("lower") or 0, parent), ns, index, read, addresses.get(index, []), told)


def _loopback(news: News, ns: str, link: AnyLink | None, read: Mapping[str, Any], addresses: list[str]) -> None:
    """The addresses that programs have put at lo, or taken from it; a topology says those of the host alone."""
    found = [one for one in addresses if one not in ("127.0.0.1/8", "::1/128")]
    if wide := [one for one in found if not one.endswith("/128" if ":" in one else "/32")]:
        news.cannot(ns, f"lo has {', '.join(wide)}")
    if not read["up"]:
        news.cannot(ns, "lo is down")
    own = [str(one) for one in link.addresses] if link is not None else []
    kept = [one for one in own if one in found] + [one for one in found if one not in (*own, *wide)]
    if link is not None and kept != own:
        news.say(link.id, addresses=kept)
    elif link is None and kept:
        news.make(ns, loopback.NAME, loopback.INDEX, {"addresses": kept})


def _changed(news: News, link: AnyLink, read: Mapping[str, Any], addresses: list[str], told: Told) -> None:
    found: dict[str, Any] = {}
    if read["up"] != link.up:
        found["state"] = "up" if read["up"] else "down"
    if link.mac and read["mac"] != link.mac:
        found["mac"] = read["mac"]
    if read["mtu"] != link.mtu and not (link.bridges and not link.interface):
        found["mtu"] = read["mtu"]
    found |= {name: read[name] for name in FLAGS if read.get(name, getattr(link, name)) != getattr(link, name)}
    if set(addresses) != set(map(str, link.addresses)):
        kept = [str(one) for one in link.addresses if str(one) in addresses]
        found["addresses"] = [*kept, *(one for one in addresses if one not in kept)]
    entries = {ip: mac for index, ip, mac in told["neighbors"] if index == link.ifindex}
    if entries != {one.ip: one.mac for one in link.neighbors}:
        found["neighbors"] = entries
    if found:
        news.say(link.id, **found)
    if read["name"] != link.ifname:
        news.cannot(link.namespace, f"{link.id} is called {read['name']}")
    if bool(read["master"]) != (link.master is not None) and not link.own_plugs:
        news.cannot(link.namespace, f"{link.id} {'is a port' if read['master'] else 'is no port'} of a bridge")


def _new(
    news: News,
    parent: AnyLink | None,
    ns: str,
    index: int,
    read: Mapping[str, Any],
    addresses: list[str],
    told: Told,
) -> None:
    name, kind = read["name"], read.get("kind") or "interface"
    stacked = kind == "macvlan"
    if kind not in _KINDS or (stacked and (parent is None or read.get("mode") not in ("bridge", "private", "vepa"))):
        if read["up"] or addresses:
            news.cannot(ns, f"{name}, a {kind}, was made by a program")
        return
    made: dict[str, Any] = {"type": kind, "mac": read["mac"], "mtu": read["mtu"], "addresses": addresses}
    made["state"] = "up" if read["up"] else "down"
    made |= {key: read[key] for key in _KINDS[kind]}
    if stacked and parent is not None:
        made["parent"] = parent.name
    new = {"arp": kind != "dummy", "promisc": False, "allmulticast": False, "multicast": kind != "dummy"}
    made |= {flag: read[flag] for flag in FLAGS if read[flag] != new[flag]}
    entries = {ip: mac for number, ip, mac in told["neighbors"] if number == index}
    made |= {"neighbors": entries} if entries else {}
    box = news.make(ns, name, index, made)
    values = told["new_sysctls"]
    own = {
        path: value for path, value in values.items()
        if path.split("/")[3:4] == [name] and values.get(path.replace(f"/{name}/", "/default/")) not in (None, value)
    }  # fmt: skip
    if own:
        box.setdefault("sysctls", {}).update(own)


def _routing(news: News, state: State, namespace: Namespace, told: Told) -> None:
    ns = namespace.id
    names = {int(index): link["name"] for index, link in told["links"].items()}
    names |= {link.ifindex: link.name for link in state.links_of(ns)}
    routes = list(_routes(news, ns, told, names))
    planned_routes = {_planned(route) for route in namespace.routes if route.type != "unicast" or _leads(route)}
    if {_key(route) for route in routes} != planned_routes:
        # A route by a gateway comes after the one that leads to it.
        news.say(ns, routes=sorted(routes, key=lambda route: "via" in route or "nexthops" in route))
    rules = []
    for rule in told["rules"]:
        if rule["odd"]:
            news.cannot(ns, f"rule {rule['priority']}: {rule['odd']}")
            continue
        kept = {key: value for key, value in rule.items() if value is not None and key not in ("odd", "fwmark")}
        if rule["fwmark"]:
            kept["fwmark"] = f"{rule['fwmark'][0]:#x}/{rule['fwmark'][1]:#x}"
        rules.append(kept)
    # A prefix of no length is none to the kernel (fib4_rule_fill).
    planned = {
        (one.family, one.priority, one.table, *(None if str(net).endswith("/0") else net for net in (one.src, one.dst)),
         one.iif, one.oif, one.fwmark) for one in namespace.rules
    }  # fmt: skip
    seen = {(one["family"], one["priority"], one["table"], one["from"], one["to"], one["iif"], one["oif"],
             tuple(one["fwmark"]) if one["fwmark"] else None) for one in told["rules"] if not one["odd"]}  # fmt: skip
    if seen != planned:
        news.say(ns, rules=rules)


def _routes(news: News, ns: str, told: Told, names: Mapping[int, str]) -> Iterator[dict[str, Any]]:
    for one in told["routes"]:
        odd = one["odd"]
        if one["type"] == "unicast" and any(way["ifindex"] not in names for way in one["ways"]):
            odd = odd or "no interface"
        if odd:
            news.cannot(ns, f"route to {one['to']}: {odd}")
            continue
        route: dict[str, Any] = {"to": one["to"]}
        if one["table"] != MAIN_TABLE:
            route["table"] = one["table"]
        if one["metric"] != (1024 if ":" in one["to"] else 0):
            route["metric"] = one["metric"]
        if one["src"]:
            route["src"] = one["src"]
        ways = [
            {
                "dev": names[way["ifindex"]],
                **({"via": way["via"]} if way["via"] else {}),
                **({"onlink": True} if way["onlink"] else {}),
            }
            for way in one["ways"] if way["ifindex"] in names
        ]  # fmt: skip
        if one["type"] != "unicast":
            route["type"] = one["type"]
        elif len(ways) == 1:
            route |= ways[0]
        else:
            route["nexthops"] = [
                {**way, **({"weight": each["weight"]} if each["weight"] != 1 else {})}
                for way, each in zip(ways, one["ways"], strict=True)
            ]
        yield route


def _key(route: Mapping[str, Any]) -> tuple[object, ...]:
    ways = route.get("nexthops") or ([route] if "type" not in route else [])
    metric = route.get("metric") or (1024 if ":" in route["to"] else 0)
    return (
        route["to"], route.get("table", MAIN_TABLE), metric, route.get("type", "unicast"), route.get("src"),
        frozenset((way.get("via"), way.get("dev"), way.get("weight", 1)) for way in ways),
    )  # fmt: skip


def _leads(route: Route) -> bool:
    return any(way.oif is not None for way in route.ways)


def _planned(route: Route) -> tuple[object, ...]:
    # A way that leads nowhere for now is none, and the weight of a single one is told by nobody.
    live = [way for way in route.ways if way.oif is not None]
    ways = frozenset((way.via, way.oif, getattr(way, "weight", 1) if len(live) > 1 else 1) for way in live)
    return (route.to, route.table, route.priority, route.type, route.src, ways)
