"""IPv4: packets in, on to another host, out; and the ends of the ping."""

from __future__ import annotations

import ipaddress

from netlab.model.packets import SEGMENTS, Ip
from netlab.model.rules import rule
from netlab.model.sim import Sim
from netlab.model.stack import arp, fib, sockets
from netlab.model.world import ALL_STATIONS, BROADCAST, HOST, IP4, UNICAST, Device, Frame, Namespace

DELIVERED = rule(
    "ip/delivered",
    "A packet to an address of the namespace is delivered, whichever interface it came in by.",
    "ip_route_input_slow",
    "net/ipv4/route.c",
)
NOT_FORWARDED = rule(
    "ip/not-forwarding",
    "A packet to another host's address is dropped where forwarding is off.",
    "ip_route_input_slow",
    "net/ipv4/route.c",
)
FORWARDED = rule(
    "ip/forwarded",
    "With forwarding on a packet to another host's address is sent on by the namespace's routes.",
    "ip_forward",
    "net/ipv4/ip_forward.c",
)
TTL = rule(
    "ip/ttl-exceeded",
    "A packet that was forwarded too often is dropped.",
    "ip_forward",
    "net/ipv4/ip_forward.c",
)
TOO_LONG = rule(
    "ip/message-too-long",
    "A packet longer than the interface's MTU that must not be fragmented is refused at once (EMSGSIZE).",
    "raw_send_hdrinc",
    "net/ipv4/raw.c",
)
NEEDS_FRAGMENTING = rule(
    "ip/fragmentation-needed",
    "A router drops a packet longer than the next link's MTU that must not be fragmented.",
    "ip_forward",
    "net/ipv4/ip_forward.c",
)
UNREACHABLE = rule(
    "ip/unreachable",
    "No route leads to the destination (an interface that is down takes its routes along): nothing is sent, a program"
    " is told ENETUNREACH.",
    "ip_route_output_key_hash_rcu",
    "net/ipv4/route.c",
)
NO_BROADCAST = rule(
    "ip/broadcast-address",
    "The destination is a subnet's broadcast address, which a program can't just talk to: TCP is told ENETUNREACH,"
    " other sockets EACCES.",
    "udp_sendmsg",
    "net/ipv4/udp.c",
)
NO_ROUTE_BACK = rule(
    "ip/no-route-back",
    "The request has arrived, but no route leads from there back to the asker's address: no answer is sent.",
    "ip_route_output_key_hash_rcu",
    "net/ipv4/route.c",
)
LOOPBACK = rule(
    "ip/own-address-by-loopback",
    "A packet to an address of the namespace itself goes by lo and never touches a wire.",
    "ip_route_output_key_hash_rcu",
    "net/ipv4/route.c",
)
ON_LINK_IF_BOUND = rule(
    "ip/bound-means-on-link",
    "No route by this interface leads to the destination; as the socket is bound to it, Linux takes the"
    " destination to be on the link, and asks for it there.",
    "ip_route_output_key_hash_rcu",
    "net/ipv4/route.c",
)
BROADCAST_ANSWER = rule(
    "ip/answer-to-broadcast-address",
    "A ping from an address that is the broadcast address of the answering interface's own subnet is answered"
    " by a broadcast, which the asker takes; UDP and TCP don't get through.",
    "ip_route_output_key_hash_rcu",
    "net/ipv4/route.c",
)
ECHO_IGNORED = rule(
    "icmp/echo-ignore-all",
    "With icmp_echo_ignore_all no ping is answered.",
    "icmp_echo",
    "net/ipv4/icmp.c",
)
REDIRECT = rule(
    "ip/redirect",
    "A router that sends a packet out of the interface by which it came tells a directly connected sender of"
    " the shorter way, unless it has just done so. The sender then asks for that neighbour, and uses the shorter"
    " way from the second time on.",
    "ip_rt_send_redirect",
    "net/ipv4/route.c",
)
SOURCE_OF_ROUTE = rule(
    "ip/source-of-route",
    "A program that chooses no source address gets that of the route: its `src`, or of a connected route the address"
    " that made it.",
    "fib_result_prefsrc",
    "net/ipv4/fib_semantics.c",
)
SOURCE_OF_INTERFACE = rule(
    "ip/source-of-interface",
    "Where the route gives none, a program gets a primary address of the interface that the route leads out of: one of"
    " the gateway's subnet, else the first.",
    "inet_select_addr",
    "net/ipv4/devinet.c",
)
CONNECT = rule(
    "tcp/connect-looks-twice",
    "TCP's connect() looks for a route, takes the source address that belongs to it, and looks again with this address:"
    " only then do policy rules count that ask for a source.",
    "ip_route_connect",
    "include/net/route.h",
)


def way_out(sim: Sim, ns: Namespace, dst: int) -> fib.Output:
    """Where a packet goes that a program of the namespace sends from an unbound socket, and from which address."""
    way = fib.output(sim, ns, dst, 0, None)
    if way.errno:
        return way
    route = way.route
    what = f"route {route}, from {ipaddress.IPv4Address(way.source)}" if sim.hops is not None else ""
    sim.note(sim.request, way.dev.id, what, SOURCE_OF_ROUTE if route and route.source else SOURCE_OF_INTERFACE)
    if sim.request == "syn":
        again = fib.output(sim, ns, dst, way.source, None)
        if again.errno or again.dev is not way.dev or again.nexthop != way.nexthop:
            sim.note(sim.request, again.dev.id, f"with this source: {again.errno or f'route {again.route}'}", CONNECT)
        return again
    return way


def send(sim: Sim, ns: Namespace, packet: Ip, oif: Device | None, way: fib.Output | None = None) -> bool:
    """Send a packet of the namespace's own, by the way found; False where it is refused on the spot."""
    way = way or fib.output(sim, ns, packet.dst, packet.src, oif, packet.mark)
    if way.errno:
        why = way.rule or (UNREACHABLE if packet.phase in (sim.request, "redirect") else NO_ROUTE_BACK)
        sim.note(packet.phase, oif.id if oif else ns.id, str(way), why, end=True)
        return False
    if ns.netfilter is not None:
        sent = ns.netfilter.sent(sim, packet, way, lambda one: fib.output(sim, ns, one.dst, one.src, oif, one.mark))
        if sent is None:
            return False
        packet, way = sent
    if not arp.leaves(sim, way.dev, packet):
        return True
    if way.local:
        if not arp.fits(sim, way.origin.vrf or ns.lo, packet, TOO_LONG):
            return False
        sim.note(packet.phase, ns.lo.id, "an address of its own", LOOPBACK)
        if not arp.loops(sim, way.origin, packet):
            return True
        sim.backlog.append((loop, way.origin, Frame(UNICAST, "", "", IP4, packet)))
        return True
    dev = way.dev
    known = arp.neighbor(sim, dev, packet.dst, packet.phase) if way.broadcast else None
    fixed = known is not None and known.fixed
    if way.broadcast and packet.phase != "echo-reply" and not (fixed and packet.phase == "syn-ack"):
        # The kernel's own answers may be broadcasts; a socket's packets may not. TCP accepts only frames to its own MAC
        # (tcp_v4_rcv), as a static entry sends them.
        errno = "ENETUNREACH" if packet.phase in SEGMENTS else "EACCES"
        sim.note(packet.phase, dev.id, f"{errno}: a broadcast address", NO_BROADCAST, end=True)
        return False
    if not arp.fits(sim, dev, packet, TOO_LONG):
        return False
    if packet.size > dev.mtu:
        packet.size, packet.pieces = fragment(dev.mtu), True
    if way.broadcast and not fixed:
        sim.note(packet.phase, dev.id, "sent to everybody", BROADCAST_ANSWER)
        dev.transmit(sim, dev, Frame(BROADCAST, ALL_STATIONS, dev.mac, IP4, packet))
        return True
    sim.note(packet.phase, dev.id, "sent", ON_LINK_IF_BOUND if way.assumed else None)
    arp.send(sim, dev, way.nexthop, packet)
    return True


def fragment(mtu: int) -> int:
    """The size of the longest fragment (ip_do_fragment): the payload in multiples of eight bytes."""
    return (mtu - 20) // 8 * 8 + 20


def loop(sim: Sim, origin: Device, frame: Frame) -> None:
    """A packet comes up again through lo, or its VRF; its route was settled on the way out."""
    packet: Ip = frame.payload
    if packet.phase == sim.request and origin.ns in sim.servers:
        sim.loops(origin, packet.dst)
    if origin.ns.netfilter is not None:
        packet = origin.ns.netfilter.looped(sim, packet, origin.ns.lo)
        if packet is None:
            return
    deliver(sim, origin.ns, packet, origin, origin.vrf)


def receive(sim: Sim, dev: Device, frame: Frame, packet_type: int) -> None:
    """A packet comes in (ip_rcv, ip_route_input_slow)."""
    ns = dev.ns
    packet: Ip = frame.payload
    if packet_type != HOST and packet.dst not in dev.domain.local4:
        # A router sends on only what was for its own MAC (ip_forward).
        return
    if packet.phase == sim.request and ns in sim.servers:
        sim.entered.append(dev)
    if ns.netfilter is not None:
        packet = ns.netfilter.passes(sim, "prerouting", packet, dev, None)
        if packet is None:
            return
    sockets.enters(sim, dev, packet)
    if packet.dst in dev.domain.local4:
        refused = fib.refused_source(ns, dev, packet.src, packet.dst, None)
        if refused is not None:
            sim.note(packet.phase, dev.id, "the source is refused", refused, end=True)
            return
        if ns.netfilter is not None:
            packet = ns.netfilter.passes(sim, "input", packet, dev, None)
            if packet is None:
                return
        if sockets.takes(sim, dev, packet, packet_type):
            deliver(sim, ns, packet, dev, dev.vrf)
        return
    if not dev.conf.forwarding:
        sim.note(packet.phase, dev.id, "not an address of this namespace", NOT_FORWARDED, end=True)
        return
    _forward(sim, dev, packet)


def _forward(sim: Sim, dev: Device, packet: Ip) -> None:
    """Forward a packet that is not for this namespace (ip_mkroute_input, ip_forward)."""
    ns, phase = dev.ns, packet.phase
    route = fib.lookup(ns, packet.dst, packet.src, dev.name, None, packet.mark, dev.vrf)
    if route is not None and (refusal := fib.rejected(route)):
        sim.note(phase, dev.id, f"route {route}", refusal.rule, end=True)
        if refusal.tells:
            sockets.tell(sim, packet)
        return
    if route is None or route.type != "unicast":
        sim.note(phase, dev.id, "unreachable", UNREACHABLE, end=True)
        sockets.tell(sim, packet)
        return
    if route.ways:
        route = fib.choose(sim, route, packet.dst, packet.src)
    out = route.dev
    refused = fib.refused_source(ns, dev, packet.src, packet.dst, out)
    if refused is not None:
        sim.note(phase, dev.id, "the source is refused", refused, end=True)
        return
    if packet.ttl <= 1:
        sim.note(phase, dev.id, "the TTL is used up", TTL, end=True)
        sockets.tell(sim, packet)
        return
    on = packet.sent_on()
    if on.size > out.mtu:
        if on.df:
            what = f"{on.size} bytes, MTU {out.mtu}"
            sim.note(phase, out.id, what, NEEDS_FRAGMENTING, end=True)
            return
        on.size, on.pieces = fragment(out.mtu), True
    nexthop = route.gateway or packet.dst
    if out is dev and dev.conf.send_redirects and fib.direct(ns, dev, packet.src, packet.dst):
        _redirect(sim, dev, packet, nexthop)
    if ns.netfilter is not None:
        on = ns.netfilter.sent_on(sim, on, dev, out, nexthop)
        if on is None:
            return
    sim.note(phase, out.id, f"sent on from {dev.id}", FORWARDED)
    arp.send(sim, out, nexthop, on)


def _redirect(sim: Sim, dev: Device, packet: Ip, nexthop: int) -> None:
    """Send the sender a redirect (ip_rt_send_redirect), unless it got one not long ago (redirect_load)."""
    way = fib.output(sim, dev.ns, packet.src, 0, dev.vrf)
    if way.errno or way.local or way.broadcast:
        return
    sim.redirected = True
    if sim.schedule.silent:
        return
    sim.note("redirect", dev.id, "tells the sender of a shorter way", REDIRECT)
    redirect = Ip(4, "redirect", way.source, packet.src, 112, df=False)
    redirect.about = (packet.dst, nexthop, packet.phase)
    if dev.ns.netfilter is not None:
        sent = dev.ns.netfilter.sent(sim, redirect, way, lambda _: way)
        if sent is None:
            return
        redirect, way = sent
    arp.send(sim, way.dev, way.nexthop, redirect)


def _redirected(sim: Sim, ns: Namespace, packet: Ip, iif: Device) -> None:
    """A redirect arrives: the shorter way is used once its neighbour is resolved (__ip_do_redirect).

    A TCP socket ignores what comes while its owner is in connect() (tcp_v4_err: sock_owned_by_user).
    """
    dst, nexthop, phase = packet.about
    if not iif.conf.accept_redirects or phase == "syn-ack":
        return
    ways = [fib.output(sim, ns, dst, packet.dst, iif.vrf)] if phase.startswith(("echo", "udp-reply")) else []
    if ns is sim.client and phase == sim.request and not sim.connecting:
        ways.append(fib.output(sim, ns, dst, packet.dst, sim.sock))
    for way in ways:
        if not (way.errno or way.local or way.broadcast) and way.nexthop == packet.src:
            arp.solicit(sim, way.dev, nexthop, phase)


def deliver(sim: Sim, ns: Namespace, packet: Ip, iif: Device, vrf: Device | None) -> None:
    """A packet has arrived; `iif` is the interface that a socket believes it came in by, ``vrf`` that one's VRF."""
    phase = packet.phase
    if packet.arrive is not None:
        packet.arrive(sim, ns, iif)
    elif phase == "echo-request":
        if ns.echo_ignore:
            sim.note(phase, ns.id, "pings are not answered", ECHO_IGNORED, end=True)
            return
        sim.note(phase, iif.id, "arrived", DELIVERED)
        send(sim, ns, packet.answer("echo-reply", packet.size), vrf)
    elif phase == "redirect":
        _redirected(sim, ns, packet, iif)
    else:
        sockets.deliver(sim, ns, packet, iif, vrf, _STACK)


def _answer(sim: Sim, ns: Namespace, packet: Ip, oif: Device | None) -> None:
    send(sim, ns, packet, oif)


_STACK = sockets.Stack(4, 20, DELIVERED, _answer)
