"""A veth pair without any switch, its ends in namespaces of the lab."""

from __future__ import annotations

from netlab.agent.links.op import BuildContext, Level, Op
from netlab.agent.netlink import link as request
from netlab.agent.netlink import peer, set_up
from netlab.contract.types import Pair


def create(context: BuildContext, end: Pair, *, up: bool) -> list[Op]:
    """Make both ends with the first, in one message; bring each up by itself."""
    ops = []
    if end.makes:
        other = peer(
            {
                "IFLA_IFNAME": end.peer_ifname,
                "IFLA_ADDRESS": end.peer_mac,
                "IFLA_MTU": end.mtu,
                "IFLA_NET_NS_FD": context.namespaces[end.peer_namespace].fd,
            },
            index=end.peer_ifindex,
        )
        pairs = {
            "IFLA_IFNAME": end.ifname,
            "IFLA_ADDRESS": end.mac,
            "IFLA_MTU": end.mtu,
            "IFLA_LINKINFO": {"IFLA_INFO_KIND": "veth", "IFLA_INFO_DATA": {"VETH_INFO_PEER": other}},
        }
        address = f" address {end.mac}" if end.mac else ""
        theirs = f" address {end.peer_mac}" if end.peer_mac else ""
        command = (
            f"ip -n {end.namespace} link add dev {end.ifname} index {end.ifindex}{address} mtu {end.mtu}"
            f" type veth peer name {end.peer_ifname} index {end.peer_ifindex}{theirs} netns {end.peer_namespace}"
        )
        ops.append(Op(end.namespace, Level.PLUG, request("add", pairs, command, index=end.ifindex), "create"))
    if up:
        ops.append(Op(end.namespace, Level.HOST, set_up(end.namespace, end.ifindex, end.ifname), "up"))
    return ops
