"""Losses that would look like findings: read after each wave; growth voids that wave's negatives."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterable, Sequence

from netlab.agent.links import limit
from netlab.agent.netlink import dumps
from netlab.agent.netns import Netns
from netlab.agent.probe import proc
from netlab.agent.probe.receivers import Receivers

#: Index of ndts_table_fulls in struct ndt_stats, an array of u64.
_TABLE_FULLS = 10

_TABLES = "neighbour table full"
#: How long to wait for the end of a flood at most, and for how long no frame must be lost then, in seconds.
CALM, QUIET = 0.5, 0.005


def softnet_drops() -> int:
    """Frames dropped by a full backlog (/proc/net/softnet_stat, column 2), over all CPUs and namespaces."""
    return sum(int(line.split(None, 2)[1], 16) for line in proc.read("/proc/net/softnet_stat").splitlines())


def table_fulls(ns: Netns) -> int:
    """How often a neighbour table had no room (struct ndt_stats), over all namespaces: the tables are shared."""
    total = 0
    for table in dumps.neighbor_tables(ns.netlink):
        stats = table.get("NDTA_STATS", b"")
        if len(stats) >= 8 * (_TABLE_FULLS + 1):
            total += struct.unpack_from("=Q", stats, 8 * _TABLE_FULLS)[0]
    return total


class Dropped:
    """How many received frames some links of one namespace have dropped: their broadcast queue was full, or otherwise.

    Read from /proc/net/dev: RTM_GETSTATS would take the rtnl lock. That may be held for long, since each bridge that is
    deleted, of any lab, waits for all CPUs under it (br_multicast_dev_del, rcu_barrier).
    """

    def __init__(self, ns: Netns, names: Iterable[str]) -> None:
        with ns:
            # It stays with this namespace (seq_open_net).
            self._file = os.open("/proc/thread-self/net/dev", os.O_RDONLY | os.O_CLOEXEC)
        self._names = {name.encode() for name in names}

    def read(self) -> int:
        """How many frames, all links together. Raises OSError."""
        total = 0
        for line in proc.whole(self._file).splitlines():
            name, colon, counts = line.partition(b":")
            if colon and name.strip() in self._names:
                total += int(counts.split(None, 4)[3])
        return total

    def close(self) -> None:
        """Let go of the namespace."""
        os.close(self._file)


class Losses:
    """The counters that matter to one lab."""

    def __init__(
        self,
        receivers: Receivers,
        any_ns: Netns,
        parents: dict[str, tuple[Netns, list[str]]],
        shaped: Sequence[Netns] = (),
    ) -> None:
        self._receivers = receivers
        self._any_ns = any_ns
        self._parents = [Dropped(ns, names) for ns, names in parents.values()]
        self._shaped = shaped
        self.sending = 0
        self._before: dict[str, int] = {}
        self._endless = False

    def _read(self, tables: bool) -> dict[str, int]:
        found = {"softnet backlog": softnet_drops()}
        found[_TABLES] = table_fulls(self._any_ns) if tables else self._before.get(_TABLES, 0)
        found["macvlan broadcast queue"] = sum(parent.read() for parent in self._parents)
        for ns in self._shaped:
            dropped = sum(qdisc["drops"] for qdisc in limit.read(ns).values())
            found["queue of a limit"] = found.get("queue of a limit", 0) + dropped
        return found

    def tables_filled(self) -> bool:
        """Whether a neighbour table had no room since it was last remembered."""
        return table_fulls(self._any_ns) > self._before[_TABLES]

    def calm_down(self) -> None:
        """Wait until no backlog overflows any more: another lab may be flooding this machine's CPUs.

        If it takes too long, the flood may be this lab's own: then later calls don't wait.
        """
        deadline = time.monotonic() + (0 if self._endless else CALM)
        while time.monotonic() < deadline:
            before = softnet_drops()
            self._receivers.wait(lambda: False, time.monotonic() + QUIET)
            if softnet_drops() == before:
                return
        self._endless = True

    def close(self) -> None:
        """Let go of the namespaces."""
        for parent in self._parents:
            parent.close()

    def mark(self, *, tables: bool = True) -> None:
        """Remember the counters as they are now; without ``tables``, keep that of the neighbour tables."""
        self.sending = 0
        self._receivers.drops()
        self._before = self._read(tables)

    def since(self, *, tables: bool = True) -> dict[str, int]:
        """The counters that have grown since `mark` or the last call, and by how much.

        Without ``tables`` that of the neighbour tables is left out: reading it takes the rtnl lock, and goes through
        every device of the machine (neightbl_dump_info).
        """
        before, self._before = self._before, self._read(tables)
        grown = {name: count - before[name] for name, count in self._before.items() if count > before[name]}
        if drops := self._receivers.drops():
            grown["packet socket"] = drops
        if self.sending:
            grown["ENOBUFS at sending"] = self.sending
            self.sending = 0
        return grown
