"""From layers and pairs to letters with evidence."""

from __future__ import annotations

import errno
import socket
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from netlab.agent.probe import cold, filters, frames
from netlab.agent.probe.cache_state import CacheState
from netlab.agent.probe.controls import Controls
from netlab.agent.probe.echo import Echo
from netlab.agent.probe.fence import CpuFence, QueueFence
from netlab.agent.probe.l2 import Broadcast, Unicast
from netlab.agent.probe.lab_view import LabView, Pair
from netlab.agent.probe.layer import Layer
from netlab.agent.probe.loss import Losses
from netlab.agent.probe.mmsg import Datagrams
from netlab.agent.probe.multicast import Multicast
from netlab.agent.probe.receivers import Receivers
from netlab.agent.probe.resolve import Arp, Ndp
from netlab.agent.probe.rounds import Rounds, queue_counters
from netlab.agent.probe.transport import Tcp, Udp
from netlab.agent.probe.two_threads import from_two
from netlab.agent.probe.waiting import Unfenced
from netlab.contract import waves
from netlab.contract.driver import Driver, Liveness, traversals
from netlab.contract.observed import LayerObserved
from netlab.contract.types import State, Target, layer_family, nics, probe_of

if TYPE_CHECKING:
    from netlab.agent.lab import Lab

ENGINES: dict[str, type[Layer]] = {
    "broadcast": Broadcast, "unicast": Unicast, "arp": Arp, "ndp": Ndp, "icmp": Echo, "icmp6": Echo,
    "icmp-static": Echo, "icmp6-static": Echo, "tcp": Tcp, "tcp6": Tcp, "udp": Udp, "udp6": Udp,
    "mcast": Multicast, "mcast6": Multicast,
}  # fmt: skip
#: So many probes are sent before the sockets are read: at first, and when a wave's negatives are probed again because
#: frames were lost. In these further attempts short queues are emptied after each batch, too.
BATCH_SIZES = (64, 8, 1, 1)
#: The neighbour tables that a layer of a family fills.
FAMILIES = {None: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}


class Station:
    """The namespaces of one lab in one step that are this process's. Close it when the step is over."""

    losses: Losses

    def __init__(self, lab: Lab, state: State, links: dict[str, dict[str, Any]], *, wire: bool) -> None:
        self.view = LabView(lab, state, links)
        self.receivers = Receivers(self._heard)
        self.wire = wire
        self.layer: Layer | None = None

    def close(self) -> None:
        """Close every socket."""
        self.end()
        self.receivers.close()
        self.losses.close()

    def begin(self, name: str) -> Layer:
        """Hear and send for this layer from now on."""
        self.end()
        self.layer = ENGINES[probe_of(name)](self.view, self.receivers, name)
        return self.layer

    def end(self) -> None:
        """Hear and send for no layer any more."""
        layer, self.layer = self.layer, None
        if layer is not None:
            layer.end()

    # --- receivers ----------------------------------------------------------------------------------

    def _heard(self, ns_id: str, protocol: int, data: bytes, ifname: str, kind: int) -> None:
        if protocol == frames.ETH_P_ALL:
            self.tapped(ns_id, data, ifname, kind)
        elif kind == frames.PACKET_OUTGOING:
            return
        elif protocol != frames.ETHERTYPE:
            self.packet(ns_id, protocol, data, ifname, kind)
        elif (ns_id, ifname) in self.view.ports:
            # What a bridge leaves to its port itself; the tap has seen it.
            return
        elif (number := frames.number_at(data, 14)) is not None:
            link = self.view.names.get((ns_id, ifname), ifname)
            if not self.fenced(number, link) and self.layer is not None:
                self.layer.heard(ns_id, number, link, kind)

    def tapped(self, ns_id: str, data: bytes, ifname: str, kind: int) -> None:
        """A frame was seen by a tap."""
        raise NotImplementedError

    def packet(self, ns_id: str, protocol: int, data: bytes, ifname: str, kind: int) -> None:
        """A frame that isn't netlab's own came in."""
        if self.layer is not None:
            self.layer.packet(ns_id, protocol, data, ifname, kind)

    def fenced(self, number: int, link: str) -> bool:
        """A frame of netlab's own came in at a link: whether it belongs to a round. Controls are noted."""
        raise NotImplementedError

    # --- sending ------------------------------------------------------------------------------------

    def send_one(self, layer: Layer, pair: Pair) -> None:
        """Send one pair's probe."""
        try:
            layer.send(pair)
        except OSError as error:
            self.refused(layer, pair, error)

    def refused(self, layer: Layer, pair: Pair, error: OSError) -> None:
        """The kernel refused a probe."""
        links = self.view.links_of(layer.sources[pair[0]])
        if error.errno == errno.ENOBUFS and any(one.drops for link in links for one in self.view.state.stack(link)):
            layer.fail(pair, "ENOBUFS")
        elif error.errno in (errno.ENOBUFS, errno.EAGAIN):
            # Not an answer: our own queue was full, or a neighbour table.
            self.losses.sending += 1
        else:
            layer.refused(pair, error)


class Prober(Station):
    """Probes one lab in one step. Close it when the step is over."""

    def __init__(
        self, lab: Lab, state: State, links: dict[str, dict[str, Any]], fence: CpuFence, *, wire: bool
    ) -> None:
        super().__init__(lab, state, links, wire=wire)
        self.fence = fence
        self._targets = state.targets
        self.rounds = Rounds(self.view, self.receivers, fence)
        #: Whether each wave looks for neighbour tables that had no room.
        self._careful = False
        self.controls = Controls(self.view, self.receivers)
        shaped = {link.namespace for link in state.links if link.shaped}
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
        # What was learned in the step before; the controls teach the bridges where all are now.
        cold.flush_bridges(lab)
        self.controls.run()
        self.rounds.prepare(self.controls.liveness)
        self.cache_state = CacheState(lab, state, self.receivers, metered=self.rounds.metered, wire=wire)
        self.unfenced = Unfenced(lab.namespaces, state)

    # --- receivers ----------------------------------------------------------------------------------

    def _listen(self) -> None:
        lab = self.view.lab
        bridges = lab.bridges
        bridged = {bridge.namespace for bridge in bridges.values()}
        # A frame with two tags that nothing takes up counts as dropped where it came in (__netif_receive_skb_core),
        # as a broadcast does that a full queue has lost. So there is something that takes it up.
        twice = any(len(self.view.state.tags(link.id)) > 1 for link in self.view.state.links)
        for ns_id, ns in lab.namespaces.items():
            for protocol in frames.TAGS if twice else ():
                self.receivers.listen(ns, protocol, filters.TAGGED)
            # On switches the taps see frames before the bridge does. They see all frames only where the wire is
            # watched.
            tapped = filters.MOVING if self.wire else filters.ON_WIRE
            if ns_id in bridges:
                sock = self.receivers.listen(ns, frames.ETH_P_ALL, tapped)
            else:
                sock = self.receivers.listen(ns, frames.ETHERTYPE, filters.OURS)
                if ns_id in bridged:
                    self.receivers.listen(ns, frames.ETH_P_ALL, tapped)
            self.view.senders[ns_id] = sock

    def packet(self, ns_id: str, protocol: int, data: bytes, ifname: str, kind: int) -> None:
        if protocol not in frames.TAGS:
            super().packet(ns_id, protocol, data, ifname, kind)
        elif (number := frames.number_at(frames.untagged(data), 14)) is not None:
            self.controls.on_wire(number, self.view.names.get((ns_id, ifname), ifname))

    def fenced(self, number: int, link: str) -> bool:
        if self.rounds.heard(number, link):
            return True
        self.controls.heard(number, link)
        return False

    def tapped(self, ns_id: str, data: bytes, ifname: str, kind: int) -> None:
        port = self.view.ports.get((ns_id, ifname))
        if port is None or kind == frames.PACKET_OUTGOING:
            return
        data = frames.untagged(data)
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
        together: bool = False,
    ) -> list[LayerObserved]:
        """Probe layers, over all their pairs or those wanted, each in a wave of its own or ``together``; ``targets``
        stand in the place of the state's."""
        self.view.aim(self._targets if targets is None else targets)
        self.losses.mark()
        found = [self._probe(name, seed, wanted, together) for name in names]
        if self.losses.tables_filled():
            # It isn't known in which wave: all of them have to tell.
            self._careful = True
            found = [
                self._probe(one.layer, seed, wanted, together) if layer_family(one.layer) else one for one in found
            ]
            self._careful = False
        return found

    def _probe(self, name: str, seed: int, wanted: Collection[Pair] | None, together: bool) -> LayerObserved:
        driver = _Namespaces(self, self.begin(name), careful=self._careful)
        try:
            return driver.probe(seed, wanted, together)
        finally:
            self.end()


class _Namespaces(Driver):
    """Probes one layer in the namespaces of a prober; ``careful``: each wave looks at the neighbour tables."""

    def __init__(self, prober: Prober, layer: Layer, *, careful: bool) -> None:
        self._prober = prober
        self._layer = layer
        self._careful = careful
        self._rounds, self._cache_state, self._losses = prober.rounds, prober.cache_state, prober.losses
        view = prober.view
        lingers = bool(self._rounds.queues) or any(count > 1 for count in view.interfaces.values())
        super().__init__(view.state, layer.name, wire=prober.wire, most=layer.most, warms=layer.warms, lingers=lingers)
        self._lingers = self._lingers or any(link.underlay for link in view.state.links)
        self.results = layer.results
        self.listeners = layer.listeners if type(layer) is Broadcast else {}
        self.notes = tuple(self._rounds.notes)
        #: Says of a pair whether nobody else may take part in its probe.
        self._direct = waves.direct(view.state, layer.name)
        self._losses.mark(tables=careful)

    def send(self, pairs: list[Pair], attempt: int) -> str:
        layer, rounds = self._layer, self._rounds
        late = ""
        if attempt:
            self._losses.calm_down()
        elif self.warms:
            late = rounds.catch_up(self._queues(pairs))
        late = self._cache_state.flush(lambda: rounds.run(1, list(rounds.queues.values()))) or late
        layer.prepare(pairs)
        if self.warms:
            # Both ends may learn; others where probes may go by a gateway, or where another host has an end's address.
            met, further = layer.meetings(pairs), self._further(pairs)
            self._cache_state.warm(met, further=further, family=FAMILIES[layer_family(self.name)])
        size = min(BATCH_SIZES[attempt], layer.at_once()) if attempt or self.wire else layer.at_once()
        for start in range(0, len(pairs), size):
            self._send_batch(pairs[start : start + size])
            self._prober.receivers.drain()
            if attempt:
                rounds.sent()
                late = late or rounds.catch_up(self._queues(pairs))
        rounds.sent()
        for pair in pairs:
            layer.settle(pair)
        return late

    def prove(self, pairs: list[Pair]) -> str:
        lack = self._rounds.run(traversals(self.name), self._queues(pairs))
        self._cache_state.settled = not lack
        return lack or self._prober.unfenced.look()

    def conclude(self, pairs: list[Pair], silent: list[Pair], *, unsure: bool) -> dict[str, int]:
        lost = self._losses.since(tables=self._careful) if unsure else {}
        for pair in silent:
            self._layer.conclude(pair)
        self._layer.finish(pairs)
        return lost

    def ends(self, pair: Pair) -> Iterator[Mapping[str, Liveness]]:
        view, liveness = self._prober.view, self._prober.controls.liveness
        for end in (self._layer.sources[pair[0]], self._layer.destinations[pair[1]]):
            links = view.links_of(end)
            # Of several interfaces, those that are joined to others.
            yield {one: liveness[one] for one in links if len(links) == 1 or view.far(one)}

    def _further(self, pairs: Iterable[Pair]) -> bool:
        """Whether other hosts may take part in these probes: a gateway, or a host that also has an end's address."""
        return not all(map(self._direct, pairs))

    def _queues(self, pairs: list[Pair]) -> list[QueueFence]:
        """The fences through every queue that may hold something of these probes."""
        if not self._rounds.queues:
            return []
        return self._rounds.relevant(self._layer.namespaces(pairs), further=self._further(pairs))

    def _send_batch(self, pairs: list[Pair]) -> None:
        """Send probes, many from two processors at once."""
        layer, prober = self._layer, self._prober
        many = len(pairs) >= BATCH_SIZES[0] and len(prober.fence.cpus) > 1
        if many and (parts := layer.datagrams(pairs)):
            refused: list[tuple[Pair, OSError]] = []

            def send(part: tuple[list[Pair], Datagrams]) -> None:
                refused.extend((part[0][place], error) for place, error in part[1].send().items())

            from_two(send, parts)
            for pair, error in refused:
                prober.refused(layer, pair, error)
        elif many and layer.floods:
            from_two(partial(prober.send_one, layer), pairs)
        else:
            for pair in pairs:
                prober.send_one(layer, pair)
