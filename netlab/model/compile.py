"""From a plan's state to a compiled world."""

from __future__ import annotations

from collections import Counter

from netlab.contract import types as plan
from netlab.model import bridge, ports
from netlab.model.build import Build
from netlab.model.kinds import KINDS
from netlab.model.routing import VRF_PRIORITY, Entries, compile_routes
from netlab.model.sim import Sim, Unknown
from netlab.model.world import Device, Domain, Frame, World


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
        # Its loopback is a namespace's first device, whenever it is given an address (for_each_netdev).
        ns.devices.sort(key=lambda dev: (dev is not dev.ns.lo, order[dev.id]))
    _detect(build)
    entries = Entries(state)
    _place(build)
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


def _place(build: Build) -> None:
    """Say which of their VRFs the devices of a namespace belong to, and what the model knows of none of these."""
    domains: dict[str, Domain] = {}
    for link in build.state.links:
        if link.domain is None:
            continue
        dev = build.world.devices[link.id]
        if link.domain not in domains:
            domains[link.domain] = Domain(build.world.devices[link.domain])
            dev.ns.domains.append(domains[link.domain])
        dev.domain, dev.alone = domains[link.domain], True
        if link.underlay is not None or any(one.underlay == link.id for one in build.state.links):
            dev.ns.unknown[4] = dev.ns.unknown[6] = f"{link.id} is a tunnel, or carries one, and a part of a VRF"
        for rule in build.state.namespace(link.namespace).rules:
            if rule.priority < VRF_PRIORITY:
                # Even its own addresses are no local ones to a packet that another rule has taken.
                dev.ns.unknown[rule.family] = f"policy rules of {dev.ns.id} that come before the one for its VRFs"
        for family in (4, 6):
            if dev.ns.netfilter is not None and dev.ns.netfilter.sees(family):
                dev.ns.unknown[family] = f"nftables of {dev.ns.id}, which has a VRF: packets pass them twice"


def _detect(build: Build) -> None:
    """Say nothing of hosts that may lose a link-local address to another interface with the same MAC."""
    devices = build.world.devices.values()
    macs = Counter(dev.mac for dev in devices if dev.conf.ipv6)
    for dev in devices:
        if build.settings[dev.ns.id].detects and macs[dev.mac] > 1:
            dev.ns.unknown[6] = f"{dev.id} looks for duplicates (accept_dad), and its link-local address is one"
