"""Connection tracking and address translation (net/netfilter/nf_conntrack_core.c, nf_nat_core.c)."""

from __future__ import annotations

from dataclasses import field
from typing import NamedTuple

from netlab.contract.dataclass import dataclass
from netlab.model.netfilter.ruleset import Interval
from netlab.model.netfilter.values import PROTOCOLS, STATES
from netlab.model.packets import Ip
from netlab.model.sim import Unknown

#: Packets that no connection begins with (tcp_new, nf_conntrack_icmp_packet).
_NO_BEGINNING = ("syn-ack", "rst", "echo-reply")
#: What stands for ports that aren't known, and for the types of a ping.
CLIENT, LISTENER = -1, -2
#: Ports of clients (a translation may leave net.ipv4.ip_local_port_range), and of netlab's own listeners.
CLIENT_PORTS, LISTENER_PORTS = (1024, 65535), (45067, 46066)
_REQUESTS = ("syn", "udp-request", "echo-request")
#: Types of ICMP messages, by address family.
_TYPES = {"echo-request": (8, 128), "echo-reply": (0, 129), "redirect": (5, 137)}


class Flow(NamedTuple):
    """What tells a connection's packets of one direction; ports that aren't known have names."""

    protocol: int
    src: int
    dst: int
    sport: int
    dport: int

    def back(self) -> Flow:
        """The other direction."""
        return Flow(self.protocol, self.dst, self.src, self.dport, self.sport)


def message(packet: Ip) -> Interval | None:
    """The type of a packet's ICMP message; None where it is none."""
    if packet.phase not in _TYPES:
        return None
    number = _TYPES[packet.phase][packet.family == 6]
    return number, number


def flow(packet: Ip) -> Flow:
    """What a packet's addresses, ports and types tell."""
    ports = (CLIENT, LISTENER) if packet.phase in _REQUESTS else (LISTENER, CLIENT)
    sport = ports[0] if packet.sport is None else packet.sport
    dport = ports[1] if packet.dport is None else packet.dport
    return Flow(PROTOCOLS[packet.protocol], packet.src, packet.dst, sport, dport)


def port(number: int) -> int | None:
    """A flow's port, as packets have it."""
    return number if number >= 0 else None


@dataclass(slots=True, eq=False)
class Connection:
    """A connection (struct nf_conn): what its packets look like in both directions, the answers already translated."""

    original: Flow
    reply: Flow
    #: the namespace has seen an answer (IPS_SEEN_REPLY)
    answered: bool = False
    #: for which ends it has been decided whether to translate them
    decided: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Passage:
    """What a namespace keeps with a packet while it is in it (skb->_nfct)."""

    ns: str
    connection: Connection | None = None
    reply: bool = False
    state: Interval = (STATES["invalid"], STATES["invalid"])
    #: it has met the conntrack hook, and the chains at prerouting (on a bridge)
    tracked: bool = False
    prerouted: bool = False
    #: output has changed what its route depends on
    rerouted: bool = False


#: Connections by namespace and flow, each with whether the flow is that of the answers.
Table = dict[tuple[str, Flow], tuple[Connection, bool]]


def track(table: Table, passage: Passage, packet: Ip) -> None:
    """Find a packet's connection, or begin one (nf_conntrack_in)."""
    if passage.tracked:
        # It has come round by lo.
        return
    passage.tracked = True
    if packet.phase == "redirect":
        # It is RELATED to the connection that it is about, if that is known.
        passage.state = STATES["invalid"], STATES["related"]
        return
    this = flow(packet)
    known = table.get((passage.ns, this))
    if known is not None:
        passage.connection, passage.reply = known
    elif packet.phase not in _NO_BEGINNING:
        passage.connection = Connection(this, this.back())
    connection = passage.connection
    if connection is None:
        return
    if passage.reply:
        connection.answered = True
    state = STATES["established" if connection.answered else "new"]
    passage.state = state, state


def confirm(table: Table, passage: Passage) -> None:
    """A packet has come through: its connection is known from now on (__nf_conntrack_confirm).

    Raises `Unknown` where the packets of another one look the same: one of the two is dropped, or gets other ports
    (nf_ct_resolve_clash, get_unique_tuple).
    """
    connection = passage.connection
    if connection is not None and not passage.reply:
        for flow_, reply in ((connection.original, False), (connection.reply, True)):
            if table.setdefault((passage.ns, flow_), (connection, reply))[0] is not connection:
                raise Unknown(f"{passage.ns}: two connections look the same where nftables has translated one")


def translate(passage: Passage, packet: Ip, end: str) -> bool:
    """Give a packet the addresses and ports of its connection at one end, ``src`` or ``dst`` (nf_nat_packet).

    True where something is another now.
    """
    connection = passage.connection
    if connection is None:
        return False
    # It shall look as the other direction expects it.
    wanted = (connection.original if passage.reply else connection.reply).back()
    before = packet.src, packet.dst, packet.sport, packet.dport
    if end == "dst":
        packet.dst, packet.dport = wanted.dst, port(wanted.dport)
    else:
        packet.src, packet.sport = wanted.src, port(wanted.sport)
    changed = before != (packet.src, packet.dst, packet.sport, packet.dport)
    packet.translated = packet.translated or (changed and end == "dst" and not passage.reply)
    return changed


def interval(packet: Ip, place: int) -> Interval:
    """A packet's source (0) or destination port (1): one that isn't known is any that it may be."""
    known = (packet.sport, packet.dport)[place]
    if known is not None:
        return known, known
    asks = packet.phase in _REQUESTS
    return CLIENT_PORTS if asks == (place == 0) else LISTENER_PORTS
