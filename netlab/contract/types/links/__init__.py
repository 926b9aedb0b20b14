"""The kinds of links: a module each, and here the table of them."""

from __future__ import annotations

from typing import get_args

from netlab.contract.types.links.base import FLAGS, Link, Place, Plug, joins, stack, tags, with_state
from netlab.contract.types.links.bond import Bond
from netlab.contract.types.links.bridge import Bridge, Switch
from netlab.contract.types.links.dummy import Dummy
from netlab.contract.types.links.ipvlan import Ipvlan, Ipvtap
from netlab.contract.types.links.loopback import Loopback
from netlab.contract.types.links.macvlan import Macvlan, Macvtap
from netlab.contract.types.links.pair import Pair
from netlab.contract.types.links.switchlink import SwitchLink
from netlab.contract.types.links.veth import Veth, nics
from netlab.contract.types.links.vlan import Vlan
from netlab.contract.types.links.vrf import Vrf
from netlab.contract.types.links.vxlan import Vxlan

AnyLink = (
    Veth
    | Macvlan
    | Macvtap
    | Switch
    | SwitchLink
    | Bridge
    | Pair
    | Dummy
    | Ipvlan
    | Ipvtap
    | Vxlan
    | Bond
    | Vlan
    | Vrf
    | Loopback
)
_KINDS = get_args(AnyLink)
#: The modes and flags of all kinds.
MODES: tuple[str, ...] = tuple(dict.fromkeys(mode for one in _KINDS for mode in one.modes))
PORT_FLAGS: tuple[str, ...] = tuple(dict.fromkeys(flag for one in _KINDS for flag in one.port_flags))
#: The kinds of interfaces that take members, and what these are then: ``port`` of a bridge. Those come first that are
#: no members themselves.
TAKERS: dict[str, str] = {
    one.kind: one.members for one in sorted(_KINDS, key=lambda one: not one.no_part) if one.interface and one.members
}
#: The driver of each kind of interface that takes what comes in at the link below it; empty for other kinds.
TAKES: dict[str, str] = {one.kind: one.takes for one in _KINDS if one.interface}
#: What a file may ask for: the kinds of interfaces, as iproute2 calls them.
INTERFACES: tuple[str, ...] = tuple(dict.fromkeys(one.kind for one in _KINDS if one.interface))
