"""The probes of each layer, run on the model exactly as they are run on the kernel."""

from __future__ import annotations

import ipaddress
from collections.abc import Hashable, Iterator
from itertools import permutations

from netlab.contract import types as plan
from netlab.model.packets import Arp, Ip, Nd, Raw
from netlab.model.schedule import NOTHING, USUAL, Course, Outcome, Schedule, outcome
from netlab.model.sim import Neighbor, Sim, Unknown
from netlab.model.stack import ip, ipv6, nd
from netlab.model.world import (
    ALL_STATIONS,
    ARP,
    BROADCAST,
    IP6,
    MULTICAST,
    OTHERHOST,
    RAW,
    UNICAST,
    Device,
    Frame,
    Port,
    World,
)

_RAW = Raw()


class End:
    """An endpoint as the probes need it: its interface, its addresses as numbers."""

    __slots__ = ("_networks", "addresses", "dev", "extra", "host", "id", "wire")

    def __init__(self, world: World, endpoint: plan.Endpoint) -> None:
        self.id = endpoint.id
        self.dev: Device = world.devices[endpoint.link]
        self.host = endpoint.namespace.partition("/")[0]
        self.extra = endpoint.extra
        #: by family; 0 where there is none
        self.addresses = {4: 0, 6: 0}
        #: by family, the network and how many bits are behind it
        self._networks = {4: (0, 0), 6: (0, 0)}
        for told, bits in ((endpoint.v4, 32), (endpoint.v6, 128)):
            if told is not None:
                address, behind = int(ipaddress.ip_address(told.ip)), bits - told.prefixlen
                self.addresses[told.family] = address
                self._networks[told.family] = address >> behind, behind
        top = self.dev.lower or self.dev
        self.wire: Port | None = top.port

    def on_link(self, other: End, family: int) -> bool:
        """Whether another has an address of this one's own network."""
        address = other.addresses[family]
        network, behind = self._networks[family]
        return address != 0 and address >> behind == network


#: By how many frames at most the workqueue is tried late.
LATEST = 24
#: How many random orders are tried where the race is about a forwarding table, and where it is about a server's answer.
THROWS, FEW_THROWS = 64, 16


def letter(world: World, layer: str, source: End, target: End) -> tuple[str, str | None]:
    """The letter of a pair at a layer, and the rule of an R, if known. `B` where a race can end in R or in A.

    Raises `Unknown` where there is no rule, and where a race can end otherwise, too.
    """
    first, sim = run(world, layer, source, target)
    rule = sim.arrived if first == "R" else None
    if not sim.contested and not [*_beyond(sim)]:
        return first, rule
    letters = {first}
    for other in _others(world, layer, source, target, sim):
        letters.add(other.letter)
        if "U" in letters and len(letters) > 1:
            break
    if len(letters) == 1:
        return first, rule
    if letters == {"A", "R"}:
        return "B", None
    raise Unknown(f"a race that can end in {' or '.join(sorted(letters))}")


def _alternatives(sim: Sim) -> Iterator[Schedule]:
    """The other ways in which what raced in a simulation may go."""
    for leaders in permutations(range(sim.unordered), 2):
        yield Schedule(leaders=leaders)
    if sim.worked:
        yield Schedule(eager=True)
        last = min(sim.steps, LATEST)
        starts = range(0, last, 4)
        for place in range(1, sim.unordered):
            # Whichever child is visited first may be faster than the parent.
            yield Schedule(eager=True, leaders=(place, 0))
            yield from (Schedule(after=after, leaders=(place, 0)) for after in starts)
        prompts = (False, True) if sim.request == "udp-request" else (False,)
        for prompt in prompts:
            if prompt:
                yield Schedule(prompt=True)
            if prompt or len(set(sim.worked)) > 1:
                # A server that looks for the client asks by a broadcast, which other ports may queue.
                yield Schedule(last_first=True, prompt=prompt)
            yield Schedule(together=True, prompt=prompt)
            yield from (Schedule(after=after, prompt=prompt) for after in range(last))
            yield from (Schedule(after=after, prompt=prompt, rushed=True) for after in range(1, last, 3))
            yield from (Schedule(after=after, prompt=prompt, together=True) for after in starts)
            if prompt:
                yield from (Schedule(after=after, prompt=True, last_first=True) for after in starts)
            if len(sim.worked) > 1:
                yield Schedule(after=0, prompt=prompt, crossed=True)
                yield from (Schedule(after=after, prompt=prompt, crossed=True, rushed=True) for after in starts)
            throws = THROWS if sim.moved else FEW_THROWS if prompt else 0
            yield from (Schedule(after=0, prompt=prompt, dice=seed) for seed in range(throws))


def _beyond(sim: Sim) -> Iterator[Schedule]:
    """Orders of events in which a race could decide, although none did in this run."""
    if sim.redirected:
        yield Schedule(silent=True)
    if sim.worked and sim.request == "udp-request":
        # A server that answers before it has learned the client's MAC must ask for it, and may get another answer.
        yield Schedule(prompt=True)


def broadcast(world: World, source: End, trace: bool = False) -> Sim:
    """One broadcast of the source: `heard` of the simulation says where it arrived. `Unknown` too."""
    sim = _start(world, source, "frame", trace, USUAL)
    dev = source.dev
    _transmit(sim, dev, Frame(BROADCAST, ALL_STATIONS, dev.mac, RAW, _RAW))
    return sim


def on_wire(world: World, layer: str, source: End, target: End) -> bool | None:
    """Whether the request enters the switch by the port of the source's parent; None where not known."""
    try:
        _, sim = run(world, layer, source, target)
        same = all(other.wired == sim.wired for other in _others(world, layer, source, target, sim))
    except Unknown:
        return None
    return sim.wired if same else None


def _others(world: World, layer: str, source: End, target: End, sim: Sim) -> Iterator[Outcome]:
    """The other outcomes of a probe; kept, since both its letter and its use of the wire are asked for."""
    courses: dict[Hashable, Course] = {}

    def tried(schedule: Schedule) -> Outcome:
        key = layer, source.id, target.id, schedule
        if key not in world.tried:
            # These matter to the simulation itself, and not only to whose turn it is.
            own = schedule.silent, schedule.leaders, schedule.last_first, schedule.dice is None
            course = courses.setdefault(own, Course(NOTHING))
            known = None if schedule.after is None else outcome(schedule, course)
            if known is None:
                letter, other = run(world, layer, source, target, schedule=schedule, course=course)
                known = Outcome(letter, other.wired, other.contested)
                other.course.outcome = known
            world.tried[key] = known
        return world.tried[key]

    raced = sim.contested
    for schedule in _beyond(sim):
        other = tried(schedule)
        raced = raced or other.contested
        yield other
    if raced:
        yield from map(tried, _alternatives(sim))


def run(
    world: World,
    layer: str,
    source: End,
    target: End,
    *,
    trace: bool = False,
    schedule: Schedule = USUAL,
    course: Course | None = None,
) -> tuple[str, Sim]:
    """Probe one pair at one layer; the letter and the finished simulation.

    Raises `Unknown` where there is no rule. A traced run says so in its last event instead, and its letter is ``?``.
    """
    base, _, size = layer.partition("/")
    request, family = _REQUESTS[base.removesuffix("-static").removesuffix("6")], plan.layer_family(base)
    sim = _start(world, source, request, trace, schedule)
    sim.goal = target.dev
    sim.course = course or sim.course
    try:
        return _probe(sim, base, int(size) if size else None, family or 0, source, target), sim
    except Unknown as why:
        if not trace:
            raise
        sim.note(request, target.dev.ns.id, f"no rule for what happens now: {why}")
        return "?", sim


def _probe(sim: Sim, base: str, size: int | None, family: int, source: End, target: End) -> str:
    dev, request = source.dev, sim.request
    if why := dev.ns.unknown.get(family) or target.dev.ns.unknown.get(family):
        raise Unknown(why)
    if base in ("broadcast", "unicast"):
        cast, mac = (BROADCAST, ALL_STATIONS) if base == "broadcast" else (UNICAST, target.dev.mac)
        _transmit(sim, dev, Frame(cast, mac, dev.mac, RAW, _RAW))
        return "R" if sim.heard.get(target.dev, OTHERHOST) != OTHERHOST else "U"
    here, there = source.addresses[family], target.addresses[family]
    if base == "arp":
        asked = Arp(True, dev.mac, here, there)
        _transmit(sim, dev, Frame(BROADCAST, ALL_STATIONS, dev.mac, ARP, asked))
        return _answered(sim, target)
    if base == "ndp":
        solicitation = Nd(True, dev.mac, here, 0, there)
        _transmit(sim, dev, Frame(MULTICAST, nd.solicited_mac(there), dev.mac, IP6, solicitation))
        return _answered(sim, target)
    if base.endswith("-static"):
        # Entries of the file stay as they are.
        for one, address, other in ((dev, there, target.dev), (target.dev, here, dev)):
            if address not in one.neighbors:
                sim.neigh[one, address] = Neighbor(other.mac, fixed=True)
    for end, address in ((source, here), (target, there)) if family == 4 else ():
        if address not in end.dev.ns.local4:
            raise Unknown(f"the address of {end.id} is also the broadcast address of another interface there")
    sim.server, sim.target, sim.sock_ip = target.dev.ns, there, here
    sim.connecting = request == "syn"
    df = size is not None or request != "echo-request"
    packet = Ip(family, request, here, there, size or _SIZES[request, family], df, 64)
    if family == 4:
        ip.send(sim, dev.ns, packet, dev)
    else:
        ipv6.send(sim, dev.ns, packet, dev, True)
    sim.run()
    return _entered(sim, target)


def _transmit(sim: Sim, dev: Device, frame: Frame) -> None:
    """Let a packet socket send a frame, and everything follow from it."""
    sim.note(sim.request, dev.id, "sent")
    dev.transmit(sim, dev, frame)
    sim.run()


#: The phase of each layer's request, by the layer's name without its family and what else is behind it.
_REQUESTS = {
    "broadcast": "frame", "unicast": "frame", "arp": "arp-request", "ndp": "ns",
    "icmp": "echo-request", "tcp": "syn", "udp": "udp-request",
}  # fmt: skip
#: Bytes of IP where the layer's name gives none: echo and datagram carry a mark of 12 bytes, a SYN has 20 of options.
_SIZES = {
    ("echo-request", 4): 40, ("syn", 4): 60, ("udp-request", 4): 40,
    ("echo-request", 6): 60, ("syn", 6): 80, ("udp-request", 6): 60,
}  # fmt: skip


def _start(world: World, source: End, request: str, trace: bool, schedule: Schedule) -> Sim:
    sim = Sim(world, trace, schedule)
    sim.request = request
    sim.wire = source.wire
    sim.sock = source.dev
    return sim


def _answered(sim: Sim, target: End) -> str:
    """R where an answer carries the target's MAC, A where only another MAC of its namespace does."""
    macs = sim.answers
    if target.dev.mac in macs:
        return "R"
    return "A" if any(mac in target.dev.ns.macs for mac in macs) else "U"


def _entered(sim: Sim, target: End) -> str:
    """R or A by the interface at which the request entered, where an answer came back."""
    if not sim.done or not sim.entered:
        return "U"
    return "R" if target.dev in sim.entered else "A"
