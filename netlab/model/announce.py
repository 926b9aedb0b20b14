"""What hosts tell their neighbours of themselves between two states, and which switch ports learn of it.

A probe begins cold, so no announcement changes a letter. What it changes is what switches and neighbours have learned
before: without it they go on sending to where the address was.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from netlab.contract.dataclass import dataclass
from netlab.contract.types import Namespace, State
from netlab.model.compile import compile_state
from netlab.model.packets import Arp, Nd
from netlab.model.rules import rule
from netlab.model.sim import Sim, Unknown
from netlab.model.world import ALL_STATIONS, ARP, BROADCAST, IP6, MULTICAST, Device, Frame

FAILOVER = rule(
    "bond/failover-announces",
    "When another member becomes active, a bond announces each of its addresses (num_grat_arp times): switches then"
    " look for its MAC behind the new member.",
    "bond_change_active_slave",
    "drivers/net/bonding/bond_main.c",
)
PASSED_ON = rule(
    "macvlan/failover-announces",
    "A macvlan child announces its own addresses when the bond that it sits on has failed over; an ipvlan child"
    " doesn't.",
    "macvlan_device_event",
    "drivers/net/macvlan.c",
)
NOTIFY4 = rule(
    "arp/notify",
    "With arp_notify an interface announces its IPv4 addresses when it comes up or its MAC changes; by default it"
    " doesn't, and neighbours keep its old MAC until their entries grow old.",
    "inetdev_event",
    "net/ipv4/devinet.c",
)
NOTIFY6 = rule(
    "nd/notify",
    "With ndisc_notify an interface announces its IPv6 addresses when it comes up or its MAC changes.",
    "ndisc_netdev_event",
    "net/ipv6/ndisc.c",
)
#: ff02::1, and its MAC.
ALL_NODES, ALL_NODES_MAC = 0xFF02 << 112 | 1, "33:33:00:00:00:01"


@dataclass(frozen=True, slots=True)
class Announcement:
    """An interface (``link``) says that ``ip`` is at ``mac``: by a gratuitous ARP request, or an unsolicited neighbour
    advertisement. ``learned`` has the bridges that learn of it, each with the port behind which the MAC now is.

    ``unknown`` says why that isn't known.
    """

    link: str
    ip: str
    mac: str
    rule: str
    learned: tuple[tuple[str, str], ...] = ()
    unknown: str = ""


def announcements(before: State, after: State) -> tuple[Announcement, ...]:
    """What is announced on the way from one state to the next, each once, as far as the interface can send then."""
    world = compile_state(after)
    told: dict[tuple[str, str], str] = {}
    for link_id, family, why in _events(before, after):
        dev = world.devices[link_id]
        for one in _addresses(dev, family):
            told.setdefault((link_id, str(one)), why)
    found = []
    for (link_id, ip), why in told.items():
        dev = world.devices[link_id]
        if dev.running and dev.arp:
            sim = Sim(world)
            try:
                dev.transmit(sim, dev, _frame(dev, ip))
                sim.run()
            except Unknown as reason:
                found.append(Announcement(link_id, ip, dev.mac, why, unknown=str(reason)))
                continue
            learned = [(bridge.id, fdb[dev.mac].id) for bridge, fdb in sim.fdb.items() if dev.mac in fdb]
            found.append(Announcement(link_id, ip, dev.mac, why, tuple(learned)))
    return tuple(found)


def _events(before: State, after: State) -> Iterator[tuple[str, int, str]]:
    """The interfaces that announce addresses of a family, and by which rule."""
    earlier = {link.id: link for link in before.links}
    for link in after.links:
        old = earlier.get(link.id)
        if old is not None and link.announces(old):
            for family in (4, 6):
                yield link.id, family, FAILOVER
                for child in after.children_of(link.id):
                    if child.passes_on:
                        yield child.id, family, PASSED_ON
        if link.interface and link.up and old is not None and (not old.up or old.mac != link.mac):
            namespace = after.namespace(link.namespace)
            if _set(namespace, 4, link.ifname, "arp_notify"):
                yield link.id, 4, NOTIFY4
            if _set(namespace, 6, link.ifname, "ndisc_notify"):
                yield link.id, 6, NOTIFY6


def _set(namespace: Namespace, family: int, ifname: str, key: str) -> bool:
    """Whether a sysctl is on for an interface, or for all."""
    names = (ifname, "all", "default")
    values = [namespace.sysctl(f"net/ipv{family}/conf/{name}/{key}") for name in names]
    own = values[0] if values[0] is not None else values[2]
    return own not in (None, "0") or values[1] not in (None, "0")


def _addresses(dev: Device, family: int) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    if family == 4:
        return [ipaddress.IPv4Address(one[0]) for one in dev.addresses4]
    return [ipaddress.IPv6Address(one) for one in (*(a[0] for a in dev.addresses6), dev.linklocal) if one]


def _frame(dev: Device, ip: str) -> Frame:
    """A gratuitous ARP request (inetdev_send_gratuitous_arp), or an unsolicited advertisement (ndisc_send_unsol_na)."""
    value = int(ipaddress.ip_address(ip))
    if ":" not in ip:
        return Frame(BROADCAST, ALL_STATIONS, dev.mac, ARP, Arp(True, dev.mac, value, value))
    return Frame(MULTICAST, ALL_NODES_MAC, dev.mac, IP6, Nd(False, dev.mac, value, ALL_NODES, value))
