"""A copy of the undo list, as a file in /run: for the case that both processes of an agent are killed at once.

The next agent on the machine undoes what it finds there. A file belongs to one network namespace and one boot, and is
deleted when everything is undone.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
from pathlib import Path

FOLDER = Path("/run/netlab")
_BOOT = Path("/proc/sys/kernel/random/boot_id")
#: Of include/uapi/asm-generic/socket.h.
SO_NETNS_COOKIE = 71


class Journal:
    """The journal of the network namespace that the calling process is in."""

    def __init__(self) -> None:
        self._path = FOLDER / f"{_namespace()}.undo"
        self._head = _BOOT.read_bytes()
        self._fd = -1

    def left(self) -> bytes:
        """What an agent that was killed has left here, its lines as they were given to `add`."""
        try:
            head, _, lines = self._path.read_bytes().partition(b"\n")
        except FileNotFoundError:
            return b""
        # Where /run outlives a boot what was done does not.
        return lines if head + b"\n" == self._head else b""

    def begin(self) -> None:
        """Start it anew. Raises OSError."""
        FOLDER.mkdir(mode=0o700, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._fd = os.open(self._path, flags, 0o600)
        os.write(self._fd, self._head)

    def add(self, line: bytes) -> None:
        """Write a line. It outlives this process, though not the machine. Raises OSError."""
        size = os.fstat(self._fd).st_size
        if os.write(self._fd, line) < len(line):
            # Half a line would spoil the next one.
            os.ftruncate(self._fd, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))

    def remove(self) -> None:
        """Everything is undone: leave no file behind."""
        self._path.unlink(missing_ok=True)
        # It holds those of other namespaces, or has gone with another one's.
        with contextlib.suppress(OSError):
            FOLDER.rmdir()


def _namespace() -> str:
    """A name for the network namespace that no other one has until the next boot."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        try:
            [cookie] = struct.unpack("=Q", sock.getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8))
        except OSError:
            # Before Linux 5.14 there is none. The machine's own namespace has always the same inode.
            return f"inode-{os.stat('/proc/self/ns/net').st_ino}"
    return str(cookie)
