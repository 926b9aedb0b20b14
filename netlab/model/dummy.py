"""The dummy: an interface that is up, has carrier, and sends nothing."""

from __future__ import annotations

from netlab.contract.types.links import Dummy
from netlab.model.build import Build
from netlab.model.device import dead
from netlab.model.rules import rule
from netlab.model.sim import Sim
from netlab.model.world import Device, Frame

SWALLOWS = rule(
    "dummy/swallows",
    "A dummy throws away every frame that it is told to send, and none ever comes in by it from outside.",
    "dummy_xmit",
    "drivers/net/dummy.c",
)


def compile_link(build: Build, link: Dummy) -> None:
    """Make the interface."""
    dev = build.device(link, link.kind)
    dev.running = link.up
    dev.transmit = transmit


def transmit(sim: Sim, dev: Device, frame: Frame) -> None:
    """Send a frame (dummy_xmit)."""
    phase = frame.payload.phase
    if dev.running or not dead(sim, dev, phase):
        sim.note(phase, dev.id, "a dummy throws it away", SWALLOWS, end=True)
