"""Routes and policy rules, compiled."""

from __future__ import annotations

import ipaddress
from typing import Any

LOCAL_TABLE, MAIN_TABLE, DEFAULT_TABLE = 255, 254, 253
TABLES = {LOCAL_TABLE: "local", MAIN_TABLE: "main", DEFAULT_TABLE: "default"}


class Route:
    """A route (struct fib_alias with its nexthop).

    ``source`` is the address that a program gets which has chosen none; 0 where that of ``dev`` is looked for. With
    several next hops ``ways`` has a route for each, and the rest is as in the first.
    """

    __slots__ = ("bits", "dev", "gateway", "mask", "metric", "net", "plen", "source", "table", "type", "ways")

    def __init__(
        self, type: str, net: int, plen: int, bits: int, dev: Any, gateway: int = 0, metric: int = 0,
        source: int = 0, table: int = 0, ways: tuple[Route, ...] = (),
    ) -> None:  # fmt: skip
        self.type = type
        self.plen = plen
        self.bits = bits
        self.mask = ((1 << plen) - 1) << (bits - plen)
        self.net = net & self.mask
        self.dev = dev
        self.gateway = gateway
        self.metric = metric
        self.source = source
        self.table = table
        self.ways = ways

    def __str__(self) -> str:
        """As ``ip route`` writes it, with the table's name."""
        make = ipaddress.IPv4Address if self.bits == 32 else ipaddress.IPv6Address
        words = [] if self.type == "unicast" else [self.type]
        words.append("default" if not self.plen else f"{make(self.net)}" + f"/{self.plen}" * (self.plen != self.bits))
        if self.ways:
            words += [f"nexthop {_way(make(way.gateway) if way.gateway else None, way.dev)}" for way in self.ways]
        elif self.dev is not self.dev.ns.lo:
            words.append(_way(make(self.gateway) if self.gateway else None, self.dev))
        if self.source and all(a[0] != self.source for a in (*self.dev.addresses4, *self.dev.addresses6)):
            words.append(f"src {make(self.source)}")
        if self.metric not in ((0,) if self.bits == 32 else (0, 256, 1024)):
            words.append(f"metric {self.metric}")
        return f"{' '.join(words)} (table {TABLES.get(self.table, self.table)})"


def _way(gateway: object, dev: Any) -> str:
    return f"via {gateway} dev {dev.name}" if gateway else f"dev {dev.name}"


class PolicyRule:
    """A routing policy rule; ``mark`` is a packet's mark and the bits of it that count.

    One with ``l3mdev`` is for packets of VRFs, and leads to the table of each.
    """

    __slots__ = ("dst", "iif", "l3mdev", "mark", "oif", "src", "table")

    def __init__(
        self,
        table: int = 0,
        src: tuple[int, int] | None = None,
        dst: tuple[int, int] | None = None,
        iif: str | None = None,
        oif: str | None = None,
        mark: tuple[int, int] = (0, 0),
        l3mdev: bool = False,
    ) -> None:
        self.l3mdev = l3mdev
        self.table = table
        self.mark = mark
        self.src = src
        self.dst = dst
        self.iif = iif
        self.oif = oif
