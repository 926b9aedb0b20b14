"""Frames: out of a capture of ours, and as a line of text that says what matters."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from ipaddress import IPv6Address
from socket import inet_ntoa

from netlab.contract.dataclass import dataclass

BROADCAST = "ff:ff:ff:ff:ff:ff"
_ICMP = {0: "echo reply", 3: "unreachable", 5: "redirect", 8: "echo request", 11: "time exceeded"}
_ICMP6 = {
    1: "unreachable", 3: "time exceeded", 128: "echo request", 129: "echo reply", 133: "router solicitation",
    134: "router advertisement", 135: "neighbour solicitation", 136: "neighbour advertisement", 143: "MLD report",
}  # fmt: skip
_TCP = (("S", 2), ("F", 1), ("R", 4), (".", 16))


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame at one interface.

    ``nanoseconds`` since 1970 are when it was seen, ``interface`` is an id such as ``A:eth0`` or ``port(A:eth0)``,
    ``outgoing`` whether it left by the interface (else it came in), ``data`` the whole frame.
    """

    nanoseconds: int
    interface: str
    outgoing: bool
    data: bytes

    @property
    def time(self) -> float:
        """When it was seen, in seconds since 1970."""
        return self.nanoseconds / 1e9

    @property
    def destination(self) -> str:
        """The MAC it is for."""
        return _mac(self.data[:6])

    @property
    def source(self) -> str:
        """The MAC it is from."""
        return _mac(self.data[6:12])

    @property
    def ethertype(self) -> int:
        """What it carries: 0x0800 IPv4, 0x0806 ARP, 0x86dd IPv6, …; the one inside where it has VLAN tags."""
        return _payload(self.data)[0]

    def line(self, since: int = 0, names: Mapping[str, str] | None = None) -> str:
        """``0.000013  B:eth0  in   A:eth0 > broadcast  ARP who has 10.0.0.2? tell 10.0.0.1, length 42``.

        ``since`` is subtracted from the time (nanoseconds); ``names`` says whose a MAC is.
        """
        known = {BROADCAST: "broadcast", **(names or {})}
        source, destination = (known.get(mac, mac) for mac in (self.source, self.destination))
        head = f"{(self.nanoseconds - since) / 1e9:9.6f}  {self.interface:<16} {'out' if self.outgoing else 'in '}"
        return f"{head}  {source} > {destination}  {describe(self.data)}"


def read(data: bytes) -> list[Frame]:
    """The frames of a capture that netlab has written (`netlab.agent.pcapng`), in the order of time."""
    frames: list[Frame] = []
    names: list[str] = []
    at = 0
    while at + 12 <= len(data):
        kind, length = struct.unpack_from("=II", data, at)
        body = data[at + 8 : at + length - 4]
        if kind == 0x0A0D0D0A:
            # A section, one of each machine: interfaces are counted anew.
            names = []
        elif kind == 1:
            names.append(_options(body[8:]).get(2, b"").decode())
        elif kind == 6:
            number, high, low, captured, _size = struct.unpack_from("=IIIII", body)
            flags = _options(body[20 + captured + -captured % 4 :]).get(2, b"\0\0\0\0")
            outgoing = struct.unpack("=I", flags)[0] & 3 == 2
            frames.append(Frame((high << 32) | low, names[number], outgoing, body[20 : 20 + captured]))
        at += length
    return sorted(frames, key=lambda frame: frame.nanoseconds)


def _options(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(data):
        code, length = struct.unpack_from("=HH", data, at)
        if code == 0:
            break
        found[code] = data[at + 4 : at + 4 + length]
        at += 4 + length + -length % 4
    return found


# --- what a frame says ------------------------------------------------------------------------------


def describe(data: bytes) -> str:
    """A frame in words: ARP, neighbour discovery, ICMP, TCP, UDP; otherwise its EtherType and length."""
    ethertype, payload, tags = _payload(data)
    try:
        words = _KINDS[ethertype](payload) if ethertype in _KINDS else f"EtherType 0x{ethertype:04x}"
    except (struct.error, IndexError, ValueError):
        words = f"EtherType 0x{ethertype:04x}, cut short"
    vlan = "".join(f"vlan {tag} " for tag in tags)
    return f"{vlan}{words}, length {len(data)}"


def _payload(data: bytes) -> tuple[int, bytes, list[int]]:
    """The innermost EtherType, what follows it, and the ids of the VLAN tags before it."""
    at, tags = 12, []
    while data[at : at + 2] in (b"\x81\x00", b"\x88\xa8"):
        tags.append(int.from_bytes(data[at + 2 : at + 4], "big") & 0xFFF)
        at += 4
    return int.from_bytes(data[at : at + 2], "big"), data[at + 2 :], tags


def _arp(data: bytes) -> str:
    operation, sender_mac, sender, target = struct.unpack_from("!6xH6s4s6x4s", data)
    if operation == 1:
        return f"ARP who has {inet_ntoa(target)}? tell {inet_ntoa(sender)}"
    return f"ARP {inet_ntoa(sender)} is at {_mac(sender_mac)}"


def _ipv4(data: bytes) -> str:
    header = (data[0] & 0xF) * 4
    total, fragment = struct.unpack_from("!2xH2xH", data)
    protocol, source, destination = data[9], inet_ntoa(data[12:16]), inet_ntoa(data[16:20])
    if fragment & 0x1FFF:
        return f"IP {source} > {destination} fragment"
    return _ip("IP", source, destination, protocol, data[header:total])


def _ipv6(data: bytes) -> str:
    length, following = struct.unpack_from("!4xHB", data)
    source, destination = str(IPv6Address(data[8:24])), str(IPv6Address(data[24:40]))
    payload = data[40 : 40 + length]
    if following == 0:
        following, payload = payload[0], payload[(payload[1] + 1) * 8 :]
    return _ip("IP6", source, destination, following, payload)


def _ip(name: str, source: str, destination: str, protocol: int, data: bytes) -> str:
    if protocol in (6, 17):
        ports = struct.unpack_from("!HH", data)
        words = f"{name} {source}.{ports[0]} > {destination}.{ports[1]}"
        if protocol == 17:
            return f"{words} UDP, {struct.unpack_from('!4xH', data)[0] - 8} bytes"
        return f"{words} TCP [{''.join(letter for letter, bit in _TCP if data[13] & bit)}]"
    if protocol == 1:
        return f"{name} {source} > {destination} ICMP {_ICMP.get(data[0], f'type {data[0]}')}{_number(data, 0, 8)}"
    if protocol == 58:
        words = f"{name} {source} > {destination} ICMP6 {_ICMP6.get(data[0], f'type {data[0]}')}"
        if data[0] in (135, 136):
            return f"{words} {IPv6Address(data[8:24])}"
        return words + _number(data, 128, 129)
    return f"{name} {source} > {destination} protocol {protocol}"


def _number(data: bytes, *echoes: int) -> str:
    return f" id {struct.unpack_from('!4xHH', data)[0]} seq {data[7]}" if data[0] in echoes else ""


def _mac(data: bytes) -> str:
    return data.hex(":")


_KINDS: dict[int, Callable[[bytes], str]] = {0x0800: _ipv4, 0x0806: _arp, 0x86DD: _ipv6}
