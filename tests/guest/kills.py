"""``python -m tests.guest.kills``: end one process of a run in a guest, at a moment drawn by chance; nothing is left.

Whatever loses its parent becomes a child of this process (PR_SET_CHILD_SUBREAPER), and what is in a PID namespace ends
with that. So nothing is left once this process has no child.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from netlab.kernels import choose

#: What makes a command an ordinary user's.
ORDINARY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "HOME=/nonexistent")
#: front → stand-in → its fork, which is PID 1 where there are namespaces → the kernel → a process of the guest.
VICTIMS = ("front", "stand-in", "fork", "kernel", "process", "group")
#: How long after its start a victim may live on (in a guest of QEMU's, which starts slowly), and how long everything
#: may take to go, in seconds.
SPAN, SLOW_SPAN, PATIENCE = 2.0, 12.0, 60.0
_PR_SET_CHILD_SUBREAPER = 36
HERE = Path(__file__).parents[2]


def victims(kernel: str) -> tuple[str, ...]:
    """Who there is: QEMU's guest has no process of this machine's."""
    return tuple(one for one in VICTIMS if one != "process" or not _by_qemu(kernel))


def _by_qemu(kernel: str) -> bool:
    return choose(kernel).vmlinuz is not None


class NotClean(Exception):
    """Something was left."""


def command(kernel: str) -> list[str]:
    """A run that doesn't end by itself."""
    file = str(HERE / "topologies" / "bridge-two-node.yaml")
    options = ["--no-report", "--quiet", "--layers", "icmp", "--repeat", "1000000", "--kernel", f"{kernel},mem=256M"]
    return [sys.executable, "-X", "faulthandler", "-m", "netlab", "run", file, *options]


def kill(run: list[str], victim: str, moment: float) -> bool:
    """Start a run, kill the victim after so many seconds, and wait until nothing is left; whether it was still there.
    Raises NotClean."""
    hit = False
    depth = VICTIMS.index("kernel" if victim == "group" else victim)
    said = tempfile.TemporaryFile("w+")  # noqa: SIM115 - it ends with this function
    front = subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=said, cwd=HERE)
    try:
        find(front.pid, depth)
        # Unless the run has ended before.
        select.select([os.pidfd_open(front.pid)], [], [], moment)
        with _ended():
            # Before QEMU there is a process that only says which files it will need.
            pid = find(front.pid, depth)
            (os.killpg if victim == "group" else os.kill)(pid, signal.SIGKILL)
            hit = True
        # Where the guest alone has died, the front starts another one.
        front.send_signal(signal.SIGTERM)
        front.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        # It tells where each of its threads is.
        front.send_signal(signal.SIGABRT)
        front.wait()
        said.seek(0)
        raise NotClean(f"{victim} killed after {moment:.2f} s: the front has not ended:\n{said.read()}") from None
    finally:
        front.kill()
        front.wait()
    deadline = time.monotonic() + PATIENCE
    while left := _children(os.getpid()):
        if time.monotonic() > deadline:
            told = [f"{one} {Path(f'/proc/{one}/cmdline').read_text()[:80]!r}" for one in left]
            for one in left:
                os.kill(one, signal.SIGKILL)
            raise NotClean(f"{victim} killed after {moment:.2f} s: left are {', '.join(told)}")
        for one in left:
            with _ended():
                select.select([os.pidfd_open(one)], [], [], 1.0)
                os.waitpid(one, os.WNOHANG)
    return hit


def find(pid: int, depth: int) -> int:
    """A descendant so many generations below, once there is one. The youngest of each: an older one may be who gives
    the next its users (newuidmap), and ends."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found = [pid]
        while len(found) <= depth and (below := _children(found[-1])):
            found.append(below[-1])
        if len(found) > depth:
            return found[-1]
        os.sched_yield()
    raise NotClean(f"process {pid} has no descendants {depth} generations below")


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with _ended():
            found += map(int, task.read_text().split())
    return found


class _ended:
    """What concerns a process that has ended meanwhile is no error."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *_more: object) -> bool:
        return kind is not None and issubclass(kind, (FileNotFoundError, ProcessLookupError, ChildProcessError))


@contextlib.contextmanager
def open_cache(kernel: str) -> Iterator[Path]:
    """A cache with a copy of one kernel, to which every user can get, in the place of this user's; its folder."""
    place = choose(kernel).program.parent
    with tempfile.TemporaryDirectory(prefix="netlab-") as name:
        cache = Path(name)
        cache.chmod(0o755)
        shutil.copytree(place, cache / "netlab" / "kernels" / place.name, symlinks=True)
        before = os.environ.get("XDG_CACHE_HOME")
        os.environ["XDG_CACHE_HOME"] = name
        try:
            yield cache
        finally:
            del os.environ["XDG_CACHE_HOME"]
            if before is not None:
                os.environ["XDG_CACHE_HOME"] = before


def kills(kernel: str, number: int, seed: str, prefix: list[str]) -> Iterator[str]:
    """Kill so many times, each victim in turn: who was killed. Raises NotClean."""
    if ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError("prctl")
    chance = random.Random(seed)
    names, span = victims(kernel), SLOW_SPAN if _by_qemu(kernel) else SPAN
    count = 0
    while count < number:
        victim = names[count % len(names)]
        if kill([*prefix, *command(kernel)], victim, chance.uniform(0, span)):
            count += 1
            yield victim


def main() -> int:
    """Kill, and count."""
    parser = argparse.ArgumentParser(prog="python -m tests.guest.kills", description=__doc__)
    parser.add_argument("--kernel", required=True)
    parser.add_argument("-n", "--number", type=int, default=200)
    parser.add_argument("-s", "--seed", default="1")
    parser.add_argument("--refused", action="store_true", help="where namespaces are refused")
    parser.add_argument("--user", action="store_true", help="as an ordinary user")
    options = parser.parse_args()
    prefix = [sys.executable, "-m", "tests.guest.refused"] if options.refused else []
    killed: Counter[str] = Counter()
    with contextlib.ExitStack() as stack:
        if options.user:
            if not _by_qemu(options.kernel):
                stack.enter_context(open_cache(options.kernel))
            prefix += ["-u"] if options.refused else [*ORDINARY]
        try:
            for victim in kills(options.kernel, options.number, options.seed, prefix):
                killed[victim] += 1
        except NotClean as error:
            print(f"after {killed.total()} kills: {error}")
            return 1
    print(f"{killed.total()} kills, nothing left: {dict(killed)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
