"""A veth pair without any switch, its ends in namespaces of the lab."""

from __future__ import annotations

from netlab.agent.links.op import BuildContext, Level, Op
from netlab.agent.links.wire import End, make
from netlab.agent.netlink import set_up
from netlab.contract.types import Pair


def create(context: BuildContext, end: Pair, *, up: bool) -> list[Op]:
    """Make both ends with the first, in one message; bring each up by itself."""
    ops = []
    if end.makes:
        near = End(end.namespace, end.ifname, end.ifindex, end.mac)
        far = End(end.peer_namespace, end.peer_ifname, end.peer_ifindex, end.peer_mac)
        ops.append(Op(end.namespace, Level.WIRE, make(context, near, far, end.mtu), "create"))
    if up:
        ops.append(Op(end.namespace, Level.HOST, set_up(end.namespace, end.ifindex, end.ifname), "up"))
    return ops
