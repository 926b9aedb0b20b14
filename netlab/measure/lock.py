"""One measurement of a user at a time on a machine: an abstract Unix socket (unix(7)), freed by death.

Abstract names belong to a network namespace, so it is the front that holds it, in the machine's own, and not the
agent in one of its own. They have no permissions, and any user can take any name: so each user has a name of their
own, a holder is asked who it is (SO_PEERCRED), and no wait is without end.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import time
from collections.abc import Callable

from netlab.client.errors import LabError

#: Seconds after which one doesn't wait any longer: a step may measure for minutes.
PATIENCE = 1800.0
#: Seconds within which a holder must listen; netlab's does so at once.
SILENCE = 1.0


class Lock:
    """``with Lock():`` waits until nothing else of this user measures on this machine.

    ``on_wait`` is called with a line that says for which process it waits, or that another user has taken this user's
    name: then it doesn't wait. Raises LabError after ``patience`` seconds.
    """

    def __init__(
        self,
        on_wait: Callable[[str], None] = lambda _text: None,
        name: str = "",
        patience: float = PATIENCE,
    ) -> None:
        self._on_wait = on_wait
        self._name = name or f"\0netlab/measuring/{os.geteuid()}"
        self._patience = patience
        self._socket: socket.socket | None = None
        self._silent_since = 0.0

    def __enter__(self) -> Lock:
        deadline = time.monotonic() + self._patience
        while True:
            mine = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                mine.bind(self._name)
            except OSError as error:
                mine.close()
                if error.errno != errno.EADDRINUSE:
                    raise
                if self._wait(deadline):
                    continue
                return self
            mine.listen(1024)
            self._socket = mine
            return self

    def __exit__(self, *_exc: object) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _wait(self, deadline: float) -> bool:
        """Wait for the holder's end: its listening socket closes, and so does our connection to it. False where it
        isn't a measurement of this user's."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as waiting:
            # Connecting succeeds at once or not at all; a blocking connect() would wait where the holder's queue is
            # full.
            waiting.setblocking(False)
            try:
                waiting.connect(self._name)
            except OSError:
                # The holder has just gone, or does not listen yet. One that never listens, or has a full queue, isn't
                # netlab.
                self._silent_since = self._silent_since or time.monotonic()
                if time.monotonic() - self._silent_since >= SILENCE:
                    return self._foreign("something that gives no answer")
                time.sleep(0.01)
                return True
            self._silent_since = 0.0
            pid, uid = _peer(waiting)
            if uid != os.geteuid():
                return self._foreign(f"process {pid} of user {uid}")
            holder = f"process {pid}" if pid else "a process in a container"
            self._on_wait(f"waiting for another measurement of yours on this machine to end ({holder})")
            waiting.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                waiting.recv(1)
            except ConnectionError:
                # So do those end that were not accepted (ECONNRESET).
                return True
            except TimeoutError:
                end = f"end it (kill {pid}), or " if pid else ""
                raise LabError(
                    f"another measurement ({holder}) has not ended after {self._patience:g} s",
                    f"{end}measure nothing: --no-measure",
                ) from None
        return True

    def _foreign(self, who: str) -> bool:
        self._on_wait(f"{who} has the name by which your measurements wait for each other: this one waits for none")
        return False


def _peer(connected: socket.socket) -> tuple[int, int]:
    """The process and the user at the other end."""
    pid, uid, _gid = struct.unpack("=iii", connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return pid, uid
