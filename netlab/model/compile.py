"""From a plan's state to a compiled world."""

from __future__ import annotations

from collections import Counter

from netlab.contract import types as plan
from netlab.model import bridge, ports
from netlab.model.build import Build
from netlab.model.kinds import KINDS
from netlab.model.routing import Entries, compile_routes
from netlab.model.sim import Sim, Unknown
from netlab.model.world import Device, Frame, World


def compile_state(state: plan.State) -> World:
    """Compile a state; KeyError where it refers to a link that it doesn't have."""
    build = Build(state)
    world = build.world
    stacks = [namespace for namespace in state.namespaces if namespace.kind != "switch"]
    for index, namespace in enumerate(state.namespaces):
        if namespace.kind != "switch":
            build.namespace(namespace, index)
    links = [(KINDS[type(link)], link) for link in state.links]
    for first in (True, False):
        for kind, link in links:
            if kind.first is first:
                kind.compile(build, link)
                for plug in link.own_plugs:
                    bridge.enslave(world.devices[link.id], build.bridges[plug.bridge], plug.port)
    order = {link.id: place for place, link in enumerate(state.links)}
    for ns in world.namespaces.values():
        ns.devices.sort(key=lambda dev: order[dev.id])
    _detect(build)
    entries = Entries(state)
    for namespace in stacks:
        compile_routes(world.namespaces[namespace.id], namespace, entries)
    for kind, link in links:
        if kind.finish is not None:
            kind.finish(build, link)
    for link in state.links:
        if link.netem is not None and link.netem.chance:
            _leave_to_chance(world.devices[link.id], f"netem {link.netem}")
    ports.note_interests(world)
    return world


def _leave_to_chance(dev: Device, what: str) -> None:
    """Say nothing of frames that an interface sends while its queueing discipline loses or reorders some by chance."""
    transmit = dev.transmit

    def by_chance(sim: Sim, one: Device, frame: Frame) -> None:
        if one.running:
            raise Unknown(f"{one.id}: it is left to chance what becomes of a frame ({what})")
        transmit(sim, one, frame)

    dev.chance, dev.transmit = True, by_chance


def _detect(build: Build) -> None:
    """Say nothing of hosts that may lose a link-local address to another interface with the same MAC."""
    devices = build.world.devices.values()
    macs = Counter(dev.mac for dev in devices if dev.conf.ipv6)
    for dev in devices:
        if build.settings[dev.ns.id].detects and macs[dev.mac] > 1:
            dev.ns.unknown[6] = f"{dev.id} looks for duplicates (accept_dad), and its link-local address is one"
