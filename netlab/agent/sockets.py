"""How much room the buffers of sockets have.

A buffer is as large as net.core.rmem_max and wmem_max allow (sk_setsockopt, net/core/sock.c): 208 KiB on most machines.
What is sent to a socket at once must fit the buffer that it has, not the one that it asked for.
"""

from __future__ import annotations

import os
import socket
import struct

SO_SNDBUFFORCE, SO_RCVBUFFORCE, SO_MEMINFO = 32, 33, 55
#: struct sk_meminfo as nine numbers (SK_MEMINFO_VARS); the last is how many frames found no room (SK_MEMINFO_DROPS).
_MEMINFO = struct.Struct("=9I")
#: A frame of up to 250 bytes takes so much of a buffer at most (truesize; measured on 6.18: 832).
SMALL = 1024
#: The size of every buffer of the agent, in bytes as the kernel counts them (getsockopt), even for root: with it tests
#: on a large machine behave as on a small one. 0: what the kernel gives.
HELD = int(os.environ.get("NETLAB_HOLD_BUFFERS") or 0)


def make_room(sock: socket.socket, size: int, *, force: bool = True) -> int:
    """Ask for a receive buffer of ``size`` bytes; returns its size, as the kernel counts it (twice as many).

    With ``force`` it may exceed rmem_max, if this user may do that (CAP_NET_ADMIN of the machine).
    """
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE if force else socket.SO_RCVBUF, size)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
    hold(sock)
    return room(sock)


def make_room_to_send(sock: socket.socket, size: int) -> int:
    """The same for the send buffer: it holds what waits for a neighbour or in a queue."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, size)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)
    hold(sock)
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)


def hold(sock: socket.socket) -> None:
    """Hold a socket's buffers at what the tests ask for."""
    if HELD:
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            if sock.getsockopt(socket.SOL_SOCKET, option) > HELD:
                # The kernel doubles what it is told.
                sock.setsockopt(socket.SOL_SOCKET, option, HELD // 2)


def room(sock: socket.socket) -> int:
    """The size of a receive buffer in bytes, as the kernel counts them: each frame by its skb's truesize."""
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)


def lost(sock: socket.socket) -> int:
    """How many frames a socket had no room for since it was opened (sk_drops; Linux 4.12)."""
    drops: int = _MEMINFO.unpack(sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, _MEMINFO.size))[8]
    return drops
