"""The VRF: what its members get is looked up in its own table, and it is the loopback of that table's addresses."""

from __future__ import annotations

from netlab.contract.types.links import Vrf
from netlab.model.build import Build
from netlab.model.device import dead
from netlab.model.packets import Ip, Nd
from netlab.model.rules import rule
from netlab.model.sim import Sim, Unknown
from netlab.model.stack import arp, fib, ip, ipv6, nd
from netlab.model.world import IP4, IP6, Device, Frame

_FILE = "drivers/net/vrf.c"

ONLY_IP = rule(
    "vrf/ip-packets-only",
    "A VRF itself sends IP packets only; any other frame that it is told to send is dropped.",
    "vrf_xmit",
    _FILE,
)
OTHER_TABLE = rule(
    "vrf/sent-by-its-table",
    "What is routed out of a VRF itself is looked up again, in its table: so a route leads from one VRF into another.",
    "vrf_process_v4_outbound",
    _FILE,
)
BACK = rule(
    "vrf/route-to-itself",
    "A route of a VRF's table that leads out of the VRF itself, or back into it by another VRF, holds the packet.",
    "vrf_process_v4_outbound",
    _FILE,
)


def compile_link(build: Build, link: Vrf) -> None:
    """Make the interface."""
    dev = build.device(link, link.kind)
    dev.running, dev.table = link.up, link.table
    dev.transmit = transmit


def transmit(sim: Sim, dev: Device, frame: Frame) -> None:
    """A packet is sent by the VRF (vrf_xmit): by its table, or to an address of its own."""
    packet, first = frame.payload, dev
    if not dev.running and dead(sim, dev, packet.phase):
        return
    if frame.proto not in (IP4, IP6):
        sim.note(packet.phase, dev.id, "no IP packet", ONLY_IP, end=True)
        return
    if isinstance(packet, Nd):
        raise Unknown(f"by which member a solicitation of the VRF {dev.id} leaves")
    passed: list[Device] = []
    while dev not in passed:
        passed.append(dev)
        way = _way(sim, dev, packet)
        if way.errno:
            why = ip.UNREACHABLE if frame.proto == IP4 else ipv6.UNREACHABLE
            sim.note(packet.phase, dev.id, str(way), way.rule or why, end=True)
            return
        if way.local or way.dev is not way.dev.vrf:
            sim.note(packet.phase, first.id, str(way), OTHER_TABLE)
            _send(sim, way, frame)
            return
        dev = way.dev
        if not dev.running and dead(sim, dev, packet.phase):
            return
    sim.note(packet.phase, dev.id, str(way), BACK, end=True)


def _send(sim: Sim, way: fib.Output, frame: Frame) -> None:
    """A packet goes the way that was found for it: to the namespace itself, or out by an interface that is no VRF."""
    packet = frame.payload
    if way.local and arp.loops(sim, way.origin, packet):
        sim.backlog.append((ip.loop if frame.proto == IP4 else ipv6.loop, way.origin, frame))
    elif not way.local and frame.proto == IP4:
        arp.send(sim, way.dev, way.nexthop, packet)
    elif not way.local:
        nd.send(sim, way.dev, way.nexthop, packet, packet.src)


def _way(sim: Sim, dev: Device, packet: Ip) -> fib.Output:
    if packet.family == 4:
        return fib.output(sim, dev.ns, packet.dst, packet.src, dev, packet.mark)
    return ipv6.output(sim, dev.ns, packet.dst, packet.src, dev, strict=True, mark=packet.mark)
