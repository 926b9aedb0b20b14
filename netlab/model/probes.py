"""The probes of each layer, run on the model exactly as they are run on the kernel."""

from __future__ import annotations

import copy
import ipaddress
from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations

from netlab.contract import types as plan
from netlab.model.packets import Arp, Ip, Nd, Raw
from netlab.model.schedule import USUAL, Outcome, Schedule
from netlab.model.sim import Neighbor, Sim, Unknown
from netlab.model.stack import ip, ipv6, multicast, nd
from netlab.model.stack.fib import Output
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
    Namespace,
    Port,
    World,
)

_RAW = Raw()


class End:
    """An end of a probe: an interface by one of its addresses, a namespace that asks, or an address by itself.

    ``devs`` are the interfaces that are meant, of an address all that have it. ``dev`` is the first of them. Of an
    asker it is the loopback, until it is known by which interface it sends; of an address that nobody has, one that is
    connected to nothing.
    """

    __slots__ = (
        "_networks", "addresses", "asks", "bare", "dev", "devs", "errno", "extra", "host", "id", "scope", "wire",
    )  # fmt: skip

    def __init__(self, world: World, one: plan.AnySource | plan.AnyTarget) -> None:
        self.id = one.id
        self.asks = isinstance(one, plan.Asker)
        self.bare = isinstance(one, plan.Target)
        self.extra = isinstance(one, plan.Endpoint) and one.extra
        links = one.links if isinstance(one, plan.Target) else [one.link] if isinstance(one, plan.Endpoint) else []
        self.devs = tuple(world.devices[link] for link in links)
        #: the interface of an asker's by which a link-local address is asked for
        self.scope = one.scope if isinstance(one, plan.Target) else ""
        if isinstance(one, plan.Target) and one.scope:
            address = int(ipaddress.ip_address(one.ip))
            self.devs = tuple(dev for dev in world.devices.values() if dev.linklocal == address)
        #: why it could send nothing
        self.errno = ""
        #: by family; 0 where there is none
        self.addresses = {4: 0, 6: 0}
        #: by family, the network and how many bits are behind it
        self._networks = {4: (0, 0), 6: (0, 0)}
        if isinstance(one, plan.Asker):
            self._by(world.namespaces[one.namespace].lo)
        else:
            self._by(self.devs[0] if self.devs else Device(one.id, "none", Namespace(one.id, -1), one.id))
            for told, bits in ((one.address(4), 32), (one.address(6), 128)):
                if told is not None:
                    self._has(told.family, int(ipaddress.ip_address(told.ip)), bits - told.prefixlen)

    def _by(self, dev: Device) -> None:
        self.dev = dev
        self.host = dev.ns.id.partition("/")[0]
        self.wire: Port | None = next((below.port for below in dev.bottoms), None)

    def _has(self, family: int, address: int, behind: int) -> None:
        self.addresses[family] = address
        self._networks[family] = address >> behind, behind

    def sending(self, way: Output, family: int) -> End:
        """This asker, when it has chosen a way."""
        made = copy.copy(self)
        made.addresses, made._networks = dict(self.addresses), dict(self._networks)
        made._by(way.dev)
        made.errno = way.errno
        own = way.dev.addresses4 if family == 4 else way.dev.addresses6
        bits = 32 if family == 4 else 128
        made._has(family, way.source, next((bits - plen for a, _, plen, *_ in own if a == way.source), 0))
        return made

    def on_link(self, other: End, family: int) -> bool:
        """Whether another has an address of this one's own network."""
        address = other.addresses[family]
        network, behind = self._networks[family]
        return address != 0 and address >> behind == network


#: By how many frames at most the workqueue is tried late.
LATEST = 24
#: How many combinations of next hops are tried.
MOST_PICKS = 64


def letter(world: World, layer: str, source: End, target: End) -> tuple[str, str | None]:
    """The letter of a pair at a layer, and the rule of an R, if known. `B` where a race can end in R or in A.

    Raises `Unknown` where there is no rule, and where a race can end otherwise, too.
    """
    first, sim = run(world, layer, source, target)
    rule = sim.arrived if first == "R" else None
    if not sim.contested and not sim.picked and not [*_beyond(sim)]:
        return first, rule
    # Of a race in which bridges learn not all orders are tried.
    learning = sim.moved and bool(sim.worked)
    letters = {first}
    for other in _others(world, layer, source, target, sim):
        letters.add(other.letter)
        if "U" in letters and len(letters) > 1:
            break
    if len(letters) == 1:
        if learning and first != "U" and source.host == target.host:
            raise Unknown("a race within a host, in which what bridges learn decides")
        return first, rule
    if letters == {"A", "R"} and not learning:
        return "B", None
    what = "a choice among several next hops or members" if sim.picked else "a race"
    raise Unknown(f"{what} that can end in {' or '.join(sorted(letters))}")


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
            if prompt:
                yield from (Schedule(after=after, prompt=True, last_first=True) for after in starts)


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

    def tried(schedule: Schedule) -> Outcome:
        schedule = replace(schedule, picks=picks)
        key = layer, source.id, target.id, schedule
        if key not in world.tried:
            letter, other = run(world, layer, source, target, schedule=schedule)
            world.tried[key] = Outcome(letter, other.wired, other.contested)
        return world.tried[key]

    picks: tuple[int, ...] = ()
    for _ in range(MOST_PICKS):
        raced = sim.contested
        for schedule in _beyond(sim):
            other = tried(schedule)
            raced = raced or other.contested
            yield other
        if raced:
            yield from map(tried, _alternatives(sim))
        following = _next_picks(sim)
        if following is None:
            return
        picks = following
        letter, sim = run(world, layer, source, target, schedule=Schedule(picks=picks))
        yield Outcome(letter, sim.wired, sim.contested)
    raise Unknown(f"next hops of routes, or members of bonds: there are more than {MOST_PICKS} ways")


def _next_picks(sim: Sim) -> tuple[int, ...] | None:
    """The next of all combinations of what can be picked; None behind the last."""
    picked = [*sim.picked.values()]
    while picked:
        which, count = picked.pop()
        if which + 1 < count:
            return (*(one for one, _ in picked), which + 1)
    return None


def run(
    world: World,
    layer: str,
    source: End,
    target: End,
    *,
    trace: bool = False,
    schedule: Schedule = USUAL,
) -> tuple[str, Sim]:
    """Probe one pair at one layer; the letter and the finished simulation.

    Raises `Unknown` where there is no rule. A traced run says so in its last event instead, and its letter is ``?``.
    """
    request = _REQUESTS[plan.probe_of(layer).removesuffix("-static").removesuffix("6")]
    sim = _start(world, source, request, trace, schedule)
    sim.goal = target.dev
    try:
        return _probe(sim, layer, source, target), sim
    except Unknown as why:
        if not trace:
            raise
        sim.note(request, target.dev.ns.id, f"no rule for what happens now: {why}")
        return "?", sim


def _probe(sim: Sim, layer: str, source: End, target: End) -> str:
    dev, base, family = source.dev, plan.probe_of(layer), plan.layer_family(layer) or 0
    for ns in (dev.ns, *(one.ns for one in target.devs)):
        if why := ns.unknown.get(family):
            raise Unknown(why)
    if base in ("broadcast", "unicast"):
        cast, mac = (BROADCAST, ALL_STATIONS) if base == "broadcast" else (UNICAST, target.dev.mac)
        _transmit(sim, dev, Frame(cast, mac, dev.mac, RAW, _RAW))
        return "R" if sim.heard.get(target.dev, OTHERHOST) != OTHERHOST else "U"
    here, there = sim.sock_ip, sim.target = source.addresses[family], target.addresses[family]
    if base in plan.BY_NAME:
        if target.dev is target.dev.vrf:
            raise Unknown(f"whether multicasts are heard at {target.id}, a VRF")
        _transmit(sim, dev, multicast.frame(sim, dev, family, here))
        return "R" if target.dev in sim.heard else "U"
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
    return _ask(sim, layer, source, target)


def _ask(sim: Sim, layer: str, source: End, target: End) -> str:
    """Let a socket send a packet to an address, and everything follow from it."""
    family, request, size = plan.layer_family(layer) or 0, sim.request, plan.size_of(layer)
    ns, there = source.dev.ns, target.addresses[family]
    sim.client, sim.servers, sim.target = ns, frozenset(dev.ns for dev in target.devs), there
    sim.targets = target.devs
    sim.connecting = request == "syn"
    if target.scope:
        _check_link_local(target)
    way = None
    if source.asks:
        way = ip.way_out(sim, ns, there) if family == 4 else ipv6.way_out(sim, ns, there, target.scope)
        sim.asking = source = source.sending(way, family)
        sim.sender = way.dev
    here = sim.sock_ip = source.addresses[family]
    if family == 4:
        domains = (ns.domain, *ns.domains)
        for end, lost in (
            (source, here and all(here not in one.own4 for one in domains)),
            (target, any(there not in one.domain.own4 for one in target.devs)),
        ):
            if lost:
                raise Unknown(f"the address of {end.id} is also the broadcast address of another interface there")
    df = size is not None or request != "echo-request"
    packet = Ip(family, request, here, there, size or _SIZES[request, family], df)
    packet.dport = plan.port_of(layer)
    if family == 4:
        ip.send(sim, ns, packet, sim.sock, way)
    else:
        ipv6.send(sim, ns, packet, sim.sock, True, way)
    sim.run()
    letter = _entered(sim, target)
    if packet.dport is not None and letter != "U" and not sim.world.listening:
        raise Unknown(f"whether a program listens on port {packet.dport} of {target.id} is not for a model to know")
    return letter


def _check_link_local(target: End) -> None:
    """Raise `Unknown` where the model doesn't know who has a link-local address."""
    if not target.devs:
        raise Unknown(
            f"no interface makes {target.id} of its MAC: whether a program has set it is not for a model to know"
        )
    if any(dev.vrf is not None for dev in target.devs):
        raise Unknown(f"{target.id} is of a VRF, or of a member of one")


def _transmit(sim: Sim, dev: Device, frame: Frame) -> None:
    """Let a packet socket send a frame, and everything follow from it."""
    sim.note(sim.request, dev.id, "sent")
    dev.transmit(sim, dev, frame)
    sim.run()


#: The phase of each layer's request, by the layer's name without its family and what else is behind it.
_REQUESTS = {
    "broadcast": "frame", "unicast": "frame", "arp": "arp-request", "ndp": "ns",
    "icmp": "echo-request", "tcp": "syn", "udp": "udp-request", "mcast": multicast.PHASE,
}  # fmt: skip
#: Bytes of IP where the layer's name gives none: echo and datagram carry a mark of 12 bytes, a SYN has 20 of options.
_SIZES = {
    ("echo-request", 4): 40, ("syn", 4): 60, ("udp-request", 4): 40,
    ("echo-request", 6): 60, ("syn", 6): 80, ("udp-request", 6): 60,
}  # fmt: skip


def _start(world: World, source: End, request: str, trace: bool, schedule: Schedule) -> Sim:
    sim = Sim(world, trace, schedule)
    sim.request = request
    sim.asking = source
    devs = source.dev.ns.devices if source.asks else [source.dev]
    sim.wires = frozenset(below.port for dev in devs for below in dev.bottoms)
    sim.sock = sim.sender = None if source.asks else source.dev
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
    return "R" if any(dev in sim.entered for dev in target.devs) else "A"
