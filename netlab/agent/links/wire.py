"""Both ends of a veth pair, made by one message."""

from __future__ import annotations

from typing import NamedTuple

from netlab.agent.links.op import BuildContext
from netlab.agent.netlink import Request, peer
from netlab.agent.netlink import link as request
from netlab.contract.types import AnyLink


class End(NamedTuple):
    """One end, in its namespace."""

    namespace: str
    ifname: str
    ifindex: int
    mac: str | None

    @property
    def words(self) -> str:
        """As an argument of ip-link(8)."""
        return f"{self.ifname} index {self.ifindex}" + (f" address {self.mac}" if self.mac else "")


def make(
    context: BuildContext, near: End, far: End, mtu: int, *, master: AnyLink | None = None, up: bool = False
) -> Request:
    """The request to ``near``'s namespace, which may make that end a port of ``master``, and bring it ``up``."""
    fd = context.namespaces[far.namespace].fd
    other = peer(
        {"IFLA_IFNAME": far.ifname, "IFLA_ADDRESS": far.mac, "IFLA_MTU": mtu, "IFLA_NET_NS_FD": fd}, index=far.ifindex
    )
    pairs = {
        "IFLA_IFNAME": near.ifname,
        "IFLA_ADDRESS": near.mac,
        "IFLA_MTU": mtu,
        "IFLA_MASTER": master.ifindex if master is not None else None,
        "IFLA_LINKINFO": {"IFLA_INFO_KIND": "veth", "IFLA_INFO_DATA": {"VETH_INFO_PEER": other}},
    }
    command = (
        f"ip -n {near.namespace} link add dev {near.words} mtu {mtu}"
        f" type veth peer name {far.words} mtu {mtu} netns {far.namespace}"
    )
    if master is not None:
        command += f" && ip -n {near.namespace} link set dev {near.ifname} master {master.ifname}"
    if up:
        command += f" && ip -n {near.namespace} link set dev {near.ifname} up"
    return request("add", pairs, command, index=near.ifindex, up=up)
