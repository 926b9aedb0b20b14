"""vlan interfaces, made in the parent's namespace and moved by the same message."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

from netlab.agent.links.add import above
from netlab.agent.links.op import BuildContext, Op
from netlab.agent.netlink.attributes import link_data
from netlab.agent.netlink.forms import U16, Table
from netlab.contract.types.links import Vlan

#: linux/if_ether.h
PROTOCOLS = {"802.1Q": 0x8100, "802.1ad": 0x88A8}
_NAMES = {number: name for name, number in PROTOCOLS.items()}
link_data("vlan", Table({"IFLA_VLAN_ID": (1, U16), "IFLA_VLAN_PROTOCOL": (5, U16)}))


def create(context: BuildContext, child: Vlan, *, up: bool) -> list[Op]:
    """``ip link add link PARENT netns CONTAINER type vlan``."""
    data = {"IFLA_VLAN_ID": child.vid, "IFLA_VLAN_PROTOCOL": socket.htons(PROTOCOLS[child.protocol])}
    return [above(context, child, context.links[child.parent], child.mac if child.own_mac else None, data, up=up)]


def read(data: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a vlan interface, out of IFLA_INFO_DATA."""
    number = socket.ntohs(data["IFLA_VLAN_PROTOCOL"])
    return {"id": data["IFLA_VLAN_ID"], "protocol": _NAMES.get(number, f"{number:#06x}")}


def checks(child: Vlan, mine: dict[str, Any]) -> list[tuple[str, object, object]]:
    """What the plan says of the options, and what was read."""
    return [("id", child.vid, mine["id"]), ("protocol", child.protocol, mine["protocol"])]
