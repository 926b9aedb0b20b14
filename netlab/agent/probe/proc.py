"""Files of /proc that are read around every wave."""

from __future__ import annotations

import functools
import io


@functools.cache
def _opened(path: str) -> io.FileIO:
    """Open as long as we are."""
    return open(path, "rb", buffering=0)


def read(path: str) -> bytes:
    """What a file says now. Raises OSError."""
    file = _opened(path)
    file.seek(0)
    return file.readall()
