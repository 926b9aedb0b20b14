"""IPv6 and neighbour discovery."""

from __future__ import annotations

from netlab.model.sim import Sim, Unknown
from netlab.model.world import Device, Frame


def receive(sim: Sim, dev: Device, frame: Frame, packet_type: int) -> None:
    """Handle an IPv6 packet."""
    raise Unknown("IPv6")
