"""macvlan and macvtap children, made in the parent's namespace and moved by the same message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netlab.agent.errors import lacks
from netlab.agent.links.add import above
from netlab.agent.links.op import BuildContext, Level, Op
from netlab.agent.netlink import set_kind
from netlab.contract.types import Macvlan

# include/uapi/linux/if_link.h
MODES = {"private": 1, "vepa": 2, "bridge": 4, "passthru": 8, "source": 16}
_NAMES = {number: name for name, number in MODES.items()}
FLAG_NOPROMISC, FLAG_NODST = 1, 2
MACADDR_SET = 3


def _macs(macs: tuple[str, ...]) -> dict[str, Any]:
    # "set" replaces the whole list; with no address it empties it (macvlan_changelink_sources).
    return {"IFLA_MACVLAN_MACADDR_MODE": MACADDR_SET, "IFLA_MACVLAN_MACADDR_DATA": macs}


def create(context: BuildContext, child: Macvlan, *, up: bool) -> list[Op]:
    """``ip link add link PARENT netns CONTAINER type macvlan``."""
    data: dict[str, Any] = {
        "IFLA_MACVLAN_MODE": MODES[child.mode] if child.mode else None,
        "IFLA_MACVLAN_FLAGS": (FLAG_NODST * child.nodst | FLAG_NOPROMISC * child.nopromisc) or None,
        "IFLA_MACVLAN_BC_QUEUE_LEN": child.bcqueuelen,
        "IFLA_MACVLAN_BC_CUTOFF": child.bclim,
    }
    if child.allowed_macs:
        data |= _macs(child.allowed_macs)
    also = f"type {child.kind} macaddr set {' '.join(child.allowed_macs)}" if child.allowed_macs else ""
    return [above(context, child, context.links[child.parent], child.mac, data, also, up=up)]


def changes(context: BuildContext, before: Macvlan, after: Macvlan) -> list[Op]:
    """Mode, flags, the list of source addresses and the queue length, each in a request of its own."""
    asked: list[tuple[dict[str, Any], str]] = []
    if before.mode != after.mode and after.mode:
        asked.append(({"IFLA_MACVLAN_MODE": MODES[after.mode]}, f"mode {after.mode}"))
    if before.nodst != after.nodst:
        flags = FLAG_NODST if after.nodst else 0
        asked.append(({"IFLA_MACVLAN_FLAGS": flags}, "nodst" if after.nodst else "-nodst"))
    if before.bcqueuelen != after.bcqueuelen and after.bcqueuelen is not None:
        asked.append(({"IFLA_MACVLAN_BC_QUEUE_LEN": after.bcqueuelen}, f"bcqueuelen {after.bcqueuelen}"))
    # Leaving source mode empties the list (macvlan_changelink): entering it, the list is set anew.
    entered = after.effective_mode == "source" != before.effective_mode
    if before.allowed_macs != after.allowed_macs or (entered and after.allowed_macs):
        asked.append((_macs(after.allowed_macs), f"macaddr set {' '.join(after.allowed_macs)}".rstrip()))
    ns, index, dev = after.namespace, after.ifindex, after.ifname
    return [Op(ns, Level.CONTAINER, set_kind(ns, index, dev, after.kind, data, words)) for data, words in asked]


def read(data: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a child, out of IFLA_INFO_DATA."""
    mode = data["IFLA_MACVLAN_MODE"]
    found = {
        "mode": _NAMES.get(mode, str(mode)),
        "nodst": bool(data["IFLA_MACVLAN_FLAGS"] & FLAG_NODST),
        "nopromisc": bool(data["IFLA_MACVLAN_FLAGS"] & FLAG_NOPROMISC),
        "bcqueuelen": data.get("IFLA_MACVLAN_BC_QUEUE_LEN"),
        # Unless it is 1 it is told (macvlan_fill_info); a kernel before 6.4 doesn't know it.
        "bclim": data.get("IFLA_MACVLAN_BC_CUTOFF", 1),
    }
    if found["mode"] == "source":
        found["allowed_macs"] = sorted(data.get("IFLA_MACVLAN_MACADDR_DATA", ()))
    return found


def checks(child: Macvlan, mine: dict[str, Any]) -> list[tuple[str, object, object]]:
    """What the plan says of the options, and what was read."""
    found: list[tuple[str, object, object]] = [
        ("mode", child.effective_mode, mine["mode"]),
        ("nodst", child.nodst, mine["nodst"]),
        ("nopromisc", child.nopromisc, mine["nopromisc"]),
    ]
    if child.effective_mode == "source":
        # Only in source mode it is read, in which the child may not be any more.
        found.append(("allowed_macs", sorted(child.allowed_macs), mine.get("allowed_macs")))
    if child.bcqueuelen is not None:
        found.append(("bcqueuelen", child.bcqueuelen, mine["bcqueuelen"]))
    if child.bclim is not None:
        if mine["bclim"] == 1 != child.bclim:
            raise lacks("bclim", "6.4", child)
        found.append(("bclim", child.bclim, mine["bclim"]))
    return found
