"""Bonds, which are made before their members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netlab.agent.links.add import alone
from netlab.agent.links.op import BuildContext, Level, Op
from netlab.agent.netlink import set_kind
from netlab.agent.netlink.attributes import link_data, member_data
from netlab.agent.netlink.forms import U8, U32, Table
from netlab.contract.types.links import Bond
from netlab.contract.types.links.bond import MAC_POLICIES

# include/uapi/linux/if_bonding.h, drivers/net/bonding/bond_main.c (bond_mode_tbl)
MODES = {"balance-rr": 0, "active-backup": 1, "balance-xor": 2, "802.3ad": 4}
_NAMES = {number: name for name, number in MODES.items()}
# include/uapi/linux/if_link.h, enum IFLA_BOND_* and IFLA_BOND_SLAVE_*; the first is that of the active member
link_data(
    "bond",
    Table(
        {
            "IFLA_BOND_MODE": (1, U8),
            "IFLA_BOND_ACTIVE_SLAVE": (2, U32),
            "IFLA_BOND_MIIMON": (3, U32),
            "IFLA_BOND_PRIMARY": (11, U32),
            "IFLA_BOND_FAIL_OVER_MAC": (13, U8),
            "IFLA_BOND_NUM_PEER_NOTIF": (16, U8),
        }
    ),
)
member_data("bond", Table({"IFLA_BOND_SLAVE_STATE": (1, U8), "IFLA_BOND_SLAVE_MII_STATUS": (2, U8)}))


def create(context: BuildContext, bond: Bond, *, up: bool) -> list[Op]:
    """``ip link add type bond``."""
    data: dict[str, Any] = {"IFLA_BOND_MODE": MODES[bond.effective_mode], "IFLA_BOND_MIIMON": bond.miimon}
    if bond.fail_over_mac is not None:
        data["IFLA_BOND_FAIL_OVER_MAC"] = MAC_POLICIES.index(bond.fail_over_mac)
    data["IFLA_BOND_NUM_PEER_NOTIF"] = bond.num_grat_arp
    return [alone(bond, Level.BRIDGE, data, up=up)]


def changes(context: BuildContext, before: Bond, after: Bond) -> list[Op]:
    """What can be set of a bond with members; its primary must be one of them."""
    asked: list[tuple[dict[str, Any], str]] = []
    if before.primary != after.primary and after.primary is not None:
        member = context.links[after.primary]
        asked.append(({"IFLA_BOND_PRIMARY": member.ifindex}, f"primary {member.ifname}"))
    if before.miimon != after.miimon:
        asked.append(({"IFLA_BOND_MIIMON": after.miimon}, f"miimon {after.miimon}"))
    if before.num_grat_arp != after.num_grat_arp:
        asked.append(({"IFLA_BOND_NUM_PEER_NOTIF": after.num_grat_arp}, f"num_grat_arp {after.num_grat_arp}"))
    ns, index, dev = after.namespace, after.ifindex, after.ifname
    # Members have joined by then, whatever their kind.
    return [Op(ns, Level.CONTAINER, set_kind(ns, index, dev, "bond", data, words)) for data, words in asked]


def read(data: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a bond, out of IFLA_INFO_DATA; its members by ifindex."""
    mode = data["IFLA_BOND_MODE"]
    return {
        "mode": _NAMES.get(mode, str(mode)),
        "miimon": data["IFLA_BOND_MIIMON"],
        "fail_over_mac": MAC_POLICIES[data["IFLA_BOND_FAIL_OVER_MAC"]],
        "num_grat_arp": data["IFLA_BOND_NUM_PEER_NOTIF"],
        "active_slave": data.get("IFLA_BOND_ACTIVE_SLAVE"),
        "primary": data.get("IFLA_BOND_PRIMARY"),
    }


def checks(bond: Bond, mine: dict[str, Any]) -> list[tuple[str, object, object]]:
    """What the plan says of the options, and what was read."""
    found: list[tuple[str, object, object]] = [("mode", bond.effective_mode, mine["mode"])]
    for name in ("miimon", "fail_over_mac", "num_grat_arp"):
        if (value := getattr(bond, name)) is not None:
            found.append((name, value, mine[name]))
    if bond.primary is not None:
        found.append(("primary", bond.primary.rpartition(":")[2], mine["primary"]))
    return found
