"""Routes with all that iproute2 takes: metrics, sources, types, gateways on links, several next hops."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from tests.fuzz.lan import Document, Lan, Nic


def further(lan: Lan, namespace: str, routes: list[Document]) -> list[Document]:
    """The routes of a namespace, some with more to them, and new ones behind them."""
    found = [dict(route) for route in routes]
    mine = [nic for nic in lan.inside(namespace) if nic.spec.get("state") != "down"]
    for route in found:
        if lan.chance(0.4):
            route["metric"] = lan.pick((5, 100, 2000))
        if lan.chance(0.3):
            _from(lan, mine, route)
    for family in (4, 6):
        able = [nic for nic in mine if nic.ips(family) and nic.spec.get("mtu", 1500) >= 1280]
        for _ in range(lan.pick((0, 1, 2)) if able else 0):
            found += _new(lan, able, family)
    return found


def _new(lan: Lan, able: list[Nic], family: int) -> Iterator[Document]:
    """A route by interfaces that can have it; the plan may find that something of it is there already."""
    out = lan.pick(able)
    route: Document = {"to": _target(lan, family)}
    gateways = list(_gateways(lan, able, family))
    match lan.pick(("type", "gateway", "hops", "link", "onlink"), (3, 4, 4, 2, 1)):
        case "type":
            route["type"] = lan.pick(("blackhole", "unreachable", "prohibit"))
        case "gateway" if gateways:
            route["via"] = lan.pick(gateways)[0]
        case "hops" if gateways:
            chosen = [lan.pick(gateways) for _ in range(lan.pick((1, 2, 2, 3)))]
            route["nexthops"] = [{"via": ip} if lan.chance(0.6) else {"via": ip, "dev": nic.name} for ip, nic in chosen]
            if lan.chance(0.3):
                route["nexthops"][0]["weight"] = 3
            if family == 4 and lan.chance(0.2):
                route["nexthops"].append({"dev": out.name})
        case "onlink":
            far = [ip for nic in lan.living() for ip in nic.ips(family) if nic.namespace != out.namespace]
            if not far:
                return
            route |= {"via": lan.pick(far), "dev": out.name, "onlink": True}
        case "link":
            route["dev"] = out.name
        case _:
            return
    if lan.chance(0.6):
        route["metric"] = lan.pick((5, 100, 2000))
    if lan.chance(0.3) and "type" not in route:
        _from(lan, able, route)
    yield route


def _target(lan: Lan, family: int) -> str:
    """A prefix of a given family."""
    far = [ip for nic in lan.living() for ip in nic.ips(family)]
    if far and lan.chance(0.3):
        return f"{lan.pick(far)}/{32 if family == 4 else 128}"
    four, six = lan.pick((("0.0.0.0/0", "::/0"), ("10.0.0.0/24", "fd00:0::/64"), ("10.0.1.0/24", "fd00:1::/64")))
    return four if family == 4 else str(ipaddress.ip_network(six))


def _gateways(lan: Lan, able: list[Nic], family: int) -> Iterator[tuple[str, Nic]]:
    """Addresses of others, each with an interface that has it on its link."""
    here = {ip for nic in lan.inside(able[0].namespace) for ip in nic.ips(family)}
    for nic in lan.living():
        for ip in nic.ips(family):
            for out in able:
                if ip not in here and any(
                    ipaddress.ip_address(ip) in ipaddress.ip_interface(own).network for own in out.addresses
                ):
                    yield ip, out


def _from(lan: Lan, mine: list[Nic], route: Document) -> None:
    """Give a route a source, of whichever interface."""
    words = f"{route['to']} {route.get('via')}"
    own = [ip for nic in mine for ip in nic.ips(6 if ":" in words else 4)]
    if own and "type" not in route:
        route["src"] = lan.pick(own)
