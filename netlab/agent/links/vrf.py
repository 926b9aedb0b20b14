"""VRFs, which are made before their members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netlab.agent.links.add import alone
from netlab.agent.links.op import BuildContext, Level, Op
from netlab.agent.netlink.attributes import link_data
from netlab.agent.netlink.forms import U32, Table
from netlab.contract.types.links import Vrf

# include/uapi/linux/if_link.h
link_data("vrf", Table({"IFLA_VRF_TABLE": (1, U32)}))


def create(context: BuildContext, vrf: Vrf, *, up: bool) -> list[Op]:
    """``ip link add type vrf``."""
    return [alone(vrf, Level.BRIDGE, {"IFLA_VRF_TABLE": vrf.table}, up=up)]


def read(data: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a VRF, out of IFLA_INFO_DATA."""
    return {"table": data["IFLA_VRF_TABLE"]}


def checks(vrf: Vrf, mine: dict[str, Any]) -> list[tuple[str, object, object]]:
    """What the plan says of the options, and what was read."""
    return [("table", vrf.table, mine["table"])]
