"""Sending many probes from two processors at once: each is mostly the kernel's work."""

from __future__ import annotations

import ctypes
import struct
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from netlab.agent import system

T = TypeVar("T")

#: struct mmsghdr: a struct user_msghdr, padded, and the length that was sent (include/linux/socket.h); struct iovec.
_MESSAGE, _VECTOR = "PIPNPNi0PI0P", "PN"
_MESSAGE_SIZE, _VECTOR_SIZE = struct.calcsize(_MESSAGE), struct.calcsize(_VECTOR)


class Volley:
    """Datagrams that one socket sends by one system call: Python's own part of 9,900 pings is half of their time.

    All are of one size, and so are the addresses (struct sockaddr) that they go to.
    """

    def __init__(self, fd: int, packets: Sequence[bytes], addresses: Sequence[bytes]) -> None:
        self._fd = fd
        self._count = len(packets)
        size, room = len(packets[0]), len(addresses[0])
        # The kernel reads them by their addresses: they have to live as long as we do.
        self._held = [ctypes.create_string_buffer(b"".join(parts)) for parts in (packets, addresses)]
        data, names = map(ctypes.addressof, self._held)
        self._held.append(_array(_VECTOR, [(data + k * size, size) for k in range(self._count)]))
        vectors = ctypes.addressof(self._held[2])
        self._messages = _array(
            _MESSAGE,
            [(names + k * room, room, vectors + k * _VECTOR_SIZE, 1, 0, 0, 0, 0) for k in range(self._count)],
        )

    def fire(self) -> dict[int, OSError]:
        """Send them all; those that were refused, by their place in the row."""
        refused = {}
        done = 0
        while done < self._count:
            start = ctypes.addressof(self._messages) + done * _MESSAGE_SIZE
            try:
                done += system.sendmmsg(self._fd, start, self._count - done)
            except OSError as error:
                refused[done] = error
                done += 1
        return refused


def _array(layout: str, rows: Sequence[tuple[int, ...]]) -> ctypes.Array[ctypes.c_char]:
    return ctypes.create_string_buffer(struct.pack("@" + layout * len(rows), *(value for row in rows for value in row)))


def from_two(work: Callable[[T], None], items: Sequence[T]) -> None:
    """Call ``work`` with every item, half of them in a thread of its own; what either half raises is raised here."""
    failure: list[BaseException] = []

    def help_out() -> None:
        try:
            for item in items[1::2]:
                work(item)
        except BaseException as error:  # handed to the caller, whatever it is
            failure.append(error)

    helper = threading.Thread(target=help_out)
    helper.start()
    try:
        for item in items[0::2]:
            work(item)
    finally:
        helper.join()
    if failure:
        raise failure[0]
