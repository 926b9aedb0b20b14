"""What ICMP errors say of a probe: evidence for a silence, which the rounds must prove all the same."""

from __future__ import annotations

import socket
import struct

# include/uapi/linux/in.h, in6.h, socket.h, errqueue.h
IP_RECVERR, IPV6_RECVERR = 11, 25
#: struct sock_extended_err: errno, origin, type, code (and what isn't used here).
_EXTENDED = struct.Struct("=IBBBxII")
_FROM_ICMP = (2, 3)
#: The errors of RFC 792 and RFC 4443 that a packet may cause, by family, and type, code: what each of them says. A
#: filter's are "administratively prohibited" (RFC 1812, 5.2.7.1; RFC 4443, 3.1: also policy and reject route).
_PORT = {4: (3, 3), 6: (1, 4)}
_FILTERED = {4: {(3, 9), (3, 10), (3, 13)}, 6: {(1, 1), (1, 5), (1, 6)}}
#: An errno's name is the word of the kernel that was to send: no packet left. What others say has names of its own.
_ERRORS = {
    4: {(3, 0): "net-unreachable", (3, 4): "too-big", (3, 6): "net-unreachable"},
    6: {(1, 0): "net-unreachable", (2, 0): "too-big"},
}
#: The types that these sockets let through, beside answers.
TYPES = {4: (3, 11), 6: (1, 2, 3)}


def reason(family: int, kind: int, code: int, *, udp: bool = False) -> str:
    """Why a probe led nowhere: ``filtered``, ``refused`` (a datagram to a closed port), ``net-unreachable`` …

    Pings and connections have no port that is unreachable: there it is a filter's word (nft ``reject``).
    """
    if (kind, code) == _PORT[family]:
        return "refused" if udp else "filtered"
    if (kind, code) in _FILTERED[family]:
        return "filtered"
    return _ERRORS[family].get((kind, code), "host-unreachable")


def queue(sock: socket.socket, family: int) -> None:
    """Have a socket keep the errors that it gets. Raises OSError."""
    if family == 6:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)


def queued(sock: socket.socket, family: int, *, udp: bool = False) -> str:
    """What the last ICMP error in a socket's queue says; '' where there is none."""
    said = ""
    while True:
        try:
            _data, found, _flags, _sender = sock.recvmsg(0, 512, socket.MSG_ERRQUEUE)
        except OSError:
            # Nothing (more) is queued; whatever else is wrong the socket's other calls will show.
            return said
        for _level, _type, value in found:
            if len(value) >= _EXTENDED.size:
                _errno, origin, kind, code, _info, _more = _EXTENDED.unpack_from(value)
                if origin in _FROM_ICMP:
                    said = reason(family, kind, code, udp=udp)
