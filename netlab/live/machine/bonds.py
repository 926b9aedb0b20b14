"""A bond as an interface of a topology file, and what it knows that no file can say."""

from __future__ import annotations

from netlab.live.machine.values import Device, Space
from netlab.live.topology import Keys


def keys(device: Device, primary: str) -> Keys:
    """Its keys; ``primary`` is the name of the member that is preferred, empty where none is."""
    data = device.data
    found: Keys = {"type": "bond", "mode": str(data["mode"])}
    if (miimon := data.get("miimon") or 0) != (100 if data["mode"] == "802.3ad" else 0):
        found["miimon"] = str(miimon)
    if primary:
        found["primary"] = primary
    if data["mode"] == "active-backup":
        found["fail_over_mac"] = str(data["fail_over_mac"])
    if data.get("num_peer_notif") not in (None, 1):
        found["num_grat_arp"] = str(data["num_peer_notif"])
    return found


def lost(space: Space, device: Device) -> list[str]:
    """What of it a file can't say, in words."""
    found = []
    if device.data.get("arp_interval"):
        found.append("arp_interval: a bond watched by ARP")
    if device.carrier and not device.up:
        # A bond that is down doesn't look at its members, and in 802.3ad chooses no aggregator: one that has never been
        # up has a carrier by members that had one when they joined, or none (bond_enslave, bond_3ad_set_carrier).
        members = [one for one in space.devices if one.master == device.index]
        alive = any(not device.data.get("miimon") or (one.up and one.carrier) for one in members)
        if device.data["mode"] == "802.3ad" or not alive:
            found.append("down, it takes its members for what they were when it was up: a new one doesn't")
    return found
