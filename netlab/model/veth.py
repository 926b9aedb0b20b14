"""The "physical" interface: a veth whose other end is a port of the switch, or another interface.

A wire has one MTU at both ends, so what may be sent is also accepted. The bridge checks what goes to another wire.
"""

from __future__ import annotations

from netlab.model import bridge
from netlab.model.device import PARENT_SKIPS_CHILDREN, dead
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
    """Send a frame onto the wire (veth_xmit): it waits in the backlog to enter the switch, or the other end."""
    phase = frame.payload.phase
    if not dev.running and dead(sim, dev, phase):
        return
    port, peer = dev.port, dev.peer
    if sim.hops is not None:
        child = sim.goal
        if child is not None and child.lower is dev and sim.sock is dev:
            sim.note(phase, dev.id, "out by the wire", PARENT_SKIPS_CHILDREN)
        if port is not None:
            sim.note(phase, port.id, "enters the switch")
    if port is not None:
        sim.backlog.append((bridge.receive, port, frame))
        return
    assert peer is not None
    sim.note(phase, peer.id, "comes in at the other end", OTHER_END)
    sim.backlog.append((peer.receive, peer, frame))
