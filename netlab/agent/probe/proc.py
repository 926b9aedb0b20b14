"""Files of /proc that are read around every wave: with as few system calls as it takes."""

from __future__ import annotations

import functools
import os

#: What is read at a time: most files come whole.
_PIECE = 1 << 16


@functools.cache
def _opened(path: str) -> int:
    """Open as long as we are."""
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def read(path: str) -> bytes:
    """What a file says now. Raises OSError."""
    return whole(_opened(path))


def whole(fd: int) -> bytes:
    """What an open file says now, from its beginning. Raises OSError."""
    found = b""
    while piece := os.pread(fd, _PIECE, len(found)):
        found += piece
    return found
