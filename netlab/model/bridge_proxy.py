"""Questions for a MAC that a bridge answers itself, by its own neighbours, or keeps from some of its ports.

It does so with the options proxy_arp, proxy_arp_wifi and neigh_suppress of its ports. It answers where it has a
neighbour entry for the address that is asked for (in a host the bridge's interface has it, a switch has those of the
file), and knows behind which port the entry's MAC is. What it answers it still floods, but not to suppressed ports.
"""

from __future__ import annotations

from netlab.model.packets import Arp, Nd, is_link_local
from netlab.model.rules import rule
from netlab.model.sim import Sim, Unknown
from netlab.model.world import ARP, IP6, UNICAST, Bridge, Device, Frame, Port

_FILE = "net/bridge/br_arp_nd_proxy.c"

PROXY_ANSWERS = rule(
    "bridge/proxy-arp-answers",
    "An ARP request that comes in by a port with proxy_arp is answered by the bridge, if it has a neighbour entry for"
    " the address, and the entry's MAC is in its forwarding database; not by a port whose interface has arp off.",
    "br_do_proxy_suppress_arp",
    _FILE,
)
SUPPRESS_ANSWERS = rule(
    "bridge/neigh-suppress-answers",
    "A bridge answers for what is behind a port with neigh_suppress (or, for ARP, proxy_arp_wifi), if it has a"
    " neighbour entry for the address, and the entry's MAC in its forwarding database.",
    "br_do_proxy_suppress_arp",
    _FILE,
)
NOT_FLOODED = rule(
    "bridge/proxy-arp-no-flood",
    "Nothing is flooded out of a port with proxy_arp: neither broadcasts and multicasts, not even the bridge's own, nor"
    " frames to unknown MACs.",
    "br_flood",
    "net/bridge/br_forward.c",
)
SUPPRESSED = rule(
    "bridge/neigh-suppressed",
    "A port with neigh_suppress is not sent what a bridge could answer, nor questions for an address of the bridge's"
    " own interface, nor announcements; other questions it is sent.",
    "br_flood",
    "net/bridge/br_forward.c",
)


#: Whether a frame must not be flooded to suppressed ports (proxyarp_replied), and the bridge's answer.
Told = tuple[bool, Frame | None]
_NOTHING: Told = False, None
_QUIETLY: Told = True, None


def told(sim: Sim, bridge: Bridge, port: Port | None, frame: Frame, vid: int) -> Told:
    """What a bridge makes of a frame that came in by ``port``; None is its own interface, which only ports with
    neigh_suppress concern. Its answer goes straight to the port's device, whatever the options of the port are.
    """
    packet, own = frame.payload, bridge.device
    if len(frame.tags) > 1:
        return _NOTHING  # what is behind a second tag it doesn't look at
    if frame.proto == ARP:
        if (port is None and not bridge.suppresses) or (own is not None and not own.arp):
            return _NOTHING
        return _arp(sim, bridge, port, frame, packet, vid)
    if frame.proto != IP6 or not bridge.suppresses or not isinstance(packet, Nd):
        return _NOTHING
    if port is not None and port.neigh_suppress:
        return _NOTHING
    if not packet.solicitation:
        # An announcement, to all nodes, is no answer; an answer may go to a group's MAC, by an entry of the file.
        return _QUIETLY if packet.dst >> 120 == 0xFF else _NOTHING
    return _known(sim, bridge, port, frame, packet, vid)


def _arp(sim: Sim, bridge: Bridge, port: Port | None, frame: Frame, packet: Arp, vid: int) -> Told:
    if bridge.suppresses:
        if port is not None and port.neigh_suppress:
            return _NOTHING
        if not packet.sender or packet.sender == packet.target:
            return _QUIETLY
    return _known(sim, bridge, port, frame, packet, vid) if packet.request else _NOTHING


def _known(sim: Sim, bridge: Bridge, port: Port | None, frame: Frame, packet: Arp | Nd, vid: int) -> Told:
    own, target = bridge.device, packet.target
    if vid:
        # It looks into the neighbours of a vlan interface on the bridge (__vlan_find_dev_deep_rcu).
        if own is None or vid not in own.vlans:
            return _NOTHING
        raise Unknown(f"{bridge.id} may answer for the neighbours of {own.vlans[vid].id}")
    if bridge.suppresses and own is not None and _own(own, target):
        return _QUIETLY
    mac = bridge.neighbors.get(target, "")
    if own is not None and (entry := sim.neigh.get((own, target))) is not None:
        mac = entry.mac
    behind = bridge.locals.get(mac) or sim.database(bridge).get(mac)
    if not mac or (behind is None and mac not in bridge.locals):
        return _NOTHING
    proxy = frame.proto == ARP and port is not None and port.proxy_arp
    wifi = frame.proto == ARP and behind is not None and behind.proxy_arp_wifi
    if not (proxy or wifi or (behind is not None and behind.neigh_suppress)):
        return bridge.suppresses, None
    if port is None:
        raise Unknown(f"{bridge.id} would answer what its own host asks")
    if frame.proto == ARP and port.device is not None and not port.device.arp:
        # arp_send sends nothing there; all the same it counts as answered.
        return _QUIETLY
    sim.note(packet.phase, port.id, f"the bridge answers: {mac}", PROXY_ANSWERS if proxy else SUPPRESS_ANSWERS)
    # Where it keeps no VLANs apart it answers a question with a tag without one.
    answer: Arp | Nd
    if isinstance(packet, Arp):
        answer = Arp(False, mac, target, packet.sender)
    else:
        answer = Nd(False, mac, target, packet.src, target)
    return True, Frame(UNICAST, packet.mac, mac, frame.proto, answer)


def _own(dev: Device, target: int) -> bool:
    """Whether an address is one of the bridge's interface, or of what sits on that (br_is_local_ip).

    Of IPv6 any address of the namespace counts that isn't link-local (br_chk_addr_ip6, ipv6_chk_addr).
    """
    for one in dev.above():
        if target == one.linklocal or any(target == a[0] for a in (*one.addresses4, *one.addresses6)):
            return True
        others = (a[0] for other in one.ns.devices for a in other.addresses6)
        if not is_link_local(target) and target in others:
            return True
    return False
