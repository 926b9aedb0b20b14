"""Runs that stop at chosen events of their lives: of the far side of this see ``telling/sitecustomize.py``."""

from __future__ import annotations

import os
import select
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.crash import world
from tests.crash.runs import NotClean, Runs

MOMENTS = ("launch", "build", "probe", "step", "throughput", "teardown")
#: Seconds that a run may take to get where it is to be stopped.
PATIENCE = 60.0
#: By moment and number: the names of the processes inside.
Events = dict[str, dict[int, set[str]]]


class Stops:
    """The pipes by which a run says that it has come to an event, and is let go on."""

    def __init__(self, runs: Runs) -> None:
        self.folder = folder = runs.folder / "stops"
        folder.mkdir()
        for name in ("log", "armed"):
            (folder / name).touch()
        for name in ("told", "go"):
            os.mkfifo(folder / name)
        # For reading and writing: so there is always another end (fifo(7)).
        self.told, self.go = (os.open(folder / name, os.O_RDWR | os.O_NONBLOCK) for name in ("told", "go"))
        os.environ["NETLAB_TOLD"] = str(folder)
        os.environ["PYTHONPATH"] = str(Path(__file__).with_name("telling"))
        runs.before = world.at_rest(runs.folder)

    def events(self) -> Events:
        """The events that a process of the last run has come to, and what processes there were inside."""
        log = self.folder / "log"
        found: Events = {moment: {} for moment in MOMENTS}
        for line in log.read_text().splitlines():
            moment, number, *inside = line.split()
            found[moment].setdefault(int(number), set()).update(inside)
        log.write_text("")
        return found

    def wait(self, front: int) -> bool:
        """Wait until the run has come to its event; False where it has ended without."""
        pidfd = os.pidfd_open(front)
        ready, _, _ = select.select([self.told, pidfd], [], [], PATIENCE)
        os.close(pidfd)
        if not ready:
            raise NotClean(f"not where it was to be stopped after {PATIENCE:g} s")
        return self.told in ready

    def start(self, runs: Runs, command: Sequence[str], moment: str, number: int) -> subprocess.Popen[str]:
        """Start a run that is to be stopped once, at an event."""
        for fd in (self.told, self.go):
            while select.select([fd], [], [], 0)[0]:
                os.read(fd, 100)
        (self.folder / "armed").touch()
        return runs.start(list(command), env={**os.environ, "NETLAB_STOP": f"{moment} {number}"})

    def release(self) -> None:
        """Let it go on."""
        os.write(self.go, b"!")
