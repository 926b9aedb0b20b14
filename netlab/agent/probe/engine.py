"""From layers and pairs to letters with evidence."""

from __future__ import annotations

import errno
import socket
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from netlab.agent.probe import filters, frames
from netlab.agent.probe.cache_state import CacheState
from netlab.agent.probe.controls import Controls, Liveness
from netlab.agent.probe.echo import Echo
from netlab.agent.probe.fence import CpuFence, QueueFence
from netlab.agent.probe.l2 import Broadcast, Unicast
from netlab.agent.probe.lab_view import LabView, Pair
from netlab.agent.probe.layer import Layer
from netlab.agent.probe.loss import Losses
from netlab.agent.probe.mmsg import Datagrams
from netlab.agent.probe.receivers import Receivers
from netlab.agent.probe.resolve import Arp, Ndp
from netlab.agent.probe.rounds import Rounds, queue_counters
from netlab.agent.probe.transport import Tcp, Udp
from netlab.agent.probe.two_threads import from_two
from netlab.agent.probe.waiting import Unfenced
from netlab.contract import waves
from netlab.contract.applies import applicable
from netlab.contract.observed import LayerObserved, matrix
from netlab.contract.types import AnySource, AnyTarget, State, Target, layer_family, nics, probe_of

if TYPE_CHECKING:
    from netlab.agent.lab import Lab

ENGINES: dict[str, type[Layer]] = {
    "broadcast": Broadcast, "unicast": Unicast, "arp": Arp, "ndp": Ndp, "icmp": Echo, "icmp6": Echo,
    "icmp-static": Echo, "icmp6-static": Echo, "tcp": Tcp, "tcp6": Tcp, "udp": Udp, "udp6": Udp,
}  # fmt: skip
#: So many probes are sent before the sockets are read: at first, and when a wave's negatives are probed again because
#: frames were lost. In these further attempts short queues are emptied after each batch, too.
BATCH_SIZES = (64, 8, 1, 1)
#: The neighbour tables that a layer of a family fills.
FAMILIES = {None: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}


class Prober:
    """Probes one lab in one step. Close it when the step is over."""

    def __init__(
        self, lab: Lab, state: State, links: dict[str, dict[str, Any]], fence: CpuFence, *, wire: bool
    ) -> None:
        self.view = LabView(lab, state, links)
        self.receivers = Receivers(self._heard)
        self.fence = fence
        self._targets = state.targets
        self.wire = wire
        self.layer: Layer | None = None
        self.rounds = Rounds(self.view, self.receivers, fence)
        #: Whether each wave looks for neighbour tables that had no room.
        self._careful = False
        #: Says of a pair of the layer whether nobody else may take part in its probe.
        self._direct: Callable[[Pair], bool] = lambda _pair: True
        self._many_doors = any(doors > 1 for doors in self.view.doors.values())
        self.controls = Controls(self.view, self.receivers)
        shaped = {link.namespace for link in state.links if link.limit is not None}
        # Any namespace can tell of the neighbour tables, and tells of each of its own links, too.
        population = Counter(link.namespace for link in state.links)
        population.update(veth.port_namespace for veth in nics(state.links))
        self.losses = Losses(
            self.receivers,
            min(lab.namespaces.values(), key=lambda ns: population[ns.id]),
            queue_counters(self.view),
            [lab.namespaces[ns_id] for ns_id in sorted(shaped) if ns_id in lab.namespaces],
        )
        self._listen()
        self.controls.run()
        self.rounds.prepare(self.controls.liveness)
        self.cache_state = CacheState(lab, state, self.receivers, metered=self.rounds.metered, wire=wire)
        self._unfenced = Unfenced(lab.namespaces, state)

    def close(self) -> None:
        """Close every socket."""
        self.receivers.close()
        self.losses.close()

    # --- receivers ----------------------------------------------------------------------------------

    def _listen(self) -> None:
        lab = self.view.lab
        bridges = lab.bridges
        bridged = {bridge.namespace for bridge in bridges.values()}
        for ns_id, ns in lab.namespaces.items():
            # On switches the taps see frames before the bridge does. They see all frames only where the wire is
            # watched.
            tapped = filters.MOVING if self.wire else filters.OURS
            if ns_id in bridges:
                sock = self.receivers.listen(ns, frames.ETH_P_ALL, tapped)
            else:
                sock = self.receivers.listen(ns, frames.ETHERTYPE, filters.OURS)
                if ns_id in bridged:
                    self.receivers.listen(ns, frames.ETH_P_ALL, tapped)
            self.view.senders[ns_id] = sock

    def _heard(self, ns_id: str, protocol: int, data: bytes, ifname: str, kind: int) -> None:
        if kind == frames.PACKET_OUTGOING:
            return
        if protocol == frames.ETH_P_ALL:
            self._tapped(ns_id, data, ifname)
        elif protocol != frames.ETHERTYPE:
            if self.layer is not None:
                self.layer.packet(ns_id, protocol, data, ifname, kind)
        elif (ns_id, ifname) in self.view.ports:
            # What a bridge leaves to its port itself; the tap has seen it.
            return
        elif (number := frames.number_at(data, 14)) is not None:
            link = self.view.names.get((ns_id, ifname), ifname)
            if self.rounds.heard(number, link):
                return
            self.controls.heard(number, link)
            if self.layer is not None:
                self.layer.heard(ns_id, number, link, kind)

    def _tapped(self, ns_id: str, data: bytes, ifname: str) -> None:
        port = self.view.ports.get((ns_id, ifname))
        if port is None:
            return
        number = frames.number_at(data, 14)
        if number is not None:
            self.rounds.heard(number, port)
            self.controls.on_wire(number, port)
        if self.layer is not None:
            self.layer.on_wire(ns_id, data, port)

    # --- layers -------------------------------------------------------------------------------------

    def probe(
        self,
        names: Iterable[str],
        seed: int,
        wanted: Collection[Pair] | None = None,
        targets: tuple[Target, ...] | None = None,
    ) -> list[LayerObserved]:
        """Probe layers, over all their pairs or those wanted (then each in a wave of its own); ``targets`` stand in the
        place of the state's."""
        self.view.aim(self._targets if targets is None else targets)
        self.losses.mark()
        found = [self._probe(name, seed, wanted) for name in names]
        if self.losses.tables_filled():
            # It isn't known in which wave: all of them have to tell.
            self._careful = True
            found = [self._probe(one.layer, seed, wanted) if layer_family(one.layer) else one for one in found]
            self._careful = False
        return found

    def _probe(self, name: str, seed: int, wanted: Collection[Pair] | None) -> LayerObserved:
        pairs = applicable(self.view.state, name)
        layer = ENGINES[probe_of(name)](self.view, self.receivers, name)
        if wanted is None:
            groups = waves.cut(self.view.state, name, pairs, seed, warms=layer.warms)
        else:
            allowed = set(pairs)
            groups = iter([[pair] for pair in wanted if pair in allowed])
        self._direct = waves.direct(self.view.state, name)
        self.layer = layer
        self.losses.mark(tables=self._careful)
        self.cache_state.bridges_warm()
        try:
            for wave in groups:
                for start in range(0, len(wave), layer.most):
                    self._wave(layer, wave[start : start + layer.most])
        finally:
            self.layer = None
            layer.end()
        return self._observed(layer, set(pairs))

    def _wave(self, layer: Layer, wave: list[Pair]) -> None:
        open_pairs = wave
        late = self.rounds.catch_up(self._queues(layer, wave)) if layer.warms else ""
        for attempt in range(len(BATCH_SIZES)):
            late = self.cache_state.flush(self._let_out) or late
            layer.prepare(open_pairs)
            if layer.warms:
                self._warm(layer, open_pairs)
            size = min(BATCH_SIZES[attempt], layer.at_once()) if attempt or self.wire else layer.at_once()
            for start in range(0, len(open_pairs), size):
                self._send_batch(layer, open_pairs[start : start + size])
                self.receivers.drain()
                if attempt:
                    self.rounds.sent()
                    late = late or self.rounds.catch_up(self._queues(layer, open_pairs))
            silent = [pair for pair in open_pairs if not layer.settled(pair)]
            unseen = [pair for pair in open_pairs if self.wire and not layer.results[pair].wire]
            # An answer may come before other frames of the same probe have ended (a broadcast in a macvlan queue,
            # another interface of the namespace). They must have ended before the next wave starts from cold.
            lingers = layer.warms and bool(self.rounds.queues or self._many_doors)
            self.rounds.sent()
            # That a broadcast was heard nowhere else is a negative, too, even where every endpoint has heard it.
            unsure = bool(silent or unseen) or isinstance(layer, Broadcast)
            proof = self._rounds(layer, silent or unseen or open_pairs) if unsure or lingers else ""
            proof = proof or late or (self._unfenced.look() if unsure else "")
            lost = self.losses.since(tables=self._careful) if unsure else {}
            for pair in silent:
                layer.conclude(pair)
            layer.finish(open_pairs)
            negatives = [pair for pair in silent if layer.results[pair].letter != "R"]
            if not (lost and (negatives or unseen or isinstance(layer, Broadcast))):
                break
            if attempt < len(BATCH_SIZES) - 1:
                self.losses.calm_down()
                open_pairs = wave if isinstance(layer, Broadcast) else sorted({*negatives, *unseen})
        else:
            proof = "frames were lost: " + ", ".join(f"{name} {count}" for name, count in lost.items())
        if proof and isinstance(layer, Broadcast):
            layer.unproved.update(pair[0] for pair in wave)
        for pair in negatives:
            layer.results[pair].doubt(proof, self._ends(layer, pair))
        for pair in wave:
            if self.wire and not layer.results[pair].wire and proof:
                layer.results[pair].evidence["wire"] = "?"

    def _let_out(self) -> str:
        """Empty every queue of the lab; returns why it can't be done, else ''."""
        return self.rounds.run(1, list(self.rounds.queues.values()))

    def _rounds(self, layer: Layer, pairs: list[Pair]) -> str:
        """Prove that everything sent has been handled; why it can't be proved, else ''."""
        lack = self.rounds.run(layer.traversals, self._queues(layer, pairs))
        self.cache_state.settled = not lack
        return lack

    def _warm(self, layer: Layer, pairs: list[Pair]) -> None:
        """Note which namespaces may learn from these probes: both ends; others where probes may go by a gateway, or
        where another host has an end's address."""
        ends, further = layer.namespaces(pairs), self._further(pairs)
        self.cache_state.warm(ends, further=further, family=FAMILIES[layer_family(layer.name)])

    def _further(self, pairs: Iterable[Pair]) -> bool:
        """Whether other hosts may take part in these probes: a gateway, or a host that also has an end's address."""
        return not all(map(self._direct, pairs))

    def _queues(self, layer: Layer, pairs: list[Pair]) -> list[QueueFence]:
        """The fences through every queue that may hold something of these probes."""
        return self.rounds.relevant(layer.namespaces(pairs), further=self._further(pairs))

    def _send_batch(self, layer: Layer, pairs: list[Pair]) -> None:
        """Send probes, many from two processors at once."""
        many = len(pairs) >= BATCH_SIZES[0] and len(self.fence.cpus) > 1
        if many and (parts := layer.datagrams(pairs)):
            refused: list[tuple[Pair, OSError]] = []

            def send(part: tuple[list[Pair], Datagrams]) -> None:
                refused.extend((part[0][place], error) for place, error in part[1].send().items())

            from_two(send, parts)
            for pair, error in refused:
                self._refused(layer, pair, error)
        elif many and layer.floods:
            from_two(partial(self._send, layer), pairs)
        else:
            for pair in pairs:
                self._send(layer, pair)

    def _send(self, layer: Layer, pair: Pair) -> None:
        try:
            layer.send(pair)
        except OSError as error:
            self._refused(layer, pair, error)

    def _refused(self, layer: Layer, pair: Pair, error: OSError) -> None:
        if error.errno in (errno.ENOBUFS, errno.EAGAIN):
            # Not an answer: our own queue was full, or a neighbour table.
            self.losses.sending += 1
            return
        layer.refused(pair, error)

    def _ends(self, layer: Layer, pair: Pair) -> Iterator[tuple[str, str]]:
        """Of both ends, how they are known to be dead, and what of them isn't proved."""
        for end in (layer.sources[pair[0]], layer.destinations[pair[1]]):
            known = self._liveness(end)
            if known and all(one.dead for one in known.values()):
                yield ", ".join(f"{link} is {one.dead}" for link, one in known.items()), ""
            else:
                yield from (("", f"{link} was {one.lack()}") for link, one in known.items() if not one.proved)

    def _liveness(self, end: AnySource | AnyTarget) -> dict[str, Liveness]:
        """What is known of the interfaces of a row or column; of several, those that are joined to others."""
        links = self.view.links_of(end)
        return {one: self.controls.liveness[one] for one in links if len(links) == 1 or self.view.far(one)}

    def _observed(self, layer: Layer, applicable: set[Pair]) -> LayerObserved:
        heard: dict[str, tuple[str, ...]] = {}
        heard_open: tuple[str, ...] = ()
        if isinstance(layer, Broadcast):
            heard_open = tuple(self.view.endpoints[source].id for source in sorted(layer.unproved))
            heard = {
                self.view.endpoints[source].id: tuple(sorted(listeners))
                for source, listeners in layer.listeners.items()
            }
        size = len(layer.sources), len(layer.destinations)
        notes = tuple(self.rounds.notes)
        return matrix(
            layer.name, size, layer.results, applicable, wire=self.wire, heard=heard, heard_open=heard_open, notes=notes
        )
