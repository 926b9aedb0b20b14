"""The wire between two switches: a veth with a port at either end."""

from __future__ import annotations

from netlab.agent.links import port
from netlab.agent.links.op import BuildContext, Level, Op
from netlab.agent.links.wire import End, make
from netlab.agent.netlink import set_link
from netlab.contract.types import Port, SwitchLink


def create(context: BuildContext, wire: SwitchLink, *, up: bool) -> list[Op]:
    """Make both ends, then enslave each to its bridge."""
    here, there = wire.namespace, wire.peer
    near = End(here, wire.ifname, wire.ifindex, wire.mac)
    far = End(there, wire.peer_ifname, wire.peer_ifindex, wire.peer_mac)
    made = make(context, near, far, wire.mtu, up=up and wire.port.up)
    ops = [Op(here, Level.TRUNK, made, "create")]
    if wire.port.attached:
        ops.append(_join(context, here, wire.ifname, wire.ifindex))
    if wire.peer_port.attached:
        ops.append(_join(context, there, wire.peer_ifname, wire.peer_ifindex))
    begun = Port(attached=wire.port.attached, up=up and wire.port.up)
    return [*ops, *_ports(context, wire, (begun, Port(attached=wire.peer_port.attached, up=False)))]


def changes(context: BuildContext, before: SwitchLink, after: SwitchLink) -> list[Op]:
    """Options of the two ports."""
    return _ports(context, after, (before.port, before.peer_port))


def _join(context: BuildContext, switch: str, ifname: str, ifindex: int) -> Op:
    bridge = context.links[switch]
    made = set_link(switch, ifindex, ifname, f"master {bridge.ifname}", {"IFLA_MASTER": bridge.ifindex})
    return Op(switch, Level.JOIN, made)


def _ports(context: BuildContext, wire: SwitchLink, before: tuple[Port, Port]) -> list[Op]:
    near, far = context.links[wire.namespace], context.links[wire.peer]
    return [
        *port.changes(wire.namespace, wire.ifname, wire.ifindex, near, before[0], wire.port),
        *port.changes(wire.peer, wire.peer_ifname, wire.peer_ifindex, far, before[1], wire.peer_port),
    ]
