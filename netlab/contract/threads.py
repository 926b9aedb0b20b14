"""Threads that begin, or say that they can't."""

from __future__ import annotations

import mmap
import threading

#: Bytes: a stack of the usual `ulimit -s`, the first memory of Python's allocator, and what a first call takes.
ROOM = 12 << 20


def begin(thread: threading.Thread) -> None:
    """Start it. Raises MemoryError where it would have no memory for its first call, RuntimeError where it isn't made.

    `threading.Thread.start` waits until the new thread has said that it runs; without that memory it never does."""
    try:
        mmap.mmap(-1, ROOM, mmap.MAP_PRIVATE).close()
    except OSError as error:
        raise MemoryError("no memory for another thread") from error
    thread.start()
