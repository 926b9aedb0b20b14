"""Neighbour entries, read and written many at a time: requests without acknowledgement, for `Socket.carry_out`.

A mesh of a hundred hosts has 9,900 of them: so nothing is encoded twice, and only what is used is read.
"""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

from netlab.agent.netlink import constants as nl
from netlab.agent.netlink.attributes import NEIGHBOR
from netlab.agent.netlink.socket import Socket, attributes, header, nla

_DST, _LLADDR = NEIGHBOR["NDA_DST"][0], NEIGHBOR["NDA_LLADDR"][0]
_DUMPS: dict[int, bytes] = {
    family: header(nl.RTM_GETNEIGH, nl.NLM_F_REQUEST | nl.NLM_F_DUMP, nl.NDMSG.pack(family, 0, 0, 0, 0))
    for family in (socket.AF_UNSPEC, socket.AF_INET, socket.AF_INET6)
}
#: By the length of a packed address: its family, and a whole request that names its entry.
_DELETION = {
    size: (family, struct.Struct(f"{nl.NLMSGHDR.format}{nl.NDMSG.format[1:]}HH{size}s"))
    for size, family in ((4, socket.AF_INET), (16, socket.AF_INET6))
}


class Neighbor(NamedTuple):
    """An entry of an interface: the state (NUD_*), the packed address, the MAC (empty where it has none)."""

    ifindex: int
    state: int
    ip: bytes
    mac: bytes


def read(netlink: Socket, family: int = socket.AF_UNSPEC, *, without: int = nl.NUD_NOARP) -> list[Neighbor]:
    """The entries of the socket's namespace, but for those in one of the states ``without``.

    With ``family`` only its own: the kernel walks a table for each. Raises OSError.
    """
    found = []
    for message in netlink.dump(_DUMPS[family]):
        its, index, state, _flags, _kind = nl.NDMSG.unpack_from(message, 16)
        if state & without or its not in (socket.AF_INET, socket.AF_INET6):
            continue
        ip = mac = b""
        for kind, value in attributes(message, 28):
            if kind == _DST:
                ip = bytes(value)
            elif kind == _LLADDR:
                mac = bytes(value)
            else:
                # The kernel writes these two first (neigh_fill_info).
                break
        if ip:
            found.append(Neighbor(index, state, ip, mac))
    return found


def of(ip: bytes) -> bytes:
    """The part of a request that names the entry, by its packed address."""
    return nla(_DST, ip)


def says(mac: bytes) -> bytes:
    """The part of a request that says what an entry says."""
    return nla(_LLADDR, mac)


def put(index: int, family: int, state: int, size: int) -> bytes:
    """The head of a request to add or replace an entry of an interface, before ``size`` bytes of `of` and `says`."""
    return _head(nl.RTM_NEWNEIGH, nl.NLM_F_CREATE | nl.NLM_F_REPLACE, index, family, state, size)


def delete(index: int, family: int, size: int) -> bytes:
    """The head of a request to delete an entry, before ``size`` bytes of `of`."""
    return _head(nl.RTM_DELNEIGH, 0, index, family, 0, size)


def deletion(index: int, ip: bytes) -> bytes:
    """The request that deletes an entry of an interface."""
    family, request = _DELETION[len(ip)]
    return request.pack(
        request.size, nl.RTM_DELNEIGH, nl.NLM_F_REQUEST, 0, 0, family, index, 0, 0, 0, 4 + len(ip), _DST, ip
    )


def family_of(ip: bytes) -> int:
    """The family of a packed address."""
    return socket.AF_INET if len(ip) == 4 else socket.AF_INET6


def _head(kind: int, flags: int, index: int, family: int, state: int, size: int) -> bytes:
    body = nl.NDMSG.pack(family, index, state, 0, 0) + bytes(size)
    return header(kind, nl.NLM_F_REQUEST | flags, body)[:-size]
