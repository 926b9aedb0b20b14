"""Capture: everything that interfaces send and receive, written as pcapng to descriptors that the front gave.

One packet socket per interface, bound and for every protocol: such a socket is served before the rx_handler of a
bridge port or of a macvlan's parent takes the frame (__netif_receive_skb_core, net/core/dev.c), as tcpdump's is.
Unlike tcpdump it sets no promiscuous mode: watching a lab must not change it. One thread reads and writes.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from netlab.agent import pcapng, sockets
from netlab.agent.probe.frames import PACKET_OUTGOING
from netlab.agent.probe.receivers import ROOM, close_side_by_side, drops_of

if TYPE_CHECKING:
    from netlab.agent.lab import Lab

ETH_P_ALL = 0x0003
SO_TIMESTAMPNS = 35
SOL_PACKET, PACKET_AUXDATA = 263, 8
#: The longest frame: a GSO packet of a veth may be as long as an IP packet can be.
SNAP = 1 << 18
#: How long a reader may leave its pipe full, in seconds.
SLOW = 10.0
#: struct tpacket_auxdata (linux/if_packet.h) and its flags for a VLAN tag that was taken out of the frame.
_AUXDATA = struct.Struct("=IIIHHHH")
TP_STATUS_VLAN_VALID, TP_STATUS_VLAN_TPID_VALID = 1 << 4, 1 << 6
_TIMESPEC = struct.Struct("=qq")
_ANCILLARY = socket.CMSG_SPACE(_TIMESPEC.size) + socket.CMSG_SPACE(_AUXDATA.size)


class Capture:
    """A capture of some interfaces and switch ports of a lab, until it is stopped.

    ``wanted`` maps ids of links and of ports to the number of a descriptor. A link that doesn't exist yet is captured
    from the step on that makes it (`follow`). The descriptors belong to the capture, which closes them.
    """

    def __init__(self, wanted: Mapping[str, int], fds: list[int]) -> None:
        self._files = [_File(fd) for fd in fds]
        self._wanted = {name: self._files[number] for name, number in wanted.items()}
        self._sockets: dict[str, socket.socket] = {}
        self._buffer = memoryview(bytearray(SNAP))
        self._lock = threading.Lock()
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._epoll = select.epoll()
        self._epoll.register(self._wake_read, select.EPOLLIN)
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self._thread.start()

    def follow(self, lab: Lab, *, afresh: bool = False) -> None:
        """Listen at every wanted interface that exists now; ``afresh``: all of them are new ones. Call it in the main
        thread, after each step."""
        places = lab.places()
        gone = []
        for name, file in self._wanted.items():
            place = places.get(name)
            known = self._sockets.get(name)
            if known is not None and (afresh or place is None or known.getsockname()[0] == ""):
                # The interface has gone: its socket is bound to nothing any more (packet_notifier), not even to a new
                # interface of that name.
                gone.append(self._leave(name))
                known = None
            if place is None or known is not None:
                continue
            ns, ifname = place
            sock = ns.open_socket(socket.AF_PACKET, socket.SOCK_RAW, 0, "a packet socket")
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            sockets.make_room(sock, ROOM)
            sock.setblocking(False)
            # Its name is looked up in the socket's own namespace (packet_bind).
            sock.bind((ifname, ETH_P_ALL))
            with self._lock:
                file.introduce(name, ifname)
                self._sockets[name] = sock
                self._epoll.register(sock.fileno(), select.EPOLLIN)
        close_side_by_side(gone)

    def stop(self) -> dict[str, int]:
        """Write what has been received and the counts, and close everything. Raises OSError where writing failed."""
        os.write(self._wake_write, b".")
        self._thread.join()
        close_side_by_side([self._leave(name) for name in list(self._sockets)])
        for fd in (self._wake_read, self._wake_write):
            os.close(fd)
        self._epoll.close()
        for file in self._files:
            file.end()
        error = next((file.error for file in self._files if file.error is not None), None)
        if error is not None:
            raise error
        counts = [count for file in self._files for count in file.counts.values()]
        return {"frames": sum(got for got, _ in counts), "dropped": sum(lost for _, lost in counts)}

    def _leave(self, name: str) -> socket.socket:
        with self._lock:
            sock = self._sockets.pop(name)
            self._epoll.unregister(sock.fileno())
            file = self._wanted[name]
            file.write(self._waiting(name, sock))
            file.count(name, 0, drops_of(sock))
        return sock

    # --- the thread ---------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            ready = {fd for fd, _ in self._epoll.poll()}
            with self._lock:
                found: dict[int, list[tuple[int, bytes]]] = {}
                for name, sock in self._sockets.items():
                    if sock.fileno() in ready:
                        number = self._files.index(self._wanted[name])
                        found.setdefault(number, []).extend(self._waiting(name, sock))
                for number, frames in found.items():
                    self._files[number].write(frames)
            if self._wake_read in ready:
                return

    def _waiting(self, name: str, sock: socket.socket) -> list[tuple[int, bytes]]:
        """Every frame that waits in a socket: its time and its block."""
        found = []
        file = self._wanted[name]
        number = file.numbers[name]
        while True:
            try:
                size, ancillary, _flags, address = sock.recvmsg_into([self._buffer], _ANCILLARY, socket.MSG_TRUNC)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno == errno.ENETDOWN:
                    # Told once when the interface goes down; it is heard again when it is up.
                    continue
                file.error = file.error or error
                break
            data = bytes(self._buffer[: min(size, SNAP)])
            stamp = 0
            for level, kind, value in ancillary:
                if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                    seconds, nanoseconds = _TIMESPEC.unpack(value)
                    stamp = seconds * 1_000_000_000 + nanoseconds
                elif level == SOL_PACKET and kind == PACKET_AUXDATA:
                    data, size = _tagged(data, size, value)
            block = pcapng.packet(number, stamp, data, size, address[2] == PACKET_OUTGOING, address[2])
            found.append((stamp, block))
        file.count(name, len(found), 0)
        return found


class _File:
    """One pcapng file in the making. After a failure (a full disk) nothing more is written, and ``error`` says why."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.error: OSError | None = None
        self.numbers: dict[str, int] = {}
        self.counts: dict[str, tuple[int, int]] = {}
        self._write(pcapng.section())

    def introduce(self, name: str, ifname: str) -> None:
        """Describe an interface, once."""
        if name not in self.numbers:
            self.numbers[name] = len(self.numbers)
            self._write(pcapng.interface(name, ifname))

    def write(self, frames: list[tuple[int, bytes]]) -> None:
        """Write blocks in the order of their time, as far as one look at all sockets can tell it."""
        if frames:
            self._write(b"".join(block for _, block in sorted(frames, key=lambda frame: frame[0])))

    def count(self, name: str, received: int, lost: int) -> None:
        """Remember how many frames an interface's socket had, and had no room for."""
        before = self.counts.get(name, (0, 0))
        self.counts[name] = before[0] + received, before[1] + lost

    def end(self) -> None:
        """Write the counts and close."""
        now = time.time_ns()
        for name, (received, lost) in self.counts.items():
            self._write(pcapng.statistics(self.numbers[name], now, received, lost))
        os.close(self._fd)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view and self.error is None:
                try:
                    view = view[os.write(self._fd, view) :]
                except BlockingIOError:
                    # The pipe of a front is full, which may have been stopped: the lab doesn't wait for it for ever.
                    if not select.select([], [self._fd], [], SLOW)[1]:
                        raise TimeoutError(errno.ETIMEDOUT, "the reader is too slow") from None
        except OSError as error:
            self.error = error


def _tagged(data: bytes, size: int, auxdata: bytes) -> tuple[bytes, int]:
    """The frame with the VLAN tag that the kernel has taken out of it (skb_vlan_untag)."""
    status, _length, _snap, _mac, _net, tci, tpid = _AUXDATA.unpack(auxdata)
    if not status & TP_STATUS_VLAN_VALID:
        return data, size
    kind = tpid if status & TP_STATUS_VLAN_TPID_VALID else 0x8100
    return data[:12] + struct.pack("!HH", kind, tci) + data[12:], size + 4
