"""Labs that stay when their front has gone: each has a socket at which further fronts connect.

A lab stays as long as its socket has its name: without that nobody would find it, so it ends.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import time
from dataclasses import field
from typing import Any

from netlab.agent.netns import proc_is_own
from netlab.agent.programs import INIT
from netlab.contract.dataclass import dataclass

#: Connections that wait while the agent is busy.
BACKLOG = 64

_PSS, _RSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE), re.compile(r"^Rss:\s+(\d+) kB", re.MULTILINE)


@dataclass
class Kept:
    """A lab that stays. ``memo`` is what its fronts have noted: which topology, which steps. The agent only keeps it.
    ``place`` is the device and inode of the socket's name, which is looked at every ``look`` seconds.

    Of a lab in a guest the stand-in has the socket, and the guest the memo: each has half of this."""

    lab: int
    listener: socket.socket | None
    path: str
    place: tuple[int, int]
    memo: Any
    since: float
    look: float
    looked: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """Seconds until the next look at the name."""
        return max(0.0, self.looked + self.look - time.monotonic())

    @property
    def lost(self) -> bool:
        """Whether a look was due, and the name is gone."""
        if self.listener is None or self.left > 0:
            return False
        self.looked = time.monotonic()
        return not self.named

    @property
    def named(self) -> bool:
        """Whether the socket still has its name."""
        try:
            found = os.stat(self.path)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self.place

    def end(self) -> None:
        """Take no more fronts."""
        if self.listener is not None:
            if self.named:
                with contextlib.suppress(OSError):
                    os.unlink(self.path)
            self.listener.close()


def keep(lab: int, listener: int, path: str, memo: Any, look: float) -> Kept:
    """Listen at a bound socket that the front has handed over; its descriptor stays the caller's. Raises OSError."""
    sock = socket.socket(fileno=os.dup(listener))
    try:
        found = os.stat(path)
        sock.setblocking(False)
        # Who calls listen(2) is whom the fronts see behind the socket (unix_listen, net/unix/af_unix.c).
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return Kept(lab, sock, path, (found.st_dev, found.st_ino), memo, time.time(), look)


def usage() -> dict[str, int]:
    """How many programs run in the agent's PID namespace, and the memory of all that is in it, in bytes."""
    if not proc_is_own():
        return {"programs": -1, "memory": _memory("self", _RSS)}
    pids = [name for name in os.listdir("/proc") if name.isdigit() and name != "1"]
    return {
        "programs": sum(_name(pid) not in ("", INIT) and _has_memory(pid) for pid in pids),
        "memory": _memory("self", _RSS) + sum(_memory(pid, _PSS) for pid in pids),
    }


def _name(pid: str) -> str:
    """A process's name; nothing of one that has ended."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/comm") as file:
        return file.read().strip()
    return ""


def _has_memory(pid: str) -> bool:
    """Whether it is a process, not a thread of a guest's kernel."""
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/{pid}/exe") != ""
    return False


def _memory(pid: str, what: re.Pattern[str]) -> int:
    """What a process has; 0 of one that has ended."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup") as file:
        if found := what.search(file.read()):
            return int(found[1]) * 1024
    return 0
