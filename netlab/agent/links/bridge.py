"""The bridge of a switch, or one inside of a host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netlab.agent.errors import lacks
from netlab.agent.links.op import BuildContext, Level, Op
from netlab.agent.netlink import link as request
from netlab.agent.netlink import set_kind, set_link
from netlab.contract.types import Bridge, Switch

#: USERHZ, the unit of times in IFLA_BR_*.
HZ = 100
#: Options of a bridge, and the attributes that hold them.
OPTIONS = {
    "stp": "IFLA_BR_STP_STATE",
    "ageing_time": "IFLA_BR_AGEING_TIME",
    "mcast_snooping": "IFLA_BR_MCAST_SNOOPING",
    "fdb_max_learned": "IFLA_BR_FDB_MAX_LEARNED",
    "vlan_filtering": "IFLA_BR_VLAN_FILTERING",
    "default_pvid": "IFLA_BR_VLAN_DEFAULT_PVID",
}


def _data(switch: Switch | Bridge) -> tuple[dict[str, Any], str]:
    data: dict[str, Any] = {
        "IFLA_BR_STP_STATE": int(switch.stp),
        # Even without STP the kernel moves a listening or learning port to the next state after this delay
        # (br_make_forwarding, br_forward_delay_timer_expired): with 0 it leaves the port in the state that was set.
        "IFLA_BR_FORWARD_DELAY": 15 * HZ if switch.stp else 0,
        "IFLA_BR_AGEING_TIME": switch.ageing_time * HZ,
        "IFLA_BR_MCAST_SNOOPING": int(switch.mcast_snooping),
        "IFLA_BR_FDB_MAX_LEARNED": switch.fdb_max_learned,
        # A kernel may be without these.
        "IFLA_BR_VLAN_FILTERING": int(switch.vlan_filtering) or None,
        "IFLA_BR_VLAN_DEFAULT_PVID": switch.default_pvid if switch.default_pvid != 1 else None,
    }
    words = (
        f"stp_state {int(switch.stp)} forward_delay {15 * HZ if switch.stp else 0}"
        f" ageing_time {switch.ageing_time * HZ} mcast_snooping {int(switch.mcast_snooping)}"
    )
    if switch.vlan_filtering:
        words += " vlan_filtering 1"
    if switch.default_pvid != 1:
        words += f" vlan_default_pvid {switch.default_pvid}"
    if switch.fdb_max_learned is not None:
        words += f" fdb_max_learned {switch.fdb_max_learned}"
    return data, words


def create(context: BuildContext, switch: Switch | Bridge, *, up: bool) -> list[Op]:
    """``ip link add type bridge``."""
    data, words = _data(switch)
    pairs = {
        "IFLA_IFNAME": switch.ifname,
        "IFLA_ADDRESS": switch.mac,
        "IFLA_LINKINFO": {"IFLA_INFO_KIND": "bridge", "IFLA_INFO_DATA": data},
    }
    command = (
        f"ip -n {switch.namespace} link add dev {switch.ifname} index {switch.ifindex} address {switch.mac}"
        f" type bridge {words}"
    )
    if up:
        command += f" && ip -n {switch.namespace} link set dev {switch.ifname} up"
    made = request("add", pairs, command, index=switch.ifindex, up=up)
    ops = [Op(switch.namespace, Level.BRIDGE, made, "create")]
    if isinstance(switch, Bridge):
        # Until its MTU is set a bridge takes the smallest one of its ports (br_mtu_auto_adjust): so it is set.
        for mtu in (switch.mtu + 1, switch.mtu):
            made = set_link(switch.namespace, switch.ifindex, switch.ifname, f"mtu {mtu}", {"IFLA_MTU": mtu})
            ops.append(Op(switch.namespace, Level.BRIDGE, made))
    return ops


def changes(context: BuildContext, before: Switch | Bridge, after: Switch | Bridge) -> list[Op]:
    (old, _), (new, words) = _data(before), _data(after)
    if old == new:
        return []
    if before.stp and not after.stp:
        # While STP runs the delay can't be 0 (br_set_forward_delay); later it only affects ports that get carrier.
        del new["IFLA_BR_FORWARD_DELAY"]
    if new["IFLA_BR_FDB_MAX_LEARNED"] is None:
        new["IFLA_BR_FDB_MAX_LEARNED"] = 0
    # It can't be set while the VLANs count (br_vlan_set_default_pvid), and doesn't change.
    del new["IFLA_BR_VLAN_DEFAULT_PVID"]
    if before.vlan_filtering != after.vlan_filtering:
        new["IFLA_BR_VLAN_FILTERING"] = int(after.vlan_filtering)
        words += f" vlan_filtering {int(after.vlan_filtering)}" if not after.vlan_filtering else ""
    made = set_kind(after.namespace, after.ifindex, after.ifname, "bridge", new, words)
    return [Op(after.namespace, Level.BRIDGE, made)]


def read(data: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a bridge, out of IFLA_INFO_DATA."""
    found = {name: data.get(attribute) for name, attribute in OPTIONS.items()}
    return {**found, "stp": bool(found["stp"]), "ageing_time": data["IFLA_BR_AGEING_TIME"] / HZ}


def checks(bridge: Switch | Bridge, mine: dict[str, Any]) -> list[tuple[str, object, object]]:
    """What the plan says of the options, and what was read. Raises BuildFailed where this kernel doesn't have one."""
    wanted = {
        "stp": int(bridge.stp),
        # While a spanning tree changes, addresses age faster (__br_set_topology_change).
        "ageing_time": mine["ageing_time"] if bridge.stp else bridge.ageing_time,
        "mcast_snooping": int(bridge.mcast_snooping),
        "fdb_max_learned": bridge.fdb_max_learned or 0,
        "vlan_filtering": int(bridge.vlan_filtering),
    }
    if mine["default_pvid"] is not None:
        wanted["default_pvid"] = bridge.default_pvid
    for name, value in wanted.items():
        if mine[name] is None and value:
            raise lacks(name, "6.8" if name == "fdb_max_learned" else "4.3", bridge)
    return [(name, value, mine[name] or 0) for name, value in wanted.items()]
