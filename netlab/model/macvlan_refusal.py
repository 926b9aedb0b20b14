"""What the kernel refuses of macvlan and macvtap children, and with which errno."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.contract import types as plan
from netlab.model.device import BAD_MAC, Refused, bad_mac, taken
from netlab.model.rules import rule

_MACVLAN = "drivers/net/macvlan.c"

CHILD_MTU = rule(
    "refuse/child-mtu-above-parent",
    "A child's MTU can't be larger than its parent's (EINVAL).",
    "macvlan_change_mtu",
    _MACVLAN,
)
PASSTHRU_ALONE = rule(
    "refuse/passthru-alone",
    "A passthru child has its parent for itself: no child beside it, and it beside none (EINVAL).",
    "macvlan_common_newlink",
    _MACVLAN,
)
PASSTHRU_FIXED = rule(
    "refuse/passthru-mode-fixed",
    "A child's mode can be changed live, but not to passthru and not from it (EINVAL).",
    "macvlan_changelink",
    _MACVLAN,
)
LIST_WITHOUT_SOURCE = rule(
    "refuse/source-list-needs-source-mode",
    "Only a child in source mode has a list of source addresses (EINVAL).",
    "macvlan_changelink",
    _MACVLAN,
)
MAC_IN_USE_UP = rule(
    "refuse/mac-in-use-at-up",
    "A child with the MAC of its parent, or of a sibling that is up, can be made but not brought up (EADDRINUSE).",
    "macvlan_open",
    _MACVLAN,
)
MAC_IN_USE_SET = rule(
    "refuse/mac-in-use-at-set",
    "A child's MAC can't be changed to its parent's, or to that of a sibling that is up (EADDRINUSE).",
    "macvlan_set_mac_address",
    _MACVLAN,
)


def refuses(state: plan.State, link: plan.Macvlan) -> Iterator[Refused]:
    """What is refused of a new child."""
    if any(map(bad_mac, link.allowed_macs)):
        yield "EADDRNOTAVAIL", "create", BAD_MAC
    parent = _parent(state, link)
    siblings = _siblings(state, parent, link)
    if link.mtu > parent.mtu:
        yield "EINVAL", "create", CHILD_MTU
    yield from taken(state, link)
    if siblings and (link.effective_mode == "passthru" or _has_passthru(siblings)):
        yield "EINVAL", "create", PASSTHRU_ALONE
    if link.allowed_macs and link.effective_mode != "source":
        yield "EINVAL", "create", LIST_WITHOUT_SOURCE
    if link.effective_mode != "passthru" and _in_use(parent, siblings, link.mac):
        yield "EADDRINUSE", "up", MAC_IN_USE_UP


def refuses_change(state: plan.State, before: plan.Macvlan, after: plan.Macvlan) -> Iterator[Refused]:
    """What is refused of a change to a child."""
    parent = _parent(state, after)
    siblings = _siblings(state, parent, after)
    passthru = before.effective_mode == "passthru"
    if before.mac != after.mac and not passthru and _in_use(parent, siblings, after.mac):
        yield "EADDRINUSE", "set", MAC_IN_USE_SET
    if before.mtu != after.mtu and after.mtu > parent.mtu:
        yield "EINVAL", "set", CHILD_MTU
    if passthru != (after.effective_mode == "passthru"):
        yield "EINVAL", "set", PASSTHRU_FIXED
    if before.allowed_macs != after.allowed_macs and any(map(bad_mac, after.allowed_macs)):
        yield "EADDRNOTAVAIL", "set", BAD_MAC
    if before.allowed_macs != after.allowed_macs and after.effective_mode != "source":
        yield "EINVAL", "set", LIST_WITHOUT_SOURCE
    if after.up and not before.up and not passthru and _in_use(parent, siblings, after.mac):
        yield "EADDRINUSE", "set", MAC_IN_USE_UP


def _parent(state: plan.State, link: plan.Macvlan) -> plan.AnyLink:
    """The lowest interface under a child: where its parent is a child itself, that one's parent."""
    parent = state.link(link.parent)
    while isinstance(parent, plan.Macvlan):
        parent = state.link(parent.parent)
    return parent


def _siblings(state: plan.State, parent: plan.AnyLink, link: plan.Macvlan) -> list[plan.Macvlan]:
    return [
        other
        for other in state.links
        if isinstance(other, plan.Macvlan) and other.id != link.id and _parent(state, other) is parent
    ]


def _has_passthru(links: list[plan.Macvlan]) -> bool:
    return any(link.effective_mode == "passthru" for link in links)


def _in_use(parent: plan.AnyLink, siblings: list[plan.Macvlan], mac: str | None) -> bool:
    """macvlan_addr_busy()."""
    return mac is not None and (mac == parent.mac or any(s.up and s.mac == mac for s in siblings))
