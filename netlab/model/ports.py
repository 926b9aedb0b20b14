"""The ports of bridges, from the plan."""

from __future__ import annotations

from typing import Any

from netlab.contract import types as plan
from netlab.model.build import Build
from netlab.model.world import Bridge, Port, World


def make(id: str, bridge: Bridge, told: plan.Port, mac: str, mtu: int, running: bool) -> Port:
    port = Port(id, bridge)
    port.mac, port.mtu, port.running, port.attached = mac, mtu, running, told.attached
    port.state = told.state if running else "disabled"
    port.hairpin, port.isolated, port.learning = told.hairpin, told.isolated, told.learning
    port.flood, port.mcast_flood, port.bcast_flood = told.flood, told.mcast_flood, told.bcast_flood
    port.locked = told.locked
    if port.attached:
        bridge.ports.insert(0, port)
        for entry in told.fdb:
            bridge.static[entry] = port
    return port


def finish(build: Build, link: plan.Switch | plan.Bridge) -> None:
    """Note the bridge's own MACs and the order of its ports, when all are there."""
    bridge = build.bridges[link.id]
    bridge.locals = {port.mac: port for port in bridge.ports}
    if link.mac:
        bridge.locals[link.mac] = None
    disowned = {mac for id, mac in build.state.disowned if id == link.id}
    for mac in disowned.union(bridge.static):
        # Even an own MAC becomes a port's, where a static entry says so (fdb_add_entry).
        bridge.locals.pop(mac, None)
    for order, port in enumerate(bridge.ports):
        port.order = order


def note_interests(world: World) -> None:
    """Which ports of each switch a flooded frame can matter to (see `bridge._flood`)."""
    for bridge in world.bridges:
        for port in bridge.ports:
            # Behind a port that is a host's own wire, or that of a bridge in a host, is another bridge; or a bond.
            if port.far_device is None or any(dev.member or dev.master for dev in port.far_device.above()):
                bridge.trunks.append(port)
                continue
            parent = port.far_device
            if parent.macvlan is not None and parent.macvlan.passthru is not None:
                bridge.trunks.append(port)
            for dev in (parent, *parent.uppers):
                _add(bridge.macs, dev.mac, port)
                for address in dev.ns.local4:
                    _add(bridge.ip4, address, port)
                for address in [*dev.ns.local6, *dev.anycast6, dev.linklocal]:
                    _add(bridge.ip6, address, port)
                if dev.conf.proxy_arp and port not in bridge.trunks:
                    bridge.trunks.append(port)


def _add(table: dict[Any, list[Port]], key: Any, port: Port) -> None:
    ports = table.setdefault(key, [])
    if port not in ports:
        ports.append(port)
