"""The fence across the CPUs: each round goes through every backlog, steered or by moving the process."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import pytest

from netlab.agent.probe import fence

ROUNDS = 500
SCRIPT = f"""
from netlab.agent import system
system.unshare(system.CLONE_NEWNET | system.CLONE_NEWNS)
system.mount("none", "/", None, system.MS_REC | system.MS_PRIVATE)
from netlab.agent.probe import fence
if {{moving}}:
    fence.LANES = 0
one = fence.CpuFence()
def processed():
    with open("/proc/net/softnet_stat") as file:
        return [int(line.split()[0], 16) for line in file]
before = processed()
for _ in range({ROUNDS}):
    one.round()
print(one.steered, *(after - first for first, after in zip(before, processed())))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a namespace without the agent")
@pytest.mark.parametrize("moving", [False, True])
def test_a_round_crosses_every_backlog(moving: bool) -> None:
    """Each CPU has processed at least a frame a round (/proc/net/softnet_stat), whichever way it is done."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(moving=moving)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    steered, *frames = done.stdout.split()
    assert not (moving and steered == "True")
    # A process that moves gets no further than it may run.
    crossed = [count for count in frames if int(count) >= ROUNDS]
    assert len(crossed) >= (len(frames) if steered == "True" else len(os.sched_getaffinity(0)))


class Cpus(fence.CpuFence):
    """Two CPUs with a pair of veths each; ``ways`` are those by which they were crossed."""

    def __init__(self) -> None:
        self._lanes = [("fence2", 0), ("fence4", 0)]
        self.steered = True
        self.ways: list[str] = []

    def _cross(self, lanes: list[tuple[str, int]]) -> None:
        self.ways.append("steered")

    def _move_and_cross(self) -> None:
        self.ways.append("moving")


@pytest.mark.parametrize(
    ("quiet", "running", "way"), [(True, 1, "moving"), (True, 2, "steered"), (False, 1, "steered")]
)
def test_no_cpu_is_woken_where_a_race_is_to_be_as_at_rest(
    monkeypatch: pytest.MonkeyPatch, quiet: bool, running: int, way: str
) -> None:
    """The process moves only where it is to be quiet and a CPU is asleep."""
    monkeypatch.setattr(fence, "_running", lambda: running)
    cpus = Cpus()
    cpus.round(quiet=quiet)
    assert cpus.ways == [way]


def test_a_cpu_that_is_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """The round in which it is missed proves nothing; those after it go by the CPUs that are left."""
    allowed = {0, 3, 64}
    crossed: list[int] = []
    here = [0]

    def move(_pid: int, cpus: Sequence[int]) -> None:
        if not allowed & set(cpus):
            raise OSError(errno.EINVAL, "Invalid argument")
        here[0] = min(allowed & set(cpus))

    monkeypatch.setattr(os, "sched_setaffinity", move)
    one = object.__new__(fence.CpuFence)
    one._tour, one._plain, one.steered = [0, 3, 64], [("fence0", 0)], False
    monkeypatch.setattr(one, "_cross", lambda _lanes: crossed.append(here[0]))
    one.round()
    assert crossed == [64, 3, 0]
    allowed.remove(3)
    with pytest.raises(fence.FenceLost, match="CPU 3 was taken away"):
        one.round()
    crossed.clear()
    one.round()
    assert sorted(crossed) == [0, 64]


@pytest.mark.parametrize(
    ("text", "cpus"), [("0\n", [0]), ("0-1,4-6,64\n", [0, 1, 4, 5, 6, 64]), ("0-63", list(range(64)))]
)
def test_numbers_of_cpus_may_have_holes(monkeypatch: pytest.MonkeyPatch, text: str, cpus: list[int]) -> None:
    """Each CPU that is online is one, whichever numbers they have."""
    monkeypatch.setattr("builtins.open", lambda _path: io.StringIO(text))
    assert fence._online() == cpus


def test_how_many_tasks_run() -> None:
    """This one at least does; a busy process more on each CPU counts, too."""
    before = fence._running()
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    try:
        deadline = time.monotonic() + 60
        while fence._running() < 3:
            assert time.monotonic() < deadline
        with open("/proc/loadavg") as file:
            everybody = int(file.read().split()[3].partition("/")[2])
        assert 1 <= before < everybody
    finally:
        for process in busy:
            process.kill()
            process.wait()


@pytest.mark.parametrize(
    ("cpu", "mask"), [(0, "00000001"), (31, "80000000"), (32, "00000001,00000000"), (70, "00000040,00000000,00000000")]
)
def test_the_mask_of_a_cpu(cpu: int, mask: str) -> None:
    """A CPU is one bit, in groups of 32 with the highest first, as the kernel reads them."""
    assert fence._mask(cpu) == mask


class Queue:
    """A queue that has no room for the first few fences."""

    port = "A:eth0"
    listeners: frozenset[str] = frozenset()

    def __init__(self, full: int) -> None:
        self.full = full
        self.sent: list[int] = []

    def start(self, number: int) -> None:
        """Take a fence, or lose it."""
        self.sent.append(number)

    def let_out(self, sent: dict[int, Any], deadline: float) -> None:
        """Whatever had room comes out at once."""
        for number in self.sent[self.full :]:
            sent.pop(number, None)


@pytest.mark.parametrize("full", [0, 1, 3])
def test_a_fence_that_found_no_room_is_sent_again(full: int) -> None:
    """Another follows, with a number of its own, until one comes out."""
    queue: Any = Queue(full)
    numbers = iter(range(1, 100))
    fence.cross_queues([queue], lambda: next(numbers), queue.let_out)
    assert queue.sent == list(range(1, full + 2))


def test_a_fence_for_which_a_backlog_has_no_room() -> None:
    """That it could not be sent (ENOBUFS) is no error either: another follows."""
    queue: Any = Queue(0)
    start, full = queue.start, [OSError(errno.ENOBUFS, "No buffer space available")]

    def refused_once(number: int) -> None:
        if full:
            raise full.pop()
        start(number)

    queue.start = refused_once
    numbers = iter(range(1, 100))
    fence.cross_queues([queue], lambda: next(numbers), queue.let_out)
    assert queue.sent == [2]


def test_a_fence_that_never_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the deadline nothing is proved, and the error names the queue."""
    monkeypatch.setattr(fence, "DEADLINE", 0.01)
    queue: Any = Queue(10**9)
    numbers = iter(range(1, 10**9))
    with pytest.raises(fence.FenceLost, match="the queue of A:eth0 was not heard by all"):
        fence.cross_queues([queue], lambda: next(numbers), queue.let_out)
