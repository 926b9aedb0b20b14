"""ipvlan: children that share the MAC of their parent, and are found by their IP addresses.

In l2 a child resolves neighbours itself. In l3 and l3s its packets leave by the routes of the parent's namespace, whose
ARP finds the next hop, and nobody finds the child by ARP.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from netlab.contract import types as plan
from netlab.contract.types.links import Ipvlan
from netlab.contract.types.links.ipvlan import FOLLOWS
from netlab.model.build import Build
from netlab.model.device import Refused, dead, packet_type, take, taken
from netlab.model.rules import holds, rule
from netlab.model.sim import Sim, Unknown
from netlab.model.stack import fib, ip, ipv6, multicast, nd, protocols
from netlab.model.world import ARP, BROADCAST, IP4, IP6, MULTICAST, OTHERHOST, RAW, Device, Frame

_CORE = "drivers/net/ipvlan/ipvlan_core.c"
_MAIN = "drivers/net/ipvlan/ipvlan_main.c"
_L3S = "drivers/net/ipvlan/ipvlan_l3s.c"

L2_DIRECT = rule(
    "ipvlan/l2-bridge-direct",
    "A child hands a frame to the shared MAC whose destination address is a sibling's straight to it; the wire never"
    " sees it.",
    "ipvlan_xmit_mode_l2",
    _CORE,
)
L2_PRIVATE = rule(
    "ipvlan/l2-private-drop",
    "With the flag private a frame to a sibling's address is dropped, an ARP answer as well.",
    "ipvlan_xmit_mode_l2",
    _CORE,
)
L2_TO_PARENT = rule(
    "ipvlan/l2-child-to-parent-oneway",
    "A frame to the shared MAC for an address that no child has goes to the parent's own stack. The answer leaves by"
    " the wire, and only a switch that sends it back brings it to the child.",
    "ipvlan_xmit_mode_l2",
    _CORE,
)
L2_TO_WIRE = rule(
    "ipvlan/l2-wire",
    "What is not for the shared MAC leaves by the parent's wire; with the flag vepa everything does.",
    "ipvlan_xmit_mode_l2",
    _CORE,
)
FANOUT = rule(
    "ipvlan/l2-mcast-fanout",
    "A child's broadcast goes to all its siblings and to the wire by a workqueue, whatever the flag; not to the"
    " parent.",
    "ipvlan_process_multicast",
    _CORE,
)
EXTERNAL = rule(
    "ipvlan/l2-mcast-external",
    "A broadcast from outside goes to the parent at once, and to the children by a workqueue.",
    "ipvlan_handle_mode_l2",
    _CORE,
)
REFLECTED = rule(
    "ipvlan/l2-mcast-reflected",
    "A child's broadcast that the switch sends back goes to the parent alone: its siblings have had it.",
    "ipvlan_external_frame",
    _CORE,
)
BY_IP = rule(
    "ipvlan/rx-by-ip",
    "What comes in goes to the child that has its destination address (in ARP its target), else to the parent.",
    "ipvlan_handle_mode_l3",
    _CORE,
)
L3_DIRECT = rule(
    "ipvlan/l3-bridge-direct",
    "In l3 a packet for a sibling's address is handed straight to it, whatever the subnets.",
    "ipvlan_xmit_mode_l3",
    _CORE,
)
L3_PRIVATE = rule(
    "ipvlan/l3-private-drop",
    "In l3 with the flag private a packet for a sibling's address is dropped.",
    "ipvlan_xmit_mode_l3",
    _CORE,
)
L3_ROUTED = rule(
    "ipvlan/l3-parent-routes",
    "In l3 what a child sends leaves by its parent's interface and the routes of the parent's namespace, which asks for"
    " the next hop's MAC; with the flag vepa so does what is for a sibling.",
    "ipvlan_process_v4_outbound",
    _CORE,
)
L3_DROPS = rule(
    "ipvlan/l3-no-broadcast",
    "In l3 a child can send neither broadcasts nor multicasts, and nothing but IP packets (ENOBUFS).",
    "ipvlan_process_outbound",
    _CORE,
)
FORWARD_MTU = rule(
    "ipvlan/forward-mtu",
    "What a child hands straight to a sibling, or in l2 to its parent, is dropped if it is more than four bytes longer"
    " than the MTU there.",
    "is_skb_forwardable",
    "net/core/dev.c",
)
L3_LOOP = rule(
    "ipvlan/l3-dead-loop",
    "In l3 a packet that the routes of the parent's namespace send back to the child is dropped (\"Dead loop on virtual"
    ' device").',
    "dev_xmit_recursion",
    "net/core/dev.h",
)
L3S_HOOKS = rule(
    "ipvlan/l3s-parent-hooks",
    "In l3s a packet from outside passes the parent's namespace up to its input, and is the child's from there on.",
    "ipvlan_l3_rcv",
    _L3S,
)
L3S_VRF = rule(
    "ipvlan/l3s-parent-in-vrf",
    "A parent that is a member of a VRF gives every packet to the VRF, whose table decides: in l3s its children get"
    " none from outside.",
    "l3mdev_l3_rcv",
    "include/net/l3mdev.h",
)
PARENT_DOWN = rule(
    "ipvlan/parent-down-stops-children",
    "A child loses its carrier with a parent that is set down, so that not even its siblings are reached.",
    "ipvlan_device_event",
    _MAIN,
    since=FOLLOWS,
    commit="229783970838",
)
GOES_ON = rule(
    "ipvlan/parent-down-unnoticed",
    "A child keeps its carrier when its parent is set down: siblings go on reaching each other.",
    "ipvlan_device_event",
    _MAIN,
    until=FOLLOWS,
    commit="229783970838",
)
ADDRESS_TAKEN = rule(
    "refuse/ipvlan-address-taken",
    "Of the children of one parent only one can have an address (EADDRINUSE).",
    "ipvlan_addr4_validator_event",
    _MAIN,
)


class _Port:
    """What hangs on a parent (struct ipvl_port): mode, flag and children, which are found by address."""

    def __init__(self, parent: Device, mode: str, flag: str, goes_on: bool) -> None:
        self.parent, self.mode, self.flag, self.goes_on = parent, mode, flag, goes_on
        self.up: list[Device] = []
        #: the children that are sending, in l3
        self.sending: set[Device] = set()
        self.by_address: dict[tuple[int, int], Device] = {}

    def direct(self, usual: str) -> str:
        """The rule by which a sibling is reached."""
        return GOES_ON if self.goes_on and not self.parent.up else usual

    def find(self, frame: Frame, sender: bool = False) -> Device | None:
        """The child that a frame is for, or by its source address from (ipvlan_addr_lookup)."""
        packet = frame.payload
        if frame.proto == ARP:
            return self.by_address.get((4, packet.sender if sender else packet.target))
        if frame.proto == RAW:
            return None
        return self.by_address.get((4 if frame.proto == IP4 else 6, packet.src if sender else packet.dst))


def compile_link(build: Build, link: Ipvlan) -> None:
    """Make a child."""
    lower = build.world.devices[link.parent]
    dev = build.device(link, link.kind)
    dev.mac, dev.lower, dev.mode = lower.mac, lower, link.effective_mode
    dev.alone = lower.alone = True
    dev.running = link.up and link.carrier
    if not lower.up and holds(PARENT_DOWN, build.state.kernel):
        dev.stopped_by = PARENT_DOWN
    lower.uppers.append(dev)
    if lower.port_data is None:
        port = _Port(lower, link.effective_mode, link.effective_flag, holds(GOES_ON, build.state.kernel))
        lower.handle = lambda sim, _, frame, kind: handle_frame(sim, port, frame, kind)
        # A closure for each parent: its children are given the same port.
        lower.port_data = port
    port = lower.port_data
    dev.transmit = lambda sim, one, frame: transmit(sim, port, one, frame)
    if dev.linklocal:
        # addrconf_ifid_eui48 puts the number of the child (dev_id) where ff:fe would stand, and flips no bit.
        octets = bytes.fromhex(dev.mac.replace(":", "")) if link.mac else bytes(6)
        number = sum(one.kind == link.kind for one in lower.uppers).to_bytes(2, "big")
        host = int.from_bytes(octets[:3] + number + octets[3:], "big") if link.mac else dev.index
        groups = {nd.solicited_mac(a) for a in (*(a[0] for a in dev.addresses6), *dev.anycast6)}
        dev.linklocal = 0xFE80 << 112 | host
        dev.groups = frozenset({*groups, nd.solicited_mac(dev.linklocal)} if dev.arp else ()) | multicast.joined(dev)
    if dev.up:
        port.up.append(dev)
        port.by_address |= {(4, one[0]): dev for one in dev.addresses4}
        port.by_address |= {(6, one): dev for one in (*(a[0] for a in dev.addresses6), dev.linklocal) if one}


def refuses(state: plan.State, link: Ipvlan) -> Iterator[Refused]:
    """What is refused of a new child."""
    yield from taken(state, link)
    mine = {one.ip for one in link.addresses}
    if any(mine.intersection(one.ip for one in other.addresses) for other in state.children_of(link.parent)):
        yield "EADDRINUSE", "create", ADDRESS_TAKEN


def transmit(sim: Sim, port: _Port, dev: Device, frame: Frame) -> None:
    """A child sends a frame (ipvlan_queue_xmit)."""
    phase, parent = frame.payload.phase, port.parent
    if not dev.running and dead(sim, dev, phase):
        return
    if port.mode != "l2":
        _transmit_l3(sim, port, dev, frame)
    elif port.flag != "vepa" and frame.dst == frame.src:
        sibling = port.find(frame)
        if sibling is None:
            if not parent.up and dead(sim, parent, phase):
                return
            sim.note(phase, parent.id, "handed to the parent", L2_TO_PARENT)
            _forward(sim, parent, frame, parent.receive)
        elif port.flag == "private":
            sim.note(phase, sibling.id, "the flag is private", L2_PRIVATE, end=True)
        else:
            sim.note(phase, sibling.id, "handed to the sibling", port.direct(L2_DIRECT))
            _forward(sim, sibling, frame, _receive)
    elif frame.cast:
        sim.defer(_fan_out(sim, port, dev, frame))
    else:
        sim.note(phase, parent.id, "out by the parent", L2_TO_WIRE)
        parent.transmit(sim, parent, frame)


def _transmit_l3(sim: Sim, port: _Port, dev: Device, frame: Frame) -> None:
    """In l3 and l3s a child is no Ethernet device: what it sends is routed anew (ipvlan_xmit_mode_l3)."""
    phase, parent = frame.payload.phase, port.parent
    sibling = port.find(frame) if port.flag != "vepa" else None
    if sibling is not None:
        if port.flag == "private":
            sim.note(phase, sibling.id, "the flag is private", L3_PRIVATE, end=True)
        else:
            sim.note(phase, sibling.id, "handed to the sibling", port.direct(L3_DIRECT))
            _forward(sim, sibling, frame, _receive)
        return
    if frame.cast or frame.proto not in (IP4, IP6):
        sim.note(phase, dev.id, "no IP packet to one destination", L3_DROPS, end=True)
        return
    packet, ns = frame.payload.copy(), parent.ns
    packet.passage = None
    if ns is not dev.ns:
        packet.mark = 0
    if ns.netfilter is not None:
        raise Unknown(f"what {dev.id} sends passes the nftables of {ns.id}, which see half of each connection")
    if dev in port.sending:
        sim.note(phase, dev.id, "it has come from here", L3_LOOP, end=True)
        return
    sim.note(phase, parent.id, "routed by the parent's namespace", L3_ROUTED)
    port.sending.add(dev)
    try:
        if frame.proto == IP4:
            ip.send(sim, ns, packet, parent, fib.output(sim, ns, packet.dst, packet.src, parent, packet.mark))
        else:
            ipv6.send(sim, ns, packet, parent, strict=False)
    finally:
        port.sending.discard(dev)


def handle_frame(sim: Sim, port: _Port, frame: Frame, kind: int) -> None:
    """The parent's receive handler (ipvlan_handle_frame)."""
    phase, parent = frame.payload.phase, port.parent
    if port.mode == "l2" and frame.cast:
        if frame.src == parent.mac and port.find(frame, sender=True) is not None:
            sim.note(phase, parent.id, "a child's own comes back", REFLECTED)
        else:
            sim.defer(_hand_out(sim, port, frame))
    else:
        child = port.find(frame)
        if port.mode == "l3s" and child is not None and frame.proto in (IP4, IP6):
            # It is the child's from behind the parent's hooks on, and passes none of its own (ipvlan_nf_input).
            if parent.ns.netfilter or child.ns.netfilter or child.ns is parent.ns:
                raise Unknown(f"in l3s a packet for {child.id} passes the hooks and sockets of {parent.ns.id}")
            if kind == OTHERHOST or frame.tags:
                return
            if frame.proto == IP6 and not parent.conf.ipv6:
                sim.note(phase, parent.id, "IPv6 is disabled", ipv6.DISABLED, end=True)
            elif parent.vrf is not None:
                sim.note(phase, parent.vrf.id, "given to the VRF", L3S_VRF)
                protocols.receive(sim, parent, frame, kind)
            else:
                sim.note(phase, child.id, "taken out of the parent's input", L3S_HOOKS)
                take(sim, child, frame, kind)
            return
        if child is not None and port.mode != "l3s":
            sim.note(phase, child.id, "handed to the child", BY_IP)
            take(sim, child, frame, kind)
            return
    protocols.receive(sim, parent, frame, kind)


def _fan_out(sim: Sim, port: _Port, dev: Device, frame: Frame) -> Iterator[None]:
    """The workqueue hands a child's broadcast to its siblings, and then to the wire (ipvlan_process_multicast)."""
    yield from _copies(sim, port, frame, dev, FANOUT)
    sim.note(frame.payload.phase, port.parent.id, "out by the parent", FANOUT)
    port.parent.transmit(sim, port.parent, frame)
    yield


def _hand_out(sim: Sim, port: _Port, frame: Frame) -> Iterator[None]:
    """The workqueue hands a broadcast from outside to the children."""
    yield from _copies(sim, port, frame, None, EXTERNAL)


def _copies(sim: Sim, port: _Port, frame: Frame, sender: Device | None, why: str) -> Iterator[None]:
    sim.worked.append(port.parent)
    for child in port.up:
        if child is not sender and _hears(child, frame):
            sim.note(frame.payload.phase, child.id, "a copy", why)
            before = len(sim.backlog)
            take(sim, child, frame, frame.cast)
            if len(sim.backlog) != before:
                yield


def _hears(child: Device, frame: Frame) -> bool:
    """Whether a multicast passes the child's filter, a hash of 256 bits with a random salt (ipvlan_mac_hash)."""
    if frame.cast == BROADCAST or frame.dst in child.groups:
        return True
    local = (*child.domain.local4, *child.domain.local6, child.linklocal)
    if frame.cast == MULTICAST and frame.proto in (IP4, IP6) and frame.payload.dst and frame.payload.dst in local:
        raise Unknown(f"{child.id} may hear the group {frame.dst}, though it hasn't joined it")
    return False


def _forward(sim: Sim, dev: Device, frame: Frame, receive: Callable[[Sim, Device, Frame], None]) -> None:
    """Hand a frame straight to another interface (dev_forward_skb), if it isn't too long (is_skb_forwardable)."""
    phase, size = frame.payload.phase, frame.payload.size
    if size > dev.mtu + 4:
        sim.note(phase, dev.id, f"{size} bytes, MTU {dev.mtu}", FORWARD_MTU, end=True)
        return
    sim.backlog.append((receive, dev, frame))


def _receive(sim: Sim, dev: Device, frame: Frame) -> None:
    """A frame is forwarded to a child (dev_forward_skb)."""
    if not dev.up and dead(sim, dev, frame.payload.phase):
        return
    take(sim, dev, frame, packet_type(dev, frame))
