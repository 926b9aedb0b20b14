"""The probe engines on one of several machines: it sends the probes that start here, and hears those that arrive here.

Every machine has the same list of endpoints, and the front numbers the probes, so each machine recognises a frame. The
engines are those of a lab of namespaces; the front merges what each machine saw.
"""

from __future__ import annotations

import itertools
import struct
import time
from collections.abc import Iterable
from typing import Any

from netlab.agent.hosts import neighbors
from netlab.agent.hosts.barrier import Barrier, Nic, Path
from netlab.agent.hosts.lab import HostLab
from netlab.agent.hosts.machine import Here
from netlab.agent.probe import bpf, cold, filters, frames
from netlab.agent.probe.engine import BATCH_SIZES, Station
from netlab.agent.probe.fence import CpuFence
from netlab.agent.probe.l2 import Broadcast, Unicast
from netlab.agent.probe.lab_view import Pair
from netlab.agent.probe.layer import Layer
from netlab.agent.probe.loss import Losses
from netlab.agent.probe.meter import SOL_PACKET
from netlab.agent.probe.resolve import Resolve
from netlab.agent.probe.rounds import queue_counters
from netlab.agent.probe.transport import Transport
from netlab.contract.types import State, nics

PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC = 1, 1
#: How long this machine waits for the controls of the others, in seconds.
PATIENCE = 0.5

Packet = tuple[str, int, bytes, str, int]


class HostProber(Station):
    """One lab in one step, as far as it is here. Close it when the step is over."""

    def __init__(
        self, lab: HostLab, state: State, links: dict[str, dict[str, Any]], cpus: dict[str, int], fence: CpuFence,
        *, wire: bool,
    ) -> None:  # fmt: skip
        super().__init__(lab, state, links, wire=wire)
        self.lab = lab
        self.losses = Losses(self.receivers, next(iter(lab.namespaces.values())), queue_counters(self.view))
        self.wave: dict[Pair, int] = {}
        #: Requests of clients on other machines, whose ports are told later.
        self.stray: list[Packet] = []
        #: Controls that came in (number, link), and those that were seen to leave by a NIC.
        self.controls: set[tuple[int, str]] = set()
        self.left: set[int] = set()
        self._listen()
        mac = {link_id: frames.mac_bytes(read["mac"]) for link_id, read in links.items()}
        host = {ns.id: ns.host for ns in state.namespaces}
        wires = [
            Nic(link, place, cpus[host[link.namespace]], link.namespace in lab.namespaces, mac[link.id])
            for place, link in enumerate(nics(state.links))
        ]
        self.barrier = Barrier(self.view, self.receivers, fence, wires)

    # --- receivers ----------------------------------------------------------------------------------

    def _listen(self) -> None:
        wires = nics(self.lab.local(self.view.state))
        for ns_id, ns in self.lab.namespaces.items():
            sender = self.view.senders[ns_id] = self.receivers.listen(ns, frames.ETHERTYPE, filters.OURS)
            mine = [nic for nic in wires if nic.namespace == ns_id]
            for nic in mine:
                # A hypervisor may pass foreign MACs only to a promiscuous NIC. The mode ends with the socket.
                request = struct.pack("=iHH8s", nic.ifindex, PACKET_MR_PROMISC, 0, b"")
                sender.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, request)
            if mine:
                # What leaves by a NIC is seen by a tap: all of it only where wires matter.
                self.receivers.listen(ns, frames.ETH_P_ALL, bpf.EVERYTHING if self.wire else filters.OURS, sent=True)

    def fenced(self, number: int, link: str) -> bool:
        if self.barrier.heard(number, link):
            return True
        self.controls.add((number, link))
        return False

    def tapped(self, ns_id: str, data: bytes, ifname: str, kind: int) -> None:
        nic = self.view.names.get((ns_id, ifname))
        port = self.view.state.link(nic).port_id if nic else None
        if kind != frames.PACKET_OUTGOING or port is None:
            return
        number = frames.number_at(data, 14)
        if number is not None:
            self.left.add(number)
        if self.layer is not None:
            self.layer.on_wire(ns_id, data, port)

    def packet(self, ns_id: str, protocol: int, data: bytes, ifname: str, kind: int) -> None:
        if isinstance(self.layer, Transport) and self.layer.request_of(data) is None:
            self.stray.append((ns_id, protocol, data, ifname, kind))
        else:
            super().packet(ns_id, protocol, data, ifname, kind)

    # --- controls -----------------------------------------------------------------------------------

    def send_controls(self, base: int) -> None:
        """From each link here, one control by broadcast and one to the MAC of every link elsewhere."""
        endpoints = self.view.endpoints
        links = list(dict.fromkeys(endpoint.link for endpoint in endpoints))
        macs = {frames.mac_bytes(self.view.links[link]["mac"]) for link in links if not self._is_here(link)}
        for place, link_id in enumerate(links):
            link = self.view.state.link(link_id)
            if not self._is_here(link_id):
                continue
            own = frames.mac_bytes(self.view.links[link_id]["mac"])
            number = base + 2 * place
            try:
                for mac in macs:
                    self.view.senders[link.namespace].sendto(frames.raw(mac, own, number), (link.ifname, 0))
                frame = frames.raw(frames.BROADCAST, own, number + 1)
                self.view.senders[link.namespace].sendto(frame, (link.ifname, 0))
            except OSError:
                # A link that is down sends nothing: it stays unproved, or is known to be dead.
                continue

    def _here(self, index: int) -> bool:
        """Whether an endpoint is of this machine: only interfaces ask here."""
        return bool(self.view.here(self.view.endpoints[index]))

    def _is_here(self, link: str) -> bool:
        return self.view.state.link(link).namespace in self.lab.namespaces

    def hear_controls(self, base: int) -> dict[str, Any]:
        """The controls of other machines that came in, once each link has heard one, or after a timeout."""
        links = list(dict.fromkeys(endpoint.link for endpoint in self.view.endpoints))
        mine = {link for link in links if self._is_here(link)}
        source = {base + 2 * place + k: link for place, link in enumerate(links) for k in (0, 1) if link not in mine}

        def heard() -> set[str]:
            return {link for number, link in self.controls if number in source}

        self.receivers.wait(lambda: mine <= heard(), time.monotonic() + PATIENCE)
        here = {nic.mac for nic in self.barrier.nics if nic.here}
        for number, link in self.controls:
            sender, broadcast = source.get(number), bool((number - base) % 2)
            if sender is None or link not in self.view.links or self.view.state.link(sender).port_id is None:
                # A machine may have more interfaces than the lab knows.
                continue
            # Rounds go to the MACs of NICs: the link that hears them may be a passthru child.
            if broadcast or frames.mac_bytes(self.view.links[link]["mac"]) in here:
                self.barrier.paths.add(Path(sender, broadcast, link))
        return {
            "heard": sorted([source[number], link] for number, link in self.controls if number in source),
            "left": [link for place, link in enumerate(links) if self.left & {base + 2 * place, base + 2 * place + 1}],
        }

    # --- a wave -------------------------------------------------------------------------------------

    def prepare(self, layer: str, wave: list[tuple[int, int, int]]) -> dict[str, Any]:
        """Prepare a wave from cold, without sending probes; returns the ports of the servers here."""
        engine = self.layer if self.layer is not None and self.layer.name == layer else self.begin(layer)
        self.flush()
        self.stray.clear()
        self.wave = {(i, j): number for i, j, number in wave}
        engine.prepare(list(self.wave))
        for pair, number in self.wave.items():
            engine.expect(pair, number)
        self.losses.mark()
        if not isinstance(engine, Transport):
            return {}
        # Only the servers here: what is known of others' is from an earlier wave, and may be over.
        return {"servers": [(index, port) for index, port in engine.servers.items() if self._here(index)]}

    def send(self, servers: Iterable[tuple[int, int]]) -> dict[str, Any]:
        """Send the probes that start here; the addresses of their clients."""
        layer = self.layer
        assert layer is not None
        if isinstance(layer, Transport):
            layer.servers.update((index, port) for index, port in servers if not self._here(index))
        for count, (pair, number) in enumerate(self.wave.items(), 1):
            if self._here(pair[0]):
                self.view.numbers = itertools.repeat(number)
                self.send_one(layer, pair)
            if count % BATCH_SIZES[0] == 0:
                self.receivers.drain()
        self.receivers.drain()
        clients = []
        if isinstance(layer, Transport):
            clients = [[ip, port, *pair] for ip, port, pair in layer.met() if pair in self.wave]
        return {"clients": clients}

    def rounds(self, count: int, base: int) -> str:
        """Rounds with the other machines; why there is no proof, or ''."""
        return self.barrier.run(count, base)

    def collect(self, clients: Iterable[tuple[str, int, int, int]], *, final: bool) -> dict[str, Any]:
        """What was seen here of each pair of the wave; ``final``: after the rounds, when silence counts."""
        layer = self.layer
        assert layer is not None
        self.receivers.drain()
        if isinstance(layer, Transport):
            for ip, port, i, j in clients:
                layer.meet(ip, port, (i, j))
            stray, self.stray = self.stray, []
            for packet in stray:
                self.packet(*packet)
        seen = []
        for pair in self.wave:
            here = self._here(pair[0]), self._here(pair[1])
            if not any(here):
                continue
            result = layer.results[pair]
            if final and not result.letter and self._knows(layer, here):
                layer.conclude(pair)
            seen.append([*pair, result.letter, result.answered, result.wire, result.evidence])
        found: dict[str, Any] = {"seen": seen, "lost": self.losses.since() if final else {}}
        if isinstance(layer, Broadcast):
            found["listeners"] = {str(source): sorted(heard) for source, heard in layer.listeners.items()}
        return found

    @staticmethod
    def _knows(layer: Layer, here: tuple[bool, bool]) -> bool:
        """Whether this machine alone can say what became of a pair of which it has these ends."""
        return here[0] if isinstance(layer, Resolve) else isinstance(layer, Unicast) and here[1]

    def finish(self) -> None:
        """The wave is over."""
        if self.layer is not None:
            self.layer.finish(list(self.wave))
        self.wave = {}

    def flush(self) -> None:
        """Delete all learned neighbours of containers, and those of the topology in the machine's own namespace."""
        for ns_id, ns in self.lab.namespaces.items():
            if isinstance(ns, Here):
                mine = {
                    link.ifindex: self.lab.ips for link in self.lab.local(self.view.state) if link.namespace == ns_id
                }
                neighbors.forget(ns.netlink, mine)
            else:
                cold.flush_neighbors(ns, noarp=True)


def fence_of(ns: Any) -> CpuFence:
    """The fence of this machine's processors, in a namespace of its own."""
    with ns:
        return CpuFence()
