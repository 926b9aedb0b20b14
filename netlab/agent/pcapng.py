"""pcapng blocks (draft-ietf-opsawg-pcapng): a section, its interfaces, packets with nanoseconds and directions."""

from __future__ import annotations

import struct

LINKTYPE_ETHERNET = 1
_SECTION, _INTERFACE, _STATISTICS, _PACKET = 0x0A0D0D0A, 1, 5, 6
_MAGIC = 0x1A2B3C4D
#: epb_flags, bits 0 and 1: inbound or outbound; bits 2 to 4: how it was received, by packet type (PACKET_HOST, …).
_IN, _OUT = 1, 2
_RECEPTION = {0: 1 << 2, 1: 3 << 2, 2: 2 << 2, 3: 4 << 2}


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("=HH", code, len(value)) + _padded(value)


_END_OF_OPTIONS = struct.pack("=HH", 0, 0)


def _block(kind: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    length = struct.pack("=I", len(body) + 12)
    return struct.pack("=I", kind) + length + body + length


def section() -> bytes:
    """The header of a file; its length is not known beforehand (-1)."""
    return _block(_SECTION, struct.pack("=IHHq", _MAGIC, 1, 0, -1), _option(4, b"netlab"), _END_OF_OPTIONS)


def interface(name: str, ifname: str) -> bytes:
    """An interface; packets name it by its order. Timestamps are in nanoseconds (if_tsresol 9)."""
    options = _option(2, name.encode()), _option(3, ifname.encode()), _option(9, b"\x09"), _END_OF_OPTIONS
    return _block(_INTERFACE, struct.pack("=HHI", LINKTYPE_ETHERNET, 0, 0), *options)


def packet(number: int, stamp: int, data: bytes, size: int, outgoing: bool, kind: int) -> bytes:
    """A frame at an interface: ``stamp`` in nanoseconds, ``size`` its whole length, ``kind`` its PACKET_ type."""
    flags = _OUT if outgoing else _IN | _RECEPTION.get(kind, 0)
    head = struct.pack("=IIIII", number, stamp >> 32, stamp & 0xFFFFFFFF, len(data), size)
    return _block(_PACKET, head, _padded(data), _option(2, struct.pack("=I", flags)), _END_OF_OPTIONS)


def statistics(number: int, stamp: int, received: int, dropped: int) -> bytes:
    """How many frames an interface's socket got, and how many it had no room for."""
    head = struct.pack("=III", number, stamp >> 32, stamp & 0xFFFFFFFF)
    counts = _option(4, struct.pack("=Q", received)), _option(5, struct.pack("=Q", dropped))
    return _block(_STATISTICS, head, *counts, _END_OF_OPTIONS)
