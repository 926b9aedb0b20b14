"""The kinds of links: a row of this table for each. The code of a kind is in its own module."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from netlab.contract import types as plan
from netlab.contract.types.links import Bond, Dummy, Ipvlan, Ipvtap, Loopback, Vlan, Vrf, Vxlan
from netlab.model import (
    bond,
    bridge,
    dummy,
    ipvlan,
    loopback,
    macvlan,
    macvlan_refusal,
    ports,
    switchlink,
    veth,
    vlan,
    vrf,
    vxlan,
)
from netlab.model.build import Build
from netlab.model.device import Refused


def _nothing(*_: object) -> Iterator[Refused]:
    return iter(())


class Kind(NamedTuple):
    """What the model knows of a kind of link.

    ``compile`` makes its device and ports, and sets what the device does to frames. Links of a kind that comes
    ``first`` are made before the others, which need them. ``finish`` is called when all links are there. ``refuses``
    says what the kernel refuses of a new link, given the state before; ``refuses_change``, of a change, given the link
    before and after.
    """

    compile: Callable[[Build, Any], None]
    first: bool = False
    finish: Callable[[Build, Any], None] | None = None
    refuses: Callable[[plan.State, Any], Iterator[Refused]] = _nothing
    refuses_change: Callable[[plan.State, Any, Any], Iterator[Refused]] = _nothing


_CHILD = Kind(
    macvlan.compile_link,
    finish=macvlan.finish,
    refuses=macvlan_refusal.refuses,
    refuses_change=macvlan_refusal.refuses_change,
)
_IPVLAN = Kind(ipvlan.compile_link, refuses=ipvlan.refuses)
#: By the class of the link in the plan.
KINDS: dict[type[plan.AnyLink], Kind] = {
    plan.Switch: Kind(bridge.compile_switch, first=True, finish=ports.finish),
    plan.Bridge: Kind(bridge.compile_bridge, first=True, finish=ports.finish),
    plan.SwitchLink: Kind(switchlink.compile_link),
    plan.Veth: Kind(veth.compile_link, refuses_change=veth.refuses_change),
    plan.Pair: Kind(veth.compile_pair),
    plan.Macvlan: _CHILD,
    plan.Macvtap: _CHILD,
    Dummy: Kind(dummy.compile_link),
    Loopback: Kind(loopback.compile_link),
    Ipvlan: _IPVLAN,
    Ipvtap: _IPVLAN,
    Vxlan: Kind(vxlan.compile_link, refuses=vxlan.refuses, refuses_change=vxlan.refuses_change),
    Bond: Kind(bond.compile_link, first=True, finish=bond.finish),
    Vrf: Kind(vrf.compile_link, first=True),
    Vlan: Kind(vlan.compile_link, refuses=vlan.refuses, refuses_change=vlan.refuses_change),
}
