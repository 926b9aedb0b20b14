"""Dumps of rtnetlink in the namespace of the calling thread, decoded by pyroute2.

One plain socket for a namespace: an ``IPRoute`` for each has twice the cost, where there are hundreds.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from pyroute2.netlink import NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR
from pyroute2.netlink.rtnl import (
    RTM_GETADDR,
    RTM_GETLINK,
    RTM_GETNEIGH,
    RTM_GETNSID,
    RTM_GETROUTE,
    RTM_GETRULE,
    RTM_NEWLINK,
)
from pyroute2.netlink.rtnl.marshal import MarshalRtnl

_HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
#: IFLA_EXT_MASK with RTEXT_FILTER_SKIP_STATS (include/uapi/linux/rtnetlink.h).
_NO_STATISTICS = struct.pack("=HHI", 8, 29, 8)
#: The same with RTEXT_FILTER_BRVLAN.
_VLANS = struct.pack("=HHI", 8, 29, 2)
_LINK = struct.pack("=BxHiII", 0, 0, 0, 0, 0)
_NETNSA_NSID, _NETNSA_FD = 1, 3
#: NLM_F_DUMP_INTR (include/uapi/linux/netlink.h): the table was changed while it was being read.
_INTERRUPTED = 0x10
_TRIES = 5
#: Types of routes that are read (unicast, blackhole, unreachable, prohibit, throw, nat), and the table of addresses.
_ROUTES, _LOCAL = frozenset({1, 6, 7, 8, 9, 10}), 255
_NUD_NOARP, _NUD_PERMANENT = 0x40, 0x80
#: The attributes of a device that are read, of some sixty: IFLA_ADDRESS, _IFNAME, _MTU, _LINK, _MASTER, _LINKINFO,
#: _AF_SPEC, _CARRIER, _LINK_NETNSID (include/uapi/linux/if_link.h). Each that pyroute2 decodes costs.
_OF_DEVICE = frozenset({1, 3, 4, 5, 10, 18, 26, 33, 37})
_IFINFOMSG = 16
Keep = Callable[[bytes], bool]


class Socket:
    """An rtnetlink socket of the namespace that the calling thread is in."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        self._socket.bind((0, 0))
        self._number = 0

    def close(self) -> None:
        self._socket.close()

    def links(self) -> list[Any]:
        return self._dump(RTM_GETLINK, _LINK + _NO_STATISTICS)

    def vlans(self) -> list[Any]:
        """The bridges and their ports, each with the VLANs that it is a member of."""
        body = struct.pack("=BxHiII", socket.AF_BRIDGE, 0, 0, 0, 0) + _VLANS
        return self._dump(RTM_GETLINK, body)

    def addresses(self) -> list[Any]:
        return self._dump(RTM_GETADDR, bytes(8))

    def routes(self) -> list[Any]:
        """The routes of all tables, both families, but for what the kernel makes of addresses."""
        return self._dump(RTM_GETROUTE, bytes(12), lambda data: data[7] in _ROUTES and data[4] != _LOCAL)

    def rules(self) -> list[Any]:
        """The rules of both families."""
        return self._dump(RTM_GETRULE, bytes(12))

    def neighbors(self) -> list[Any]:
        """The neighbour tables, but for what needs no asking, as groups."""
        return self._dump(RTM_GETNEIGH, bytes(12), lambda data: _state(data) != _NUD_NOARP)

    def fdb(self) -> list[Any]:
        """The static entries of the forwarding tables of all bridges."""
        return self._dump(RTM_GETNEIGH, struct.pack("=BxHiII", socket.AF_BRIDGE, 0, 0, 0, 0),
                          lambda data: bool(_state(data) & (_NUD_NOARP | _NUD_PERMANENT)))  # fmt: skip

    def nsid(self, fd: int) -> int | None:
        """The number by which this namespace knows another; None where it has none for it."""
        self._send(RTM_GETNSID, NLM_F_REQUEST | NLM_F_ACK, bytes(4) + struct.pack("=HHI", 8, _NETNSA_FD, fd))
        found = None
        for kind, _, data in self._answers():
            if kind == NLMSG_ERROR:
                return found
            number = dict(attributes(data[4:])).get(_NETNSA_NSID)
            # -1 (NETNSA_NSID_NOT_ASSIGNED) is none.
            found = None if number in (None, b"\xff\xff\xff\xff") else int.from_bytes(number, sys.byteorder)
        raise AssertionError("an acknowledgement ends the answer")

    def _dump(self, kind: int, body: bytes, keep: Keep = lambda _data: True) -> list[Any]:
        """A whole table, of which only what is kept is decoded; once more, where it was changed meanwhile."""
        for left in reversed(range(_TRIES)):
            self._send(kind, NLM_F_REQUEST | NLM_F_DUMP, body)
            found: list[Any] = []
            torn = False
            for row, flags, data in self._answers():
                torn |= bool(flags & _INTERRUPTED)
                if row in (NLMSG_DONE, NLMSG_ERROR):
                    self._check(data)
                    break
                if keep(data):
                    found.append(_decoded(row, _slim(data) if row == RTM_NEWLINK else data))
            if not torn or not left:
                return found
        raise AssertionError("no try was the last")

    @staticmethod
    def _check(data: bytes) -> None:
        """Raise OSError where what ends a dump says that it failed."""
        number = -int.from_bytes(data[:4], sys.byteorder, signed=True)
        if number > 0:
            raise OSError(number, os.strerror(number))

    def _send(self, kind: int, flags: int, body: bytes) -> None:
        self._number += 1
        self._socket.send(_HEADER.pack(_HEADER.size + len(body), kind, flags, self._number, 0) + body)

    def _answers(self) -> Iterator[tuple[int, int, bytes]]:
        """Type, flags and body of each message that answers the last request."""
        while True:
            data = self._socket.recv(1 << 20)
            at = 0
            while at < len(data):
                length, kind, flags, number, _ = _HEADER.unpack_from(data, at)
                if number == self._number:
                    yield kind, flags, data[at + _HEADER.size : at + length]
                at += (length + 3) & ~3


#: What pyroute2 has for each type of message.
_CLASSES = MarshalRtnl().msg_map


@lru_cache(maxsize=256)
def _decoded(kind: int, body: bytes) -> Any:
    """A message, which is only read: many namespaces have the same rules, routes and addresses of lo."""
    message = _CLASSES[kind](_HEADER.pack(_HEADER.size + len(body), kind, 0, 0, 0) + body)
    message.decode()
    return message


def attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The attributes in a text of bytes: type and value (struct nlattr, include/uapi/linux/netlink.h)."""
    at = 0
    while at + 4 <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        yield kind & 0x3FFF, data[at + 4 : at + length]
        at += (max(length, 4) + 3) & ~3


def _slim(data: bytes) -> bytes:
    """A device without the attributes that nobody reads."""
    parts = [data[:_IFINFOMSG]]
    at = _IFINFOMSG
    while at + 4 <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        end = at + ((max(length, 4) + 3) & ~3)
        if kind & 0x3FFF in _OF_DEVICE:
            parts.append(data[at:end])
        at = end
    return b"".join(parts)


def _state(data: bytes) -> int:
    """ndm_state of a struct ndmsg."""
    return int.from_bytes(data[8:10], sys.byteorder)


def first(message: Any, name: str) -> Any:
    """The value of the first attribute of a name, decoded; None where there is none. ``get_attr`` is slower."""
    for slot in message["attrs"]:
        if slot.cell[0] == name:
            return slot.value
    return None


def raw(attributes: Any, kind: int) -> bytes | None:
    """The bytes of an attribute that pyroute2 has no name for."""
    for name, value in attributes["attrs"] if attributes else ():
        if name == "UNKNOWN" and value["header"]["type"] & 0x3FFF == kind:
            start = value.offset + 4
            return bytes(value.data[start : value.offset + value["header"]["length"]])
    return None
