"""Whose a MAC is at a bridge: a static entry replaces another port's and the bridge's own."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netlab.contract.types import AnyLink, Plug
    from netlab.plan.lab import Lab
    from netlab.plan.memory import Memory


def take(lab: Lab, takers: Iterable[AnyLink]) -> None:
    """Take the static entries of links' ports, one link after the other, from the other ports of their bridges, since a
    bridge has one entry for a MAC (fdb_add_entry); where it filters VLANs, one in each. Two ports of which each then
    keeps some are refused."""
    takers = [one for one in takers if any(plug.attached and plug.port.fdb for plug in one.plugs)]
    holders: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for link in lab.links.values() if takers else ():
        for plug in link.plugs:
            for mac in plug.port.fdb if plug.attached else ():
                holders.setdefault((plug.bridge, mac), []).append((link.id, plug.field))
    for taker in takers:
        for plug in lab.links[taker.id].plugs:
            macs = plug.port.fdb if plug.attached else ()
            found = dict.fromkeys(one for mac in macs for one in holders[plug.bridge, mac])
            for link_id, field in found:
                if link_id != taker.id:
                    _leave(lab, lab.links[link_id], field, taker, plug)


def _leave(lab: Lab, link: AnyLink, field: str, taker: AnyLink, plug: Plug) -> None:
    loser = next(one for one in link.plugs if one.field == field)
    if {*loser.port.fdb}.isdisjoint(plug.port.fdb):
        return  # another one has taken it
    bridge = lab.links[loser.bridge]
    vlans, left = (one.port.vlans(bridge.new_pvid).keys() for one in (plug, loser))
    if bridge.filters_vlans and not vlans & left:
        return
    if bridge.filters_vlans and not vlans >= left and taker.where is not None:
        mac = next(mac for mac in loser.port.fdb if mac in plug.port.fdb)
        words = f"{mac} has a static entry at the port of {link.id}, too, in some of its VLANs ({min(vlans & left)})"
        lab.file.problems.add(taker.where, words, "list it at one of them, or at ports that share all VLANs or none")
    kept = tuple(mac for mac in loser.port.fdb if mac not in plug.port.fdb)
    lab.set(link, **{loser.field: replace(loser.port, fdb=kept)})


def follow(memory: Memory, links: Collection[AnyLink]) -> None:
    """Bring ``memory.disowned`` up to date after a change.

    A static entry for the MAC of the bridge, or of one of its ports, replaces the local entry (fdb_add_entry). When it
    is deleted there is none, until the MAC is set anew (br_fdb_change_mac_address, br_fdb_changeaddr).
    """
    before, memory.static = memory.static, _static(links)
    lost = {(bridge, mac) for bridge, macs in before.items() for mac in macs - memory.static.get(bridge, set())}
    if lost or memory.disowned:
        own = _own(links)
        memory.disowned = {(bridge, mac) for bridge, mac in lost | memory.disowned if mac in own.get(bridge, ())}


def _static(links: Collection[AnyLink]) -> dict[str, set[str]]:
    """The MACs of all static entries, by bridge."""
    found: dict[str, set[str]] = {}
    for link in links:
        for plug in link.plugs:
            if plug.port.attached and plug.port.fdb:
                found.setdefault(plug.bridge, set()).update(plug.port.fdb)
    return found


def _own(links: Collection[AnyLink]) -> dict[str, set[str]]:
    """The MACs of each bridge and its ports."""
    pairs: list[tuple[str, str | None]] = []
    for link in links:
        if link.bridges:
            pairs.append((link.id, link.mac))
        pairs += ((plug.bridge, plug.mac) for plug in link.plugs if plug.attached)
    found: dict[str, set[str]] = {}
    for bridge, mac in pairs:
        if mac is not None:
            found.setdefault(bridge, set()).add(mac)
    return found
