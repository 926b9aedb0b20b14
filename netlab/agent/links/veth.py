"""A "physical" interface: a veth whose other end is a port of a switch."""

from __future__ import annotations

from netlab.agent.links import port
from netlab.agent.links.op import BuildContext, Level, Op
from netlab.agent.netlink import link as request
from netlab.agent.netlink import peer, set_up
from netlab.contract.types import Port, Veth


def create(context: BuildContext, veth: Veth, *, up: bool) -> list[Op]:
    """One message makes both ends in their namespaces, enslaves the port and brings it up."""
    ns, bridge = veth.port_namespace, context.links[veth.switch]
    end = peer(
        {
            "IFLA_IFNAME": veth.ifname,
            "IFLA_ADDRESS": veth.mac,
            "IFLA_MTU": veth.mtu,
            "IFLA_NET_NS_FD": context.namespaces[veth.namespace].fd,
        },
        index=veth.ifindex,
    )
    pairs = {
        "IFLA_IFNAME": veth.port_ifname,
        "IFLA_ADDRESS": veth.port_mac,
        "IFLA_MTU": veth.mtu,
        "IFLA_MASTER": bridge.ifindex if veth.port.attached else None,
        "IFLA_LINKINFO": {"IFLA_INFO_KIND": "veth", "IFLA_INFO_DATA": {"VETH_INFO_PEER": end}},
    }
    address = f" address {veth.mac}" if veth.mac else ""
    command = (
        f"ip -n {ns} link add dev {veth.port_ifname} index {veth.port_ifindex} address {veth.port_mac} mtu {veth.mtu}"
        f" type veth peer name {veth.ifname} index {veth.ifindex}{address} mtu {veth.mtu} netns {veth.namespace}"
    )
    if veth.port.attached:
        command += f" && ip -n {ns} link set dev {veth.port_ifname} master {bridge.ifname}"
    if veth.port.up:
        command += f" && ip -n {ns} link set dev {veth.port_ifname} up"
    made = request("add", pairs, command, index=veth.port_ifindex, up=veth.port.up)
    as_made = Port(attached=veth.port.attached, up=veth.port.up)
    # Ports of bridges inside hosts join in the order of the plan, the host's own wires among them.
    level = Level.PLUG if ns != veth.switch else Level.WIRE
    ops = [Op(ns, level, made, "create"), *_port(context, veth, as_made, veth.port)]
    if veth.master is not None:
        ops.append(_enslave(context, veth, veth.master))
    if up:
        ops.append(Op(veth.namespace, Level.HOST, set_up(veth.namespace, veth.ifindex, veth.ifname), "up"))
    return ops


def changes(context: BuildContext, before: Veth, after: Veth) -> list[Op]:
    """Options of the switch port."""
    return _port(context, after, before.port, after.port)


def _port(context: BuildContext, veth: Veth, before: Port, after: Port) -> list[Op]:
    bridge = context.links[veth.switch]
    return port.changes(
        veth.port_namespace, veth.port_ifname, veth.port_ifindex, (bridge.ifname, bridge.ifindex), before, after
    )


def _enslave(context: BuildContext, veth: Veth, master: str) -> Op:
    bridge = context.links[master]
    command = f"ip -n {veth.namespace} link set dev {veth.ifname} master {bridge.ifname}"
    made = request("set", {"IFLA_MASTER": bridge.ifindex}, command, index=veth.ifindex)
    return Op(veth.namespace, Level.PLUG, made)
