"""Addresses at the loopbacks of a random topology, and routes to them."""

from __future__ import annotations

import ipaddress

from tests.fuzz.lan import Document, Lan, Nic

#: An address that several hosts may have, as the real servers behind a virtual one.
VIRTUAL = "10.0.0.240/32"


def loopbacks(lan: Lan) -> None:
    """Give some namespaces addresses at lo, some of a subnet that is on a wire, and others ways to them."""
    for number, (namespace, given) in enumerate(lan.namespaces(), 1):
        if not lan.chance(0.6):
            continue
        own: list[str] = []
        if lan.has("ipv4"):
            own.append(f"10.{lan.pick(('255.0', '0.0', '0.1'))}.{200 + number}/32")
        if lan.has("ipv6"):
            own.append(f"fd00:{lan.pick(('ff', '0', '1'))}::{0x200 + number:x}/128")
        spec: Document = {"addresses": own}
        if lan.has("ipv4") and lan.chance(0.25):
            own.append(VIRTUAL)
            spec["duplicate"] = True
        given["interfaces"]["lo"] = spec
        if lan.chance(0.3):
            lan.document.setdefault("expect", []).append({f"any -> {lan.pick(own).partition('/')[0]}": "reachable"})
        for other, there in lan.namespaces():
            if other != namespace and lan.chance(0.6):
                _route(lan, other, there, namespace, lan.pick(own))


def _route(lan: Lan, other: str, there: Document, namespace: str, address: str) -> None:
    """A route to an address at the loopback of a namespace; its source may be such an address, too."""
    family = 6 if ":" in address else 4
    vias = [ip for nic in lan.inside(namespace) for ip in nic.ips(family)]
    able = [
        (nic.name, via)
        for nic in lan.inside(other) if "master" not in nic.spec and nic.spec.get("type") != "vrf"
        for via in vias if _holds(nic, via)
    ]  # fmt: skip
    if not able:
        return
    dev, via = lan.pick(able)
    route: Document = {"to": address, "dev": dev} | ({"via": via} if lan.chance(0.8) else {})
    mine = there["interfaces"].get("lo", {}).get("addresses", [])
    sources = [one.partition("/")[0] for one in mine if (":" in one) == (family == 6)]
    if sources and lan.chance(0.5):
        route["src"] = lan.pick(sources)
    there.setdefault("routes", []).append(route)


def _holds(nic: Nic, ip: str) -> bool:
    """Whether a network of an interface has an address, which isn't the interface's own."""
    networks = [ipaddress.ip_interface(one).network for one in nic.addresses if one.partition("/")[0] != ip]
    return any(ipaddress.ip_address(ip) in network for network in networks)
