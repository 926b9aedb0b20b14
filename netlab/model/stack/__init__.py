"""A namespace's own stack: what becomes of a frame that an interface hands up."""

from __future__ import annotations

from netlab.model.rules import rule
from netlab.model.sim import Sim, Unknown
from netlab.model.world import ARP, HOST, IP4, IP6, OTHERHOST, RAW, Device, Frame

NOT_FOR_US = rule(
    "stack/other-host",
    "A frame to somebody else's MAC is seen by sniffers, but ARP and IP drop it.",
    "ip_rcv_core",
    "net/ipv4/ip_input.c",
)


def receive(sim: Sim, dev: Device, frame: Frame, packet_type: int) -> None:
    """The protocol handlers (__netif_receive_skb_core, after any rx_handler)."""
    proto, payload = frame.proto, frame.payload
    if proto == RAW:
        if sim.heard.get(dev, OTHERHOST) == OTHERHOST:
            sim.heard[dev] = packet_type
        sim.note(payload.phase, dev.id, "heard" if packet_type != OTHERHOST else "seen, for another MAC")
        return
    if packet_type == OTHERHOST:
        sim.note(payload.phase, dev.id, f"for {frame.dst}, not for {dev.mac}", NOT_FOR_US, end=True)
        return
    if why := dev.ns.unknown.get(6 if proto == IP6 else 4):
        raise Unknown(why)
    if proto == ARP:
        arp.receive(sim, dev, frame, packet_type)
    elif proto == IP4:
        # A router sends on only what was for its own MAC (ip_forward).
        if packet_type == HOST or payload.dst in dev.ns.local4:
            ip.receive(sim, dev, payload, packet_type)
    else:
        ipv6.receive(sim, dev, frame, packet_type)


from netlab.model.stack import arp, ip, ipv6  # noqa: E402  (they answer by way of devices, devices by way of here)
