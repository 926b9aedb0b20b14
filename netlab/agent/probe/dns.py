"""A DNS query (RFC 1035, 4.1) that carries a probe's number, for ``udp/53``: a program answers nothing else there."""

from __future__ import annotations

import struct

from netlab.agent.probe import frames

PORT = 53
#: Recursion desired, one question.
_HEADER = struct.Struct("!HHHHHH")
#: The label stands behind the header and its length.
LABEL = _HEADER.size + 1
_END, _A, _IN = b"\x07invalid\0", 1, 1


def _label() -> bytes:
    return frames.MARK[:4] + frames.MARK[4:].hex().encode()


def words() -> tuple[int, int]:
    """The first eight bytes of the label, as numbers."""
    first, second = struct.unpack_from("!II", _label())
    return first, second


def query(number: int) -> bytes:
    """Ask for the address of a name that doesn't exist (RFC 6761, 6.4), with the probe's number in it."""
    label = _label() + b"%08x" % number
    header = _HEADER.pack(number & 0xFFFF, 0x0100, 1, 0, 0, 0)
    return header + bytes([len(label)]) + label + _END + struct.pack("!HH", _A, _IN)


def number_at(data: bytes, offset: int) -> int | None:
    """The number of the probe whose query stands at ``offset``; None where that is no query of ours."""
    start = offset + LABEL
    label = _label()
    digits = start + len(label)
    if data[start:digits] != label or len(data) < digits + 8:
        return None
    return int(data[digits : digits + 8], 16)
