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
  neighbours and a source that may ask in another address's name (arp_announce, or a program in a namespace with
  several interfaces that binds to none): the destination must ask for the source, and would learn from the source's
  other broadcasts.
- A host that forwards, or is a gateway, takes part in many pairs: a probe that it may carry, or whose answer it may
  carry, is alone in its wave. So is a probe of an address that several interfaces have, or that is asked for by itself.
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

from netlab.contract.types import (
    BY_ROW,
    Address,
    AnySource,
    AnyTarget,
    Endpoint,
    State,
    Target,
    asks_host,
    layer_family,
    probe_of,
)

Pair = tuple[int, int]

#: Two entries per probe must stay far below the machine's limit of 1024 for all namespaces together (gc_thresh3).
NEIGHBORS = 160
#: Frames of a wave that may be under way before the receivers are emptied.
FRAMES = 4096


def _learning_decides(state: State) -> bool:
    """Whether what a bridge or a tunnel has learned of a MAC can decide who gets the frames from or to that MAC."""
    for link in state.links:
        if link.learns:
            return True
        ports = [plug.port for plug in link.plugs]
        if link.port_of is not None:
            below = state.root(link.id).plugs
            if any(plug.port.hairpin for plug in below):
                return True
        # A static entry moves to the port where a frame with its MAC comes in.
        if any(not port.flood or port.locked or port.fdb for port in ports):
            return True
    return False


def _one_by_one(state: State) -> bool:
    """Whether a bridge learns a limited number of MACs: one that it learns may keep it from learning another.

    Or whether there is a tunnel: then any probe may leave neighbour entries behind, at hosts that are none of its ends.
    Or whether a bridge answers by what it has learned, and by what its own host knows of others.
    """
    answering = any(plug.port.proxies for link in state.links for plug in link.plugs)
    return answering or any(link.room is not None or link.underlay for link in state.links)


def _same_mac(state: State) -> list[set[str]]:
    """The namespaces that share a MAC which lives on several wires: a bridge has one entry for all of them."""
    wires: dict[str, dict[str, set[str]]] = {}
    for link in state.links:
        if link.interface and link.mac:
            wires.setdefault(link.mac, {}).setdefault(state.root(link.id).id, set()).add(link.namespace)
    return [set().union(*holders.values()) for holders in wires.values() if len(holders) > 1]


def _passthru(state: State) -> list[set[str]]:
    """The namespaces of a passthru child and of its parent, which has the child's MAC, too."""
    return [spaces for tag, spaces in _mac_sharers(state) if tag is None]


def _vlans(state: State) -> list[set[str]]:
    """The namespaces of a vlan interface and of its parent, which have one MAC on one wire, but different frames."""
    return [spaces for tag, spaces in _mac_sharers(state) if tag is not None]


def _mac_sharers(state: State) -> Iterator[tuple[int | None, set[str]]]:
    for link in state.links:
        if link.mac_of is not None:
            yield link.tag, {link.namespace, state.link(link.mac_of).namespace}


def _sharing(state: State) -> list[set[str]]:
    """The namespaces that share a MAC, in whichever way."""
    return [*_same_mac(state), *_passthru(state)]


def _knowing(state: State) -> set[str]:
    """The namespaces with neighbour entries of the file: they may send to any MAC without asking."""
    return {link.namespace for link in state.links if link.neighbors}


def by_parents(state: State) -> set[str]:
    """The namespaces with a link whose packets are sent on by the namespace of the link that it sits on."""
    return {link.namespace for link in state.links if not link.carries_frames}


def _divided(state: State) -> set[str]:
    """The namespaces with VRFs: what is for another domain may be sent on, or taken by a stranger with the address."""
    return {link.namespace for link in state.links if link.domain}


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
    return _one_by_one(state) or bool(_sharing(state)) or _learning_decides(state)


def cut(state: State, layer: str, pairs: Iterable[Pair], seed: int, *, warms: bool) -> Iterator[list[Pair]]:
    """The pairs in a random order of their own, cut into waves; ``warms``: whether probes leave neighbour entries."""
    ordered = list(pairs)
    random.Random(f"{seed}/{layer}").shuffle(ordered)
    base = probe_of(layer)
    one_by_one, sharing = _one_by_one(state), _sharing(state)
    fragile = bool(sharing) or _learning_decides(state)
    if base in BY_ROW:
        # A row is one frame, so it must stay together.
        rows: dict[int, list[Pair]] = {}
        for pair in ordered:
            rows.setdefault(pair[0], []).append(pair)
        return _packed(rows.values(), 1 if one_by_one or fragile else FRAMES)
    raw = base in ("arp", "ndp")
    sources, targets = _names(state.sources(layer)), _names(state.destinations(layer))
    alone = shared(state, layer) if warms else (set(), set())
    if _passthru(state):
        # By an entry of the file they may send to a third MAC, and whether that is flooded depends on its own frames.
        knowing = _knowing(state)
        for ends, names in zip(alone, (sources, targets), strict=True):
            ends.update(i for i, name in enumerate(names) if name in knowing)
    straight = (lambda _pair: True) if raw or base == "unicast" else near(state, layer)
    single: list[Pair] = []
    rest: list[Pair] = []
    for pair in ordered:
        fits = not one_by_one and straight(pair) and pair[0] not in alone[0] and pair[1] not in alone[1]
        (rest if fits else single).append(pair)
    if fragile or (warms and not raw):
        overhearing = [] if raw or not warms else _overhearing(state)
        units = _units([*sharing, *_vlans(state), *overhearing])
        together = _by_namespaces(state, layer, rest, units, apart=fragile)
    else:
        together = _packed(([pair] for pair in rest), NEIGHBORS if warms else FRAMES)
    return chain(([pair] for pair in single), together)


def routed(state: State) -> bool:
    """Whether a packet may pass another namespace on its way, or try to."""
    return bool(state.routers or by_parents(state) or _divided(state)) or any(
        ns.routes or ns.rules or ns.nftables for ns in state.namespaces
    )


def near(state: State, layer: str) -> Callable[[Pair], bool]:
    """A function that says of a pair whether probe and answer go straight between the ends, and no third can answer.

    That is so where both ends have connected routes for each other, and no other route is as good (fib_table_lookup).
    A program that binds to nothing gets an address of the interface by which the connected route leads
    (fib_result_prefsrc, ipv6_get_saddr_eval), so all addresses with such a route count.
    """
    if not routed(state):
        return lambda _pair: True
    if any("/proxy_" in path and value != "0" for ns in state.namespaces for path, value in ns.sysctls):
        return lambda _pair: False
    if _sharing(state) or _overhearing(state):
        # What is meant for another may be taken, or overheard, by a host that forwards it.
        return lambda _pair: False
    family = layer_family(layer)
    sources, targets = state.sources(layer), state.destinations(layer)
    asking = [_addresses(state, source, family) for source in sources]
    # Where a link is down its connected routes are gone; others never got any.
    lame = {link.namespace for link in state.links if link.interface and not link.up}
    lame |= {state.link(link_id).namespace for link_id, _ in state.routeless}
    unsure = {ns.id for ns in state.namespaces if ns.rules or ns.nftables or (ns.routes and ns.id in lame)}
    # By an entry of the file an answer may go to a third host, which forwards it.
    unsure |= _knowing(state) | by_parents(state) | _divided(state)
    routes = {ns.id: [ipaddress.ip_network(route.to) for route in ns.routes] for ns in state.namespaces}

    @functools.cache
    def leading(ns: str, addresses: tuple[Address, ...], to: str) -> tuple[Address, ...]:
        """Those of a namespace's addresses whose connected routes lead to an address, if no other route may."""
        ip = ipaddress.ip_address(to)
        fit = tuple(address for address in addresses if ip in address.network)
        longest = max((address.network.prefixlen for address in fit), default=0)
        other = any(ip in network and network.prefixlen >= longest for network in routes[ns])
        return () if other or ns in unsure else fit

    def straight(pair: Pair) -> bool:
        source, target = sources[pair[0]], targets[pair[1]]
        address = target.address(family)
        if address is None or isinstance(target, Target):
            return False
        ours = leading(source.namespace, asking[pair[0]], address.ip)
        return bool(ours) and all(leading(target.namespace, (address,), one.ip) for one in ours)

    return straight


def shared(state: State, layer: str) -> tuple[set[int], set[int]]:
    """The rows and columns with an address that another interface has, too, or that is asked for by itself."""
    family = layer_family(layer)
    holders = Counter(address.ip for e in state.endpoints if (address := e.address(family)))
    twice = {ip for ip, count in holders.items() if count > 1}
    rows = {
        i
        for i, source in enumerate(state.sources(layer))
        if twice and not twice.isdisjoint(address.ip for address in _addresses(state, source, family))
    }
    columns = {
        j
        for j, target in enumerate(state.destinations(layer))
        if isinstance(target, Target) or ((address := target.address(family)) and address.ip in twice)
    }
    return rows, columns


def direct(state: State, layer: str) -> Callable[[Pair], bool]:
    """A function that says of a pair whether nobody but its ends can take part in its probe: no gateway, and no other
    host that has an end's address."""
    if layer_family(layer) is None:
        return lambda _pair: True
    straight, (rows, columns) = near(state, layer), shared(state, layer)
    return lambda pair: pair[0] not in rows and pair[1] not in columns and straight(pair)


def _addresses(state: State, source: AnySource, family: int | None) -> tuple[Address, ...]:
    """The addresses that a row may ask from."""
    ends = [source] if isinstance(source, Endpoint) else [e for e in state.endpoints if e.namespace == source.namespace]
    return tuple(address for end in ends if (address := end.address(family)))


def _names(ends: Iterable[AnySource | AnyTarget]) -> list[str]:
    """The namespace of each row or column; of an address that is asked for by itself, the address."""
    return [end.id if isinstance(end, Target) else end.namespace for end in ends]


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


def _by_namespaces(
    state: State, layer: str, pairs: list[Pair], units: Mapping[str, str], *, apart: bool
) -> Iterator[list[Pair]]:
    """Waves in which no namespace disturbs another; ``apart``: a namespace is part of one pair of a wave at most.

    Namespaces to which ``units`` gives a common name count as one.
    """
    interfaces = Counter(link.namespace for link in state.links if link.interface)
    several = {ns for ns, count in interfaces.items() if count > 1}
    # Namespaces that need a wave with no other probe of theirs, as a source and as a destination.
    lone = {*units, *_knowing(state), *_announcing(state), *(several if asks_host(layer) else ())}, {*units, *several}
    sides = _names(state.sources(layer)), _names(state.destinations(layer))
    aside = [{i for i, ns in enumerate(side) if ns in these} for side, these in zip(sides, lone, strict=True)]
    names = [[units.get(ns, ns) for ns in side] for side in sides]
    number = {name: k for k, name in enumerate(dict.fromkeys(names[k][pair[k]] for pair in pairs for k in (0, 1)))}

    def side(pair: Pair) -> tuple[int, bool]:
        # By the lowest bit in which the namespaces' numbers differ: each group has askers on one side only.
        source, destination = number[names[0][pair[0]]], number[names[1][pair[1]]]
        bit = (source ^ destination) & -(source ^ destination)
        return bit, bool(source & bit)

    open_waves: list[_Wave] = []
    for pair in sorted(pairs, key=side):
        source, destination = names[0][pair[0]], names[1][pair[1]]
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
