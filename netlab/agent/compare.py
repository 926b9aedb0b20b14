"""Whether the kernel has built what the plan says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netlab.agent import routes
from netlab.agent.errors import BuildFailed
from netlab.agent.links import KINDS
from netlab.agent.links.port import checks as port_checks
from netlab.agent.netlink import dumps
from netlab.agent.netlink.constants import IFF
from netlab.agent.netns import Netns
from netlab.contract.types import AnyLink, Port, State

Link = dict[str, Any]


def check_link(link: AnyLink, mine: Link, *, exactly: bool = True) -> None:
    """Whether a link is what the plan says; unless ``exactly``, it may have further addresses. Raises BuildFailed."""
    for what, want, got in checks(link, mine, exactly=exactly):
        if want != got:
            raise differs(link.id, f"its {what} is {got}, the plan says {want}", link.where)


def check_changed(before: AnyLink, after: AnyLink, mine: Link, notes: list[str] | None) -> None:
    """The same of a link that programs may have changed: what the plan hasn't is noted. Raises BuildFailed."""
    planned = {what: want for what, want, _ in checks(before, mine)}
    for what, want, got in checks(after, mine):
        if want == got:
            continue
        lacking = planned.get(what) != want
        if what == "addresses":
            # Others may have come, and others may have gone, than those that the plan has added.
            lacking = not set(map(str, after.addresses)) - set(map(str, before.addresses)) <= set(mine["addresses"])
        if lacking:
            raise differs(after.id, f"its {what} is {got}, the plan says {want}", after.where)
        if notes is not None:
            notes.append(f"changed by a program: {after.id}: its {what} is {got}, the plan says {want}")


def checks(link: AnyLink, mine: Link, *, exactly: bool = True) -> list[tuple[str, object, object]]:
    """What is compared of a link, as the plan has it and as it is."""
    found: list[tuple[str, object, object]] = [("ARP", link.arp, mine["arp"])]
    if link.interface or not link.bridges:
        # A bridge takes the smallest MTU of its ports (br_mtu_auto_adjust), and its own doesn't limit what it forwards.
        found.append(("mtu", link.mtu, mine["mtu"]))
    if link.limit is not None:
        found.append(("queueing discipline", link.limit.kind, mine["qdisc"]))
    if link.netem is not None:
        found.append(("queueing discipline", "netem", mine["qdisc"]))
    if link.mac:
        found.append(("MAC", link.mac, mine["mac"]))
    if link.master is not None:
        found.append(("master", True, bool(mine["master"])))
    found += KINDS[type(link)].checks(link, mine)
    if link.own_port is not None and (got := mine.get("own_port")) is not None:
        found += port_checks(link, link.own_port, got)
    if link.interface:
        # A machine's own NIC may be used by others, too.
        found += ((name, getattr(link, name), mine[name]) for name in IFF if exactly)
        wanted = sorted(map(str, link.addresses))
        found.append(("addresses", wanted, sorted(one for one in mine["addresses"] if exactly or one in wanted)))
    return found


def check_vlans(
    namespaces: Mapping[str, Netns], state: State, found: Mapping[str, Link], notes: list[str] | None
) -> None:
    """Read the VLANs of ports of VLAN-aware bridges back, into ``found``, and compare them. What a program may have
    changed is noted. Raises BuildFailed."""
    aware = {link.id: link for link in state.links if link.filters_vlans}
    there = {ns: dumps.port_vlans(namespaces[ns].netlink) for ns in {link.namespace for link in aware.values()}}
    for link in state.links:
        own = [(link.own_port or Port(), link.id, link.place)] if link.id in aware else []
        for port, bridge, place in (*own, *((plug.port, plug.bridge, plug.place) for plug in link.plugs)):
            if bridge not in aware or not port.attached:
                continue
            read = there[place.namespace].get(place.ifindex, {})
            default = aware[bridge].new_pvid
            vlans = port.vlans(default)
            wanted: dict[str, object] = {"pvid": port.pvid_or(default)}
            for name, bare in (("untagged", True), ("tagged", False)):
                wanted[name] = [vid for vid, untagged in vlans.items() if untagged is bare]
            for name, value in wanted.items():
                if read.get(name) == value:
                    continue
                how = f"its port's {name} is {read.get(name)}, the plan says {value}"
                if notes is None or not namespaces[place.namespace].visited:
                    raise differs(link.id, how, link.where)
                notes.append(f"changed by a program: {link.id}: {how}")
            if place.id in (link.port_id, link.id) and found[link.id].get("port") is not None:
                found[link.id]["port"] |= read


def check_routes(namespaces: Mapping[str, Netns], state: State) -> None:
    """Whether all routes of the plan are there, in namespaces that no program of the user's was in."""
    for told in state.namespaces:
        ns = namespaces[told.id]
        if told.routes and not ns.visited:
            indexes = {link.name: link.ifindex for link in state.links_of(told.id)}
            if lost := routes.missing(ns.netlink, told.routes, indexes):
                words = f"its route {' '.join(lost.argv)} isn't there"
                raise BuildFailed(
                    0, f"{told.id} was built, but {words}", "ip route show table all", told.id, told.where
                )


def differs(link: str, how: str, where: Any) -> BuildFailed:
    """The error of a link that isn't what was asked for."""
    return BuildFailed(0, f"{link} was built, but {how}", "ip -d link show", link, where)
