"""The endpoints, askers and targets of a lab: the rows and columns of its matrices."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Literal

from netlab.contract.types import Address, AnyLink, Asker, Endpoint, Namespace, Target


def endpoints(links: Iterable[AnyLink]) -> tuple[Endpoint, ...]:
    """One endpoint per interface, and one per further address of it; link-local addresses don't count."""
    made: list[Endpoint] = []
    for link in links:
        usable = [address for address in link.addresses if not _link_local(address)]
        v4 = next((address for address in usable if address.family == 4), None)
        v6 = next((address for address in usable if address.family == 6), None)
        common = {key: getattr(link, key) for key in ("namespace", "ifname", "ifindex", "mac", "bindable")}
        made.append(Endpoint(id=link.id, link=link.id, v4=v4, v6=v6, **common))
        for address in usable:
            if address in (v4, v6):
                continue
            own4, own6 = (address, None) if address.family == 4 else (None, address)
            made.append(Endpoint(id=f"{link.id}@{address.ip}", link=link.id, v4=own4, v6=own6, extra=True, **common))
    return tuple(made)


def askers(namespaces: Iterable[Namespace], links: Iterable[AnyLink]) -> tuple[Asker, ...]:
    """Every host and container, with the families in which it has addresses."""
    families: dict[str, set[Literal[4, 6]]] = {}
    for link in links:
        mine = families.setdefault(link.namespace, set())
        mine.update(address.family for address in link.addresses if not _link_local(address))
    return tuple(Asker(ns.id, tuple(sorted(families.get(ns.id, ())))) for ns in namespaces if ns.kind != "switch")


def targets(asked: Iterable[str], links: Iterable[AnyLink]) -> tuple[Target, ...]:
    """The addresses that are asked for by themselves, with the interfaces that have them; link-local ones as in
    ``fe80::2%eth0``, with the namespaces that have such an interface."""
    holders: dict[str, list[str]] = {}
    named: dict[str, list[str]] = {}
    for link in links:
        if link.interface:
            named.setdefault(link.ifname, []).append(link.namespace)
        for address in link.addresses:
            holders.setdefault(address.ip, []).append(link.id)
    return tuple(
        Target(ip, 6 if ":" in ip else 4, tuple(holders.get(ip, ())), tuple(named.get(ip.partition("%")[2], ())))
        for ip in asked
    )


def _link_local(address: Address) -> bool:
    return address.family == 6 and ipaddress.IPv6Address(address.ip).is_link_local
