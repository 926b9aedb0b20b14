"""A dummy interface, which has no wire and no options."""

from __future__ import annotations

from netlab.agent.links.op import BuildContext, Level, Op
from netlab.agent.netlink import link as request
from netlab.contract.types.links import Dummy


def create(context: BuildContext, dummy: Dummy, *, up: bool) -> list[Op]:
    """``ip link add type dummy``."""
    pairs = {
        "IFLA_IFNAME": dummy.ifname,
        "IFLA_ADDRESS": dummy.mac,
        "IFLA_MTU": dummy.mtu,
        "IFLA_LINKINFO": {"IFLA_INFO_KIND": "dummy"},
    }
    address = f" address {dummy.mac}" if dummy.mac else ""
    command = (
        f"ip -n {dummy.namespace} link add dev {dummy.ifname} index {dummy.ifindex}{address} mtu {dummy.mtu} type dummy"
    )
    if up:
        command += f" && ip -n {dummy.namespace} link set dev {dummy.ifname} up"
    made = request("add", pairs, command, index=dummy.ifindex, up=up)
    return [Op(dummy.namespace, Level.PLUG, made, "create")]
