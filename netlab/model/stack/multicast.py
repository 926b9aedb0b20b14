"""Multicasts: those of a layer, to a group that all interfaces have joined, and packets to the groups of tunnels.

Bridges flood both whether they snoop or not: nobody in a lab is a querier, and without one nothing is held back
(br_multicast_querier_exists). No router passes them on: the layer's group is link-local, and so is a tunnel's TTL of 1.
"""

from __future__ import annotations

import ipaddress

from netlab.contract.types import GROUPS
from netlab.model.packets import Ip
from netlab.model.rules import rule
from netlab.model.sim import Sim, Unknown
from netlab.model.stack import fib, ipv6
from netlab.model.world import IP4, IP6, MULTICAST, Device, Frame

#: What a datagram of this layer is called in a story.
PHASE = "multicast"
#: By family: the group, and its MAC (ip_eth_mc_map, ipv6_eth_mc_map).
_GROUPS = {family: int(ipaddress.ip_address(text)) for family, text in GROUPS.items()}
_MACS = {4: "01:00:5e:00:00:fe", 6: "33:33:00:00:01:14"}
#: Bytes of IP: the headers, and a mark of 12 bytes.
_SIZES = {4: 40, 6: 60}

HEARD = rule(
    "multicast/joined",
    "A multicast that comes in is given to the programs that have joined its group at this interface.",
    "ip_check_mc_rcu",
    "net/ipv4/igmp.c",
)
SOURCE_REFUSED = rule(
    "multicast/source-refused",
    "A multicast over IPv4 is dropped where a packet of its sender would be: if the address is the namespace's own,"
    " without accept_local, and by rp_filter.",
    "ip_mc_validate_source",
    "net/ipv4/route.c",
)

NOT_JOINED = rule(
    "multicast/no-membership",
    "Where igmp_max_memberships is 0 no program can join an IPv4 group (ENOBUFS), so none hears it.",
    "__ip_mc_join_group",
    "net/ipv4/igmp.c",
)
NO_MEMBER = rule(
    "multicast/not-a-member",
    "A multicast over IPv4 is dropped where nothing has joined its group at the interface that it comes in by.",
    "ip_route_input_rcu",
    "net/ipv4/route.c",
)
NO_ROUTE6 = rule(
    "multicast/down-has-no-route",
    "IPv6 takes in a multicast by the interface's route to ff00::/8. An interface that is down has none, nor has a bond"
    " whose members hear.",
    "addrconf_add_mroute",
    "net/ipv6/addrconf.c",
)


def joined(dev: Device) -> frozenset[str]:
    """The MACs of the groups that an interface has joined while this layer is probed."""
    there = {4: dev.addresses4 if dev.ns.joins else [], 6: dev.addresses6}
    return frozenset(_MACS[family] for family, addresses in there.items() if addresses)


def mac_of(group: int) -> str:
    """The MAC of an IPv4 group: its last 23 bits (ip_eth_mc_map)."""
    return "01:00:5e:" + (group & 0x7FFFFF).to_bytes(3, "big").hex(":")


def to_group(frame: Frame) -> bool:
    """Whether a frame carries a packet that is for every member of a group."""
    payload = frame.payload
    return payload.phase == PHASE or (frame.proto == IP4 and frame.cast == MULTICAST and payload.dst >> 28 == 0xE)


def frame(sim: Sim, dev: Device, family: int, src: int) -> Frame:
    """What a program sends to the group by an interface. Raises Unknown."""
    if family == 6 and dev.ns.custom_rules6:
        raise Unknown(f"policy rules of {dev.ns.id} may hide its routes for IPv6 multicasts")
    if dev is dev.vrf:
        raise Unknown(f"multicasts of {dev.id}, a VRF")
    packet = Ip(family, PHASE, src, _GROUPS[family], _SIZES[family], df=False)
    if dev.ns.netfilter is not None:
        dev.ns.netfilter.foresees(packet, "output", "postrouting")
    return Frame(MULTICAST, _MACS[family], dev.mac, IP4 if family == 4 else IP6, packet)


def receive(sim: Sim, dev: Device, packet: Ip, packet_type: int) -> None:
    """A multicast comes in (ip_route_input_rcu, ip6_mc_input)."""
    if packet.family == 6 and not dev.conf.ipv6:
        sim.note(PHASE, dev.id, "IPv6 is disabled", ipv6.DISABLED, end=dev is sim.goal)
        return
    if packet.family == 6 and not dev.up:
        sim.note(PHASE, dev.id, "it is down", NO_ROUTE6, end=dev is sim.goal)
        return
    if packet.family == 4 and not dev.ns.joins:
        sim.note(PHASE, dev.id, "it could not be joined there", NOT_JOINED, end=dev is sim.goal)
        return
    if dev.vrf is not None and dev is sim.goal and _by_vrf(dev, dev.vrf, packet):
        raise Unknown(f"whether {dev.vrf.id} takes a multicast at {dev.id}")
    if packet.family == 4 and fib.refused_source(dev.ns, dev, packet.src, packet.dst, None) is not None:
        sim.note(PHASE, dev.id, "the source is refused", SOURCE_REFUSED, end=dev is sim.goal)
        return
    if dev.ns.netfilter is not None and dev is sim.goal:
        dev.ns.netfilter.foresees(packet, "prerouting", "input")
    sim.note(PHASE, dev.id, "heard", HEARD)
    sim.heard[dev] = packet_type


def _by_vrf(dev: Device, vrf: Device, packet: Ip) -> bool:
    """Whether the state or the settings of its VRF may count for a multicast, which are not followed (vrf_ip_rcv)."""
    if packet.family == 6:
        return not (vrf.up and vrf.conf.ipv6)
    strict = any(one.conf.rp_filter or one.conf.accept_local for one in (dev, vrf))
    return not vrf.up or strict or packet.src in dev.ns.owned4


def arrive(sim: Sim, dev: Device, packet: Ip) -> None:
    """A tunnel's packet to its group comes in (ip_route_input_mc)."""
    if packet.dst not in dev.memberships:
        sim.note(packet.phase, dev.id, f"{ipaddress.IPv4Address(packet.dst)} isn't joined there", NO_MEMBER, end=True)
        return
    if fib.refused_source(dev.ns, dev, packet.src, 0, None) is not None:
        sim.note(packet.phase, dev.id, "the source is refused", SOURCE_REFUSED, end=True)
        return
    if dev.ns.netfilter is not None:
        dev.ns.netfilter.foresees(packet, "prerouting", "input")
    assert packet.arrive is not None
    packet.arrive(sim, dev.ns, dev)
