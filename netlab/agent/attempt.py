"""Changes that the file expects the kernel to refuse: each is tried, and undone where the kernel accepted it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from netlab.agent import errors, links
from netlab.agent.build import Builder
from netlab.agent.errors import BuildFailed
from netlab.agent.links import Op
from netlab.agent.links.op import Level
from netlab.agent.netlink import address, set_up
from netlab.contract.types import AddLink, AnyChange, AnyLink, DeleteLink, SetLink, with_state

Stage = tuple[str, Callable[[], None]]


def attempt(builder: Builder, change: AnyChange) -> tuple[str, dict[str, Any]]:
    """Try a change; returns the link's id, and the result: errno (None: accepted), at which stage, message, command.

    The lab is then as before. Raises BuildFailed where an accepted change can't be undone.
    """
    match change:
        case AddLink():
            found = _tried(_stages(builder, change))
            if found["at"] == "create":
                builder.links.pop(change.link.id, None)
            else:
                builder.delete_link(DeleteLink(id=change.link.id, where=change.where))
            if found["at"] in ("join", "address"):
                found["at"] = "create"
            return change.link.id, found
        case SetLink():
            before, after = change.before, change.after
            found = _tried([("set", lambda: _set_all(builder, replace(change, before=_left(before, after))))])
            if found["errno"] is None:
                _set_all(builder, replace(change, before=_left(after, before), after=_disabled(builder, before)))
            builder.links[after.id] = before
            return after.id, found
    raise TypeError(f"{type(change).__name__} cannot be expected to be refused")


def _stages(builder: Builder, change: AddLink) -> list[Stage]:
    link = change.link

    def create() -> None:
        builder.links[link.id] = link
        builder.send([(op, change) for op in links.create(builder.context, link, up=False)])

    def join() -> None:
        builder.send([(op, change) for op in links.join(builder.context, link, up=False)])

    def give_addresses() -> None:
        # IPv6 may be off here, since it is for what the plan has alone.
        ns, index, dev = link.namespace, link.ifindex, link.ifname
        given = [one for one in link.addresses if one.family == 4]
        asked = (Op(ns, Level.HOST, address("add", ns, index, dev, one.ip, one.prefixlen)) for one in given)
        builder.send([(op, change) for op in asked])

    def bring_up() -> None:
        builder.ask(Op(link.namespace, Level.HOST, set_up(link.namespace, link.ifindex, link.ifname), "up"), change)

    return [("create", create), ("join", join), ("address", give_addresses), ("up", bring_up)]


def _tried(stages: list[Stage]) -> dict[str, Any]:
    for at, stage in stages:
        try:
            stage()
        except BuildFailed as failed:
            number = errors.name(failed.number)
            return {"errno": number, "at": at, "message": failed.message, "command": failed.command}
    return {"errno": None, "at": None, "message": "", "command": ""}


def _set_all(builder: Builder, change: SetLink) -> None:
    """Change a link and the state of its port, which otherwise has to wait for the carrier."""
    builder.set_link(change)
    builder.send([(op, change) for op in links.KINDS[type(change.after)].late(change.before, change.after)])


def _disabled(builder: Builder, link: AnyLink) -> AnyLink:
    """``link`` as it is, its port disabled if its bridge is down (br_stp_disable_bridge), whatever the plan keeps."""
    for plug in link.plugs:
        if plug.field != "own_port" and not builder.links[plug.bridge].up:
            link = with_state(link, plug, "disabled")
    return link


def _left(before: AnyLink, after: AnyLink) -> AnyLink:
    """``before`` without what the kernel throws away on the way to ``after`` (see netlab.plan.change.flushed)."""
    down = before.up and not after.up
    if down or before.mac != after.mac or (before.up and before.arp != after.arp):
        before = replace(before, neighbors=())
    if down or after.mtu < 1280 <= before.mtu:
        kept = tuple(item for item in before.addresses if item.family == 4 or item in after.addresses)
        before = replace(before, addresses=kept)
    return before
