"""A small world of its own (user, PID, mount and network namespaces), and all in it that a run could leave behind.

Whatever counts here belongs to the runs that were started here: others may use the same machine meanwhile.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
#: So many namespaces of a kind this world may have: as many as can still be made have not been left by anybody.
LIMITS = {"net": 30, "mnt": 60}
_FLAGS = {"net": CLONE_NEWNET, "mnt": CLONE_NEWNS}
#: Seconds that the kernel may take to tidy up.
DEADLINE = 60.0

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Traces:
    """What is there: processes, links, mounts, files, and how many namespaces of each kind somebody holds."""

    processes: tuple[str, ...]
    links: tuple[str, ...]
    mounts: tuple[str, ...]
    files: tuple[str, ...]
    namespaces: tuple[tuple[str, int], ...]

    def difference(self, other: Traces) -> str:
        """In what two worlds differ, in words."""
        mine, theirs = asdict(self), asdict(other)
        return "; ".join(f"{name}: {mine[name]} became {theirs[name]}" for name in mine if mine[name] != theirs[name])


def enter(argv: list[str]) -> subprocess.CompletedProcess[str]:
    """Run ``python -m tests.crash.inside`` in a new world; its PID 1 takes everything along when it ends."""
    space = [
        "unshare",
        "--user",
        "--map-root-user",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
        "--mount",
        "--net",
    ]
    root = Path(__file__).parents[2]
    command = [*space, sys.executable, "-m", "tests.crash.inside", *argv]
    return subprocess.run(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def settle_in(folder: Path) -> None:
    """What PID 1 of the new world does first: limits, a private /tmp and /dev/shm, no orphans that nobody reaps."""
    for kind, limit in LIMITS.items():
        Path(f"/proc/sys/user/max_{kind}_namespaces").write_text(str(limit))
    for path in ("/dev/shm", str(folder)):
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", path], check=True)
    os.environ["TMPDIR"] = str(folder)
    subprocess.run(["ip", "link", "set", "dev", "lo", "up"], check=True)


def look(folder: Path) -> Traces:
    """Everything that is there now."""
    reap()
    files = sorted(str(path) for place in (folder, Path("/dev/shm")) for path in place.rglob("*"))
    links = subprocess.run(["ip", "-o", "link"], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    # One of each kind is this world's own.
    held = tuple((kind, LIMITS[kind] - 1 - _room(kind)) for kind in LIMITS)
    return Traces(
        tuple(processes()), tuple(line.split(":")[1].strip() for line in links), tuple(mounts), tuple(files), held
    )


def at_rest(folder: Path) -> Traces:
    """What is there once nobody holds a namespace but this world itself."""
    until = time.monotonic() + DEADLINE
    found = look(folder)
    while any(count for _, count in found.namespaces) and time.monotonic() < until:
        time.sleep(0.05)
        found = look(folder)
    return found


def left_behind(before: Traces, folder: Path) -> str:
    """What is there that was not before, once the kernel has had its time; empty where it is nothing."""
    now = before
    until = time.monotonic() + DEADLINE
    while time.monotonic() < until:
        now = look(folder)
        if now == before:
            return ""
        time.sleep(0.05)
    return before.difference(now)


def wait_until(true: Callable[[], bool], seconds: float) -> bool:
    """Poll until something is true, or for so long."""
    until = time.monotonic() + seconds
    while not (done := true()) and time.monotonic() < until:
        time.sleep(0.002)
    return done


def processes() -> list[str]:
    """Every process but this one: its name and number (zombies that are ours are reaped before)."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                found.append(f"{Path(f'/proc/{entry}/comm').read_text().strip()} {entry}")
            except OSError:
                continue
    return found


def descendants(pid: int) -> list[int]:
    """A process and everything that it has started, nested PID namespaces included."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        try:
            for task in os.listdir(f"/proc/{one}/task"):
                waiting += map(int, Path(f"/proc/{one}/task/{task}/children").read_text().split())
        except OSError:
            continue
    return found


def reap() -> None:
    """Take the status of every orphan that has ended: PID 1 is everyone's parent."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return
        except ChildProcessError:
            return


def _room(kind: str) -> int:
    """How many namespaces of a kind can be made; counted by a child, which takes them along."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        count = 0
        held = []
        signal.alarm(30)
        while _libc.unshare(_FLAGS[kind]) == 0:
            count += 1
            held.append(os.open(f"/proc/self/ns/{kind}", os.O_RDONLY))
        os.write(write, str(count).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    return int(text or -1)
