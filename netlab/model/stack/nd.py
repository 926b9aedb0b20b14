"""Neighbour discovery: who answers a solicitation, and what a neighbour entry becomes (net/ipv6/ndisc.c)."""

from __future__ import annotations

from collections.abc import Iterable

from netlab.model.packets import Ip, Nd
from netlab.model.rules import rule
from netlab.model.sim import Sim, Unknown
from netlab.model.stack.arp import DEAF, PERMANENT, create, learn, neighbor, resolve
from netlab.model.world import IP6, MULTICAST, Device, Frame, cast_of

_FILE = "net/ipv6/ndisc.c"

OWN_ADDRESSES = rule(
    "nd/own-addresses-only",
    "An interface answers solicitations for its own addresses only, whatever else its namespace has.",
    "ndisc_recv_ns",
    _FILE,
)
ANSWERS = rule(
    "nd/answers",
    "An interface answers a solicitation for its address with its MAC, and notes the asker's.",
    "ndisc_recv_ns",
    _FILE,
)
UNRESOLVED = rule(
    "nd/unresolved",
    "Packets wait for a neighbour advertisement, and are given up when none comes.",
    "__neigh_event_send",
    "net/core/neighbour.c",
)
LAST_WINS = rule(
    "nd/last-advertisement-wins",
    "An answer to a multicast solicitation overrides an earlier one: of several the last is kept.",
    "ndisc_recv_na",
    _FILE,
)
ASKS_AS = rule(
    "nd/asks-by-own-address",
    "A solicitation carries the packet's source if that is the sending interface's, else its link-local.",
    "ndisc_solicit",
    _FILE,
)


def link_local(mac: str) -> int:
    """The link-local address made from a MAC (addrconf_ifid_eui48)."""
    octets = bytes.fromhex(mac.replace(":", ""))
    eui = bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return 0xFE80 << 112 | int.from_bytes(eui, "big")


def solicited_mac(address: int) -> str:
    """The multicast MAC of an address's solicited-node group."""
    low = address & 0xFFFFFF
    return f"33:33:ff:{low >> 16:02x}:{low >> 8 & 0xFF:02x}:{low & 0xFF:02x}"


def routers(devices: Iterable[Device], address: int) -> None:
    """Raise `Unknown` for a subnet-router anycast address (RFC 4291, 2.6.1), if one of `devices` is a router's."""
    for dev in devices:
        if address in dev.anycast6:
            raise Unknown(f"{dev.id} may take the address of its subnet's routers for its own")


def receive(sim: Sim, dev: Device, packet: Nd) -> None:
    """Handle a solicitation or an advertisement (ndisc_recv_ns, ndisc_recv_na)."""
    if packet.solicitation and not dev.arp:
        # Those of the model are multicasts.
        sim.note(packet.phase, dev.id, "arp is off", DEAF, end=True)
        return
    mine = packet.target == dev.linklocal or any(a[0] == packet.target for a in dev.addresses6)
    if packet.solicitation:
        if not mine:
            routers([dev], packet.target)
            sim.note(packet.phase, dev.id, "not an address of this interface", OWN_ADDRESSES)
            return
        learn(sim, dev, packet.src, packet.mac)
        sim.note(packet.phase, dev.id, "answered", ANSWERS)
        answer = Nd(False, dev.mac, packet.target, packet.src, packet.target)
        mac = sim.neigh[dev, packet.src].mac
        if _may_leave(sim, dev, answer):
            dev.transmit(sim, dev, Frame(cast_of(mac), mac, dev.mac, IP6, answer))
        return
    entry = sim.neigh.get((dev, packet.target))
    if entry is None or mine:
        return
    if not entry.mac:
        resolve(sim, dev, entry, packet.mac)
    elif entry.mac != packet.mac and not entry.fixed:
        sim.contested = True
        sim.note(packet.phase, dev.id, f"{entry.mac} becomes {packet.mac}", LAST_WINS)
        entry.mac = packet.mac


def _may_leave(sim: Sim, dev: Device, packet: Nd) -> bool:
    """Whether nftables lets a packet out (ndisc_send_skb)."""
    netfilter = dev.ns.netfilter
    return netfilter is None or all(
        netfilter.passes(sim, hook, packet, None, dev) is not None for hook in ("output", "postrouting")
    )


def send(sim: Sim, dev: Device, nexthop: int, packet: Ip, source: int) -> None:
    """Send an IPv6 packet to a neighbour, soliciting its MAC first where need be.

    ``source`` is the packet's source where it is the namespace's own, else 0.
    """
    entry = neighbor(sim, dev, nexthop, packet.phase)
    if entry is None:
        entry = create(sim, dev, nexthop)
        entry.queue.append(packet)
        sim.note(packet.phase, dev.id, "waits for a neighbour advertisement", UNRESOLVED)
        if not any(a[0] == source for a in dev.addresses6):
            sim.note("ns", dev.id, "asks by its link-local address", ASKS_AS)
            source = dev.linklocal
        solicitation = Nd(True, dev.mac, source, 0, nexthop)
        if _may_leave(sim, dev, solicitation):
            dev.transmit(sim, dev, Frame(MULTICAST, solicited_mac(nexthop), dev.mac, IP6, solicitation))
    elif not entry.mac:
        entry.queue.append(packet)
    else:
        if entry.fixed and entry.mac != dev.mac:
            sim.note(packet.phase, dev.id, f"a static entry: {entry.mac}", PERMANENT)
        dev.transmit(sim, dev, Frame(cast_of(entry.mac), entry.mac, dev.mac, IP6, packet))
