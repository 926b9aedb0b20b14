"""One module per link kind: it turns a link of the plan into netlink requests, and compares what is read back.

`KINDS` is the table of them, `DRIVERS` that of the kernel's drivers: a new kind gets a row in each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from netlab.agent.links import (
    bond,
    bridge,
    dummy,
    ipvlan,
    loopback,
    macvlan,
    pair,
    port,
    switchlink,
    veth,
    vlan,
    vrf,
    vxlan,
)
from netlab.agent.links.op import At, BuildContext, Level, Op
from netlab.agent.links.port_tools import Log
from netlab.agent.netlink import peer, set_link, set_up
from netlab.contract.dataclass import dataclass
from netlab.contract.types import AnyLink, Bridge, Link, Macvlan, Macvtap, Pair, Port, SetLink, Switch, SwitchLink, Veth
from netlab.contract.types.links import Bond, Dummy, Ipvlan, Ipvtap, Loopback, Vlan, Vrf, Vxlan

__all__ = ["DRIVERS", "KINDS", "At", "BuildContext", "Op", "changes", "create", "join"]

#: What differs: the name of a value, what the plan says, what was read.
Check = tuple[str, object, object]


@dataclass(frozen=True)
class Kind:
    """What the agent does with links of a kind.

    ``create`` makes one, ``changes`` changes what is particular to the kind, ``checks`` compares that with what was
    read back. ``by_tools`` makes a change by another tool than netlink, as far as it can, and returns what is left to
    start from. ``late`` are changes that have to wait until there is a carrier.
    """

    create: Callable[..., list[Op]]
    changes: Callable[..., list[Op]] = lambda _context, _before, _after: []
    checks: Callable[..., list[Check]] = lambda _link, _read: []
    by_tools: Callable[[BuildContext, Log, SetLink], AnyLink] = lambda _context, _log, change: change.before
    late: Callable[..., list[Op]] = lambda _before, _after: []


@dataclass(frozen=True)
class Driver:
    """What is known of the kernel's driver of a kind: ``read`` takes the options out of IFLA_INFO_DATA.

    ``trial`` is the IFLA_INFO_DATA with which one is made to see whether this kernel has it; ``stacked`` ones need a
    lower device. Every lab needs those that are ``required``.
    """

    read: Callable[[Mapping[str, Any]], dict[str, Any]] | None = None
    trial: dict[str, Any] | None = None
    stacked: bool = False
    required: bool = False


_BRIDGE = Kind(bridge.create, bridge.changes, bridge.checks)
_MACVLAN = Kind(macvlan.create, macvlan.changes, macvlan.checks)
_IPVLAN = Kind(ipvlan.create, checks=ipvlan.checks)
KINDS: dict[type[Link], Kind] = {
    Switch: _BRIDGE,
    Bridge: _BRIDGE,
    SwitchLink: Kind(switchlink.create, switchlink.changes),
    Macvlan: _MACVLAN,
    Macvtap: _MACVLAN,
    Veth: Kind(veth.create, veth.changes, veth.checks, veth.by_tools, veth.late),
    Pair: Kind(pair.create),
    Dummy: Kind(dummy.create),
    Ipvlan: _IPVLAN,
    Ipvtap: _IPVLAN,
    Vxlan: Kind(vxlan.create, checks=vxlan.checks),
    Bond: Kind(bond.create, bond.changes, bond.checks),
    Vlan: Kind(vlan.create, checks=vlan.checks),
    Vrf: Kind(vrf.create, checks=vrf.checks),
    Loopback: Kind(loopback.create),
}
_CHILD = Driver(macvlan.read, {"IFLA_MACVLAN_MODE": macvlan.MODES["bridge"]}, stacked=True, required=True)
#: By the kernel's name of the kind.
DRIVERS: dict[str, Driver] = {
    "veth": Driver(trial={"VETH_INFO_PEER": peer({"IFLA_IFNAME": "peer"}, index=0)}, required=True),
    "bridge": Driver(bridge.read, required=True),
    "macvlan": _CHILD,
    "macvtap": replace(_CHILD, required=False),
    "dummy": Driver(),
    "ipvlan": (_IPVLANS := Driver(ipvlan.read, {"IFLA_IPVLAN_MODE": ipvlan.MODES["l2"]}, stacked=True)),
    "ipvtap": _IPVLANS,
    "vxlan": Driver(vxlan.read, {"IFLA_VXLAN_ID": 1, "IFLA_VXLAN_PORT": 4789}),
    "bond": Driver(bond.read),
    "vlan": Driver(vlan.read, {"IFLA_VLAN_ID": 1}, stacked=True),
    "vrf": Driver(vrf.read, {"IFLA_VRF_TABLE": 10}),
}


def create(context: BuildContext, link: AnyLink, *, up: bool) -> list[Op]:
    """The requests that make ``link``, brought up in the same message where ``up``; see `join` for a member."""
    return KINDS[type(link)].create(context, link, up=up)


def join(context: BuildContext, link: AnyLink, *, up: bool) -> list[Op]:
    """The requests that make a link a member of its master, while it is down, as some masters want it; then ``up``."""
    own = port.own_vlans(link, Port(), link.own_port) if link.bridges and link.own_port is not None else []
    if link.master is None:
        return own
    master, ns = context.links[link.master], link.namespace
    level = Level.PLUG if link.lower is None else context.level(link)
    words, pairs = f"master {master.ifname}", {"IFLA_MASTER": master.ifindex}
    made = [Op(ns, level, set_link(ns, link.ifindex, link.ifname, words, pairs), "create")]
    # A bond brings its members up.
    if up or link.member == "member":
        made.append(Op(ns, max(level, Level.HOST), set_up(ns, link.ifindex, link.ifname, link.up), "up"))
    if link.own_port is not None and not link.bridges:
        made += port.changes(ns, link.ifname, link.ifindex, master, Port(), link.own_port)
    return made + own


def changes(context: BuildContext, before: AnyLink, after: AnyLink) -> list[Op]:
    """The requests that change options of the kind (not the address, state and MTU, which all links have)."""
    if type(before) is not type(after):
        raise TypeError(f"{before.id} cannot change its kind")
    ops = KINDS[type(after)].changes(context, before, after)
    if before.own_port == after.own_port:
        return ops
    old, new = before.own_port or Port(), after.own_port or Port()
    if after.master is None or after.bridges:
        return [*ops, *port.own_vlans(after, old, new)]
    master = context.links[after.master]
    return [*ops, *port.changes(after.namespace, after.ifname, after.ifindex, master, old, new)]
