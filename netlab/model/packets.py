"""What frames carry. Every payload has a phase (what a person calls it) and an IP size in bytes."""

from __future__ import annotations

from typing import ClassVar


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

    __slots__ = ("about", "df", "dst", "family", "phase", "size", "src", "ttl")

    def __init__(self, family: int, phase: str, src: int, dst: int, size: int, df: bool, ttl: int) -> None:
        self.family = family
        self.phase = phase
        self.src = src
        self.dst = dst
        self.size = size
        self.df = df
        self.ttl = ttl
        #: of a redirect: the destination, its better next hop, the phase of the packet it is about
        self.about = (0, 0, "")
