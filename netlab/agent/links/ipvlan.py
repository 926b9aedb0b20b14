"""ipvlan children, made in the parent's namespace and moved by the same message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netlab.agent.links.op import BuildContext, Level, Op
from netlab.agent.netlink import link as request
from netlab.agent.netlink.attributes import U16, Table, link_data
from netlab.contract.types.links import Ipvlan

# include/uapi/linux/if_link.h
MODES = {"l2": 0, "l3": 1, "l3s": 2}
FLAGS = {"bridge": 0, "private": 1, "vepa": 2}
_MODES, _FLAGS = ({number: name for name, number in table.items()} for table in (MODES, FLAGS))
for _kind in ("ipvlan", "ipvtap"):
    link_data(_kind, Table({"IFLA_IPVLAN_MODE": (1, U16), "IFLA_IPVLAN_FLAGS": (2, U16)}))


def create(context: BuildContext, child: Ipvlan, *, up: bool) -> list[Op]:
    """``ip link add link PARENT netns CONTAINER type ipvlan``."""
    parent = context.links[child.parent]
    elsewhere = child.namespace != parent.namespace
    pairs = {
        "IFLA_IFNAME": child.ifname,
        "IFLA_LINK": parent.ifindex,
        "IFLA_MTU": child.mtu if child.mtu != parent.mtu else None,
        "IFLA_NET_NS_FD": context.namespaces[child.namespace].fd if elsewhere else None,
        "IFLA_LINKINFO": {
            "IFLA_INFO_KIND": child.kind,
            "IFLA_INFO_DATA": {
                "IFLA_IPVLAN_MODE": MODES[child.effective_mode],
                "IFLA_IPVLAN_FLAGS": FLAGS[child.effective_flag],
            },
        },
    }
    mtu = f" mtu {child.mtu}" if child.mtu != parent.mtu else ""
    moved = f" netns {child.namespace}" if elsewhere else ""
    command = (
        f"ip -n {parent.namespace} link add link {parent.ifname} name {child.ifname} index {child.ifindex}"
        f"{mtu}{moved} {' '.join(child.argv)}"
    )
    if up:
        command += f" && ip -n {child.namespace} link set dev {child.ifname} up"
    made = request("add", pairs, command, index=child.ifindex, up=up)
    ops = [Op(parent.namespace, Level.HOST, made, "create")]
    if not up and not child.arp:
        # The first child of a parent in l3 has ARP until it is brought up for the first time (ipvlan_open).
        command = f"ip -n {child.namespace} link set dev {child.ifname} arp off"
        off = request("set", {}, command, index=child.ifindex, flags={"arp": False})
        ops.append(Op(child.namespace, Level.CONTAINER if elsewhere else Level.HOST, off))
    return ops


def read(data: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a child, out of IFLA_INFO_DATA."""
    mode, flag = data["IFLA_IPVLAN_MODE"], data.get("IFLA_IPVLAN_FLAGS", 0)
    return {"mode": _MODES.get(mode, str(mode)), "flag": _FLAGS.get(flag, str(flag))}


def checks(child: Ipvlan, mine: dict[str, Any]) -> list[tuple[str, object, object]]:
    """What the plan says of the options, and what was read."""
    return [("mode", child.effective_mode, mine["mode"]), ("flag", child.effective_flag, mine["flag"])]
