"""The wire between two switches: a veth with a port at either end."""

from __future__ import annotations

from netlab.agent.links import port
from netlab.agent.links.op import BuildContext, Level, Op
from netlab.agent.netlink import link as request
from netlab.agent.netlink import peer
from netlab.contract.types import Port, SwitchLink


def create(context: BuildContext, wire: SwitchLink, *, up: bool) -> list[Op]:
    """Make both ends, then enslave each to its bridge."""
    here, there = wire.namespace, wire.peer
    end = peer(
        {
            "IFLA_IFNAME": wire.peer_ifname,
            "IFLA_ADDRESS": wire.peer_mac,
            "IFLA_MTU": wire.mtu,
            "IFLA_NET_NS_FD": context.namespaces[there].fd,
        },
        index=wire.peer_ifindex,
    )
    pairs = {
        "IFLA_IFNAME": wire.ifname,
        "IFLA_ADDRESS": wire.mac,
        "IFLA_MTU": wire.mtu,
        "IFLA_LINKINFO": {"IFLA_INFO_KIND": "veth", "IFLA_INFO_DATA": {"VETH_INFO_PEER": end}},
    }
    command = (
        f"ip -n {here} link add dev {wire.ifname} index {wire.ifindex} address {wire.mac} mtu {wire.mtu}"
        f" type veth peer name {wire.peer_ifname} index {wire.peer_ifindex} address {wire.peer_mac} netns {there}"
        f" && ip -n {here} link set dev {wire.ifname} up"
    )
    made = request("add", pairs, command, index=wire.ifindex, up=up and wire.port.up)
    ops = [Op(here, Level.TRUNK, made, "create")]
    if wire.port.attached:
        ops.append(_join(context, here, wire.ifname, wire.ifindex))
    if wire.peer_port.attached:
        ops.append(_join(context, there, wire.peer_ifname, wire.peer_ifindex))
    near = Port(attached=wire.port.attached, up=up and wire.port.up)
    return [*ops, *_ports(context, wire, (near, Port(attached=wire.peer_port.attached, up=False)))]


def changes(context: BuildContext, before: SwitchLink, after: SwitchLink) -> list[Op]:
    """Options of the two ports."""
    return _ports(context, after, (before.port, before.peer_port))


def _join(context: BuildContext, switch: str, ifname: str, ifindex: int) -> Op:
    bridge = context.links[switch]
    command = f"ip -n {switch} link set dev {ifname} master {bridge.ifname}"
    return Op(switch, Level.JOIN, request("set", {"IFLA_MASTER": bridge.ifindex}, command, index=ifindex))


def _ports(context: BuildContext, wire: SwitchLink, before: tuple[Port, Port]) -> list[Op]:
    near, far = context.links[wire.namespace], context.links[wire.peer]
    return [
        *port.changes(wire.namespace, wire.ifname, wire.ifindex, (near.ifname, near.ifindex), before[0], wire.port),
        *port.changes(
            wire.peer,
            wire.peer_ifname,
            wire.peer_ifindex,
            (far.ifname, far.ifindex),
            before[1],
            wire.peer_port,
        ),
    ]
