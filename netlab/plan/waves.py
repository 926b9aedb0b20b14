"""Which pairs may be probed at once without one changing the other's answer.

Cold is the meaning of every result, and the caches are emptied before each wave. Two probes may share a wave
when neither leaves state behind that the other reads:

- frames of our own EtherType, and raw ARP requests and solicitations, read no neighbour table; they meet only in
  forwarding tables, and these matter only where a port doesn't flood, is locked or has static entries: then a namespace
  is part of one probe at most, since an entry decides about frames from or to its own MAC. Where a bridge may learn
  only so many addresses, one MAC lives at two places, or a passthru child takes what is flooded, a wave is one probe;
- the other layers resolve neighbours. An ARP request is a broadcast, and whoever hears it updates an entry that he
  already has for its sender, be it only INCOMPLETE (arp_process, "Update our ARP tables"). So in a wave a namespace
  either asks or is asked, and two namespaces meet only once. A namespace with several interfaces may answer by
  another one than it was asked at, and then resolves neighbours itself: such a destination has its source for
  itself, and is alone in a wave with it; so is a source with static neighbours: whom it reaches without asking has to
  ask for it, and would learn from its broadcasts for others;
- a host that forwards is part of many pairs, and so is a gateway: where anybody forwards or has routes of his own, a
  wave is one probe;
- so is a probe of an address that several interfaces have, and one of a host with a source-mode child, which gets
  copies of what others are answered.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain

from netlab.plan.types import Bridge, Macvlan, Port, State, Switch, SwitchLink, Veth, base_layer, layer_family

Pair = tuple[int, int]

#: Two entries per probe must stay far below the machine's limit of 1024 for all namespaces together (gc_thresh3).
NEIGHBORS = 160
#: Frames of a wave that may be under way before the ears are emptied.
FRAMES = 4096


def _choosy(state: State) -> bool:
    """Whether what a bridge has learned of a station decides whether its own frames, or those to it, pass a port."""
    for link in state.links:
        ports: tuple[Port, ...] = ()
        if isinstance(link, Veth):
            ports = (link.port,)
        elif isinstance(link, SwitchLink):
            ports = (link.port, link.peer_port)
        # A static entry is taken along by whoever is heard elsewhere with its MAC.
        if any(not port.flood or port.locked or port.fdb for port in ports):
            return True
    return False


def _entangled(state: State) -> bool:
    """Whether what a bridge learns of one station can change who receives another's frames."""
    wires: dict[str, str] = {}
    for link in state.links:
        if isinstance(link, (Switch, Bridge)) and link.fdb_max_learned is not None:
            return True
        if isinstance(link, Veth) and link.master is not None and link.port.hairpin:
            # What is sent back into a bridge makes it learn its own stations at the wrong port.
            return True
        if isinstance(link, Macvlan) and link.effective_mode == "passthru":
            # It takes whatever is flooded to it.
            return True
        if not isinstance(link, (Switch, SwitchLink)) and link.mac:
            wire = state.link(link.parent).id if isinstance(link, Macvlan) else link.id
            if wires.setdefault(link.mac, wire) != wire:
                return True
    return False


def cut(state: State, layer: str, pairs: Iterable[Pair], seed: int, *, warms: bool) -> Iterator[list[Pair]]:
    """The pairs in a random order of their own, cut into waves; ``warms``: whether probes leave neighbour entries."""
    ordered = list(pairs)
    random.Random(f"{seed}/{layer}").shuffle(ordered)
    base = base_layer(layer)
    entangled = _entangled(state)
    fragile = entangled or _choosy(state)
    if base == "broadcast":
        # A row is one frame, so it must stay together.
        rows: dict[int, list[Pair]] = {}
        for pair in ordered:
            rows.setdefault(pair[0], []).append(pair)
        return _packed(rows.values(), 1 if fragile else FRAMES)
    raw = base in ("arp", "ndp")
    if entangled or (routed(state) and not raw and base != "unicast"):
        return ([pair] for pair in ordered)
    if not warms and not fragile:
        return _packed(([pair] for pair in ordered), FRAMES)
    alone = shared(state, layer) | (set() if raw else _overhearing(state))
    lonely = [pair for pair in ordered if alone.intersection(pair)]
    rest = [pair for pair in ordered if not alone.intersection(pair)] if lonely else ordered
    if fragile or not raw:
        together = _by_namespaces(state, rest, apart=fragile)
    else:
        together = _packed(([pair] for pair in rest), NEIGHBORS)
    return chain(([pair] for pair in lonely), together)


def routed(state: State) -> bool:
    """Whether a packet may pass another namespace on its way, or try to."""
    return bool(state.routers) or any(ns.routes or ns.rules for ns in state.namespaces)


def shared(state: State, layer: str) -> set[int]:
    """The endpoints whose address somebody else has, too."""
    four = layer_family(layer) == 4
    addresses = [address.ip if (address := e.v4 if four else e.v6) else None for e in state.endpoints]
    holders = Counter(filter(None, addresses))
    return {i for i, ip in enumerate(addresses) if ip is not None and holders[ip] > 1}


def _overhearing(state: State) -> set[int]:
    """The endpoints of hosts in which an interface gets answers that are meant for another one."""
    hosts = {
        state.namespace(link.namespace).host
        for link in state.links
        if isinstance(link, Macvlan) and link.effective_mode == "source" and link.allowed_macs
    }
    return {i for i, endpoint in enumerate(state.endpoints) if state.namespace(endpoint.namespace).host in hosts}


def _packed(groups: Iterable[list[Pair]], size: int) -> Iterator[list[Pair]]:
    wave: list[Pair] = []
    for group in groups:
        if wave and len(wave) + len(group) > size:
            yield wave
            wave = []
        wave.extend(group)
    if wave:
        yield wave


class _Wave:
    """A wave that is still open, and what its namespaces do in it."""

    def __init__(self) -> None:
        self.pairs: list[Pair] = []
        self.asking: set[str] = set()
        self.asked: set[str] = set()
        self.alone: set[str] = set()
        self.met: set[tuple[str, str]] = set()

    def admits(self, source: str, destination: str, alone: bool) -> bool:
        """Whether a probe between these namespaces disturbs none of those that are in already."""
        if source in self.alone or destination in self.alone:
            return False
        if alone:
            return not ({source, destination} & (self.asking | self.asked))
        return source not in self.asked and destination not in self.asking and (source, destination) not in self.met

    def add(self, pair: Pair, source: str, destination: str, alone: bool) -> None:
        """Put a probe in."""
        self.pairs.append(pair)
        self.asking.add(source)
        self.asked.add(destination)
        self.met.add((source, destination))
        if alone:
            self.alone |= {source, destination}


def _by_namespaces(state: State, pairs: list[Pair], *, apart: bool) -> Iterator[list[Pair]]:
    """Waves in which no namespace disturbs another; ``apart``: a namespace is part of one pair of a wave at most."""
    namespaces = [endpoint.namespace for endpoint in state.endpoints]
    doors = Counter(link.namespace for link in state.links if not isinstance(link, (Switch, SwitchLink)))
    knowing = {link.namespace for link in state.links if link.neighbors}
    number = {ns: k for k, ns in enumerate(dict.fromkeys(namespaces[i] for pair in pairs for i in pair))}

    def side(pair: Pair) -> tuple[int, bool]:
        # By the lowest bit in which the namespaces' numbers differ: each group has askers on one side only.
        source, destination = number[namespaces[pair[0]]], number[namespaces[pair[1]]]
        bit = (source ^ destination) & -(source ^ destination)
        return bit, bool(source & bit)

    open_waves: list[_Wave] = []
    for pair in sorted(pairs, key=side):
        source, destination = namespaces[pair[0]], namespaces[pair[1]]
        alone = apart or source == destination or doors[destination] > 1 or source in knowing
        wave = next((wave for wave in open_waves if wave.admits(source, destination, alone)), None)
        if wave is None:
            wave = _Wave()
            open_waves.append(wave)
        wave.add(pair, source, destination, alone)
        if len(wave.pairs) >= NEIGHBORS:
            open_waves.remove(wave)
            yield wave.pairs
    yield from (wave.pairs for wave in open_waves)
