"""The ends of VXLANs, with their static entries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netlab.agent.links.add import alone
from netlab.agent.links.op import BuildContext, Level, Op
from netlab.agent.netlink import tunnel_entry
from netlab.agent.netlink.attributes import link_data
from netlab.agent.netlink.forms import BE16, IP, U8, U32, Table
from netlab.contract.types.links import Vxlan
from netlab.contract.types.links.vxlan import ANY_MAC

# linux/if_link.h, enum IFLA_VXLAN_*
link_data(
    "vxlan",
    Table(
        {
            "IFLA_VXLAN_ID": (1, U32),
            "IFLA_VXLAN_GROUP": (2, IP),
            "IFLA_VXLAN_LINK": (3, U32),
            "IFLA_VXLAN_LOCAL": (4, IP),
            "IFLA_VXLAN_LEARNING": (7, U8),
            "IFLA_VXLAN_PORT": (15, BE16),
            "IFLA_VXLAN_GROUP6": (16, IP),
            "IFLA_VXLAN_LOCAL6": (17, IP),
        }
    ),
)


def create(context: BuildContext, vxlan: Vxlan, *, up: bool) -> list[Op]:
    """``ip link add type vxlan``, and ``bridge fdb append`` for each entry."""
    ns, below = vxlan.namespace, context.links[vxlan.dev]
    to = vxlan.group or next(iter(vxlan.remotes), None)
    data = {
        "IFLA_VXLAN_ID": vxlan.vni,
        "IFLA_VXLAN_LINK": below.ifindex,
        "IFLA_VXLAN_GROUP6" if to and ":" in to else "IFLA_VXLAN_GROUP": to,
        "IFLA_VXLAN_LOCAL6" if vxlan.local and ":" in vxlan.local else "IFLA_VXLAN_LOCAL": vxlan.local,
        "IFLA_VXLAN_LEARNING": int(vxlan.learning),
        "IFLA_VXLAN_PORT": vxlan.dstport,
    }
    ops = [alone(vxlan, Level.PLUG, data, up=up)]
    entries = [*((ANY_MAC, remote) for remote in vxlan.remotes[1:]), *vxlan.entries]
    ops += (
        Op(ns, Level.PLUG, tunnel_entry("append", ns, vxlan.ifindex, vxlan.ifname, mac, remote))
        for mac, remote in entries
    )
    return ops


def read(data: Mapping[str, Any]) -> dict[str, Any]:
    """The options of an end, out of IFLA_INFO_DATA."""
    return {
        "id": data["IFLA_VXLAN_ID"],
        "to": data.get("IFLA_VXLAN_GROUP") or data.get("IFLA_VXLAN_GROUP6"),
        "local": data.get("IFLA_VXLAN_LOCAL") or data.get("IFLA_VXLAN_LOCAL6"),
        "dstport": data["IFLA_VXLAN_PORT"],
        "learning": bool(data["IFLA_VXLAN_LEARNING"]),
    }


def checks(vxlan: Vxlan, mine: dict[str, Any]) -> list[tuple[str, object, object]]:
    """What the plan says of the options, and what was read."""
    wanted = {
        "id": vxlan.vni,
        "to": vxlan.group or next(iter(vxlan.remotes), None),
        "local": vxlan.local,
        "dstport": vxlan.dstport,
        "learning": vxlan.learning,
    }
    return [(name, value, mine[name]) for name, value in wanted.items()]
