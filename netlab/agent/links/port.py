"""Options of a bridge port: IFLA_BRPORT_* and static entries of the forwarding table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from netlab.agent.errors import lacks
from netlab.agent.links.op import Level, Op
from netlab.agent.netlink import Request, fdb_entry, port_state, port_vlan, set_link, set_up
from netlab.agent.netlink import link as request
from netlab.contract.types import AnyLink, Port, PortState
from netlab.contract.types.parts import vlan_changes

#: Option of the plan, attribute, the word of ip(8) and of sysfs (net/bridge/br_sysfs_if.c).
OPTIONS = {
    "hairpin": ("IFLA_BRPORT_MODE", "hairpin", "hairpin_mode"),
    "isolated": ("IFLA_BRPORT_ISOLATED", "isolated", "isolated"),
    "learning": ("IFLA_BRPORT_LEARNING", "learning", "learning"),
    "flood": ("IFLA_BRPORT_UNICAST_FLOOD", "flood", "unicast_flood"),
    "mcast_flood": ("IFLA_BRPORT_MCAST_FLOOD", "mcast_flood", "multicast_flood"),
    "bcast_flood": ("IFLA_BRPORT_BCAST_FLOOD", "bcast_flood", "broadcast_flood"),
    "locked": ("IFLA_BRPORT_LOCKED", "locked", "locked"),
    "mab": ("IFLA_BRPORT_MAB", "mab", "mab"),
    "neigh_suppress": ("IFLA_BRPORT_NEIGH_SUPPRESS", "neigh_suppress", "neigh_suppress"),
    "proxy_arp": ("IFLA_BRPORT_PROXYARP", "proxy_arp", "proxyarp"),
    "proxy_arp_wifi": ("IFLA_BRPORT_PROXYARP_WIFI", "proxy_arp_wifi", "proxyarp_wifi"),
}
#: net/bridge: BR_STATE_*
STATES = {"disabled": 0, "listening": 1, "learning": 2, "forwarding": 3}

#: The first Linux that has one of them, where that is not all.
_SINCE = {"locked": "5.18", "mab": "6.2"}


def checks(link: AnyLink, port: Port, got: Mapping[str, Any]) -> list[tuple[str, object, object]]:
    """What the plan says of a port, and what was read. Raises BuildFailed where this kernel doesn't have an option."""
    for name, since in _SINCE.items():
        if getattr(port, name) and got[name] is None:
            raise lacks(name, since, link)
    return [(f"port's {name}", getattr(port, name), bool(got[name])) for name in OPTIONS]


def differences(before: Port, after: Port) -> dict[str, bool]:
    """The options that differ, with their new values."""
    return {name: getattr(after, name) for name in OPTIONS if getattr(before, name) != getattr(after, name)}


def with_options(port: Port, other: Port) -> Port:
    """The port with the other's options, and its own attachment, state, static entries and VLANs."""
    kept = ("attached", "up", "state", "fdb", "pvid", "untagged", "tagged")
    return replace(other, **{name: getattr(port, name) for name in kept})


def changes(ns: str, ifname: str, ifindex: int, bridge: AnyLink, before: Port, after: Port) -> list[Op]:
    """The requests from ``before`` to ``after``; a port that is enslaved anew starts with the defaults."""
    made: list[Request] = []
    if before.attached and not after.attached:
        made.append(set_link(ns, ifindex, ifname, "nomaster", {"IFLA_MASTER": 0}))
    if after.attached and not before.attached:
        made.append(set_link(ns, ifindex, ifname, f"master {bridge.ifname}", {"IFLA_MASTER": bridge.ifindex}))
        before = Port(up=before.up)
    if before.up != after.up:
        made.append(set_up(ns, ifindex, ifname, after.up))
    if after.attached and (wanted := differences(before, after)):
        options = {OPTIONS[name][0]: int(value) for name, value in wanted.items()}
        words = " ".join(f"{OPTIONS[name][1]} {'on' if value else 'off'}" for name, value in wanted.items())
        pairs = {"IFLA_LINKINFO": {"IFLA_INFO_SLAVE_KIND": "bridge", "IFLA_INFO_SLAVE_DATA": options}}
        made.append(request("set", pairs, f"bridge -n {ns} link set dev {ifname} {words}", index=ifindex))
    ops = [Op(ns, Level.PORT, one) for one in made]
    if not after.attached:
        return ops
    moved = list(vlan_changes(before, after, bridge.new_pvid))
    if moved and before.fdb:
        # An entry is made for the VLANs that the port has at that moment (br_fdb_add).
        ops += (Op(ns, Level.PORT, fdb_entry("delete", ns, ifindex, ifname, mac), gone=True) for mac in before.fdb)
        before = replace(before, fdb=())
    ops += (Op(ns, Level.PORT, port_vlan(ns, ifindex, ifname, *change)) for change in moved)
    for verb, macs in (("delete", _minus(before.fdb, after.fdb)), ("replace", _minus(after.fdb, before.fdb))):
        # A bridge has one entry for a MAC. The last port that lists it has it; another port has none to delete.
        entries = (fdb_entry(verb, ns, ifindex, ifname, mac) for mac in macs)
        ops += (Op(ns, Level.PORT, one, gone=verb == "delete") for one in entries)
    return ops


def own_vlans(bridge: AnyLink, before: Port, after: Port) -> list[Op]:
    """The requests that make a bridge's own interface a member of other VLANs."""
    ns, index, name = bridge.namespace, bridge.ifindex, bridge.ifname
    moved = vlan_changes(before, after, bridge.new_pvid)
    return [Op(ns, Level.PORT, port_vlan(ns, index, name, *change, own=True)) for change in moved]


def set_state(ns: str, ifname: str, ifindex: int, state: PortState) -> Op:
    """Set a port's state. The port must have carrier: when carrier comes later, the kernel sets it to forwarding again.

    (br_port_carrier_check, br_stp_enable_port; without carrier the kernel answers ENETDOWN.)
    """
    return Op(ns, Level.PORT, port_state(ns, ifindex, ifname, STATES[state]))


def _minus(these: tuple[str, ...], those: tuple[str, ...]) -> list[str]:
    return [mac for mac in these if mac not in those]
