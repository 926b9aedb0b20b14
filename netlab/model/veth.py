"""The "physical" interface: a veth whose other end is a port of the switch, or another interface.

A wire has one MTU at both ends, so what may be sent is also accepted. The bridge checks what goes to another wire.
"""

from __future__ import annotations

from netlab.model import bridge, macvlan, stack
from netlab.model.device import dead, packet_type
from netlab.model.macvlan import PARENT_SKIPS_CHILDREN
from netlab.model.rules import rule
from netlab.model.sim import Sim
from netlab.model.world import Device, Frame

OTHER_END = rule(
    "veth/other-end",
    "What one end of a veth pair sends comes in at the other end, and nowhere else.",
    "veth_xmit",
    "drivers/net/veth.c",
)


def transmit(sim: Sim, dev: Device, frame: Frame) -> None:
    """Send a frame onto the wire (veth_xmit): it waits in the backlog to enter the switch."""
    payload = frame.payload
    if not dev.running and dead(sim, dev, payload.phase):
        return
    port, peer = dev.port, dev.peer
    if port is None:
        assert peer is not None
        if sim.hops is not None and sim.goal is not None and sim.goal.lower is dev and sim.sock is dev:
            sim.note(payload.phase, dev.id, "out by the wire", PARENT_SKIPS_CHILDREN)
        sim.note(payload.phase, peer.id, "comes in at the other end", OTHER_END)
        sim.backlog.append((peer.receive, peer, frame))
        return
    if sim.hops is not None:
        child = sim.goal
        if child is not None and child.lower is dev and sim.sock is dev:
            sim.note(payload.phase, dev.id, "out by the wire", PARENT_SKIPS_CHILDREN)
        sim.note(payload.phase, port.id, "enters the switch")
    sim.backlog.append((bridge.receive, port, frame))


def receive(sim: Sim, dev: Device, frame: Frame) -> None:
    """A frame comes in from the switch: macvlan looks at it first, then the host's own stack.

    The interface is up: the other end of one that is down has no carrier, and sends nothing.
    """
    if dev.member is not None:
        if sim.hops is not None and dev is sim.goal:
            sim.note(frame.payload.phase, dev.id, "given to the bridge", bridge.MEMBER)
        bridge.receive(sim, dev.member, frame)
        return
    if dev.macvlan is not None:
        macvlan.handle_frame(sim, dev, dev.macvlan, frame)
        return
    stack.receive(sim, dev, frame, packet_type(dev, frame))
