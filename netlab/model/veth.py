"""The "physical" interface: a veth whose other end is a port of the switch, or another interface.

A wire has one MTU at both ends, so what may be sent is also accepted. The bridge checks what goes to another wire.
"""

from __future__ import annotations

from collections.abc import Iterator

from netlab.contract import types as plan
from netlab.model import bridge, ports
from netlab.model.build import Build
from netlab.model.device import PARENT_SKIPS_CHILDREN, Refused, dead
from netlab.model.rules import rule
from netlab.model.sim import Sim
from netlab.model.world import Device, Frame

OTHER_END = rule(
    "veth/other-end",
    "What one end of a veth pair sends comes in at the other end, and nowhere else.",
    "veth_xmit",
    "drivers/net/veth.c",
)
STP_OWNS_STATE = rule(
    "refuse/stp-owns-port-state",
    "While a bridge runs STP, STP alone sets the states of its ports (EBUSY).",
    "br_set_port_state",
    "net/bridge/br_netlink.c",
)
STATE_NEEDS_LINK = rule(
    "refuse/port-state-needs-link",
    "A port that is down, or has no carrier, takes no state but disabled (ENETDOWN).",
    "br_set_port_state",
    "net/bridge/br_netlink.c",
)


def compile_link(build: Build, link: plan.Veth) -> None:
    """Make the interface, and the port at its other end."""
    dev = build.device(link, "veth")
    dev.running = link.up and link.carrier
    dev.transmit = transmit
    bridge_ = build.bridges[link.switch]
    port = dev.port = ports.make(link.port_id, bridge_, link.port, link.port_mac, link.mtu, dev.running)
    port.far_device, port.ifname = dev, link.port_ifname
    if port.attached:
        dev.ns.ports.setdefault(bridge_.index, []).append(port)


def compile_pair(build: Build, link: plan.Pair) -> None:
    """Make one end of a pair without a switch."""
    dev = build.device(link, "veth")
    dev.running = link.up and link.carrier
    dev.transmit = transmit
    dev.peer = build.world.devices.get(link.peer)
    if dev.peer is not None:
        dev.peer.peer = dev


def transmit(sim: Sim, dev: Device, frame: Frame) -> None:
    """Send a frame onto the wire (veth_xmit): it waits in the backlog to enter the switch, or the other end."""
    phase = frame.payload.phase
    if not dev.running and dead(sim, dev, phase):
        return
    port, peer = dev.port, dev.peer
    if sim.hops is not None:
        child = sim.goal
        if child is not None and child.lower is dev and sim.sender is dev and dev.macvlan is not None:
            sim.note(phase, dev.id, "out by the wire", PARENT_SKIPS_CHILDREN)
        if port is not None:
            sim.note(phase, port.id, "enters the switch")
    if port is not None:
        sim.backlog.append((bridge.receive, port, frame))
        return
    assert peer is not None
    sim.note(phase, peer.id, "comes in at the other end", OTHER_END)
    sim.backlog.append((peer.receive, peer, frame))


def refuses_change(state: plan.State, before: plan.Veth, after: plan.Veth) -> Iterator[Refused]:
    """What is refused of a change to the port at its other end."""
    if before.port.state == after.port.state or not after.port.attached:
        return
    switch = state.link(after.switch)
    if switch.spanning:
        yield "EBUSY", "set", STP_OWNS_STATE
    if after.port.state != "disabled" and not (after.up and after.port.up):
        yield "ENETDOWN", "set", STATE_NEEDS_LINK
