"""Captures: what passes each parent and each switch port of a lab, as pcapng files.

The sockets are opened by the agent inside of the lab and handed over; this side reads and writes. A tap sees
what its interface sends and receives (ETH_P_ALL), and changes nothing: no promiscuity, no filter.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import selectors
import socket
import struct
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from netlab.errors import ReportError
from netlab.plan.types import State, SwitchLink, Veth
from netlab.report.write import make_folder

if TYPE_CHECKING:
    from netlab.lab import Lab

#: linux/if_ether.h, linux/if_packet.h, asm-generic/socket.h
ETH_P_ALL = 3
PACKET_OUTGOING = 4
SOL_PACKET = 263
PACKET_STATISTICS = 6
SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("@qq")
_STATISTICS = struct.Struct("@II")
#: As large as the kernel lets everybody have it (net.core.rmem_max caps it).
_BUFFER = 1 << 22
_LARGEST = 1 << 17
#: What stands for colons and brackets in a file's name; no interface may be called so.
_UNSAFE = re.compile(r"[^\w.+-]+")


@dataclass(frozen=True)
class Tap:
    """A place to listen: ``id`` as people write it, the namespace and the interface's name there."""

    id: str
    namespace: str
    ifname: str
    ifindex: int


def taps(state: State) -> list[Tap]:
    """Every parent and every switch port of a state, links between switches included."""
    found = []
    for link in state.links:
        if isinstance(link, Veth):
            found.append(Tap(link.id, link.namespace, link.ifname, link.ifindex))
            found.append(Tap(link.port_id, link.switch, link.port_ifname, link.port_ifindex))
        elif isinstance(link, SwitchLink):
            found.append(Tap(link.id, link.namespace, link.ifname, link.ifindex))
            found.append(Tap(f"{link.peer}--{link.namespace}", link.peer, link.peer_ifname, link.peer_ifindex))
    return found


class Captures:
    """The captures of one lab, one file for each tap in ``folder``, written by a thread of their own."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        make_folder(folder)
        self._lab = lab
        self._folder = folder
        self._open: dict[Tap, _Capture] = {}
        self._names: Counter[str] = Counter()
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._read, name="netlab-capture", daemon=True)
        self._thread.start()

    def __enter__(self) -> Captures:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def follow(self, state: State) -> None:
        """Listen at the taps of this state: new ones are opened, those of links that have gone are closed."""
        wanted = taps(state)
        for tap in [tap for tap in self._open if tap not in wanted]:
            self._end(self._open.pop(tap))
        for tap in wanted:
            if tap not in self._open:
                sock = self._lab.socket(tap.namespace, socket.AF_PACKET, socket.SOCK_RAW)
                capture = self._open[tap] = _Capture(tap, sock, self._folder / self._name(tap))
                with self._lock:
                    self._selector.register(sock, selectors.EVENT_READ, capture)

    def _name(self, tap: Tap) -> str:
        """``A~eth0.pcapng``; of a link that comes again ``A~eth0~2.pcapng``."""
        name = _UNSAFE.sub("~", tap.id).strip("~")
        self._names[name] += 1
        again = f"~{self._names[name]}" if self._names[name] > 1 else ""
        return f"{name}{again}.pcapng"

    def close(self) -> None:
        """Write what has arrived, and end."""
        os.write(self._wake_write, b"x")
        self._thread.join()
        for capture in self._open.values():
            self._end(capture)
        self._open.clear()
        self._selector.close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _end(self, capture: _Capture) -> None:
        with self._lock:
            self._selector.unregister(capture.sock)
            capture.drain()
            capture.close()

    def _read(self) -> None:
        while True:
            ready = self._selector.select()
            with self._lock:
                for key, _ in ready:
                    if key.data is None:
                        return
                    if key.fileobj in self._selector.get_map():
                        key.data.drain()


class _Capture:
    """One tap and its file."""

    def __init__(self, tap: Tap, sock: socket.socket, path: Path) -> None:
        self.sock = sock
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        sock.bind((tap.ifname, ETH_P_ALL))
        self._received = self._dropped = 0
        try:
            self._file: BinaryIO = path.open("wb")
        except OSError as error:
            raise ReportError(f"{path}: can't be written: {error.strerror}") from error
        self._file.write(section(tap.id))

    def drain(self) -> None:
        """Write every frame that has arrived."""
        while True:
            try:
                frame, ancillary, _flags, address = self.sock.recvmsg(_LARGEST, 64)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno == errno.ENETDOWN:
                    # Said once when the interface goes down; frames follow when it is up again.
                    continue
                raise
            stamp = time.time_ns()
            for level, kind, data in ancillary:
                if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                    seconds, nanoseconds = _TIMESPEC.unpack(data[: _TIMESPEC.size])
                    stamp = seconds * 1_000_000_000 + nanoseconds
            self._file.write(packet(frame, stamp, outgoing=address[2] == PACKET_OUTGOING))

    def close(self) -> None:
        """Note how many frames the kernel had no room for, and end."""
        with contextlib.suppress(OSError):
            data = self.sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, _STATISTICS.size)
            self._received, self._dropped = _STATISTICS.unpack(data)
        self._file.write(statistics(self._received, self._dropped, time.time_ns()))
        self._file.close()
        self.sock.close()


# --- pcapng (draft-ietf-opsawg-pcapng) --------------------------------------------------------------

_ETHERNET = 1
_NANOSECONDS = 9
_INBOUND, _OUTBOUND = 1, 2


def _block(kind: int, body: bytes) -> bytes:
    length = len(body) + 12
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _padded(value)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


_END = struct.pack("<HH", 0, 0)


def section(name: str) -> bytes:
    """The blocks that begin a file: a section header and one interface, with its name and nanoseconds."""
    header = _block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    options = _option(2, name.encode()) + _option(9, bytes([_NANOSECONDS])) + _END
    return header + _block(1, struct.pack("<HHI", _ETHERNET, 0, 0) + options)


def packet(frame: bytes, nanoseconds: int, *, outgoing: bool) -> bytes:
    """An enhanced packet block: when, which way, and the frame."""
    options = _option(2, struct.pack("<I", _OUTBOUND if outgoing else _INBOUND)) + _END
    head = struct.pack("<IIIII", 0, nanoseconds >> 32, nanoseconds & 0xFFFFFFFF, len(frame), len(frame))
    return _block(6, head + _padded(frame) + options)


def statistics(received: int, dropped: int, nanoseconds: int) -> bytes:
    """An interface statistics block: how many frames arrived, and how many found no room."""
    options = _option(4, struct.pack("<Q", received)) + _option(5, struct.pack("<Q", dropped)) + _END
    return _block(5, struct.pack("<III", 0, nanoseconds >> 32, nanoseconds & 0xFFFFFFFF) + options)
