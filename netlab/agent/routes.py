"""Whether the kernel still has the routes of the plan: it takes some away by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from netlab.agent.netlink import Socket, dumps
from netlab.agent.netlink import constants as nl
from netlab.agent.netlink.attributes import ROUTE, ways_of
from netlab.agent.netlink.forms import decode
from netlab.contract.types import Route

#: Prefix, table, metric, type and source: one route.
_Key = tuple[object, ...]
#: A gateway, and an ifindex.
_Way = tuple[str | None, int]


def missing(netlink: Socket, routes: Iterable[Route], indexes: Mapping[str, int]) -> Route | None:
    """The first of the routes that the kernel doesn't have as they are; ``indexes`` are those of interfaces by name.

    Next hops that are left out for now may be there or not.
    """
    wanted = list(routes)
    there = {family: dict(_read(netlink, family)) for family in {route.family for route in wanted}}
    for route in wanted:
        found = there[route.family].get((route.to, route.table, route.priority, route.type, route.src))
        ways = {(way.via, indexes[way.oif]) for way in route.ways if way.oif is not None}
        if found is None or not ways <= found:
            return route
    return None


def _read(netlink: Socket, family: int) -> Iterator[tuple[_Key, set[_Way]]]:
    """The routes of a family that netlab has made, and those that a person has (RTPROT_BOOT)."""
    everywhere = "::" if family == 6 else "0.0.0.0"
    for data in netlink.dump(dumps.ROUTES[family == 6]):
        _, length, _, _, _, protocol, _, kind, _ = nl.RTMSG.unpack_from(data, 16)
        if protocol == nl.RTPROT_BOOT and kind in nl.ROUTE_TYPES:
            got = decode(ROUTE, data, 28)
            to = f"{got.get('RTA_DST', everywhere)}/{length}"
            ways = {(way.via, way.ifindex) for way in ways_of(got)}
            yield (to, got["RTA_TABLE"], got.get("RTA_PRIORITY", 0), nl.ROUTE_TYPES[kind], got.get("RTA_PREFSRC")), ways
