"""What a lab may have learned since it was last cold, and how it is flushed.

Flushing every namespace before each wave would be enough, but that takes longer than the wave. So frames are counted,
and only namespaces that can have learned something are flushed: those that have sent a frame, or were sent a packet. A
namespace that learns from a request answers it (arp_process, ndisc_recv_ns), and one that looks for a neighbour sends a
request. Requests out of an interface without carrier aren't counted: there the ends of the probes are flushed, too.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Container, Mapping
from typing import TYPE_CHECKING

from netlab.agent.probe import cold, filters
from netlab.agent.probe.meter import Meter
from netlab.agent.probe.receivers import Receivers
from netlab.contract import waves
from netlab.contract.types import State

if TYPE_CHECKING:
    from netlab.agent.lab import Lab

#: So often at most neighbour entries are deleted in a row.
PASSES = 5
#: With these a namespace learns from what it hears without an answer, or before it.
SILENT = frozenset({"arp_accept", "accept_untracked_na", "proxy_arp", "proxy_arp_pvlan", "proxy_ndp"})


class _Moved:
    """The namespaces in which frames of a kind have moved; at first all of them."""

    def __init__(self, meters: Mapping[str, Meter]) -> None:
        self._meters = meters
        self._again = set(meters)

    def take(self, settled: bool, among: Container[str] | None = None) -> set[str]:
        """The namespaces since the last call. Unless all is ``settled`` the next call returns them once more.

        Only namespaces ``among`` these are looked at.
        """
        counted = [pair for pair in self._meters.items() if among is None or pair[0] in among]
        moved = {ns_id for ns_id, meter in counted if meter.more()}
        found = moved | self._again
        self._again = set() if settled else moved
        return found


class CacheState:
    """The neighbours, paths and MACs that a lab has learned in one step.

    ``metered``: count the frames. Otherwise every namespace counts as warm that a probe may have passed.
    ``wire``: what leaves a host by its wire counts, too. A bridge inside of it floods a frame that is sent to a
    neighbour of the file, unless it has learned that neighbour's MAC.
    """

    def __init__(self, lab: Lab, state: State, receivers: Receivers, *, metered: bool, wire: bool = False) -> None:
        self._lab = lab
        bridges = lab.bridges
        self._hosts = {ns_id: ns for ns_id, ns in lab.namespaces.items() if ns_id not in bridges}
        # A tunnel that is a bridge's port answers for a router where a packet is too long (skb_tunnel_check_pmtu).
        #: Whether probes of any layer may travel in packets, for which hosts look for neighbours.
        self._tunnels = any(link.underlay for link in state.links)
        # Of a child in l3 its parent's namespace sends the packets, and tells it where one can't be delivered.
        self._routed = bool(state.routers or waves.by_parents(state)) or self._tunnels
        families = {":" in address.ip for link in state.links for address in link.addresses}
        self._four, self._six = False in families, True in families
        # Where nftables may drop an answer or a request, no frame tells that something was learned.
        self._silent = {
            ns.id
            for ns in state.namespaces
            if ns.nftables or any(path.rpartition("/")[2] in SILENT and value != "0" for path, value in ns.sysctls)
        }
        #: Namespaces where packet sockets don't see what is sent (noop_enqueue).
        self._mute = {
            link.namespace for link in state.links if lab.read[link.id]["up"] and not lab.read[link.id]["carrier"]
        }
        #: By namespace: the interfaces that learn MACs by themselves.
        self._learning: dict[str, set[int]] = {}
        for link in state.links:
            if link.learns and link.namespace in self._hosts:
                self._learning.setdefault(link.namespace, set()).add(link.ifindex)
        self._tables_decide = waves.tables_decide(state) or (wire and any(link.neighbors for link in state.links))
        meters = self._hosts.items() if metered else ()
        self._metered = metered
        self._spoken = _Moved({ns_id: receivers.meter(ns, filters.SPEAKING) for ns_id, ns in meters})
        self._taught = _Moved({ns_id: receivers.meter(ns, filters.TEACHING) for ns_id, ns in meters if self._routed})
        #: The namespaces of probes' ends; without meters, all that may have learned. None: it isn't known.
        self._warm: set[str] | None = None
        #: Whether the step has just begun: the step before may have had other addresses and MACs.
        self._new = True
        self._family: int = socket.AF_UNSPEC
        #: By namespace: its interfaces, the IPv4 addresses by which others know it, and entries that are the file's.
        self._indexes: dict[str, list[int]] = {ns_id: [] for ns_id in self._hosts}
        self._addresses: dict[str, list[bytes]] = {ns_id: [] for ns_id in self._hosts}
        self._given: dict[str, set[tuple[int, bytes]]] = {ns_id: set() for ns_id in self._hosts}
        for link in state.links:
            if link.interface and (ns_id := link.namespace) in self._hosts:
                self._indexes[ns_id].append(link.ifindex)
                self._addresses[ns_id] += (socket.inet_aton(one.ip) for one in link.addresses if one.family == 4)
                self._given[ns_id] |= {
                    (link.ifindex, socket.inet_aton(one.ip)) for one in link.neighbors if ":" not in one.ip
                }
        #: By namespace: the IPv4 addresses of those that it has met in the last wave.
        self._heard_of: dict[str, set[bytes]] = {}
        #: Whether everything that was sent has been handled.
        self.settled = False

    def warm(self, met: set[tuple[str, str]], *, further: bool, family: int) -> None:
        """Note that probes of a family are sent between pairs of namespaces; ``further``: others may take part."""
        self._heard_of = {ns_id: set() for pair in met for ns_id in pair}
        for one, other in met:
            self._heard_of[one].update(self._addresses[other])
            self._heard_of[other].update(self._addresses[one])
        self._warm = None if further and not self._metered else set(self._heard_of)
        self._family = family
        self.settled = False

    def flush(self, let_out: Callable[[], str]) -> str:
        """Make the lab cold.

        ``let_out`` is called where flushing may have made routers send something: it empties all queues, and returns
        why it can't, or ''. This function returns the same. Raises OSError.
        """
        ends, self._warm = self._warm, None
        if self._tunnels:
            ends, self._family = None, socket.AF_UNSPEC
        warm = self._learners(ends)
        # When an entry is deleted for which packets wait, their senders get an error (arp_error_report). If the sender
        # is another host (here is a router, or the step took the address away), the host looks for it: then both may
        # have entries for each other again.
        to_others = self._routed or ends is None
        for _ in range(PASSES if to_others else 1):
            waited = [self._flush(ns_id, known=ends is not None) for ns_id in self._hosts if ns_id in warm]
            if True not in waited:
                break
            if to_others:
                # The errors are sent at once, while the entry is deleted.
                told = self._learners(ends)
                if not told:
                    break
                if why := let_out():
                    return f"not cold: {why}"
                warm |= told | self._learners(ends)
        self._forget_macs()
        if self._routed:
            counted = self._metered and ends is not None
            for ns_id in self._taught.take(self.settled, among=warm) | self._visited() if counted else warm:
                cold.flush_exceptions(self._hosts[ns_id], self._four, self._six)
        self._warm = set()
        self._new = False
        return ""

    def _flush(self, ns_id: str, *, known: bool) -> bool:
        """Make a namespace forget its neighbours; returns whether packets of another may have waited for one.

        It can have entries of those that it has met alone where the ends are ``known`` and nothing else is learned.
        """
        ns = self._hosts[ns_id]
        plain = known and self._family == socket.AF_INET and not (self._new or self._metered or self._routed)
        if not plain or ns.visited or ns_id in self._silent:
            return cold.flush_neighbors(ns, self._family, noarp=self._new)
        entries = {(index, ip) for index in self._indexes[ns_id] for ip in self._heard_of[ns_id]}
        cold.forget(ns, entries - self._given[ns_id])
        return False

    def _learners(self, ends: set[str] | None) -> set[str]:
        """The namespaces that may have learned a neighbour by probes between these ends (None: the ends aren't
        known)."""
        if ends is None:
            return set(self._hosts)
        if not self._metered or not ends:
            return ends
        return (ends & self._mute) | self._silent | self._visited() | self._spoken.take(self.settled)

    def _visited(self) -> set[str]:
        return {ns_id for ns_id, ns in self._hosts.items() if ns.visited}

    def _forget_macs(self) -> None:
        """Flush the bridges' tables, where it can matter: it takes the rtnl lock.

        All wait for that lock while bridges of other labs are deleted. It can matter where a program of the user may
        have changed a port. Elsewhere a bridge that knows all MACs, by the controls, sends each frame to one port
        instead of all.
        """
        if self._tables_decide or any(ns.visited for ns in self._lab.namespaces.values()):
            for ns_id, indexes in self._learning.items():
                cold.flush_learned(self._hosts[ns_id], indexes)
            cold.flush_bridges(self._lab)
