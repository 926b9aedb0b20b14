"""Routes that the kernel takes away by itself, and next hops that it leaves out for a while."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from netlab.contract.types import MAIN_TABLE, AnyLink, Route

if TYPE_CHECKING:
    from netlab.plan.lab import Lab
    from netlab.plan.memory import Pair


def by_links(lab: Lab, gone: Iterable[AnyLink], families: tuple[int, ...] = (4, 6), *, deleted: bool = False) -> None:
    """Take away the routes by links that are down, deleted, or without a family (fib_sync_down_dev, fib6_ifdown).

    Of several next hops one is only left out while others are alive, until the link comes up (fib_sync_up,
    rt6_sync_up). With a deleted link an IPv4 route goes as a whole, an IPv6 route goes on by the others.
    """
    for link in gone:
        box = lab.boxes.get(link.namespace)
        if box is None:
            continue
        box.dead |= {(link.name, family) for family in families}
        mine = [route for route in box.routes if route.family in families]
        left = {route: _left(route, link.name, box.dead, deleted) for route in mine}
        if deleted:
            box.dead -= {(link.name, family) for family in families}
        kept = tuple(one for route in box.routes if (one := left.get(route, route)) is not None)
        if kept != box.routes:
            lab.file.warn(box.where, f"routes of {box.id} go with {link.id} and do not come back by themselves")
            box.routes = kept


def _left(route: Route, name: str, dead: Collection[tuple[str, int]], deleted: bool) -> Route | None:
    """What is left of a route without a link."""
    if all(way.oif != name for way in route.ways):
        return route
    if not route.nexthops or (deleted and route.family == 4):
        return None
    hops = tuple(hop for hop in route.nexthops if not deleted or hop.oif != name)
    if all((hop.oif, route.family) in dead for hop in hops):
        return None
    return replace(route, nexthops=hops)


def revive(lab: Lab, link: AnyLink, families: tuple[int, ...] = (4, 6)) -> None:
    """Let next hops by a link count again: it has come up, or has got an IPv4 address."""
    if link.up and link.namespace in lab.boxes:
        lab.boxes[link.namespace].dead -= {(link.name, family) for family in families}


def by_sources(lab: Lab, gone: Collection[Pair], *, deleted: bool = True) -> None:
    """Take away the routes of table main, or the VRF's, whose source is an IPv4 address that is gone
    (fib_sync_down_addr).

    Those of other tables stay as they are. An IPv6 route stays without its source: before 6.6 by the address's own
    interface alone, since then by any unless one of the same VRF has the address still (fib6_remove_prefsrc, commit
    b358f57f7db6), and only where the address was ``deleted``, not where its interface went down (addrconf_ifdown).
    """
    for namespace in {link_id.partition(":")[0] for link_id, _ in gone}:
        box = lab.boxes.get(namespace)
        if box is None or not any(route.src for route in box.routes):
            continue
        held = {(link.id, address.ip) for link in lab.links_of(namespace) for address in link.addresses}
        own = {ip for _, ip in held - set(gone)}
        tables = {lab.table(link) for link in lab.links_of(namespace) if link.id in {link_id for link_id, _ in gone}}
        lost = {(link_id.partition(":")[2], ip) for link_id, ip in gone if link_id.partition(":")[0] == namespace}
        domains = {link.name: lab.table(link) for link in lab.links_of(namespace)}
        staying = {(lab.table(lab.links[link_id]), ip) for link_id, ip in held - set(gone)}
        kept = []
        for route in box.routes:
            here = any(ip == route.src and (route.family == 4 or name in _names(route)) for name, ip in lost)
            if route.family == 6 and lab.kernel >= (6, 6):
                domain = next((domains[way.oif] for way in route.ways if way.oif in domains), MAIN_TABLE)
                here = deleted and any(ip == route.src for _, ip in lost) and (domain, route.src) not in staying
            if not here or (route.family == 4 and (route.table not in (tables or {MAIN_TABLE}) or route.src in own)):
                kept.append(route)
            elif route.family == 6:
                kept.append(replace(route, src=None))
        if tuple(kept) != box.routes:
            lab.file.warn(box.where, f"routes of {box.id} go, or lose their source, with the address that it was")
            box.routes = tuple(kept)


def _names(route: Route) -> set[str | None]:
    return {way.oif for way in route.ways}
