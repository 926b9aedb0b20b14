"""Which pairs may be probed at once without one changing the other's answer.

Cold is the meaning of every result, and the caches are emptied before each wave. Two probes may share a wave
when neither leaves state behind that the other reads:

- frames of our own EtherType touch nothing but forwarding tables, and these matter only where a port doesn't flood, is locked,
  a bridge may learn only so many addresses, or one MAC lives at two places;
- neighbour entries belong to a pair of namespaces: probes between different pairs of namespaces don't meet. A host that
  forwards is part of many pairs, so where there is one, a wave is one probe.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

from netlab.plan.types import State, Switch, SwitchLink, Veth, base_layer

Pair = tuple[int, int]

#: Two entries per probe must stay far below the machine's limit of 1024 for all namespaces together (gc_thresh3).
NEIGHBORS = 160
#: Frames of a wave that may be under way before the ears are emptied.
FRAMES = 4096


def forwarding_matters(state: State) -> bool:
    """Whether what a bridge has learned can change who receives a unicast frame."""
    macs: set[str] = set()
    for link in state.links:
        ports = ()
        if isinstance(link, Switch) and link.fdb_max_learned is not None:
            return True
        if isinstance(link, Veth):
            ports = (link.port,)
        elif isinstance(link, SwitchLink):
            ports = (link.port, link.peer_port)
        if any(not port.flood or port.locked for port in ports):
            return True
        if not isinstance(link, (Switch, SwitchLink)) and link.mac:
            if link.mac in macs:
                return True
            macs.add(link.mac)
    return False


def cut(state: State, layer: str, pairs: Iterable[Pair], seed: int, *, warms: bool) -> Iterator[list[Pair]]:
    """The pairs in a random order of their own, cut into waves; ``warms``: whether probes leave neighbour entries."""
    ordered = list(pairs)
    random.Random(f"{seed}/{layer}").shuffle(ordered)
    base = base_layer(layer)
    fragile = forwarding_matters(state)
    if base == "broadcast":
        # A row is one frame, so it must stay together.
        rows: dict[int, list[Pair]] = {}
        for pair in ordered:
            rows.setdefault(pair[0], []).append(pair)
        return _packed(rows.values(), 1 if fragile else FRAMES)
    if fragile or (state.routers and base not in ("unicast", "arp", "ndp")):
        return ([pair] for pair in ordered)
    if not warms:
        return _packed(([pair] for pair in ordered), FRAMES)
    return _by_namespaces(state, ordered)


def _packed(groups: Iterable[list[Pair]], size: int) -> Iterator[list[Pair]]:
    wave: list[Pair] = []
    for group in groups:
        if wave and len(wave) + len(group) > size:
            yield wave
            wave = []
        wave.extend(group)
    if wave:
        yield wave


def _by_namespaces(state: State, pairs: list[Pair]) -> Iterator[list[Pair]]:
    """Each two namespaces at most once in a wave."""
    namespaces = [endpoint.namespace for endpoint in state.endpoints]
    open_waves: list[tuple[list[Pair], set[frozenset[str]]]] = []
    for pair in pairs:
        meeting = frozenset((namespaces[pair[0]], namespaces[pair[1]]))
        for wave, met in open_waves:
            if meeting not in met:
                break
        else:
            wave, met = [], set()
            open_waves.append((wave, met))
        wave.append(pair)
        met.add(meeting)
        if len(wave) >= NEIGHBORS:
            open_waves = [other for other in open_waves if other[0] is not wave]
            yield wave
    yield from (wave for wave, _ in open_waves)
