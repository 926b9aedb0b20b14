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
#: The kinds of namespaces that are counted, and how many there may be while a run lasts.
KINDS = {"net": CLONE_NEWNET, "mnt": CLONE_NEWNS}
PLENTY = 1000
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

    def beyond(self, before: Traces) -> str:
        """What there is now that there was not before, in words. (What has gone since was somebody else's.)"""
        mine, theirs = asdict(self), asdict(before)
        more = {name: sorted(set(mine[name]) - set(theirs[name])) for name in mine}
        return "; ".join(f"{name}: {found}" for name, found in more.items() if found)


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
    # A shell's background jobs ignore SIGINT, and so would every run here.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for kind in KINDS:
        _limit(kind, PLENTY)
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
    held = tuple((kind, _held(kind)) for kind in KINDS)
    return Traces(
        tuple(processes()), tuple(line.split(":")[1].strip() for line in links), tuple(mounts), tuple(files), held
    )


def at_rest(folder: Path) -> Traces:
    """What is there once nobody holds a namespace but this world itself."""
    return look_until(lambda found: not any(count for _, count in found.namespaces), folder)


def left_behind(before: Traces, folder: Path) -> str:
    """What is there that was not before, once the kernel has had its time; empty where it is nothing."""
    return look_until(lambda found: not found.beyond(before), folder).beyond(before)


def look_until(enough: Callable[[Traces], bool], folder: Path) -> Traces:
    """Look again and again, until it is enough or the deadline is over."""
    until, pause = time.monotonic() + DEADLINE, 0.02
    while not enough(found := look(folder)) and time.monotonic() < until:
        # Each look makes a namespace of each kind itself, which takes its time to go.
        time.sleep(pause)
        pause = min(1.0, pause * 1.5)
    return found


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


def name(pid: int) -> str:
    """A process's name; empty where it has ended, reaped or not."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    inside, _, rest = text.partition("(")[2].rpartition(")")
    return "" if rest.split()[0] in "ZX" else inside


def reap() -> None:
    """Take the status of every orphan that has ended: PID 1 is everyone's parent."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return
        except ChildProcessError:
            return


def _limit(kind: str, number: int) -> None:
    Path(f"/proc/sys/user/max_{kind}_namespaces").write_text(str(number))


def _held(kind: str) -> int:
    """How many namespaces of a kind there are besides this world's own: the lowest limit under which one more can be
    made says it exactly, however it is held (by a process, a descriptor, a mount, or the kernel's own tidying up)."""
    try:
        for others in range(PLENTY):
            _limit(kind, others + 2)
            if _can_make(kind):
                return others
    finally:
        _limit(kind, PLENTY)
    return PLENTY


def _can_make(kind: str) -> bool:
    pid = os.fork()
    if pid == 0:
        os._exit(0 if _libc.unshare(KINDS[kind]) == 0 else 1)
    return os.waitpid(pid, 0)[1] == 0
