"""Frames of our own making, and the marks by which they are known again."""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
from collections.abc import Iterable

from netlab.contract.types.parts import AD

# Local experimental EtherType 1 (IEEE 802, clause 9.2.4).
ETHERTYPE = 0x88B5
ETH_P_ALL, ETH_P_IP, ETH_P_ARP, ETH_P_IPV6 = 0x0003, 0x0800, 0x0806, 0x86DD
#: What announces a VLAN tag: 802.1Q, 802.1ad (include/uapi/linux/if_ether.h).
TAGS = (0x8100, 0x88A8)
BROADCAST = b"\xff" * 6
#: How a packet came to where it was seen (include/uapi/linux/if_packet.h).
PACKET_HOST, PACKET_OTHERHOST, PACKET_OUTGOING = 0, 3, 4
#: The type of an interface by which a namespace talks to itself (include/uapi/linux/if_arp.h).
ARPHRD_LOOPBACK = 772
#: "Nearest bridge" group address: a bridge hands it to itself and never forwards it (IEEE 802.1Q table 8-1).
NEAREST_BRIDGE = bytes.fromhex("0180c200000e")
#: The source MAC of fences: locally administered, and in no lab (netlab.plan.macs derives MACs that begin with 02:).
FENCE_SOURCE = bytes.fromhex("06fe5ce00000")

#: Every probe's payload starts with these eight bytes: a constant, and four that are this agent's alone.
MARK = b"nlab" + os.urandom(4)
MARK_WORDS = struct.unpack("!II", MARK)
_NUMBER = struct.Struct("!I")
_TAG = struct.Struct("!HH")
_ECHO = struct.Struct("!BBHHH")


def use_mark(own: bytes) -> None:
    """Use the mark of several agents that probe together. Call it before `filters` is imported, which contains it."""
    global MARK, MARK_WORDS
    MARK = b"nlab" + own
    MARK_WORDS = struct.unpack("!II", MARK)


def mac_bytes(mac: str) -> bytes:
    """``02:00:…`` as six bytes."""
    return bytes.fromhex(mac.replace(":", ""))


def mac_text(mac: bytes) -> str:
    """Six bytes as ``02:00:…``."""
    return mac.hex(":")


def marked(number: int) -> bytes:
    """The payload of probe ``number``: mark and number."""
    return MARK + _NUMBER.pack(number)


def number_at(data: bytes, offset: int) -> int | None:
    """The number of the probe whose payload stands at ``offset``; None where the mark isn't there."""
    if data[offset : offset + 8] != MARK or len(data) < offset + 8 + _NUMBER.size:
        return None
    return int(_NUMBER.unpack_from(data, offset + 8)[0])


def tagged(frame: bytes, tags: Iterable[int]) -> bytes:
    """A frame with VLAN tags, the outermost first (`netlab.contract.types.Link.tag`)."""
    words = (_TAG.pack(TAGS[tag >= AD], tag % AD) for tag in tags)
    return frame[:12] + b"".join(words) + frame[12:]


def untagged(frame: bytes) -> bytes:
    """A frame without the tags that stand in it, if any do."""
    while int.from_bytes(frame[12:14], "big") in TAGS:
        frame = frame[:12] + frame[16:]
    return frame


def raw(destination: bytes, source: bytes, number: int) -> bytes:
    """A frame of our own EtherType, padded to the Ethernet minimum of 60 bytes."""
    return (destination + source + struct.pack("!H", ETHERTYPE) + marked(number)).ljust(60, b"\0")


def arp_request(source_mac: bytes, source_ip: str, target_ip: str) -> bytes:
    """Broadcast ARP request (RFC 826)."""
    body = struct.pack("!HHBBH", 1, ETH_P_IP, 6, 4, 1)
    body += source_mac + socket.inet_aton(source_ip) + b"\0" * 6 + socket.inet_aton(target_ip)
    return (BROADCAST + source_mac + struct.pack("!H", ETH_P_ARP) + body).ljust(60, b"\0")


def neighbor_solicitation(source_mac: bytes, source_ip: str, target_ip: str) -> bytes:
    """Multicast neighbour solicitation with the source link-layer address option (RFC 4861, 4.3)."""
    target = ipaddress.IPv6Address(target_ip).packed
    group = ipaddress.IPv6Address("ff02::1:ff00:0").packed[:13] + target[13:]
    source = ipaddress.IPv6Address(source_ip).packed
    body = struct.pack("!BBHI", 135, 0, 0, 0) + target + struct.pack("!BB", 1, 1) + source_mac
    body = body[:2] + struct.pack("!H", checksum(source + group + struct.pack("!II", len(body), 58) + body)) + body[4:]
    packet = struct.pack("!IHBB", 6 << 28, len(body), 58, 255) + source + group + body
    destination = b"\x33\x33" + group[12:]
    return destination + source_mac + struct.pack("!H", ETH_P_IPV6) + packet


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def echo_request(family: int, ident: int, sequence: int, number: int, size: int | None) -> bytes:
    """An ICMP or ICMPv6 echo request; ``size`` is that of the whole IP packet (the kernel makes its header)."""
    payload = marked(number)
    if size is not None:
        payload = payload.ljust(size - 8 - (40 if family == 6 else 20), b"\0")
    kind = 128 if family == 6 else 8
    # The Internet checksum is a remainder, so words of 32 bits will do, and zeros add nothing (RFC 1071, 2).
    total = (kind << 8) + ident + sequence + sum(MARK_WORDS) + number
    return _ECHO.pack(kind, 0, 0 if family == 6 else 0xFFFF - total % 0xFFFF, ident, sequence) + payload


def datagram(source: str, destination: str, port: int, payload: bytes) -> bytes:
    """An IPv4 packet with a UDP datagram without a checksum (RFC 768); its own is left to the kernel (raw(7))."""
    size = 8 + len(payload)
    addresses = socket.inet_aton(source) + socket.inet_aton(destination)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + size, 0, 0, 64, socket.IPPROTO_UDP, 0)
    return head + addresses + struct.pack("!HHHH", port, port, size, 0) + payload
