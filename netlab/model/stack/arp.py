"""ARP: who answers for an address, and what a neighbour entry becomes (net/ipv4/arp.c, neighbour.c)."""

from __future__ import annotations

from netlab.model.device import LINK_DOWN
from netlab.model.packets import Arp, Ip
from netlab.model.rules import rule
from netlab.model.sim import Neighbor, Sim, Unknown
from netlab.model.stack import fib
from netlab.model.world import ALL_STATIONS, ARP, BROADCAST, HOST, IP4, IP6, UNICAST, Device, Frame, cast_of

_FILE = "net/ipv4/arp.c"
_NEIGHBOUR = "net/core/neighbour.c"

ANY_INTERFACE = rule(
    "arp/any-interface-answers",
    "With arp_ignore=0 every interface answers for every address of its namespace, with its own MAC.",
    "arp_process",
    _FILE,
)
ANSWERS = rule(
    "arp/answers",
    "An interface answers a request for its address with its MAC, and notes the asker's.",
    "arp_process",
    _FILE,
)
IGNORED = rule(
    "arp/arp-ignore",
    "arp_ignore keeps an interface from answering: 1 for addresses that are not its own, 2 also for askers of"
    " another subnet, 8 for all.",
    "arp_ignore",
    _FILE,
)
FILTERED = rule(
    "arp/arp-filter",
    "With arp_filter on an interface answers only if the way back to the asker leads out of it.",
    "arp_filter",
    _FILE,
)
REFUSED = rule(
    "arp/asker-refused",
    "A request whose sender the namespace would refuse as a source of packets gets no answer.",
    "arp_process",
    _FILE,
)
NOBODY = rule(
    "arp/not-here",
    "The request is heard, but no interface that hears it has the address: none answers.",
    "arp_process",
    _FILE,
)
FIRST_WINS = rule(
    "neigh/first-reply-wins",
    "Of several ARP replies that come within a second of each other the first is kept (locktime).",
    "arp_process",
    _FILE,
)
REQUEST_OVERRIDES = rule(
    "neigh/request-overrides",
    "An ARP request that is answered replaces what its target knew of the asker, at once.",
    "neigh_event_ns",
    _NEIGHBOUR,
)
PERMANENT = rule(
    "neigh/permanent",
    "A static (permanent) neighbour entry is used without asking and never changed by what comes in.",
    "__neigh_update",
    _NEIGHBOUR,
)
UNRESOLVED = rule(
    "neigh/unresolved",
    "Packets wait for an answer to the neighbour request, and are given up when none comes.",
    "__neigh_event_send",
    _NEIGHBOUR,
)
STRANGER = rule(
    "neigh/another-machine-answers",
    "Another machine has the same address and answered for it: the packet went there, not to the one meant.",
    "__neigh_update",
    _NEIGHBOUR,
)
ANNOUNCES = rule(
    "arp/announce",
    "With arp_announce=0 a request is sent in the name of the packet's source, even if that address is"
    " another interface's; with 1 only if it fits the target's subnet; with 2 in the interface's own.",
    "arp_solicit",
    _FILE,
)
NO_ARP = rule(
    "neigh/no-arp",
    "An interface with arp off asks nobody for a MAC, and sends to its own: nobody else on a LAN has that.",
    "arp_constructor",
    _FILE,
)
DEAF = rule(
    "arp/arp-off",
    "An interface with arp off hears no ARP and joins no solicited-node group: nobody finds its addresses by it.",
    "arp_rcv",
    _FILE,
)


def receive(sim: Sim, dev: Device, frame: Frame, packet_type: int) -> None:
    """Handle an ARP packet (arp_rcv, arp_process)."""
    packet: Arp = frame.payload
    ns = dev.ns
    answers = not packet.request and (packet.sender, packet.target) == (sim.target, sim.sock_ip)
    if answers and dev is sim.sock and packet_type == HOST and sim.request == "arp-request":
        # A packet socket hears what ARP itself may throw away. Others may ask at the same time, such as a tunnel for
        # its other end.
        sim.answers.append(packet.mac)
    if not dev.arp:
        sim.note(packet.phase, dev.id, "arp is off", DEAF, end=True)
        return
    sender, target = packet.sender, packet.target
    if packet.request:
        if not sender:
            if target in dev.domain.local4 and not _ignored(dev, sender, target):
                _reply(sim, dev, packet)
            return
        owner = dev.domain.local4.get(target)
        if owner is not None:
            refused = fib.refused_source(ns, dev, sender, target, None)
            if refused is None:
                if _ignored(dev, sender, target):
                    sim.note(packet.phase, dev.id, f"arp_ignore={dev.conf.arp_ignore}", IGNORED, end=True)
                elif dev.conf.arp_filter and not _way_back(sim, dev, sender, target):
                    sim.note(packet.phase, dev.id, "the way back is another", FILTERED, end=True)
                else:
                    learn(sim, dev, sender, packet.mac)
                    sim.note(packet.phase, dev.id, "answered", ANSWERS if owner is dev else ANY_INTERFACE)
                    _reply(sim, dev, packet)
                return
            sim.note(packet.phase, dev.id, "the asker is refused", REFUSED)
            sim.note(packet.phase, dev.id, "the asker is refused", refused, end=True)
        elif dev.conf.forwarding and dev.conf.proxy_arp:
            raise Unknown(f"{dev.id} may answer for others (proxy_arp), after a random delay")
        elif sim.hops is not None:
            sim.note(packet.phase, dev.id, "nobody here has the address", NOBODY)
    entry = sim.neigh.get((dev, sender))
    if entry is None:
        return
    if not entry.mac:
        resolve(sim, dev, entry, packet.mac)
    elif entry.mac != packet.mac and not entry.fixed:
        sim.contested = True
        sim.note(packet.phase, dev.id, f"{packet.mac} comes too late, {entry.mac} is kept", FIRST_WINS)


def _ignored(dev: Device, sender: int, target: int) -> bool:
    """arp_ignore()."""
    level = dev.conf.arp_ignore
    if level == 0:
        return False
    if level == 1:
        return not any(a[0] == target for a in dev.addresses4)
    if level == 2:
        # Any subnet of the interface will do, if both are in it (confirm_addr_indev).
        own = any(a[0] == target for a in dev.addresses4)
        return not own or (bool(sender) and not fib.on_link(dev, sender, target))
    return level == 8


def _way_back(sim: Sim, dev: Device, sender: int, target: int) -> bool:
    """arp_filter(): whether a packet from target to sender would leave by this interface."""
    way = fib.output(sim, dev.ns, sender, target, dev.vrf)
    return not way.errno and way.dev is dev


def _reply(sim: Sim, dev: Device, request: Arp) -> None:
    answer = Arp(False, dev.mac, request.target, request.sender)
    dev.transmit(sim, dev, Frame(UNICAST, request.mac, dev.mac, ARP, answer))


def learn(sim: Sim, dev: Device, address: int, mac: str) -> None:
    """Note an asker's MAC, over whatever was known (neigh_event_ns)."""
    entry = neighbor(sim, dev, address, "arp-request")
    if entry is None:
        create(sim, dev, address, mac)
    elif not entry.mac:
        resolve(sim, dev, entry, mac)
    elif entry.mac != mac and not entry.fixed:
        sim.contested = True
        sim.note("arp-request", dev.id, f"{entry.mac} becomes {mac}", REQUEST_OVERRIDES)
        entry.mac = mac


def resolve(sim: Sim, dev: Device, entry: Neighbor, mac: str) -> None:
    """An INCOMPLETE entry becomes valid; what waited for it is sent."""
    entry.mac = mac
    waiting, entry.queue = entry.queue, []
    for packet in waiting:
        proto = IP4 if packet.family == 4 else IP6
        dev.transmit(sim, dev, Frame(UNICAST, mac, dev.mac, proto, packet))


def send(sim: Sim, dev: Device, nexthop: int, packet: Ip) -> None:
    """Send an IPv4 packet to a neighbour, asking for its MAC first where need be (neigh_resolve_output)."""
    entry = neighbor(sim, dev, nexthop, packet.phase)
    if nexthop in dev.domain.broadcast4 and (entry is None or not entry.fixed):
        # It is sent as a broadcast, without asking for a MAC (arp_constructor).
        raise Unknown(f"a neighbour of {dev.id} has the broadcast address of an interface of {dev.ns.id}")
    if entry is None:
        entry = create(sim, dev, nexthop)
        entry.queue.append(packet)
        sim.note(packet.phase, dev.id, "waits for ARP", UNRESOLVED)
        name = announced(dev, packet.src, nexthop)
        if sim.hops is not None and not any(a[0] == name for a in dev.addresses4):
            sim.note("arp-request", dev.id, "asks in the name of another interface", ANNOUNCES)
        request = Arp(True, dev.mac, name, nexthop)
        dev.transmit(sim, dev, Frame(BROADCAST, ALL_STATIONS, dev.mac, ARP, request))
    elif not entry.mac:
        entry.queue.append(packet)
    else:
        if entry.fixed and entry.mac != dev.mac:
            sim.note(packet.phase, dev.id, f"a static entry: {entry.mac}", PERMANENT)
        dev.transmit(sim, dev, Frame(cast_of(entry.mac), entry.mac, dev.mac, IP4, packet))


def leaves(sim: Sim, dev: Device, packet: Ip) -> bool:
    """Whether what the namespace itself sends by an interface gets past its VRF, which drops it while it is down
    (vrf_ip_out_redirect: it has no queueing discipline of its own then, and the packet is given to it).
    """
    if dev.vrf is None or dev.vrf.up:
        return True
    sim.note(packet.phase, dev.vrf.id, "the VRF is down", LINK_DOWN, end=True)
    return False


def fits(sim: Sim, dev: Device, packet: Ip, rule: str) -> bool:
    """Whether an interface takes a packet of its namespace's own: one that may not be cut must not be longer than its
    MTU. What loops back goes by lo, or by its VRF.
    """
    if packet.size <= dev.mtu or not packet.df:
        return True
    sim.note(packet.phase, dev.id, f"{packet.size} bytes, MTU {dev.mtu}", rule, end=True)
    return False


def loops(sim: Sim, origin: Device, packet: Ip) -> bool:
    """Whether a packet to an address of ``origin`` comes up again: not where a static entry of its VRF has another MAC
    (vrf_local_xmit: eth_type_trans makes it one for another host).
    """
    vrf = origin.vrf
    entry = sim.neigh.get((vrf, packet.dst)) if vrf is not None else None
    if vrf is None or entry is None or entry.mac == vrf.mac:
        return True
    sim.note(packet.phase, vrf.id, f"a static entry: {entry.mac}", PERMANENT, end=True)
    return False


def neighbor(sim: Sim, dev: Device, address: int, phase: str) -> Neighbor | None:
    """What `dev` knows of a neighbour: an entry of this run, or else the plan's static one."""
    entry = sim.neigh.get((dev, address))
    if entry is None and dev.neighbors:
        mac = dev.neighbors.get(address)
        if mac is not None:
            entry = sim.neigh[dev, address] = Neighbor(mac, fixed=True)
    if entry is None and not dev.arp:
        sim.note(phase, dev.id, "arp is off: it sends to its own MAC", NO_ARP)
        entry = sim.neigh[dev, address] = Neighbor(dev.mac, fixed=True)
    return entry


def create(sim: Sim, dev: Device, address: int, mac: str = "") -> Neighbor:
    """Make an entry, INCOMPLETE without a MAC (neigh_create)."""
    entry = sim.neigh[dev, address] = Neighbor(mac)
    sim.touched.append(dev.ns)
    return entry


def solicit(sim: Sim, dev: Device, nexthop: int, phase: str) -> None:
    """Ask for a neighbour for its own sake (neigh_event_send without a packet)."""
    if neighbor(sim, dev, nexthop, phase) is not None:
        return
    create(sim, dev, nexthop)
    request = Arp(True, dev.mac, fib.source_address(dev, nexthop), nexthop)
    dev.transmit(sim, dev, Frame(BROADCAST, ALL_STATIONS, dev.mac, ARP, request))


def announced(dev: Device, source: int, target: int) -> int:
    """In whose name `dev` asks for `target` (arp_solicit)."""
    level = dev.conf.arp_announce
    if level == 0:
        if source in dev.domain.own4:
            return source
    elif level == 1 and source in dev.domain.own4 and fib.on_link(dev, target, source):
        return source
    return fib.source_address(dev, target)
