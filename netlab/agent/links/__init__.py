"""One module per link kind. Each turns a link of the plan into netlink requests, and a change of it likewise."""

from __future__ import annotations

from netlab.agent.links import bridge, macvlan, pair, switchlink, veth
from netlab.agent.links.op import At, BuildContext, Op
from netlab.contract.types import AnyLink, Bridge, Macvlan, Pair, Switch, SwitchLink, Veth

__all__ = ["At", "BuildContext", "Op", "changes", "create"]


def create(context: BuildContext, link: AnyLink, *, up: bool) -> list[Op]:
    """The requests that make ``link``, brought up in the same message where ``up``."""
    match link:
        case Switch() | Bridge():
            return bridge.create(context, link, up=up)
        case SwitchLink():
            return switchlink.create(context, link, up=up)
        case Macvlan():
            return macvlan.create(context, link, up=up)
        case Veth():
            return veth.create(context, link, up=up)
        case Pair():
            return pair.create(context, link, up=up)


def changes(context: BuildContext, before: AnyLink, after: AnyLink) -> list[Op]:
    """The requests that change options of the kind (not the address, state and MTU, which all links have)."""
    match before, after:
        case Switch(), Switch():
            return bridge.changes(context, before, after)
        case Bridge(), Bridge():
            return bridge.changes(context, before, after)
        case Veth(), Veth():
            return veth.changes(context, before, after)
        case Macvlan(), Macvlan():
            return macvlan.changes(context, before, after)
        case Pair(), Pair():
            return []
        case SwitchLink(), SwitchLink():
            return switchlink.changes(context, before, after)
    raise TypeError(f"{before.id} cannot change its kind")
