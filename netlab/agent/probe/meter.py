"""Counters of what moves in a namespace."""

from __future__ import annotations

import socket
import struct

from netlab.agent import sockets
from netlab.agent.probe import bpf

SOL_PACKET, PACKET_STATISTICS = 263, 6
#: struct tpacket_stats: frames that came in, and those of them that there was no room for.
STATISTICS = struct.Struct("=II")


class Meter:
    """Counts the frames that the interfaces of a packet socket's namespace send and receive. Raises OSError.

    A packet socket also counts frames that it has no room for (packet_rcv), but not those that its filter refuses. So
    this one is never read.
    """

    def __init__(self, sock: socket.socket, program: bpf.Program) -> None:
        self.socket = sock
        bpf.attach(self.socket, program)
        sockets.make_room(self.socket, 0, force=False)

    def more(self) -> int:
        """How many they are since the last call: the counter starts anew whenever it is read."""
        # The first member of struct tpacket_stats is all there is room for.
        return self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS)
