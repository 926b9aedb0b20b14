"""ipvlan children, made in the parent's namespace and moved by the same message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netlab.agent.links.add import above
from netlab.agent.links.op import BuildContext, Op
from netlab.agent.netlink import set_flags
from netlab.agent.netlink.attributes import link_data
from netlab.agent.netlink.forms import U16, Table
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
    data = {"IFLA_IPVLAN_MODE": MODES[child.effective_mode], "IFLA_IPVLAN_FLAGS": FLAGS[child.effective_flag]}
    ops = [above(context, child, parent, None, data, up=up)]
    if not up and not child.arp:
        # The first child of a parent in l3 has ARP until it is brought up for the first time (ipvlan_open).
        off = set_flags(child.namespace, child.ifindex, child.ifname, {"arp": False})
        ops.append(Op(child.namespace, context.level(child), off))
    return ops


def read(data: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a child, out of IFLA_INFO_DATA."""
    mode, flag = data["IFLA_IPVLAN_MODE"], data.get("IFLA_IPVLAN_FLAGS", 0)
    return {"mode": _MODES.get(mode, str(mode)), "flag": _FLAGS.get(flag, str(flag))}


def checks(child: Ipvlan, mine: dict[str, Any]) -> list[tuple[str, object, object]]:
    """What the plan says of the options, and what was read."""
    return [("mode", child.effective_mode, mine["mode"]), ("flag", child.effective_flag, mine["flag"])]
