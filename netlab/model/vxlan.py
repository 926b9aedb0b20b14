"""vxlan: frames in UDP packets, which the namespace's own stack sends and receives.

Another end is found by the MAC that a frame is for: by a static entry, by what came in from there, or else every end
gets it, or the multicast group does. What is not told here is `Unknown`: IPv6 below, tunnels through nftables or into
themselves.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from functools import partial

from netlab.contract.types import State
from netlab.contract.types.links import Vxlan
from netlab.model.build import Build
from netlab.model.device import Refused, dead
from netlab.model.packets import Ip
from netlab.model.routes import Route
from netlab.model.rules import rule
from netlab.model.sim import Sim, Unknown
from netlab.model.stack import fib, ip, multicast
from netlab.model.world import IP4, MULTICAST, Device, Frame, Namespace
from netlab.plan import sysctls

_FILE = "drivers/net/vxlan/vxlan_core.c"

BY_ENTRY = rule(
    "vxlan/by-entry",
    "A frame to a MAC that has an entry goes in a UDP packet to that end of the tunnel alone; an end learns where the"
    " senders are of what comes in.",
    "vxlan_xmit",
    _FILE,
)
TO_ALL = rule(
    "vxlan/to-all-remotes",
    "A broadcast, and a frame to a MAC without an entry, goes to every remote of the tunnel.",
    "vxlan_xmit",
    _FILE,
)
TO_GROUP = rule(
    "vxlan/to-group",
    "A broadcast, and a frame to a MAC without an entry, goes to the tunnel's multicast group out of its `dev`, in a"
    " frame to the group's own MAC: no neighbour is asked for, and with a TTL of 1 no router passes it on.",
    "vxlan_xmit_one",
    _FILE,
)
JOIN_REFUSED = rule(
    "refuse/too-many-groups",
    "A tunnel comes up by joining its group: all those of one port share a socket, and it may be a member of"
    " igmp_max_memberships groups (ENOBUFS).",
    "__ip_mc_join_group",
    "net/ipv4/igmp.c",
)
NO_REMOTE = rule(
    "vxlan/no-remote",
    "A frame to a MAC without an entry is dropped where the tunnel has no remote.",
    "vxlan_xmit",
    _FILE,
)
NO_WAY = rule(
    "vxlan/no-way-to-remote",
    "No route leads to the other end, or not while the tunnel's interface is down: the frame is dropped, and nobody is"
    " told.",
    "vxlan_xmit_one",
    _FILE,
)
CIRCULAR = rule(
    "vxlan/circular-route",
    "The route to the other end of a tunnel leads into the tunnel itself: the frame is dropped.",
    "vxlan_xmit_one",
    _FILE,
)
NO_SOURCE = rule(
    "vxlan/no-source-address",
    "A namespace without an address sends a tunnel's packets from 0.0.0.0, and the other end refuses such a source.",
    "ip_route_input_slow",
    "net/ipv4/route.c",
)
ARRIVES = rule(
    "vxlan/arrives",
    "A UDP packet with the tunnel's port and number brings its frame in, whatever host it is from.",
    "vxlan_rcv",
    _FILE,
)
NOBODY = rule(
    "vxlan/nobody-listens",
    "No tunnel of that port and number is up in the namespace that the packet comes to: it is dropped.",
    "vxlan_rcv",
    _FILE,
)
OWN_MAC = rule(
    "vxlan/own-mac-comes-back",
    "A frame from the tunnel's own MAC is taken for its echo, and dropped.",
    "vxlan_set_mac",
    _FILE,
)
STATIC_ELSEWHERE = rule(
    "vxlan/static-entry-elsewhere",
    "With learning on, a frame is dropped if its sender has a static entry for another end than it comes from.",
    "vxlan_snoop",
    _FILE,
)
#: Groups for which no route is looked up (ipv4_is_local_multicast).
_LINK_LOCAL = ipaddress.IPv4Network("224.0.0.0/24")
#: A frame's header and those of the packet around it, in bytes (VXLAN_HEADROOM).
HEADROOM = 50


class _Tunnel:
    """An end of a tunnel: where its packets go."""

    def __init__(self, link: Vxlan, below: Device) -> None:
        self.below = below
        self.key = "vxlan", link.dstport, link.vni
        self.learning = link.learning
        #: it is sending: what comes back here is a tunnel in itself
        self.sending = False
        #: Why nothing is known of what it sends, and what is foreign to the plan in it.
        self.unknown = self.foreign = ""
        given = [*link.remotes, *(end for _, end in link.entries), *filter(None, (link.local,))]
        if any(":" in one for one in (*given, link.group or "")):
            self.unknown = f"the packets of {link.id} are IPv6"
        self.group = int(ipaddress.ip_address(link.group)) if link.group else 0
        numbers = {one: int(ipaddress.ip_address(one)) for one in given}
        self.local = numbers[link.local] if link.local else 0
        self.remotes = tuple(numbers[one] for one in link.remotes)
        self.entries: dict[str, tuple[int, ...]] = {}
        for mac, end in link.entries:
            self.entries[mac] = (*self.entries.get(mac, ()), numbers[end])


def compile_link(build: Build, link: Vxlan) -> None:
    """Make an end of a tunnel."""
    dev = build.device(link, link.kind)
    dev.running = link.up
    tunnel = _Tunnel(link, build.world.devices[link.dev])
    tunnel.foreign = build.foreign.get(link.id, "")
    ns = build.state.namespace(link.namespace)
    if tunnel.group and any(ns.sysctl(path) not in (None, sysctls.defaults()[path]) for path in sysctls.REPORTS4):
        tunnel.unknown = f"when {ns.id} reports its groups, from which switches learn"
    dev.ns.tunnels[tunnel.key] = dev, tunnel
    if tunnel.group and link.up:
        # The interface below is a member while the tunnel is up, whatever its own state (vxlan_open, ip_mc_up).
        tunnel.below.memberships |= {tunnel.group}
    dev.transmit = lambda sim, one, frame: transmit(sim, tunnel, one, frame)


def refuses(state: State, link: Vxlan) -> Iterator[Refused]:
    """Whether the group can be joined as it comes up."""
    if _crowded(state, link):
        yield "ENOBUFS", "up", JOIN_REFUSED


def refuses_change(state: State, before: Vxlan, after: Vxlan) -> Iterator[Refused]:
    """Whether the group can be joined when it is set up."""
    if not before.up and _crowded(state, after):
        yield "ENOBUFS", "set", JOIN_REFUSED


def _crowded(state: State, link: Vxlan) -> bool:
    """Whether the socket of a tunnel that is to be up can't join its group, too."""
    if not link.up or not link.group or ":" in link.group:
        return False
    most = state.namespace(link.namespace).sysctl("net/ipv4/igmp_max_memberships") or "20"
    place = link.namespace, link.dstport
    others = [
        one for one in state.links
        if isinstance(one, Vxlan) and one.id != link.id and (one.namespace, one.dstport) == place and one.up
    ]  # fmt: skip
    joined = {(one.group, one.dev) for one in others if one.group and ":" not in one.group}
    return (link.group, link.dev) not in joined and len(joined) >= int(most)


def transmit(sim: Sim, tunnel: _Tunnel, dev: Device, frame: Frame) -> None:
    """Send a frame to the ends that it may be for (vxlan_xmit)."""
    phase = frame.payload.phase
    if not dev.running and dead(sim, dev, phase):
        return
    if why := tunnel.foreign or tunnel.unknown:
        raise Unknown(why)
    if tunnel.sending or (multicast.to_group(frame) and getattr(frame.payload, "arrive", None) is not None):
        raise Unknown(f"what becomes of the packets of {dev.id} in a tunnel")
    if dev.ns.netfilter is not None and any(policy.mark[1] for policy in dev.ns.rules4):
        raise Unknown(f"whether nftables mark the packets of {dev.id} for a rule")
    known = tunnel.entries.get(frame.dst)
    if known is None and (learned := sim.fdb.get(dev, {}).get(frame.dst)) is not None:
        known = (learned,)
    if known is None and tunnel.group:
        _send_to_group(sim, tunnel, dev, frame)
        return
    if known is None:
        ends, why = tunnel.remotes, TO_ALL
    else:
        ends, why = known, BY_ENTRY
    if not ends:
        sim.note(phase, dev.id, f"no entry for {frame.dst}", NO_REMOTE, end=True)
    tunnel.sending = True
    try:
        # The first has the original, which is sent last. Only the remote that is told when the link is made is bound to
        # the interface: entries, those of further remotes too, and what was learned name none (rdst->remote_ifindex).
        for end in ends[1:]:
            _send(sim, tunnel, dev, frame, end, why, None)
        for end in ends[:1]:
            _send(sim, tunnel, dev, frame, end, why, tunnel.below if known is None else None)
    finally:
        tunnel.sending = False


def _send(sim: Sim, tunnel: _Tunnel, dev: Device, frame: Frame, end: int, why: str, bound: Device | None) -> None:
    """Send a frame to one end (vxlan_xmit_one)."""
    phase, there = frame.payload.phase, ipaddress.IPv4Address(end)
    way = fib.output(sim, dev.ns, end, tunnel.local, bound)
    if way.errno:
        sim.note(phase, dev.id, f"{there}: {way}", NO_WAY, end=True)
        return
    if way.dev is dev:
        sim.note(phase, dev.id, f"{there}: route {way.route}", CIRCULAR, end=True)
        return
    if not way.source:
        sim.note(phase, dev.id, f"{there}: from 0.0.0.0", NO_SOURCE, end=True)
        return
    size = frame.payload.size + HEADROOM
    if way.local or way.broadcast or size > way.dev.mtu:
        raise Unknown(f"the packets of {dev.id} to {there} are for its own host, for all, or too long for {way.dev.id}")
    packet = Ip(4, "udp-vxlan", way.source, end, size, df=False)
    packet.arrive = partial(_arrive, key=tunnel.key, source=way.source, frame=frame)
    sim.note(phase, dev.id, f"in a UDP packet to {there}", why)
    ip.send(sim, dev.ns, packet, bound, way)


def _send_to_group(sim: Sim, tunnel: _Tunnel, dev: Device, frame: Frame) -> None:
    """Send a frame to the group (vxlan_xmit_one, ip_route_output_key_hash_rcu)."""
    phase, below, group = frame.payload.phase, tunnel.below, ipaddress.IPv4Address(tunnel.group)
    if not below.up:
        sim.note(phase, dev.id, f"{group}: {below.id} is down", NO_WAY, end=True)
        return
    source = tunnel.local or fib.source_address(below, 0)
    if not source:
        if group in _LINK_LOCAL:
            raise Unknown(f"who takes a packet to {group} from 0.0.0.0")
        sim.note(phase, dev.id, f"{group}: from 0.0.0.0", NO_SOURCE, end=True)
        return
    route = fib.lookup(below.ns, tunnel.group, source, "lo", below)
    # A default route's gateway counts for nothing here (__mkroute_output).
    if route is None or route.plen < 4 or group in _LINK_LOCAL or fib.rejected(route):
        ways: Iterable[Route] = ()
    else:
        ways = route.ways or (route,)
    if any(way.gateway for way in ways):
        raise Unknown(f"to whom a route with a gateway sends what is for {group}")
    size = frame.payload.size + HEADROOM
    if size > below.mtu:
        raise Unknown(f"the packets of {dev.id} to {group} are too long for {below.id}")
    packet = Ip(4, "udp-vxlan", source, tunnel.group, size, df=False)
    packet.arrive = partial(_arrive, key=tunnel.key, source=source, frame=frame)
    if dev.ns.netfilter is not None:
        dev.ns.netfilter.foresees(packet, "output", "postrouting")
    sim.note(phase, dev.id, f"in a UDP packet to the group {group}", TO_GROUP)
    below.transmit(sim, below, Frame(MULTICAST, multicast.mac_of(tunnel.group), below.mac, IP4, packet))


def _arrive(sim: Sim, ns: Namespace, iif: Device, *, key: tuple[str, int, int], source: int, frame: Frame) -> None:
    """A packet has come to its destination (vxlan_rcv)."""
    phase, there = frame.payload.phase, ns.tunnels.get(key)
    if there is None or not there[0].up:
        sim.note(phase, iif.id, f"no vxlan {key[2]}, port {key[1]}, is up here", NOBODY, end=True)
        return
    dev, tunnel = there
    if tunnel.foreign:
        raise Unknown(tunnel.foreign)
    if frame.src == dev.mac:
        sim.note(phase, dev.id, "from its own MAC", OWN_MAC, end=True)
        return
    if tunnel.learning:
        known = tunnel.entries.get(frame.src)
        if known is not None:
            if known[0] != source:
                sim.note(phase, dev.id, f"{frame.src} has an entry for another end", STATIC_ELSEWHERE, end=True)
                return
        else:
            learned = sim.fdb.setdefault(dev, {})
            if learned.get(frame.src, source) != source:
                sim.contested = sim.moved = True
            learned[frame.src] = source
    sim.note(phase, dev.id, "out of the tunnel", ARRIVES)
    sim.backlog.append((dev.receive, dev, frame))
