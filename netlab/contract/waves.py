"""Which pairs may be probed at once without one changing the other's answer.

Every result means "from cold": the caches are emptied before each wave. Two probes may share a wave when neither
leaves state behind that the other reads:

- Frames of our own EtherType, raw ARP requests and solicitations read no neighbour table. They meet only in the
  bridges' forwarding tables. Those decide something only where a port doesn't flood, is locked or has static entries,
  where a hairpin sends frames back into a bridge (which learns from them), where a passthru child takes what is
  flooded, or where one MAC is in two places. There a namespace is part of one probe of a wave at most, since an entry
  decides about frames from or to its own MAC. Namespaces that share a MAC (as a passthru child and its parent do)
  count as one. Where a bridge learns a limited number of MACs, a wave is one probe.
- The other layers resolve neighbours. An ARP request is a broadcast: a host that overhears it updates its existing
  entry for the sender, even one that is INCOMPLETE (arp_process, "Update our ARP tables"). So in a wave a namespace
  either asks or is asked, and two namespaces meet only once.
- A namespace with several interfaces may answer by another interface than the one that was asked, and then resolves
  neighbours itself. Such a destination and its source have a wave for themselves. So have a source with static
  neighbours and a source that may ask in another address's name (arp_announce): the destination must ask for the
  source, and would learn from the source's other broadcasts.
- A host that forwards, or is a gateway, takes part in many pairs: a probe that it may carry, or whose answer it may
  carry, is alone in its wave. So is a probe of an address that several interfaces have.
- A source-mode child gets copies of answers to its neighbours in the host. Its host, with all containers, counts as
  one namespace that is part of one probe at most.
"""

from __future__ import annotations

import functools
import ipaddress
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain

from netlab.contract.types import State, base_layer, layer_family

Pair = tuple[int, int]

#: Two entries per probe must stay far below the machine's limit of 1024 for all namespaces together (gc_thresh3).
NEIGHBORS = 160
#: Frames of a wave that may be under way before the receivers are emptied.
FRAMES = 4096


def _choosy(state: State) -> bool:
    """Whether a bridge's learned entry for a MAC can decide who gets the frames from or to that MAC."""
    for link in state.links:
        ports = [plug.port for plug in link.plugs if plug.port is not None]
        if link.interface and link.joins and any(port.hairpin for port in ports):
            return True
        # A static entry moves to the port where a frame with its MAC comes in.
        if any(not port.flood or port.locked or port.fdb for port in ports):
            return True
    return False


def _cramped(state: State) -> bool:
    """Whether a bridge learns a limited number of MACs: one that it learns may keep it from learning another."""
    return any(link.room is not None for link in state.links)


def _twins(state: State) -> list[set[str]]:
    """The namespaces that share a MAC which lives on several wires: a bridge has one entry for all of them."""
    wires: dict[str, dict[str, set[str]]] = {}
    for link in state.links:
        if link.interface and link.mac:
            wires.setdefault(link.mac, {}).setdefault(link.lower or link.id, set()).add(link.namespace)
    return [set().union(*holders.values()) for holders in wires.values() if len(holders) > 1]


def _borrowers(state: State) -> list[set[str]]:
    """The namespaces of a passthru child and of its parent, which has the child's MAC, too."""
    return [{link.namespace, state.link(link.mac_of).namespace} for link in state.links if link.mac_of is not None]


def _sharing(state: State) -> list[set[str]]:
    """The namespaces that share a MAC, in whichever way."""
    return [*_twins(state), *_borrowers(state)]


def _knowing(state: State) -> set[str]:
    """The namespaces with neighbour entries of the file: they may send to any MAC without asking."""
    return {link.namespace for link in state.links if link.neighbors}


def _announcing(state: State) -> set[str]:
    """The namespaces that may send ARP requests in the name of an address that is not the packet's source."""
    found = set()
    for ns in state.namespaces:
        if any(path.endswith("/arp_announce") and value != "0" for path, value in ns.sysctls):
            addresses = [one for link in state.links_of(ns.id) for one in link.addresses if one.family == 4]
            found |= {ns.id} if len(addresses) > 1 else set()
    return found


def _overhearing(state: State) -> list[set[str]]:
    """The namespaces of each host in which an interface gets answers that are meant for another one."""
    hosts = {state.namespace(link.namespace).host for link in state.links if link.hears_only}
    return [{ns.id for ns in state.namespaces if ns.host == host} for host in hosts]


def _units(groups: Iterable[set[str]]) -> dict[str, str]:
    """One name for all the members of a group, and of groups that have a member in common."""
    found: dict[str, str] = {}
    for group in groups:
        known = {found[ns] for ns in group if ns in found}
        members = group | {ns for ns, name in found.items() if name in known}
        found |= dict.fromkeys(members, min(members))
    return found


def tables_decide(state: State) -> bool:
    """Whether what a bridge has learned can change a letter: who gets a frame, not only by which ports it goes."""
    return _cramped(state) or bool(_sharing(state)) or _choosy(state)


def cut(state: State, layer: str, pairs: Iterable[Pair], seed: int, *, warms: bool) -> Iterator[list[Pair]]:
    """The pairs in a random order of their own, cut into waves; ``warms``: whether probes leave neighbour entries."""
    ordered = list(pairs)
    random.Random(f"{seed}/{layer}").shuffle(ordered)
    base = base_layer(layer)
    cramped, sharing = _cramped(state), _sharing(state)
    fragile = bool(sharing) or _choosy(state)
    if base == "broadcast":
        # A row is one frame, so it must stay together.
        rows: dict[int, list[Pair]] = {}
        for pair in ordered:
            rows.setdefault(pair[0], []).append(pair)
        return _packed(rows.values(), 1 if cramped or fragile else FRAMES)
    raw = base in ("arp", "ndp")
    alone = set(range(len(state.endpoints))) if cramped else set()
    if warms:
        alone |= shared(state, layer)
    if _borrowers(state):
        # By an entry of the file they may send to a third MAC, and whether that is flooded depends on its own frames.
        knowing = _knowing(state)
        alone |= {i for i, endpoint in enumerate(state.endpoints) if endpoint.namespace in knowing}
    direct = (lambda _pair: True) if raw or base == "unicast" else near(state, layer)
    lonely: list[Pair] = []
    rest: list[Pair] = []
    for pair in ordered:
        (rest if direct(pair) and not alone.intersection(pair) else lonely).append(pair)
    if fragile or (warms and not raw):
        overhearing = [] if raw or not warms else _overhearing(state)
        units = _units([*sharing, *overhearing])
        together = _by_namespaces(state, rest, units, apart=fragile)
    else:
        together = _packed(([pair] for pair in rest), NEIGHBORS if warms else FRAMES)
    return chain(([pair] for pair in lonely), together)


def routed(state: State) -> bool:
    """Whether a packet may pass another namespace on its way, or try to."""
    return bool(state.routers) or any(ns.routes or ns.rules for ns in state.namespaces)


def near(state: State, layer: str) -> Callable[[Pair], bool]:
    """A function that says of a pair whether probe and answer go straight between the ends, and no third can answer.

    That is so where both ends have connected routes for each other, and no other route is as good (fib_table_lookup).
    """
    if not routed(state):
        return lambda _pair: True
    if any("/proxy_" in path and value != "0" for ns in state.namespaces for path, value in ns.sysctls):
        return lambda _pair: False
    if _sharing(state) or _overhearing(state):
        # What is meant for another may be taken, or overheard, by a host that forwards it.
        return lambda _pair: False
    addresses = [endpoint.address(layer_family(layer)) for endpoint in state.endpoints]
    ips = [ipaddress.ip_address(address.ip) if address else None for address in addresses]
    networks = [address.network if address else None for address in addresses]
    # Where a link is down its connected routes are gone; others never got any.
    lame = {link.namespace for link in state.links if link.interface and not link.up}
    lame |= {state.link(link_id).namespace for link_id, _ in state.routeless}
    unsure = {ns.id for ns in state.namespaces if ns.rules or (ns.routes and ns.id in lame)}
    # By an entry of the file an answer may go to a third host, which forwards it.
    unsure |= _knowing(state)
    routes = {ns.id: [ipaddress.ip_network(route.to) for route in ns.routes] for ns in state.namespaces}

    @functools.cache
    def straight(source: int, destination: int) -> bool:
        ns, network, ip = state.endpoints[source].namespace, networks[source], ips[destination]
        if ns in unsure or network is None or ip is None or ip not in network:
            return False
        return not any(ip in other and other.prefixlen >= network.prefixlen for other in routes[ns])

    return lambda pair: straight(*pair) and straight(*pair[::-1])


def shared(state: State, layer: str) -> set[int]:
    """The endpoints whose address another interface has, too."""
    family = layer_family(layer)
    addresses = [address.ip if (address := e.address(family)) else None for e in state.endpoints]
    holders = Counter(filter(None, addresses))
    return {i for i, ip in enumerate(addresses) if ip is not None and holders[ip] > 1}


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


def _by_namespaces(state: State, pairs: list[Pair], units: Mapping[str, str], *, apart: bool) -> Iterator[list[Pair]]:
    """Waves in which no namespace disturbs another; ``apart``: a namespace is part of one pair of a wave at most.

    Namespaces to which ``units`` gives a common name count as one.
    """
    names = [units.get(endpoint.namespace, endpoint.namespace) for endpoint in state.endpoints]
    doors = Counter(link.namespace for link in state.links if link.interface)
    # Namespaces that need a wave with no other probe of theirs, as a source and as a destination.
    several = {ns for ns, count in doors.items() if count > 1}
    aside = [
        {i for i, endpoint in enumerate(state.endpoints) if endpoint.namespace in {*units, *these}}
        for these in (_knowing(state) | _announcing(state), several)
    ]
    number = {name: k for k, name in enumerate(dict.fromkeys(names[i] for pair in pairs for i in pair))}

    def side(pair: Pair) -> tuple[int, bool]:
        # By the lowest bit in which the namespaces' numbers differ: each group has askers on one side only.
        source, destination = number[names[pair[0]]], number[names[pair[1]]]
        bit = (source ^ destination) & -(source ^ destination)
        return bit, bool(source & bit)

    open_waves: list[_Wave] = []
    for pair in sorted(pairs, key=side):
        source, destination = names[pair[0]], names[pair[1]]
        alone = apart or source == destination or pair[0] in aside[0] or pair[1] in aside[1]
        wave = next((wave for wave in open_waves if wave.admits(source, destination, alone)), None)
        if wave is None:
            wave = _Wave()
            open_waves.append(wave)
        wave.add(pair, source, destination, alone)
        if len(wave.pairs) >= NEIGHBORS:
            open_waves.remove(wave)
            yield wave.pairs
    yield from (wave.pairs for wave in open_waves)
