"""The sockets at both ends of a probe, for IPv4 and IPv6: which of them serves, and what becomes of an answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from netlab.model.packets import SEGMENTS, Ip, is_link_local
from netlab.model.rules import rule
from netlab.model.sim import Sim, Unknown
from netlab.model.world import HOST, Device, Namespace

WRONG_INTERFACE = rule(
    "socket/bound-to-another-interface",
    "A socket bound to an interface doesn't see an answer that comes in by another one.",
    "raw_v4_match",
    "net/ipv4/raw.c",
)
NO_LISTENER = rule(
    "tcp/refused",
    "Nothing listens at that address in this namespace: the connection is refused.",
    "tcp_v4_send_reset",
    "net/ipv4/tcp_ipv4.c",
)
OWN_MAC_ONLY = rule(
    "tcp/own-mac-only",
    "TCP takes only frames to its interface's own MAC. A ping or a datagram is also taken from a broadcast or"
    " multicast frame, which a static neighbour entry with such a MAC causes.",
    "tcp_v4_rcv",
    "net/ipv4/tcp_ipv4.c",
)
BY_ITS_TABLE = rule(
    "vrf/looked-up-in-its-table",
    "A packet that comes in by a member of a VRF is looked up in table local, then in the VRF's, then in main.",
    "l3mdev_fib_rule_match",
    "net/l3mdev/l3mdev.c",
)
OF_ANOTHER_VRF = rule(
    "vrf/socket-of-another-domain",
    "A socket that is bound to nothing doesn't hear what comes in by a VRF, unless tcp_l3mdev_accept or"
    " udp_l3mdev_accept says so (a ping does: raw_l3mdev_accept is on); one that is bound to a VRF hears nothing else.",
    "inet_bound_dev_eq",
    "include/net/inet_sock.h",
)
ANSWERED = rule(
    "socket/answered",
    "The answer came back to the socket that asked.",
    "raw_local_deliver",
    "net/ipv4/raw.c",
)


class Stack(NamedTuple):
    """What differs between the families for sockets.

    ``header`` is the length of an IP header in bytes, ``delivered`` the rule by which a packet is delivered to a
    socket. ``send`` sends an answer: by the routes of the server's VRF, or the namespace's own, since servers are bound
    to no other interface (inet_csk_route_req, inet6_csk_route_req, tcp_v6_send_response).
    """

    family: int
    header: int
    delivered: str
    send: Callable[[Sim, Namespace, Ip, Device | None], None]


def takes(sim: Sim, dev: Device, packet: Ip, packet_type: int) -> bool:
    """Whether a packet from a frame of this type comes up to the sockets of its protocol (tcp_v4_rcv, tcp_v6_rcv)."""
    if packet_type != HOST and packet.phase in SEGMENTS:
        sim.note(packet.phase, dev.id, "sent to a group of MACs", OWN_MAC_ONLY, end=True)
        return False
    return True


def deliver(sim: Sim, ns: Namespace, packet: Ip, iif: Device, vrf: Device | None, stack: Stack) -> None:
    """A packet for a socket has arrived; `iif` is the interface by which the kernel says it came in, of ``vrf``."""
    if packet.phase in ("syn", "udp-request"):
        _serve(sim, ns, packet, iif, vrf, stack)
    elif ns is sim.client and packet.dst == sim.sock_ip:
        _receive(sim, ns, packet, iif, vrf)


def enters(sim: Sim, dev: Device, packet: Ip) -> None:
    """Note that a packet has come in by a VRF."""
    if dev.vrf is not None and sim.hops is not None:
        sim.note(packet.phase, dev.id, f"of {dev.vrf.id}, table {dev.vrf.table}", BY_ITS_TABLE)


def hears(ns: Namespace, phase: str, bound: Device | None, iif: Device, vrf: Device | None) -> bool:
    """Whether a socket bound to an interface or a VRF, or to nothing, hears what came in (inet_bound_dev_eq)."""
    if bound is not None:
        return bound is iif or bound is vrf
    kind = "tcp" if phase in SEGMENTS else "udp" if phase.startswith("udp") else "raw"
    return vrf is None or kind in ns.l3mdev_accept


def tell(sim: Sim, packet: Ip) -> None:
    """A router sends a client an ICMP error for its SYN (icmp_send, icmpv6_send); the rate of errors is limited."""
    if packet.phase == "syn":
        sim.told = True
        _race(sim)


def _race(sim: Sim) -> None:
    """Raise `Unknown` where an error may end a connection before the answer to another copy of the SYN comes.

    While the client is in connect() errors are ignored (tcp_v4_err, tcp_v6_err: sock_owned_by_user). So this needs an
    error that a workqueue has delayed.
    """
    if sim.told and sim.done and sim.worked:
        raise Unknown("a router says that the SYN leads nowhere, and another host answers it: either may be first")


def _serve(sim: Sim, ns: Namespace, packet: Ip, iif: Device, vrf: Device | None, stack: Stack) -> None:
    """Answer a request: a connection at once, a datagram when its server gets to it.

    A server is bound to the VRF of its address, or to nothing.
    """
    if packet.translated:
        raise Unknown(f"whether a program of {ns.id} has the port that nftables leads to")
    # One server for each domain that has the address; that of the packet's own hears it first (compute_score).
    bounds = [dev.vrf for dev in sim.targets if dev.ns is ns]
    bound = next((one for one in (vrf, None, *bounds) if one in bounds), None)
    near = iif if stack.family == 6 and is_link_local(packet.src) else None
    serves = ns in sim.servers and packet.dst == sim.target
    if serves and not hears(ns, packet.phase, bound, iif, vrf):
        serves = False
        where = f"the server is bound to {bound.id}" if bound else f"the server is bound to nothing, not to {vrf}"
        sim.note(packet.phase, iif.id, where, OF_ANOTHER_VRF, end=True)
    elif serves:
        sim.note(packet.phase, iif.id, "arrived", stack.delivered)
    else:
        sim.note(packet.phase, ns.id, "nothing listens here", NO_LISTENER, end=True)
    if packet.phase == "syn":
        kind, size = ("syn-ack", 40) if serves else ("rst", 20)
        # A connection that an unbound server accepts from a VRF is of that VRF, as is a refusal; one from a link-local
        # address is of the interface that it has come in by (inet6_csk_route_req, tcp_v6_send_response).
        out = bound or vrf or near
        stack.send(sim, ns, packet.answer(kind, stack.header + size, df=True), out)
    elif serves:
        answer = packet.answer("udp-reply", packet.size)
        sim.users.append(lambda sim_: stack.send(sim_, ns, answer, bound or near))


def _receive(sim: Sim, ns: Namespace, packet: Ip, iif: Device, vrf: Device | None) -> None:
    """What an answer is to the socket that asked."""
    phase = packet.phase
    if sim.sock is None and not hears(ns, phase, None, iif, vrf):
        sim.note(phase, iif.id, "the socket is bound to nothing", OF_ANOTHER_VRF, end=True)
    elif sim.sock is not None and not hears(ns, phase, sim.sock, iif, vrf):
        sim.note(phase, iif.id, f"the socket is bound to {sim.sock.id}", WRONG_INTERFACE, end=True)
    elif phase == "rst":
        # Once the connection is established, another host's reset hasn't its sequence number (tcp_validate_incoming).
        sim.refused |= not sim.done
        sim.note(phase, iif.id, "arrived at the socket", NO_LISTENER, end=True)
    elif sim.refused:
        sim.note(phase, iif.id, "the socket has been told that nothing listens", NO_LISTENER, end=True)
    else:
        # A connection counts from the client's side: with the SYN-ACK it stands.
        sim.note(phase, iif.id, "arrived at the socket", ANSWERED)
        sim.done = True
        _race(sim)
