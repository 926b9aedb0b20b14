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
    wanted = f"{_as_in_proc(ip)}:{port:04X}"
    state = _LISTEN if protocol == "tcp" else _CLOSE
    name = protocol + ("6" if ":" in ip else "")
    with ns, open(f"/proc/thread-self/net/{name}") as table:
        lines = table.read().splitlines()[1:]
    return any(fields[1] == wanted and fields[3] == state for fields in map(str.split, lines))


def anywhere(ns: Netns, protocol: str, port: int) -> bool:
    """Whether a socket of the namespace listens (TCP) or is bound (UDP) at this port, at any address of any family."""
    state = _LISTEN if protocol == "tcp" else _CLOSE
    for name in (protocol, f"{protocol}6"):
        try:
            with ns, open(f"/proc/thread-self/net/{name}") as table:
                lines = table.read().splitlines()[1:]
        except FileNotFoundError:
            # A kernel without IPv6.
            continue
        if any(int(one[1].rpartition(":")[2], 16) == port and one[3] == state for one in map(str.split, lines)):
            return True
    return False


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
    """The address as /proc/net has it: 32-bit words in the machine's byte order."""
    packed = ipaddress.ip_address(ip).packed
    return "".join(f"{word:08X}" for word in struct.unpack(f"={len(packed) // 4}I", packed))
