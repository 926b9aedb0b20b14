"""IPv6: packets in, on to another host, out; and the ends of the ping.

Unlike IPv4 there is no source validation and no ARP flux: an interface answers for its own addresses
only, and an echo reply prefers the interface by which the request came.
"""

from __future__ import annotations

import ipaddress

from netlab.model.packets import Ip, Nd, is_link_local
from netlab.model.routes import Route
from netlab.model.rules import rule
from netlab.model.sim import Sim, Unknown
from netlab.model.stack import arp, fib, nd, sockets
from netlab.model.world import HOST, IP6, UNICAST, Device, Frame, Namespace

_OUTPUT = "net/ipv6/ip6_output.c"
_ROUTE = "net/ipv6/route.c"

DISABLED = rule(
    "ipv6/disabled",
    "With disable_ipv6 an interface drops every IPv6 packet.",
    "ip6_rcv_core",
    "net/ipv6/ip6_input.c",
)
UNREACHABLE = rule(
    "ipv6/unreachable",
    "No route leads to the destination: a program is told ENETUNREACH. Unlike IPv4, being bound to an interface doesn't"
    " make it on-link.",
    "ip6_pol_route",
    _ROUTE,
)
NO_ROUTE_BACK = rule(
    "ipv6/no-route-back",
    "The request has arrived, but no route leads from there back to the asker's address: no answer is sent.",
    "ip6_pol_route",
    _ROUTE,
)
LOOPBACK = rule(
    "ipv6/own-address-by-loopback",
    "A packet to an address of the namespace itself goes by lo and never touches a wire.",
    "ip6_pol_route",
    _ROUTE,
)
NOT_FORWARDED = rule(
    "ipv6/not-forwarding",
    "A packet to another host's address is dropped where conf/all/forwarding is off, and force_forwarding is off on"
    " the interface by which it came.",
    "ip6_forward",
    _OUTPUT,
)
FORWARDED = rule(
    "ipv6/forwarded",
    "With conf/all/forwarding on, or force_forwarding on the interface by which it came, a packet to another host's"
    " address is sent on by the namespace's routes.",
    "ip6_forward",
    _OUTPUT,
)
FORWARD_BY_INGRESS = rule(
    "ipv6/forwarding-prefers-ingress",
    "Of equally good routes a packet that is sent on takes that of the interface by which it came in.",
    "ip6_pol_route_input",
    _ROUTE,
)
HOP_LIMIT = rule(
    "ipv6/hop-limit",
    "A packet that was forwarded too often is dropped.",
    "ip6_forward",
    _OUTPUT,
)
TOO_BIG = rule(
    "ipv6/packet-too-big",
    "A router never fragments: it drops a packet longer than the next link's MTU.",
    "ip6_forward",
    _OUTPUT,
)
TOO_LONG = rule(
    "ipv6/message-too-long",
    "A packet longer than the interface's MTU that must not be fragmented is refused at once (EMSGSIZE).",
    "rawv6_send_hdrinc",
    "net/ipv6/raw.c",
)
DELIVERED = rule(
    "ipv6/delivered",
    "A packet to an address of the namespace is delivered, whichever interface it came in by.",
    "ip6_input",
    "net/ipv6/ip6_input.c",
)
ECHO_IGNORED = rule(
    "icmp6/echo-ignore-all",
    "With net.ipv6.icmp.echo_ignore_all no IPv6 ping is answered.",
    "icmpv6_rcv",
    "net/ipv6/icmp.c",
)
REPLY_BY_INGRESS = rule(
    "icmp6/reply-prefers-ingress",
    "Of equally good routes an echo reply takes that of the interface by which the request came in.",
    "icmpv6_echo_reply",
    "net/ipv6/icmp.c",
)
SOURCE = rule(
    "ipv6/source-address",
    "A program that chooses no source address gets the route's `src`, else the destination itself if it is local, else"
    " an address of the interface that the route leads out of, of the same kind, with the longest prefix in common; of"
    " equals the newest (RFC 6724).",
    "ipv6_dev_get_saddr",
    "net/ipv6/addrconf.c",
)

#: Prefixes by which a source and a destination are of a kind (ip6addrlbl_init_table).
LABELS = tuple(
    (int(network.network_address), network.prefixlen)
    for network in map(
        ipaddress.IPv6Network,
        ("::1/128", "::ffff:0:0/96", "::/96", "2001:10::/28", "2001::/32", "2002::/16", "fc00::/7", "::/0"),
    )
)


def output(
    sim: Sim, ns: Namespace, dst: int, src: int, oif: Device | None, strict: bool, iif: Device | None = None,
    mark: int = 0,
) -> fib.Output:  # fmt: skip
    """Where a packet goes (ip6_dst_lookup_tail, or from ``iif`` ip6_route_input); ``src`` 0: it has no source yet.

    ``oif`` is binding where ``strict`` (a bound socket), else only a preference among equal routes; so is ``iif``.
    """
    key = ("out6", dst, src, oif, strict, iif, mark)
    found: fib.Output | None = ns.cache.get(key)
    if found is None:
        found = _output(sim, ns, dst, src, oif, strict, iif, mark)
        if is_link_local(dst):
            # ipv6_dev_get_saddr: of all candidates that with the smallest scope that is enough.
            found.source = src or found.origin.linklocal
        elif not src and iif is None and not (found.errno and not found.dev.domain.candidates6):
            found.source = source_address(found, dst)
            if found.errno:
                # What was found without a source counts for nothing: it is looked for with one.
                found = _output(sim, ns, dst, found.source, oif, strict, iif, mark)
        if found.route is None or not found.route.ways:
            ns.cache[key] = found
    return found


def _output(
    sim: Sim, ns: Namespace, dst: int, src: int, oif: Device | None, strict: bool, iif: Device | None, mark: int
) -> fib.Output:
    came = oif or iif
    vrf = came.vrf if came is not None else None
    if is_link_local(dst):
        # Link-local addresses mean something on their own link only (rt6_need_strict).
        if oif is None or not (oif.up and oif.linklocal):
            return fib.Output(ns.lo, dst, src, None, fib.NOWHERE)
        return fib.Output(oif, dst, src, None, local=dst == oif.linklocal)
    if dst not in (came.domain if came is not None else ns.domain).local6:
        nd.routers(ns.devices, dst)
    oif = fib.leading(oif)[0] if oif is not None else None
    for policy in ns.rules6:
        if not fib.selects(policy, 128, dst, src, "lo" if iif is None else iif.name, oif, mark, vrf):
            continue
        route = _select(ns.tables6.get(fib.table(policy, vrf), ()), dst, oif or iif, strict)
        if route is None:
            continue
        if refusal := fib.rejected(route):
            return fib.Output(route.dev, dst, src, route, refusal)
        way = _choose(sim, route, dst, src, oif if strict else None) if route.ways else route
        return fib.Output(way.dev, way.gateway or dst, src, route, local=route.type == "local")
    return fib.Output(ns.lo, dst, src, None, fib.NOWHERE)


def _choose(sim: Sim, route: Route, dst: int, src: int, oif: Device | None) -> Route:
    """One of a route's next hops, by ``oif`` if it is binding (fib6_select_path)."""
    ways = [way for way in route.ways if oif is None or way.dev is oif]
    return ways[sim.pick((route, dst, src), len(ways))]


def way_out(sim: Sim, ns: Namespace, dst: int, scope: str = "") -> fib.Output:
    """Where a packet goes that a program of the namespace sends from an unbound socket, and from which address.

    A link-local address is asked for by the interface ``scope``.
    """
    by = next((dev for dev in ns.devices if dev.name == scope), None) if scope else None
    if by is not None and by.vrf is not None:
        raise Unknown(f"link-local addresses at {by.id}, a VRF or a member of one")
    way = output(sim, ns, dst, 0, by, strict=by is not None)
    if way.local and by is not None and not by.running:
        raise Unknown(f"whether {by.id} has got a link-local address, which it does with its carrier")
    if by is not None and not way.errno:
        sim.note(sim.request, way.dev.id, f"from {ipaddress.IPv6Address(way.source)}", SOURCE)
    elif not way.errno:
        what = f"route {way.route}, from {ipaddress.IPv6Address(way.source)}" if sim.hops is not None else ""
        sim.note(sim.request, way.dev.id, what, SOURCE)
    return way


def source_address(way: fib.Output, dst: int) -> int:
    """The source of packets that have none yet (ip6_route_get_saddr, ipv6_dev_get_saddr)."""
    if way.route is not None and way.route.source:
        return way.route.source
    domain = way.dev.domain
    if not domain.candidates6:
        raise Unknown(f"a program in {way.dev.ns.id} can send from no IPv6 address but link-local ones")
    if domain.vrf is not None and not way.errno:
        # ipv6_get_saddr_master: addresses of the interface and of the VRF come first, if of the wrong kind.
        raise Unknown(f"which IPv6 address of {domain.vrf.id} a program gets that binds to nothing")

    def score(one: tuple[int, int, Device]) -> tuple[bool, bool, bool, int]:
        address, plen, dev = one
        return address == dst, dev is way.origin, _label(address) == _label(dst), common(address, dst, plen)

    return max(domain.candidates6, key=score)[0]


def _label(address: int) -> int:
    return next(k for k, (net, plen) in enumerate(LABELS) if address >> 128 - plen == net >> 128 - plen)


def common(one: int, other: int, most: int = 128) -> int:
    """How many leading bits of two addresses are the same (ipv6_addr_diff), but no more than ``most``."""
    return min(128 - (one ^ other).bit_length(), most)


def _select(table: list[Route] | tuple[()], dst: int, oif: Device | None, strict: bool) -> Route | None:
    """The route of the longest matching prefix, by `oif` if there is one (find_rr_leaf, rt6_score_route)."""
    best: Route | None = None
    for route in table:
        if best is not None and (route.plen != best.plen or route.metric != best.metric):
            break
        if dst & route.mask != route.net:
            continue
        if oif is None or any(way.dev is oif for way in route.ways or (route,)):
            return route
        if not strict and best is None:
            best = route
    return best


def send(sim: Sim, ns: Namespace, packet: Ip, oif: Device | None, strict: bool, way: fib.Output | None = None) -> bool:
    """Send a packet of the namespace's own, by the way found; False where it is refused on the spot."""
    way = way or output(sim, ns, packet.dst, packet.src, oif, strict, mark=packet.mark)
    if way.errno:
        why = way.rule or (UNREACHABLE if packet.phase == sim.request else NO_ROUTE_BACK)
        sim.note(packet.phase, oif.id if oif else ns.id, str(way), why, end=True)
        return False
    if ns.netfilter is not None:
        sent = ns.netfilter.sent(
            sim, packet, way, lambda one: output(sim, ns, one.dst, one.src, oif, strict, mark=one.mark)
        )
        if sent is None:
            return False
        packet, way = sent
    if not arp.leaves(sim, way.dev, packet):
        return True
    if not arp.fits(sim, (way.origin.vrf or ns.lo) if way.local else way.dev, packet, TOO_LONG):
        return False
    if way.local:
        sim.note(packet.phase, ns.lo.id, "an address of its own", LOOPBACK)
        if not arp.loops(sim, way.origin, packet):
            return True
        sim.backlog.append((loop, way.origin, Frame(UNICAST, "", "", IP6, packet)))
        return True
    if packet.size > way.dev.mtu:
        packet.size, packet.pieces = (way.dev.mtu - 48) // 8 * 8 + 48, True
    sim.note(packet.phase, way.dev.id, "sent")
    nd.send(sim, way.dev, way.nexthop, packet, packet.src)
    return True


def loop(sim: Sim, origin: Device, frame: Frame) -> None:
    """A packet loops back through lo, or its VRF, as if it had come in by the interface of its address."""
    packet: Ip = frame.payload
    if origin.vrf is not None and not origin.vrf.conf.ipv6:
        sim.note(packet.phase, origin.vrf.id, "IPv6 is disabled", DISABLED, end=True)
        return
    if packet.phase == sim.request and origin.ns in sim.servers:
        sim.loops(origin, packet.dst)
    if origin.ns.netfilter is not None:
        packet = origin.ns.netfilter.looped(sim, packet, origin.ns.lo)
        if packet is None:
            return
    deliver(sim, origin.ns, packet, origin, origin.vrf)


def receive(sim: Sim, dev: Device, frame: Frame, packet_type: int) -> None:
    """Handle an IPv6 packet that an interface hands up (ip6_rcv)."""
    packet = frame.payload
    ns = dev.ns
    if packet.phase == sim.request and ns in sim.servers:
        sim.entered.append(dev)
    if not dev.conf.ipv6:
        sim.note(packet.phase, dev.id, "IPv6 is disabled", DISABLED, end=dev is sim.goal)
        return
    answers = packet.phase == "na" and (packet.target, packet.dst) == (sim.target, sim.sock_ip)
    if answers and dev is sim.sock and sim.request == "ns" and _own(dev, packet.dst):
        # The probe's packet socket.
        sim.answers.append(packet.mac)
    if ns.netfilter is not None:
        packet = ns.netfilter.passes(sim, "prerouting", packet, dev, None)
        if packet is None:
            return
    if isinstance(packet, Nd):
        mine = packet.solicitation or _own(dev, packet.dst)
        if mine and (ns.netfilter is None or ns.netfilter.passes(sim, "input", packet, dev, None) is not None):
            nd.receive(sim, dev, packet)
        return
    sockets.enters(sim, dev, packet)
    if _own(dev, packet.dst):
        if ns.netfilter is not None:
            packet = ns.netfilter.passes(sim, "input", packet, dev, None)
            if packet is None:
                return
        if sockets.takes(sim, dev, packet, packet_type):
            deliver(sim, ns, packet, dev, dev.vrf)
        return
    nd.routers(ns.devices, packet.dst)
    if packet_type == HOST and dev.conf.forwarding6:
        if is_link_local(packet.dst):
            raise Unknown(f"whether {dev.ns.id} sends on a packet to a link-local address")
        # A router sends on only what was for its own MAC (ip6_forward).
        _forward(sim, dev, packet)
    else:
        sim.note(packet.phase, dev.id, "not an address of this namespace", NOT_FORWARDED, end=True)


def _own(dev: Device, address: int) -> bool:
    """Whether what comes in by an interface for an address, translated or not, is for its namespace."""
    return address in dev.domain.local6 or address == dev.linklocal


def _forward(sim: Sim, dev: Device, packet: Ip) -> None:
    way = output(sim, dev.ns, packet.dst, packet.src, None, False, dev, packet.mark)
    if way.errno:
        sim.note(
            packet.phase, dev.id, f"route {way.route}" if way.rule else "unreachable", way.rule or UNREACHABLE, end=True
        )
        if way.tells:
            sockets.tell(sim, packet)
        return
    if sim.hops is not None and way.dev is dev:
        other = output(sim, dev.ns, packet.dst, packet.src, None, False, mark=packet.mark)
        if not other.errno and other.dev is not dev:
            sim.note(packet.phase, dev.id, "of equal routes that of this interface", FORWARD_BY_INGRESS)
    if packet.ttl <= 1:
        sim.note(packet.phase, dev.id, "the hop limit is reached", HOP_LIMIT, end=True)
        sockets.tell(sim, packet)
        return
    if packet.size > way.dev.mtu:
        sim.note(packet.phase, way.dev.id, f"{packet.size} bytes, MTU {way.dev.mtu}", TOO_BIG, end=True)
        return
    on = packet.sent_on()
    if dev.ns.netfilter is not None:
        on = dev.ns.netfilter.sent_on(sim, on, dev, way.dev, way.nexthop)
        if on is None:
            return
    sim.note(packet.phase, way.dev.id, f"sent on from {dev.id}", FORWARDED)
    nd.send(sim, way.dev, way.nexthop, on, 0)


def deliver(sim: Sim, ns: Namespace, packet: Ip, iif: Device, vrf: Device | None) -> None:
    """A packet has arrived; `iif` is the interface that a socket believes it came in by, ``vrf`` what it is of."""
    phase = packet.phase
    if phase == "echo-request":
        if ns.echo_ignore6:
            sim.note(phase, ns.id, "pings are not answered", ECHO_IGNORED, end=True)
            return
        sim.note(phase, iif.id, "arrived", DELIVERED)
        reply = packet.answer("echo-reply", packet.size)
        # What has come in by a VRF seems to come from the interface that has the address (icmp6_dev).
        out = iif if vrf is None else vrf.domain.local6[packet.dst]
        sim.note("echo-reply", out.id, "answers by this interface, if it has a route", REPLY_BY_INGRESS)
        send(sim, ns, reply, out, False)
    else:
        sockets.deliver(sim, ns, packet, iif, vrf, _STACK)


def _answer(sim: Sim, ns: Namespace, packet: Ip, oif: Device | None) -> None:
    send(sim, ns, packet, oif, oif is not None)


_STACK = sockets.Stack(6, 40, DELIVERED, _answer)
