"""What becomes of a frame that an interface hands up: the table of the protocols' handlers."""

from __future__ import annotations

from netlab.contract.types.parts import vlan_name
from netlab.model.rules import rule
from netlab.model.sim import Sim, Unknown
from netlab.model.stack import arp, ip, ipv6, multicast
from netlab.model.world import ARP, IP4, IP6, OTHERHOST, RAW, Device, Frame

NOT_FOR_US = rule(
    "stack/other-host",
    "A frame to another interface's MAC is seen by sniffers, but ARP and IP drop it.",
    "ip_rcv_core",
    "net/ipv4/ip_input.c",
)

NO_CHILD = rule(
    "vlan/no-child-for-the-tag",
    "A frame with a tag for which an interface has no vlan child is seen by sniffers, but ARP and IP drop it.",
    "__netif_receive_skb_core",
    "net/core/dev.c",
)

_HANDLERS = {ARP: arp.receive, IP4: ip.receive, IP6: ipv6.receive}


def receive(sim: Sim, dev: Device, frame: Frame, packet_type: int) -> None:
    """The protocol handlers (__netif_receive_skb_core, after any rx_handler)."""
    proto = frame.proto
    if frame.tags:
        packet_type = OTHERHOST
        sim.note(frame.payload.phase, dev.id, f"no child for {vlan_name(frame.tags[0])}", NO_CHILD, end=True)
        if len(frame.tags) > 1:
            return
    if proto == RAW:
        if sim.heard.get(dev, OTHERHOST) == OTHERHOST:
            sim.heard[dev] = packet_type
        sim.note(frame.payload.phase, dev.id, "heard" if packet_type != OTHERHOST else "seen, for another MAC")
        return
    if packet_type == OTHERHOST:
        sim.note(frame.payload.phase, dev.id, f"for {frame.dst}, not for {dev.mac}", NOT_FOR_US, end=True)
        return
    if why := dev.ns.unknown.get(6 if proto == IP6 else 4):
        raise Unknown(why)
    if frame.payload.phase == multicast.PHASE:
        multicast.receive(sim, dev, frame.payload, packet_type)
        return
    if multicast.to_group(frame):
        multicast.arrive(sim, dev, frame.payload)
        return
    _HANDLERS[proto](sim, dev, frame, packet_type)
