"""Dumps of rtnetlink in the namespace of the calling thread, decoded by pyroute2.

One plain socket for a namespace: an ``IPRoute`` for each has twice the cost, where there are hundreds.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Any

from pyroute2.netlink import NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR
from pyroute2.netlink.rtnl import RTM_GETADDR, RTM_GETLINK, RTM_GETNEIGH, RTM_GETNSID, RTM_GETROUTE, RTM_GETRULE
from pyroute2.netlink.rtnl.marshal import MarshalRtnl

_HEADER = struct.Struct("=IHHII")
#: IFLA_EXT_MASK with RTEXT_FILTER_SKIP_STATS (include/uapi/linux/rtnetlink.h).
_NO_STATISTICS = struct.pack("=HHI", 8, 29, 8)
#: The same with RTEXT_FILTER_BRVLAN.
_VLANS = struct.pack("=HHI", 8, 29, 2)
_LINK = struct.pack("=BxHiII", 0, 0, 0, 0, 0)
_NETNSA_NSID, _NETNSA_FD = 1, 3
#: NLM_F_DUMP_INTR (include/uapi/linux/netlink.h): the table was changed while it was being read.
_INTERRUPTED = 0x10
_TRIES = 5
#: RTM_BASE: below it are the end of a dump and errors.
_FIRST_ROW = 16
#: Types of routes that are read (unicast, blackhole, unreachable, prohibit, throw, nat), and the table of addresses.
_ROUTES, _LOCAL = frozenset({1, 6, 7, 8, 9, 10}), 255
_NUD_NOARP, _NUD_PERMANENT = 0x40, 0x80
Keep = Callable[[bytes, int], bool]


class Socket:
    """An rtnetlink socket of the namespace that the calling thread is in."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        self._socket.bind((0, 0))
        self._marshal = MarshalRtnl()
        self._number = 0

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def links(self) -> list[Any]:
        """All devices."""
        return self._dump(RTM_GETLINK, _LINK + _NO_STATISTICS)

    def vlans(self) -> list[Any]:
        """The bridges and their ports, each with the VLANs that it is a member of."""
        body = struct.pack("=BxHiII", socket.AF_BRIDGE, 0, 0, 0, 0) + _VLANS
        return self._dump(RTM_GETLINK, body)

    def addresses(self) -> list[Any]:
        """All addresses."""
        return self._dump(RTM_GETADDR, bytes(8))

    def routes(self) -> list[Any]:
        """The routes of all tables, both families, but for what the kernel makes of addresses."""
        return self._dump(RTM_GETROUTE, bytes(12), lambda data, at: data[at + 7] in _ROUTES and data[at + 4] != _LOCAL)

    def rules(self) -> list[Any]:
        """The rules of both families."""
        return self._dump(RTM_GETRULE, bytes(12))

    def neighbors(self) -> list[Any]:
        """The neighbour tables, but for what needs no asking, as groups."""
        return self._dump(RTM_GETNEIGH, bytes(12), lambda data, at: _state(data, at) != _NUD_NOARP)

    def fdb(self) -> list[Any]:
        """The static entries of the forwarding tables of all bridges."""
        return self._dump(RTM_GETNEIGH, struct.pack("=BxHiII", socket.AF_BRIDGE, 0, 0, 0, 0),
                          lambda data, at: bool(_state(data, at) & (_NUD_NOARP | _NUD_PERMANENT)))  # fmt: skip

    def nsid(self, fd: int) -> int | None:
        """The number by which this namespace knows another; None where it has none for it."""
        self._send(RTM_GETNSID, NLM_F_REQUEST | NLM_F_ACK, bytes(4) + struct.pack("=HHI", 8, _NETNSA_FD, fd))
        for message in self._answers():
            if message["header"]["type"] == NLMSG_ERROR:
                return None
            number = message.get_attr("NETNSA_NSID")
            self._drain()
            return None if number is None or number == 0xFFFFFFFF else int(number)
        return None

    def _drain(self) -> None:
        """The acknowledgement behind an answer."""
        for message in self._answers():
            if message["header"]["type"] == NLMSG_ERROR:
                return

    def _dump(self, kind: int, body: bytes, keep: Keep = lambda _data, _at: True) -> list[Any]:
        """A whole table, of which only what is kept is decoded; once more, where it was changed meanwhile."""
        for left in reversed(range(_TRIES)):
            self._send(kind, NLM_F_REQUEST | NLM_F_DUMP, body)
            found: list[Any] = []
            torn = False
            for message in self._answers(keep):
                torn |= bool(message["header"]["flags"] & _INTERRUPTED)
                if message["header"]["type"] == NLMSG_DONE:
                    break
                if message["header"]["type"] == NLMSG_ERROR:
                    self._fail(message)
                found.append(message)
            if not torn or not left:
                return found
        raise AssertionError("no try was the last")

    def _fail(self, message: Any) -> None:
        number = abs(int(message["header"]["error"].code if message["header"]["error"] else 0))
        raise OSError(number, os.strerror(number) if number else errno.errorcode.get(number, "netlink error"))

    def _send(self, kind: int, flags: int, body: bytes) -> None:
        self._number += 1
        self._socket.send(_HEADER.pack(_HEADER.size + len(body), kind, flags, self._number, 0) + body)

    def _answers(self, keep: Keep = lambda _data, _at: True) -> Iterator[Any]:
        """Messages that answer the last request; of the rows of a table those that are kept."""
        while True:
            data = self._socket.recv(1 << 20)
            at = 0
            while at < len(data):
                length, kind, _, number, _ = _HEADER.unpack_from(data, at)
                if number == self._number and (kind < _FIRST_ROW or keep(data, at + _HEADER.size)):
                    yield from self._marshal.parse(data[at : at + length])
                at += (length + 3) & ~3


def _state(data: bytes, at: int) -> int:
    """ndm_state of a struct ndmsg."""
    return int.from_bytes(data[at + 8 : at + 10], sys.byteorder)


def raw(attributes: Any, kind: int) -> bytes | None:
    """The bytes of an attribute that pyroute2 has no name for."""
    for name, value in attributes["attrs"] if attributes else ():
        if name == "UNKNOWN" and value["header"]["type"] & 0x3FFF == kind:
            start = value.offset + 4
            return bytes(value.data[start : value.offset + value["header"]["length"]])
    return None
