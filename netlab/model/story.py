"""What decided a pair, and which way its request took, from the events of a traced simulation."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from netlab.model import bond, bridge_rules, device, macvlan_rules
from netlab.model.netfilter.hooks import DROPPED, REJECTED
from netlab.model.packets import Raw
from netlab.model.probes import End
from netlab.model.sim import Hop, Sim, Unknown
from netlab.model.stack import arp, fib, ip, ipv6, nd, protocols, sockets
from netlab.model.world import ALL_STATIONS, BROADCAST, MULTICAST, OTHERHOST, RAW, Bridge, Device, Frame, Namespace

T = TypeVar("T")
#: Why another interface answers, the most telling first.
_DETOURS = (ip.LOOPBACK, ipv6.LOOPBACK, arp.ANY_INTERFACE, macvlan_rules.SOURCE_COPY, macvlan_rules.PASSTHRU_TAKES)
#: Hearers of an unanswered question that are named.
_NAMED = 3


def decided(letter: str, told: str, sim: Sim, source: End, target: End) -> tuple[str | None, Hop | None]:
    """The id of the rule that decided a pair's letter, and for U the event at which it did.

    For U it is the rule by which the frame ended, for A the one by which another interface answered, for R the one by
    which the request was delivered. ``told`` is the letter of the traced run.
    """
    if letter in ".?":
        return None, None
    if told == "U":
        end = _death(sim, source, target)
        return (end.rule, end) if end is not None else (None, None)
    return _arrival(letter, told, sim, target), None


def _arrival(letter: str, told: str, sim: Sim, target: End) -> str | None:
    hops = sim.hops or []
    if told == "A":
        rules = {hop.rule for hop in hops}
        for rule in _DETOURS:
            if rule in rules:
                return rule
    elif letter == "B":
        return undecided(sim)
    request = [hop for hop in reversed(hops) if hop.rule and not hop.end and hop.phase == sim.request]
    # Several copies arrive in the order of the switch's ports: the copy at the target counts.
    for near in ({target.dev.id}, _chain(target.dev)):
        for hop in request:
            if hop.at in near:
                return hop.rule
    return request[0].rule if request else None


def undecided(sim: Sim) -> str:
    """The rule by which a probe may end in R or in A."""
    return fib.MULTIPATH if sim.picked and not sim.contested else macvlan_rules.RACE


def _death(sim: Sim, source: End, target: End) -> Hop | None:
    hops = sim.hops or []
    if source.errno:
        # No packet has left.
        return _unsent(sim, source, target) or next((hop for hop in hops if hop.end), None)
    for end in (source, target):
        if not end.dev.running:
            return _dead(sim, end.dev)
    filtered = next((hop for hop in reversed(hops) if hop.rule in (DROPPED, REJECTED)), None)
    if filtered is not None:
        return filtered
    if target.dev.member is not None:
        return Hop(sim.request, target.dev.id, "given to the bridge", bridge_rules.MEMBER, True)
    if sim.refused and target.dev in sim.entered:
        # The target has got the request, and answers; but another holder of the address was faster.
        return next((hop for hop in hops if hop.rule == sockets.NO_LISTENER and hop.phase == sim.request), None)
    astray = _astray(sim, source, target)
    if astray is not None:
        return astray
    if (nowhere := _no_way(sim, source, target)) is not None:
        return nowhere
    unasked = next((hop for hop in hops if hop.rule == arp.NO_ARP), None)
    arrived = {hop.at.partition(":")[0] for hop in hops if hop.rule in (ip.DELIVERED, ipv6.DELIVERED)}
    if unasked is not None and target.dev.ns.id not in arrived:
        # Whatever becomes of a frame to the sender's own MAC, the reason is that nobody was asked for another.
        return replace(unasked, end=True)
    last = _last_end(hops, source.dev, target.dev)
    isolated = _isolation(last or Hop(sim.request, source.dev.id, ""), source.dev, target.dev)
    if isolated is not None and (last is None or last.rule in (*_SILENT, bridge_rules.NO_REFLECTION, bond.INACTIVE)):
        return isolated
    if last is None or last.rule in _SILENT:
        # Nobody on this link can have such an address: what matters is why it was asked for here.
        assumed = next((hop for hop in hops if hop.rule == ip.ON_LINK_IF_BOUND), None)
        return assumed or _apart(sim, source, target) or last or next((hop for hop in reversed(hops) if hop.rule), None)
    if last.rule == bridge_rules.NO_REFLECTION:
        return _not_reflected(sim, last, source, target)
    # Whose the frame was is told by what came before: the child that the parent has in its place.
    taken = [hop for hop in hops if hop.rule in _TAKEN and hop.phase == last.phase]
    return taken[-1] if taken and last.rule in _TAKEN_BY else last


class BroadcastStory:
    """The events of one broadcast, out of which the rule is found for each destination."""

    def __init__(self, sim: Sim, source: End) -> None:
        self.source = source
        self._sim = sim
        self._hops = sim.hops or []
        self._at: dict[str, list[int]] = defaultdict(list)
        for k, hop in enumerate(self._hops):
            self._at[hop.at].append(k)
        # Where nothing happened near an end, what happened last is what tells.
        ends = [k for k, hop in enumerate(self._hops) if hop.end]
        rules = [k for k, hop in enumerate(self._hops) if hop.rule and not hop.end]
        self._always = {*ends[-1:], *rules[-1:], *self._near(_chain(source.dev))}

    def _near(self, places: set[str]) -> Iterator[int]:
        for place in places:
            yield from self._at.get(place, ())

    def rule(self, letter: str, target: End) -> str | None:
        """The rule that decided the letter of a destination on another host."""
        chosen = sorted(self._always.union(self._near(_chain(target.dev))))
        self._sim.hops = [self._hops[k] for k in chosen]
        return decided(letter, letter, self._sim, self.source, target)[0]


#: Why a question has no answer, where nothing is to be seen of it.
_SILENT = (arp.NOBODY, arp.UNRESOLVED, nd.OWN_ADDRESSES, nd.UNRESOLVED)
#: Rules by which a frame is handed to another interface than the target, and what becomes of it there.
_TAKEN = (macvlan_rules.SOURCE_NOT_BY_MAC, macvlan_rules.PASSTHRU_TAKES, macvlan_rules.BEHIND_PORT)
_TAKEN_BY = (protocols.NOT_FOR_US, macvlan_rules.OTHER_MAC, ip.NOT_FORWARDED, ipv6.NOT_FORWARDED)


def _isolation(last: Hop, one: Device, other: Device) -> Hop | None:
    """That a parent and its child don't meet, where that is how they are related."""
    if other.lower is one and one.macvlan is not None:
        return Hop(last.phase, one.id, "out by the wire", device.PARENT_SKIPS_CHILDREN, True)
    if one.lower is other and other.macvlan is not None:
        return Hop(last.phase, one.id, "out by the parent", macvlan_rules.CHILD_SKIPS_PARENT, True)
    return None


def _not_reflected(sim: Sim, last: Hop, source: End, target: End) -> Hop:
    """The event for a frame that the switch didn't send back: why source and target would have needed that."""
    one, other = source.dev, target.dev
    if source.wire is target.wire:
        return Hop(last.phase, last.at, f"{one.id} and {other.id} are both behind it", last.rule, True)
    if one.mac == other.mac:
        return Hop(last.phase, last.at, f"{one.id} and {other.id} have the MAC {one.mac}", bridge_rules.TWINS, True)
    return _apart(sim, source, target) or last


def _apart(sim: Sim, source: End, target: End) -> Hop | None:
    """The event for a target that no port leads to by which the source's frames could leave; None if one does."""
    here, there = source.wire, target.wire
    if here is None or there is None:
        return None
    if not there.attached:
        return Hop(sim.request, there.id, "not a port of the bridge", bridge_rules.DETACHED, True)
    if sim.request != "frame" and not source.on_link(target, 4) and not source.on_link(target, 6):
        return None  # by a router they may meet
    if there.bridge in _reached(here.bridge, _beside):
        return None
    what = f"it is on {here.bridge.id}, {target.dev.id} on {there.bridge.id}"
    return Hop(sim.request, source.dev.id, what, device.APART, True)


def _reached(start: T, beside: Callable[[T], Iterable[T]]) -> set[T]:
    """All that there is a way to from ``start``, that itself among them; ``beside`` says what is one step away."""
    seen, waiting = {start}, [start]
    while waiting:
        new = set(beside(waiting.pop())) - seen
        seen |= new
        waiting += new
    return seen


def _beside(bridge_: Bridge) -> Iterator[Bridge]:
    """The bridges that frames may come to from one, without another between them."""
    here = [bridge_.device] if bridge_.device is not None else []
    for port in bridge_.ports:
        if port.far_port is not None:
            yield port.far_port.bridge
        if port.far_device is not None:
            here.append(port.far_device)
        if port.device is not None:
            bottom = port.device.bottom
            if (below := bottom.port.bridge if bottom.port is not None else bottom.bridge) is not None:
                yield below
    yield from (dev.member.bridge for one in here for dev in one.above() if dev.member is not None)


def _unsent(sim: Sim, source: End, target: End) -> Hop | None:
    """What takes the route away that a program doesn't have: nothing leads there at all, or an interface is down."""
    if not target.devs or not any(hop.rule in (ip.UNREACHABLE, ipv6.UNREACHABLE) for hop in sim.hops or ()):
        return None
    if (nowhere := _no_way(sim, source, target)) is not None:
        return nowhere
    own = [dev for dev in source.dev.ns.devices if dev.addresses4 or dev.addresses6]
    return _dead(sim, own[0]) if own and not any(dev.running for dev in own) else None


#: What frames may come from and go to.
_Place = Bridge | Namespace | Device


def _no_way(sim: Sim, source: End, target: End) -> Hop | None:
    """The event for a target that not even other hosts could lead to, if they were routers; None if some could."""
    near, far = source.wire, target.wire
    if not target.devs or (near is not None and far is not None and near.bridge is far.bridge):
        return None
    neighbours: dict[_Place, list[_Place]] = defaultdict(list)
    for dev in sim.world.devices.values():
        at = dev.bottom
        others = [port.bridge for port in (at.port, dev.member) if port is not None]
        # Children of one parent may meet on it, even where it has no wire.
        for other in (at, *others, dev.bridge, at.peer.ns if at.peer is not None else None):
            if other is not None:
                neighbours[dev.ns].append(other)
                neighbours[other].append(dev.ns)
    for bridge_ in sim.world.bridges:
        neighbours[bridge_] += [port.far_port.bridge for port in bridge_.ports if port.far_port is not None]
    here, there = source.dev.ns, target.dev.ns
    start: _Place = here
    if there in _reached(start, neighbours.__getitem__):
        return None
    what = f"nothing joins {here.id} and {there.id}"
    if near is not None and far is not None:
        what = f"it is on {near.bridge.id}, {target.dev.id} on {far.bridge.id}"
    place = here.id if source.dev is here.lo else source.dev.id
    return Hop(sim.request, place, what, device.APART, True)


def _dead(sim: Sim, dev: Device) -> Hop:
    """The event that an interface is down or without carrier, and which other one makes it so."""
    if not dev.up:
        return Hop(sim.request, dev.id, "the interface is down", device.LINK_DOWN, True)
    if dev.lower is not None and not dev.lower.running:
        what = f"its parent {dev.lower.id} is {'without carrier' if dev.lower.up else 'down'}"
    else:
        what = f"{dev.port.id} is down" if dev.port is not None else "nothing is at its other end"
    return Hop(sim.request, dev.id, what, dev.stopped_by or device.NO_CARRIER, True)


def _astray(sim: Sim, source: End, target: End) -> Hop | None:
    """Where another took the request: the source's own host, or a host that also has the address."""
    if any(source.dev.ns is dev.ns for dev in target.devs):
        return None
    for hop in sim.hops or ():
        if hop.phase != sim.request:
            continue
        taker = hop.at.partition(":")[0]
        if any(taker == dev.ns.id for dev in target.devs):
            continue
        if hop.rule in (ip.LOOPBACK, ipv6.LOOPBACK):
            return Hop(hop.phase, hop.at, f"{taker} itself has the address", hop.rule, True)
        if hop.rule in (ip.DELIVERED, ipv6.DELIVERED, sockets.NO_LISTENER):
            return Hop(hop.phase, hop.at, f"{taker} has the address, too", arp.STRANGER, True)
    return None


def unanswered(sim: Sim, source: End, target: End) -> Iterator[Hop]:
    """The events that end an unanswered neighbour request: the interfaces that heard it and don't have the address.

    The simulation leaves these interfaces out, so they are found afterwards.
    """
    hops = sim.hops or []
    if sim.request in ("arp-request", "ns"):
        address = target.addresses[4 if sim.request == "arp-request" else 6]
        asked = [] if sim.answers else [(source.dev, address, 0)]
    else:
        waiting = {hop.at: k for k, hop in enumerate(hops) if hop.rule in (arp.UNRESOLVED, nd.UNRESOLVED)}
        asked = [
            (dev, address, waiting[dev.id])
            for (dev, address), entry in sim.neigh.items()
            if not entry.mac and dev.id in waiting
        ]
    for dev, address, since in asked:
        six = address >> 32 != 0
        if not any(hop.end and hop.phase in ("arp-request", "arp-reply", "ns", "na") for hop in hops[since:]):
            yield from _not_theirs(sim, dev, address, six)


def _not_theirs(sim: Sim, dev: Device, address: int, six: bool) -> Iterator[Hop]:
    phase, rule = ("ns", nd.OWN_ADDRESSES) if six else ("arp-request", arp.NOBODY)
    name = ipaddress.IPv6Address(address) if six else ipaddress.IPv4Address(address)
    heard = _hearers(sim, dev, nd.solicited_mac(address) if six else None)
    if not heard:
        waits = nd.UNRESOLVED if six else arp.UNRESOLVED
        yield Hop(phase, dev.id, f"asks for {name}, and nobody hears it", waits, True)
    for one in heard[:_NAMED]:
        yield Hop(phase, one.id, f"hears it; {name} is not its own", rule, True)
    if len(heard) > _NAMED:
        yield Hop(phase, dev.id, f"{len(heard) - _NAMED} more hear it; {name} is not theirs", rule, True)


def _hearers(sim: Sim, dev: Device, group: str | None) -> list[Device]:
    """The interfaces at which a question of `dev` arrives."""
    other = Sim(sim.world)
    other.request = "frame"
    cast, dst = (MULTICAST, group) if group else (BROADCAST, ALL_STATIONS)
    try:
        dev.transmit(other, dev, Frame(cast, dst, dev.mac, RAW, Raw()))
        other.run()
    except Unknown:
        return []
    return [at for at, kind in other.heard.items() if isinstance(at, Device) and kind != OTHERHOST and at is not dev]


def _last_end(hops: list[Hop], here: Device, there: Device) -> Hop | None:
    """The end of the last frame that ended near the source or the target.

    Several copies of one frame end in the order of a switch's ports: then the one at the target counts, and first the
    one at its own interface.
    """
    source, target = _chain(here), _chain(there)
    ends = [k for k, hop in enumerate(hops) if hop.end]
    near = [k for k in ends if hops[k].at in source or hops[k].at in target] or ends
    if not near:
        return None
    copies = [hops[near[-1]]]
    for k in range(near[-1], -1, -1):
        if hops[k].phase != copies[0].phase:
            break
        copies += [hops[k]] if hops[k].end and hops[k].at in target else []
    return next((hop for hop in copies if hop.at == there.id), copies[-1] if len(copies) == 1 else copies[1])


def _chain(dev: Device) -> set[str]:
    """The ids of an interface, what it hangs on, its namespace and all in it."""
    top = dev.bottom
    chain = {dev.id, top.id, dev.ns.id, dev.ns.lo.id, *(other.id for other in dev.ns.devices)}
    if top.port is not None:
        chain.add(top.port.id)
    return chain


def path(sim: Sim, source: End, target: End) -> tuple[str, ...]:
    """The interfaces and ports that the request visited, in order; of a broadcast, those towards the target."""
    near = _chain(source.dev) | _chain(target.dev) if sim.request == "frame" else None
    found: dict[str, None] = {}
    for hop in sim.hops or ():
        if hop.phase != sim.request or hop.end or (":" not in hop.at and "--" not in hop.at):
            continue
        if near is None or hop.at in near or "--" in hop.at:
            found.setdefault(hop.at)
    return tuple(found)
