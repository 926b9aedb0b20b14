"""One module per link kind. Each turns a link of the plan into netlink requests, and a change of it likewise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netlab.agent.links import bridge, macvlan, pair, switchlink, veth
from netlab.agent.links.op import At, Op
from netlab.contract.types import AnyLink, Bridge, Macvlan, Pair, Switch, SwitchLink, Veth

if TYPE_CHECKING:
    from netlab.agent.lab import Lab

__all__ = ["At", "Op", "changes", "create"]


def create(lab: Lab, link: AnyLink, *, up: bool) -> list[Op]:
    """The requests that make ``link``, brought up in the same message where ``up``."""
    match link:
        case Switch() | Bridge():
            return bridge.create(lab, link, up=up)
        case SwitchLink():
            return switchlink.create(lab, link, up=up)
        case Macvlan():
            return macvlan.create(lab, link, up=up)
        case Veth():
            return veth.create(lab, link, up=up)
        case Pair():
            return pair.create(lab, link, up=up)


def changes(lab: Lab, before: AnyLink, after: AnyLink) -> list[Op]:
    """The requests that change what is particular to the kind (not the address, state and MTU that all links have)."""
    match before, after:
        case Switch(), Switch():
            return bridge.changes(lab, before, after)
        case Bridge(), Bridge():
            return bridge.changes(lab, before, after)
        case Veth(), Veth():
            return veth.changes(lab, before, after)
        case Macvlan(), Macvlan():
            return macvlan.changes(lab, before, after)
        case Pair(), Pair():
            return []
        case SwitchLink(), SwitchLink():
            return switchlink.changes(lab, before, after)
    raise TypeError(f"{before.id} cannot change its kind")
