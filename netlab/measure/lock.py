"""One measurement at a time on a machine: an abstract Unix socket (unix(7)), freed by death.

Abstract names belong to a network namespace, so it is the front that holds it, in the machine's own, and
not the agent in one of its own. Any user's run waits for any other's.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable

NAME = "\0netlab/measuring"


class Lock:
    """``with Lock():`` waits until nobody else on this machine measures. ``on_wait`` is told for whom it waits."""

    def __init__(self, on_wait: Callable[[str], None] = lambda _text: None, name: str = NAME) -> None:
        self._on_wait = on_wait
        self._name = name
        self._socket: socket.socket | None = None

    def __enter__(self) -> Lock:
        while True:
            mine = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                mine.bind(self._name)
            except OSError:  # EADDRINUSE, the only way in which an abstract name is refused
                mine.close()
                self._wait()
                continue
            mine.listen(1024)
            self._socket = mine
            return self

    def __exit__(self, *_exc: object) -> None:
        assert self._socket is not None
        self._socket.close()
        self._socket = None

    def _wait(self) -> None:
        """Wait for the holder's end: its listening socket closes, and so does our connection to it."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as waiting:
            try:
                waiting.connect(self._name)
                self._on_wait(f"waiting for another measurement on this machine to end ({_holder(waiting)})")
                waiting.recv(1)
            except ConnectionError:
                # It has just gone, or does not listen yet (or never will: then don't keep a processor busy).
                time.sleep(0.01)


def _holder(connected: socket.socket) -> str:
    pid, uid, _gid = struct.unpack("=iii", connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return f"process {pid} of user {uid}" if pid else f"a process of user {uid} in a container"
