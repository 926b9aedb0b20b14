"""What the kernel refuses to make or to change, and with which errno."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.contract import types as plan
from netlab.model.rules import rule

_MACVLAN = "drivers/net/macvlan.c"

#: errno's name, when (create, up, set), rule
Refused = tuple[str, str, str]

BAD_MAC = rule(
    "refuse/multicast-mac",
    "An interface's MAC can't be a multicast address, nor all zeros, and no such MAC can be on a source list"
    " (EADDRNOTAVAIL).",
    "eth_prepare_mac_addr_change",
    "net/ethernet/eth.c",
)
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
STP_OWNS_STATE = rule(
    "refuse/stp-owns-port-state",
    "While a bridge runs STP nobody else sets the states of its ports (EBUSY).",
    "br_set_port_state",
    "net/bridge/br_netlink.c",
)
STATE_NEEDS_LINK = rule(
    "refuse/port-state-needs-link",
    "A port that is down, or has no carrier, takes no state but disabled (ENETDOWN).",
    "br_set_port_state",
    "net/bridge/br_netlink.c",
)


def predict_refusal(state_before: plan.State, change: plan.Change) -> Refused | None:
    """How the kernel refuses a change of a state: errno, when, rule; None where it accepts it."""
    if isinstance(change, plan.AddLink):
        return next(_creation(state_before, change.link), None)
    if isinstance(change, plan.SetLink):
        return next(_change(state_before, change.before, change.after), None)
    return None


def _creation(state: plan.State, link: plan.AnyLink) -> Iterator[Refused]:
    if _bad_mac(link.mac) or (isinstance(link, plan.Macvlan) and any(map(_bad_mac, link.allowed_macs))):
        yield "EADDRNOTAVAIL", "create", BAD_MAC
    if not isinstance(link, plan.Macvlan):
        return
    parent = _parent(state, link)
    siblings = _siblings(state, parent, link)
    if link.mtu > parent.mtu:
        yield "EINVAL", "create", CHILD_MTU
    if siblings and (link.effective_mode == "passthru" or _has_passthru(siblings)):
        yield "EINVAL", "create", PASSTHRU_ALONE
    if link.allowed_macs and link.effective_mode != "source":
        yield "EINVAL", "create", LIST_WITHOUT_SOURCE
    if link.effective_mode != "passthru" and _in_use(parent, siblings, link.mac):
        yield "EADDRINUSE", "up", MAC_IN_USE_UP


def _change(state: plan.State, before: plan.AnyLink, after: plan.AnyLink) -> Iterator[Refused]:
    if before.mac != after.mac and _bad_mac(after.mac):
        yield "EADDRNOTAVAIL", "set", BAD_MAC
    if isinstance(before, plan.Veth) and isinstance(after, plan.Veth):
        yield from _port(state, before, after)
    if not isinstance(before, plan.Macvlan) or not isinstance(after, plan.Macvlan):
        return
    parent = _parent(state, after)
    siblings = _siblings(state, parent, after)
    passthru = before.effective_mode == "passthru"
    if before.mac != after.mac and not passthru and _in_use(parent, siblings, after.mac):
        yield "EADDRINUSE", "set", MAC_IN_USE_SET
    if before.mtu != after.mtu and after.mtu > parent.mtu:
        yield "EINVAL", "set", CHILD_MTU
    if passthru != (after.effective_mode == "passthru"):
        yield "EINVAL", "set", PASSTHRU_FIXED
    if before.allowed_macs != after.allowed_macs and any(map(_bad_mac, after.allowed_macs)):
        yield "EADDRNOTAVAIL", "set", BAD_MAC
    if before.allowed_macs != after.allowed_macs and after.effective_mode != "source":
        yield "EINVAL", "set", LIST_WITHOUT_SOURCE
    if after.up and not before.up and not passthru and _in_use(parent, siblings, after.mac):
        yield "EADDRINUSE", "set", MAC_IN_USE_UP


def _port(state: plan.State, before: plan.Veth, after: plan.Veth) -> Iterator[Refused]:
    if before.port.state == after.port.state or not after.port.attached:
        return
    switch = state.link(after.switch)
    if isinstance(switch, plan.Switch) and switch.stp:
        yield "EBUSY", "set", STP_OWNS_STATE
    if after.port.state != "disabled" and not (after.up and after.port.up):
        yield "ENETDOWN", "set", STATE_NEEDS_LINK


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


def _bad_mac(mac: str | None) -> bool:
    """Not is_valid_ether_addr()."""
    return mac is not None and (bool(int(mac[:2], 16) & 1) or not int(mac.replace(":", ""), 16))
