"""Bonds of a random topology: two or three wires each, and what happens to these."""

from __future__ import annotations

from tests.fuzz.lan import Document, Lan, Nic

NAME = "bond0"
MODES = ("active-backup", "balance-xor", "balance-rr", "802.3ad")
#: Options of the switch port behind a member.
PORTS = ("hairpin", "isolated", "flood", "mcast_flood", "bcast_flood", "learning", "attached")


def bond(lan: Lan, host: str) -> None:
    """A bond of a host, whose members are no interfaces for others to choose."""
    # LACP takes places at a switch that learns few MACs, at any time.
    few = any("fdb_max_learned" in switch for switch in lan.document["switches"].values())
    spec: Document = {"type": "bond", "mode": lan.pick(MODES, (8, 3, 1, 0 if few else 2))}
    given = lan.document["hosts"][host]["interfaces"]
    given[NAME] = spec
    members = [f"w{k}" for k in range(lan.pick((2, 3, 1), (6, 2, 1)))]
    switches = list(lan.document["switches"])
    if spec["mode"] == "802.3ad":
        # An aggregator has one partner; which one of several is chosen when, timers decide.
        switches = [lan.pick(switches)]
    for name in members:
        given[name] = {"switch": lan.pick(switches), "master": NAME}
        if lan.chance(0.15, "link-down"):
            given[name]["state"] = "down"
        if lan.chance(0.15):
            given[name]["port"] = {lan.pick(PORTS): lan.chance(0.5)}
    if lan.chance(0.85) or spec["mode"] == "802.3ad":
        spec["miimon"] = 20
    if spec["mode"] == "active-backup":
        if lan.chance(0.4):
            spec["primary"] = lan.pick(members)
        if lan.chance(0.4):
            spec["fail_over_mac"] = lan.pick(("active", "follow", "none"))
    lan.nics.append(Nic(host, host, NAME, spec))
    lan.members[host] = members


def change(lan: Lan, step: Document) -> None:
    """One wire of a bond is cut or mended, or the bond is told another primary."""
    bonds = [nic for nic in lan.living() if nic.spec.get("type") == "bond"]
    if not bonds:
        return
    nic = lan.pick(bonds)
    member = lan.pick(lan.members[nic.host])
    given = step.setdefault("set", {})
    match lan.pick(("state", "port", "primary"), (4, 3, 1)):
        case "primary" if nic.spec["mode"] == "active-backup" and nic.id not in given:
            given[nic.id] = {"primary": member}
        case "port":
            given[f"{nic.host}:{member}"] = {"port": {"up": lan.chance(0.5)}}
        case _:
            given[f"{nic.host}:{member}"] = {"state": "up" if lan.chance(0.5) else "down"}
