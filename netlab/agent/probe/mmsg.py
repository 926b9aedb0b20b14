"""Many datagrams sent or received by one system call: for a single one half of the time is spent in Python."""

from __future__ import annotations

import ctypes
import errno
import struct
from collections.abc import Sequence

from netlab.agent import system

#: struct mmsghdr: a struct user_msghdr, padded, and the length of what was sent or received (include/linux/socket.h).
_MESSAGE = struct.Struct("@PIPNPNi0PI0P")
_LENGTH = struct.Struct("@I")
_LENGTH_AT = struct.calcsize("@PIPNPNi0P")
#: struct iovec.
_VECTOR = struct.Struct("@PN")
#: struct sockaddr_ll: interface index, and what kind of packet it was to this machine (PACKET_HOST, …).
_LINK = struct.Struct("@HHiHBB8x")


class _Messages:
    """An array of struct mmsghdr with all that it points to: as many slots of one size as there is data for."""

    def __init__(self, data: bytes, size: int, names: bytes, room: int) -> None:
        self.data = ctypes.create_string_buffer(data, len(data))
        self.names = ctypes.create_string_buffer(names, len(names))
        self.count = len(data) // size
        at, name = ctypes.addressof(self.data), ctypes.addressof(self.names)
        self._vectors = ctypes.create_string_buffer(
            b"".join(_VECTOR.pack(at + k * size, size) for k in range(self.count))
        )
        vector = ctypes.addressof(self._vectors)
        self.headers = ctypes.create_string_buffer(
            b"".join(
                _MESSAGE.pack(name + k * room, room, vector + k * _VECTOR.size, 1, 0, 0, 0, 0)
                for k in range(self.count)
            )
        )

    def address(self, place: int = 0) -> int:
        """Where the header of a slot stands."""
        return ctypes.addressof(self.headers) + place * _MESSAGE.size


class Datagrams:
    """Datagrams that one socket sends by one system call. Sent one by one, 9,900 pings spend half of their time in
    Python.

    All are of one size, and so are the addresses (struct sockaddr) that they go to.
    """

    def __init__(self, fd: int, packets: Sequence[bytes], addresses: Sequence[bytes]) -> None:
        self._fd = fd
        size, room = len(packets[0]), len(addresses[0])
        self._messages = _Messages(b"".join(packets), size, b"".join(addresses), room)

    def send(self) -> dict[int, OSError]:
        """Send them all; those that were refused, by their place in the row."""
        refused = {}
        done = 0
        count = self._messages.count
        while done < count:
            try:
                done += system.sendmmsg(self._fd, self._messages.address(done), count - done)
            except OSError as error:
                refused[done] = error
                done += 1
        return refused


class Inbox:
    """A buffer to read many frames at a time from packet sockets, of each the first ``size`` bytes."""

    def __init__(self, size: int, frames: int = 64) -> None:
        self._size = size
        self._slots = _Messages(bytes(size * frames), size, bytes(_LINK.size * frames), _LINK.size)
        self._address = self._slots.address()
        self._data = memoryview(self._slots.data)
        self._headers = memoryview(self._slots.headers)
        self._names = memoryview(self._slots.names)

    def receive(self, fd: int) -> list[tuple[bytes, int, int]]:
        """Read what is there, as far as there is room: frame, interface index, packet type. Raises OSError."""
        try:
            count = system.recvmmsg(fd, self._address, self._slots.count)
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return []
            raise
        found = []
        for k in range(count):
            (length,) = _LENGTH.unpack_from(self._headers, k * _MESSAGE.size + _LENGTH_AT)
            _family, _protocol, index, _type, kind, _halen = _LINK.unpack_from(self._names, k * _LINK.size)
            start = k * self._size
            found.append((bytes(self._data[start : start + length]), index, kind))
        return found
