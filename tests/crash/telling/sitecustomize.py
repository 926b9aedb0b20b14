"""Loaded by every Python process of a run under test (by PYTHONPATH): says where the run has come to, and waits there.

An event is a call of one of the functions in `PLACES`, and has a moment of the run's life and a number in it. With
``NETLAB_STOP="probe 17"`` the process that comes to that event says so in the pipe ``told``, and goes on when it can
read a byte from the pipe ``go``; once, for it takes away the file ``armed``. Without it, every event is a line in the
file ``log``, with the processes that there are inside. Nothing else is changed.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any

FOLDER = os.environ.get("NETLAB_TOLD", "")
STOP = os.environ.get("NETLAB_STOP", "")

#: Functions by module, and the moment in which each is called; "" is that of the agent's current request.
PLACES: dict[str, dict[str, str]] = {
    "netlab.agent.launcher": {"enter_namespaces": "launch", "watch": "launch", "private_proc": "launch"},
    "netlab.agent.netlink.socket": {"Socket.batch": "", "Socket.failures": "", "Socket.dump": ""},
    "netlab.agent.netns": {"Netns.close": ""},
    "netlab.agent.programs": {"Programs.start": "", "Programs._make": "", "Programs.end": ""},
    "netlab.agent.probe.receivers": {"Receivers.drain": ""},
    "netlab.agent.probe.fence": {"CpuFence.round": ""},
    "netlab.agent.jobs": {"Job.spawn": "", "Job.wait": "", "Job.end": "", "Job.tell": "", "Jobs.reaped": ""},
    "netlab.report.folder": {"Folder.write": "teardown"},
    "netlab.client.agent": {"Agent.close": "teardown"},
    "netlab.contract.wire": {"Channel.shut_down": "teardown"},
}
#: The moment of each of the agent's requests.
OPERATIONS = {
    "enter": "build", "probe": "probe", "measure": "throughput", "spawn": "throughput", "close": "teardown",
}  # fmt: skip

_lock = threading.Lock()
_numbers: Counter[str] = Counter()
_current = "launch"


def happens(moment: str) -> None:
    """An event: say so, where this is the one that is waited for."""
    with _lock:
        _numbers[moment] += 1
        number = _numbers[moment]
    if not STOP:
        fd = os.open(f"{FOLDER}/log", os.O_WRONLY | os.O_APPEND)
        os.write(fd, f"{moment} {number} {' '.join(_inside())}\n".encode())
        os.close(fd)
    elif f"{moment} {number}" == STOP and _first():
        fd = os.open(f"{FOLDER}/told", os.O_WRONLY)
        os.write(fd, b"!")
        os.close(fd)
        fd = os.open(f"{FOLDER}/go", os.O_RDONLY)
        os.read(fd, 1)
        os.close(fd)


def _inside() -> list[str]:
    """The names of the processes that live in the agent's labs, where it is the agent that asks."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc") if os.getpid() == 1 else ()):
        if pid != "1":
            try:
                with open(f"/proc/{pid}/comm") as file:
                    found.append(file.read().strip())
            except OSError:  # it has ended meanwhile
                continue
    return found


def _first() -> bool:
    """Whether nobody has been stopped yet: where an agent has died, another comes to the same event."""
    try:
        os.unlink(f"{FOLDER}/armed")
    except FileNotFoundError:
        return False
    return True


def tell(owner: Any, name: str, moment: str) -> None:
    """Have each call of a function be an event before it begins."""
    function = getattr(owner, name)

    def told(*args: Any, **kwargs: Any) -> Any:
        happens(moment or _current)
        return function(*args, **kwargs)

    setattr(owner, name, told)


def follow(server: Any) -> None:
    """Know which request the agent is at."""
    handle = server.handle

    def handled(self: Any, message: dict[str, Any], received: list[int]) -> None:
        global _current
        later = message["op"] == "enter" and message["lab"] in self.labs
        _current = "step" if later else OPERATIONS.get(message["op"], _current)
        happens(_current)
        handle(self, message, received)

    server.handle = handled


class Finder:
    """Finds the modules in question as ever, and has their functions tell once they are loaded."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """See importlib.abc.MetaPathFinder."""
        places = PLACES.get(name, {})
        spec = PathFinder.find_spec(name, path, target) if places or name == "netlab.agent.server" else None
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def exec_module(module: Any) -> None:
            execute(module)
            for place, moment in places.items():
                owner, _, function = place.rpartition(".")
                tell(getattr(module, owner) if owner else module, function, moment)
            if name == "netlab.agent.server":
                follow(module.Server)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


if FOLDER:
    sys.meta_path.insert(0, Finder)
