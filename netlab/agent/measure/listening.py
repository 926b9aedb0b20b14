"""Whether a server is ready, and which port is free: by the sockets of its namespace, never by waiting a while."""

from __future__ import annotations

import ipaddress
import socket
import struct

from netlab.agent.netns import Netns

#: net/tcp_states.h; a bound UDP socket has the state of a closed one.
_LISTEN, _CLOSE = "0A", "07"


def listens(ns: Netns, protocol: str, ip: str, port: int) -> bool:
    """Whether a socket of the namespace listens (TCP) or is bound (UDP) at this address and port."""
    return (_as_in_proc(ip), port) in _served(ns, protocol)


def takes(ns: Netns, protocol: str, ip: str, port: int) -> bool:
    """The same, at this address or at any. Raises OSError."""
    return not _served(ns, protocol).isdisjoint((address, port) for address in (_as_in_proc(ip), "0" * 8, "0" * 32))


def anywhere(ns: Netns, protocol: str, port: int) -> bool:
    """Whether a socket of the namespace listens (TCP) or is bound (UDP) at this port, at any address of any family."""
    return any(its == port for _, its in _served(ns, protocol))


def _served(ns: Netns, protocol: str) -> set[tuple[str, int]]:
    """Where sockets of the namespace listen (TCP) or are bound (UDP): addresses as /proc/net has them, and ports."""
    state = _LISTEN if protocol == "tcp" else _CLOSE
    found = set()
    for name in (protocol, f"{protocol}6"):
        try:
            with ns, open(f"/proc/thread-self/net/{name}") as table:
                lines = table.read().splitlines()[1:]
        except FileNotFoundError:
            # A kernel without IPv6.
            continue
        for fields in map(str.split, lines):
            address, _, port = fields[1].partition(":")
            if fields[3] == state:
                found.add((address, int(port, 16)))
    return found


def free_port(ns: Netns, ip: str, vrf: str = "") -> int:
    """A port of this address (of a VRF's) that no TCP or UDP socket of the namespace has. Raises OSError."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    while True:
        with ns:
            tcp = socket.socket(family, socket.SOCK_STREAM)
            udp = socket.socket(family, socket.SOCK_DGRAM)
        with tcp, udp:
            for sock in (tcp, udp) if vrf else ():
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, vrf.encode() + b"\0")
            tcp.bind((ip, 0))
            port: int = tcp.getsockname()[1]
            try:
                udp.bind((ip, port))
            except OSError:
                continue
            return port


def _as_in_proc(ip: str) -> str:
    """The address as /proc/net has it: 32-bit words in the machine's byte order (get_openreq4, udp6_seq_show)."""
    packed = ipaddress.ip_address(ip).packed
    return "".join(f"{word:08X}" for word in struct.unpack(f"={len(packed) // 4}I", packed))
