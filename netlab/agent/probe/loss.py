"""Losses that would look like findings: read after each wave; growth voids that wave's negatives."""

from __future__ import annotations

import functools
import io
import socket
import struct
import time
from collections.abc import Iterable, Sequence

from netlab.agent.links import limit
from netlab.agent.netlink.socket import NLM_F_DUMP, NLM_F_REQUEST, attributes, header
from netlab.agent.netns import Netns
from netlab.agent.probe.ears import Ears

RTM_GETNEIGHTBL, RTM_GETSTATS = 66, 94
NDTA_STATS = 7
IFLA_STATS_LINK_64 = 1
#: Index of rx_dropped in struct rtnl_link_stats64, of ndts_table_fulls in struct ndt_stats (both arrays of u64).
_RX_DROPPED, _TABLE_FULLS = 6, 10

_STATS = header(
    RTM_GETSTATS, NLM_F_REQUEST | NLM_F_DUMP, struct.pack("=BBHII", 0, 0, 0, 0, 1 << (IFLA_STATS_LINK_64 - 1))
)
_NEIGHTBL = header(RTM_GETNEIGHTBL, NLM_F_REQUEST | NLM_F_DUMP, struct.pack("=Bxxx", socket.AF_UNSPEC))
_TABLES = "neighbour table full"
#: For how long at most the end of a flood is waited for, and how long no frame must be lost by then, in seconds.
CALM, QUIET = 0.5, 0.005


@functools.cache
def _softnet() -> io.FileIO:
    """Open as long as we are: this is read around every wave."""
    return open("/proc/net/softnet_stat", "rb", buffering=0)


def softnet_drops() -> int:
    """Frames dropped by a full backlog (/proc/net/softnet_stat, column 2), over all CPUs and namespaces."""
    file = _softnet()
    file.seek(0)
    return sum(int(line.split(None, 2)[1], 16) for line in file.readall().splitlines())


def table_fulls(ns: Netns) -> int:
    """How often a neighbour table had no room (struct ndt_stats), over all namespaces: the tables are shared."""
    total = 0
    for message in ns.netlink.dump(_NEIGHTBL):
        stats = _attribute(message, 20, NDTA_STATS)
        if stats is not None and len(stats) >= 8 * (_TABLE_FULLS + 1):
            total += struct.unpack_from("=Q", stats, 8 * _TABLE_FULLS)[0]
    return total


def rx_dropped(ns: Netns, indexes: Iterable[int]) -> int:
    """What macvlan parents have dropped (their broadcast queue was full, among other reasons)."""
    wanted = set(indexes)
    total = 0
    for message in ns.netlink.dump(_STATS):
        index = struct.unpack_from("=I", message, 20)[0]
        stats = _attribute(message, 28, IFLA_STATS_LINK_64)
        if index in wanted and stats is not None:
            total += struct.unpack_from("=Q", stats, 8 * _RX_DROPPED)[0]
    return total


def _attribute(message: memoryview, offset: int, wanted: int) -> memoryview | bytes | None:
    return next((value for kind, value in attributes(message, offset) if kind == wanted), None)


class Losses:
    """The counters that matter to one lab."""

    def __init__(
        self, ears: Ears, any_ns: Netns, parents: dict[str, tuple[Netns, list[int]]], shaped: Sequence[Netns] = ()
    ) -> None:
        self._ears = ears
        self._any_ns = any_ns
        self._parents = parents
        self._shaped = shaped
        self.sending = 0
        self._before: dict[str, int] = {}
        self._endless = False

    def _read(self, tables: bool) -> dict[str, int]:
        found = {"softnet backlog": softnet_drops()}
        found[_TABLES] = table_fulls(self._any_ns) if tables else self._before.get(_TABLES, 0)
        for ns, indexes in self._parents.values():
            found["macvlan broadcast queue"] = found.get("macvlan broadcast queue", 0) + rx_dropped(ns, indexes)
        for ns in self._shaped:
            dropped = sum(qdisc["drops"] for qdisc in limit.read(ns).values())
            found["queue of a limit"] = found.get("queue of a limit", 0) + dropped
        return found

    def tables_filled(self) -> bool:
        """Whether a neighbour table had no room since `mark`."""
        return table_fulls(self._any_ns) > self._before[_TABLES]

    def calm_down(self) -> None:
        """Wait until no backlog overflows any more: it may be another lab that floods this machine's CPUs.

        Where it takes too long, the flood may well be this lab's own, and nobody waits again.
        """
        deadline = time.monotonic() + (0 if self._endless else CALM)
        while time.monotonic() < deadline:
            before = softnet_drops()
            self._ears.wait(lambda: False, time.monotonic() + QUIET)
            if softnet_drops() == before:
                return
        self._endless = True

    def mark(self) -> None:
        """Remember the counters as they are now."""
        self.sending = 0
        self._ears.drops()
        self._before = self._read(tables=True)

    def since(self, *, tables: bool = True) -> dict[str, int]:
        """The counters that have grown since `mark`, or since the last such question, by how much.

        That of the neighbour tables takes a look at every device of the machine: without ``tables`` it can wait.
        """
        before, self._before = self._before, self._read(tables)
        grown = {name: count - before[name] for name, count in self._before.items() if count > before[name]}
        if drops := self._ears.drops():
            grown["packet socket"] = drops
        if self.sending:
            grown["ENOBUFS at sending"] = self.sending
            self.sending = 0
        return grown
