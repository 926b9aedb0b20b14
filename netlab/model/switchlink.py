"""The wire between two switches: a port of each."""

from __future__ import annotations

from netlab.contract import types as plan
from netlab.model import ports
from netlab.model.build import Build


def compile_link(build: Build, link: plan.SwitchLink) -> None:
    """Make both ports."""
    here, there = build.bridges[link.namespace], build.bridges[link.peer]
    running = link.up and link.carrier
    near = ports.make(f"port({link.id})", here, link.port, link.mac or "", link.mtu, running)
    back = f"port({link.peer}--{link.namespace})"
    far = ports.make(back, there, link.peer_port, link.peer_mac, link.mtu, running)
    near.far_port, far.far_port = far, near
