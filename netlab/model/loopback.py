"""The loopback with addresses of its host: the namespace's own place of what is sent to itself."""

from __future__ import annotations

from netlab.contract.types.links import Loopback
from netlab.model.build import Build
from netlab.model.sim import Sim, Unknown
from netlab.model.world import Device, Frame


def compile_link(build: Build, link: Loopback) -> None:
    """Put the addresses at the loopback that the namespace has."""
    dev = build.device(link, "lo")
    dev.ns.lo, dev.running, dev.transmit = dev, link.up, transmit
    dev.linklocal, dev.groups = 0, frozenset()


def transmit(sim: Sim, dev: Device, frame: Frame) -> None:
    """A packet that is no local one is sent by it, as no route of a plan has it."""
    raise Unknown(f"what {dev.id} sends that is for no address of {dev.ns.id}")
