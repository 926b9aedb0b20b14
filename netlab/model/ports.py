"""The ports of bridges, from the plan."""

from __future__ import annotations

from typing import Any

from netlab.contract import types as plan
from netlab.model.build import Build
from netlab.model.world import Address, Bridge, Members, Port, World


def make(id: str, bridge: Bridge, told: plan.Port, mac: str, mtu: int, running: bool) -> Port:
    port = Port(id, bridge)
    port.mac, port.mtu, port.running, port.attached = mac, mtu, running, told.attached
    port.state = told.state if running else "disabled"
    port.hairpin, port.isolated, port.learning = told.hairpin, told.isolated, told.learning
    port.flood, port.mcast_flood, port.bcast_flood = told.flood, told.mcast_flood, told.bcast_flood
    port.locked, port.mab = told.locked, told.mab
    port.neigh_suppress, port.proxy_arp, port.proxy_arp_wifi = told.neigh_suppress, told.proxy_arp, told.proxy_arp_wifi
    if port.attached:
        bridge.proxies |= told.proxies
        bridge.suppresses |= told.neigh_suppress
        bridge.ports.insert(0, port)
        port.members = Members(told.pvid_or(bridge.own.pvid), told.vlans(bridge.own.pvid))
        for entry in told.fdb:
            # Without a VLAN it is for all those of the port (br_fdb_add).
            for address in _addresses(bridge, entry, port.members):
                bridge.static[address] = port
    return port


def _addresses(bridge: Bridge, mac: str, members: Members) -> list[Address]:
    return [(mac, vid) for vid in members.vlans] if bridge.aware else [mac]


def finish(build: Build, link: plan.Switch | plan.Bridge) -> None:
    """Note the bridge's own MACs and the order of its ports, when all are there."""
    bridge = build.bridges[link.id]
    default = link.default_pvid
    if isinstance(link, plan.Bridge) and link.own_port is not None:
        bridge.own = Members(link.own_port.pvid_or(default), link.own_port.vlans(default))
    bridge.locals = {key: port for port in bridge.ports for key in _addresses(bridge, port.mac, port.members)}
    if link.mac:
        bridge.locals |= dict.fromkeys(_addresses(bridge, link.mac, bridge.own))
    disowned = {mac for id, mac in build.state.disowned if id == link.id}
    if bridge.aware and disowned:
        bridge.strange = f"{link.id} has lost its own MAC in some VLANs"
    for address in (*disowned, *bridge.static):
        # Even an own MAC becomes a port's, where a static entry says so (fdb_add_entry).
        bridge.locals.pop(address, None)
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
            if any(dev.macvlan is not None and dev.macvlan.passthru is not None for dev in parent.above()):
                bridge.trunks.append(port)
            for dev in parent.above():
                _add(bridge.macs, dev.mac, port)
                for address in dev.domain.local4:
                    _add(bridge.ip4, address, port)
                for address in [*dev.domain.local6, *dev.anycast6, dev.linklocal]:
                    _add(bridge.ip6, address, port)
                if dev.conf.proxy_arp and port not in bridge.trunks:
                    bridge.trunks.append(port)


def _add(table: dict[Any, list[Port]], key: Any, port: Port) -> None:
    ports = table.setdefault(key, [])
    if port not in ports:
        ports.append(port)
