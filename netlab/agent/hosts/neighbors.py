"""Neighbour entries of a real machine: only the topology's own addresses are ever touched."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from dataclasses import dataclass

from netlab.agent.netlink import Socket
from netlab.agent.netlink.socket import NLM_F_DUMP, NLM_F_REQUEST, attributes, header, nla
from netlab.agent.probe.cold import (
    NDA_DST,
    NDA_LLADDR,
    NDMSG,
    NLM_F_CREATE,
    NLM_F_REPLACE,
    NUD_NOARP,
    NUD_PERMANENT,
    RTM_DELNEIGH,
    RTM_GETNEIGH,
    RTM_NEWNEIGH,
)

NUD_STALE = 0x04
_DUMP = header(RTM_GETNEIGH, NLM_F_REQUEST | NLM_F_DUMP, NDMSG.pack(0, 0, 0, 0, 0))


@dataclass(frozen=True)
class Entry:
    """One entry: of which interface, for which address, with which MAC ('' where it has none), in which state."""

    index: int
    ip: str
    mac: str
    state: int


def entries(netlink: Socket) -> list[Entry]:
    """Every neighbour entry of the socket's namespace, NOARP ones left out."""
    found = []
    for message in netlink.dump(_DUMP):
        family, index, state, _flags, _kind = NDMSG.unpack_from(message, 16)
        if state & NUD_NOARP or family not in (socket.AF_INET, socket.AF_INET6):
            continue
        values = {kind: bytes(value) for kind, value in attributes(message, 28)}
        if NDA_DST in values:
            ip = str(ipaddress.ip_address(values[NDA_DST]))
            found.append(Entry(index, ip, values.get(NDA_LLADDR, b"").hex(":"), state))
    return found


def forget(netlink: Socket, mine: dict[int, set[str]], *, permanent: bool = False) -> None:
    """Delete the entries of these addresses at these interfaces, permanent ones only if asked for. Raises OSError."""
    requests = [
        header(RTM_DELNEIGH, NLM_F_REQUEST, _body(entry, 0))
        for entry in entries(netlink)
        if entry.ip in mine.get(entry.index, ()) and (permanent or not entry.state & NUD_PERMANENT)
    ]
    _check(netlink, requests, errno.ENOENT, errno.ENODEV)


def restore(netlink: Socket, before: list[Entry]) -> None:
    """Put entries back: a permanent one as it was, any other as STALE (its age isn't known). Raises OSError."""
    requests = []
    for entry in before:
        if entry.mac:
            state = NUD_PERMANENT if entry.state & NUD_PERMANENT else NUD_STALE
            body = _body(entry, state) + nla(NDA_LLADDR, bytes.fromhex(entry.mac.replace(":", "")))
            flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE
            requests.append(header(RTM_NEWNEIGH, flags, body))
    _check(netlink, requests, errno.ENODEV, errno.ENETDOWN)


def _body(entry: Entry, state: int) -> bytes:
    family = socket.AF_INET6 if ":" in entry.ip else socket.AF_INET
    return NDMSG.pack(family, entry.index, state, 0, 0) + nla(NDA_DST, ipaddress.ip_address(entry.ip).packed)


def _check(netlink: Socket, requests: list[bytes], *allowed: int) -> None:
    for failure in netlink.failures(requests):
        if failure.errno not in allowed:
            raise OSError(failure.errno, failure.message or os.strerror(failure.errno))
