"""A bridge's own MACs: a static entry replaces a local one, and when it is deleted none is left."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netlab.contract.types import AnyLink
    from netlab.plan.memory import Memory


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
