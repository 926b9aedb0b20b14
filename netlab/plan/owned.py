"""A bridge's own MACs: a static entry replaces a local one, and when it is deleted none is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netlab.plan.lab import Lab


def follow(lab: Lab) -> None:
    """Bring ``lab.disowned`` up to date after a change.

    A static entry for the MAC of the bridge, or of one of its ports, replaces the local entry (fdb_add_entry). When it
    is deleted there is none, until the MAC is set anew (br_fdb_change_mac_address, br_fdb_changeaddr).
    """
    before, lab.static = lab.static, _static(lab)
    lost = {(bridge, mac) for bridge, macs in before.items() for mac in macs - lab.static.get(bridge, set())}
    if lost or lab.disowned:
        own = _own(lab)
        lab.disowned = {(bridge, mac) for bridge, mac in lost | lab.disowned if mac in own.get(bridge, ())}


def _static(lab: Lab) -> dict[str, set[str]]:
    """The MACs of all static entries, by bridge."""
    found: dict[str, set[str]] = {}
    for link in lab.links.values():
        for plug in link.plugs:
            if plug.port is not None and plug.port.attached and plug.port.fdb:
                found.setdefault(plug.bridge, set()).update(plug.port.fdb)
    return found


def _own(lab: Lab) -> dict[str, set[str]]:
    """The MACs of each bridge and its ports."""
    pairs: list[tuple[str, str | None]] = []
    for link in lab.links.values():
        if link.bridges:
            pairs.append((link.id, link.mac))
        pairs += ((plug.bridge, plug.mac) for plug in link.plugs if plug.attached)
    found: dict[str, set[str]] = {}
    for bridge, mac in pairs:
        if mac is not None:
            found.setdefault(bridge, set()).add(mac)
    return found
