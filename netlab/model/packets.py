"""What frames carry. Every payload has a phase (what a person calls it) and an IP size in bytes."""

from __future__ import annotations

from typing import Any, ClassVar

#: What TCP sends.
SEGMENTS = frozenset(("syn", "syn-ack", "rst"))


class Raw:
    """A frame of the probe's own EtherType (layers broadcast and unicast)."""

    __slots__ = ()
    phase: ClassVar[str] = "frame"
    size: ClassVar[int] = 46


class Arp:
    """An ARP packet: a request for `target`, or a reply that `sender` is at `mac`."""

    __slots__ = ("mac", "phase", "request", "sender", "target")
    size: ClassVar[int] = 28

    def __init__(self, request: bool, mac: str, sender: int, target: int) -> None:
        self.request = request
        self.phase = "arp-request" if request else "arp-reply"
        self.mac = mac
        self.sender = sender
        self.target = target


class Nd:
    """A neighbour solicitation (`mac` is the sender's) or advertisement (`target` is at `mac`)."""

    __slots__ = ("dst", "mac", "phase", "solicitation", "src", "target")
    size: ClassVar[int] = 72

    def __init__(self, solicitation: bool, mac: str, src: int, dst: int, target: int) -> None:
        self.solicitation = solicitation
        self.phase = "ns" if solicitation else "na"
        self.mac = mac
        self.src = src
        self.dst = dst
        self.target = target


class Ip:
    """An IPv4 or IPv6 packet of a probe; `phase` says which: echo-request, syn, udp-reply, …"""

    __slots__ = (
        "about", "arrive", "df", "dport", "dst", "family", "mark", "passage", "phase", "pieces", "size", "sport", "src",
        "translated", "ttl",
    )  # fmt: skip

    def __init__(self, family: int, phase: str, src: int, dst: int, size: int, df: bool, ttl: int = 64) -> None:
        self.family = family
        self.phase = phase
        self.src = src
        self.dst = dst
        self.size = size
        self.df = df
        self.ttl = ttl
        #: of a redirect: the destination, its better next hop, the phase of the packet it is about
        self.about = (0, 0, "")
        #: of a packet that carries a frame: what becomes of it where it is delivered
        self.arrive: Any = None
        #: of TCP and UDP; None where it isn't known: a client's, and that of netlab's own listener
        self.sport: int | None = None
        self.dport: int | None = None
        #: what policy rules call fwmark
        self.mark = 0
        #: what the namespace that it is in keeps with it, where that has nftables (`netfilter.track.Passage`)
        self.passage: Any = None
        #: nftables has translated its destination
        self.translated = False
        #: it is one of several fragments
        self.pieces = False

    @property
    def protocol(self) -> str:
        """``icmp``, ``icmp6``, ``tcp`` or ``udp``."""
        if self.phase in SEGMENTS:
            return "tcp"
        return "udp" if self.phase.startswith("udp") else "icmp6" if self.family == 6 else "icmp"

    def answer(self, phase: str, size: int, df: bool = False) -> Ip:
        """A packet back to where this one came from."""
        made = Ip(self.family, phase, self.dst, self.src, size, df)
        made.sport, made.dport = self.dport, self.sport
        return made

    def copy(self) -> Ip:
        """Another packet like this one."""
        made = Ip(self.family, self.phase, self.src, self.dst, self.size, self.df, self.ttl)
        made.sport, made.dport, made.mark, made.about = self.sport, self.dport, self.mark, self.about
        made.arrive = self.arrive
        made.passage, made.translated, made.pieces = self.passage, self.translated, self.pieces
        return made

    def sent_on(self) -> Ip:
        """The packet as a router sends it on."""
        made = self.copy()
        made.ttl -= 1
        return made


def is_link_local(address: int) -> bool:
    """Whether an IPv6 address is one of fe80::/10."""
    return address >> 118 == 0xFE80 >> 6
