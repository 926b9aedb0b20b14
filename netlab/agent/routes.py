"""Whether the kernel still has the routes of the plan: it takes some away by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from netlab.agent.netlink import Socket, dumps
from netlab.agent.netlink import constants as nl
from netlab.agent.netlink.attributes import ROUTE, decode
from netlab.contract.types import Route

#: RTN_* by number.
_WORDS = {number: word for word, number in nl.RTN.items()}
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
        if protocol == nl.RTPROT_BOOT and kind in _WORDS:
            got = decode(ROUTE, data, 28)
            to = f"{got.get('RTA_DST', everywhere)}/{length}"
            ways = set(_nexthops(got["RTA_MULTIPATH"])) if "RTA_MULTIPATH" in got else {_way(got, got.get("RTA_OIF"))}
            yield (to, got["RTA_TABLE"], got.get("RTA_PRIORITY", 0), _WORDS[kind], got.get("RTA_PREFSRC")), ways


def _nexthops(data: bytes) -> Iterator[_Way]:
    while data:
        length, _flags, _hops, index = nl.RTNEXTHOP.unpack_from(data)
        yield _way(decode(ROUTE, data[:length], nl.RTNEXTHOP.size), index)
        data = data[-(-length // 4) * 4 :]


def _way(got: Mapping[str, Any], index: int | None) -> _Way:
    return got.get("RTA_GATEWAY"), index or 0
