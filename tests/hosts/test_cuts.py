"""Whoever is killed, at whatever moment, the machines are as they were."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
from pathlib import Path

import pytest

from tests.hosts.conftest import World

pytestmark = pytest.mark.xdist_group("hosts")

#: Moments of building (changes of links and addresses seen on machine a) and of probing (frames seen on the network).
MOMENTS = [("changes", 1), ("changes", 4), ("frames", 20), ("frames", 300)]


def victims(world: World, who: str, front: int) -> list[int]:
    """The processes to kill."""
    agents = world.agents("a")
    match who:
        case "front":
            return [front]
        case "watchdog":
            return [pid for pid in agents if parent(pid) not in agents]
        case "agent":
            return [pid for pid in agents if parent(pid) in agents]
        case "sshd":
            return [session(pid) for pid in agents if parent(pid) not in agents]
        case "both":
            return agents
        case "ssh":
            return [int(pid) for pid in Path(f"/proc/{front}/task/{front}/children").read_text().split()][:1]
    raise AssertionError(who)


def parent(pid: int) -> int:
    """A process's parent."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def session(pid: int) -> int:
    """The sshd process that serves the session a process was started in."""
    while "sshd" not in Path(f"/proc/{pid}/comm").read_text():
        pid = parent(pid)
    return pid


def cut(world: World, who: str, front: subprocess.Popen[str], kind: str, count: int) -> str:
    """Kill at a moment, and once more where that fell into the end of a repetition: that one had all it needed."""
    while True:
        world.trigger(kind, count)
        pids: list[int] = []
        # Who has ended meanwhile needs no killing.
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            pids = victims(world, who, front.pid)
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
        if not pids and front.poll() is None:
            # The first changes may come before there is anybody.
            continue
        with contextlib.suppress(subprocess.TimeoutExpired):
            return front.communicate(timeout=60)[1]


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: f"{moment[0]}-{moment[1]}")
@pytest.mark.parametrize("who", ["sshd", "ssh", "agent", "watchdog", "front"])
def test_cut(world: World, who: str, moment: tuple[str, int]) -> None:
    """After kill -9 of one of the processes everything is undone on both machines, and the front says who has gone."""
    before = world.snapshot()
    kind, most = moment
    count = random.Random(f"{who} {kind} {most}").randint(most, 2 * most)
    with world.start("run", "demo.yaml", "--on", str(world.hosts()), "--no-report", "--repeat", "20") as front:
        said = cut(world, who, front, kind, count)
    if who != "front":
        assert front.returncode == 3
        # At the first change the agent may not have introduced itself yet; of a session that sshd has begun ssh tells,
        # in other words where something was under way to it (closed by remote host, reset by peer, broken pipe).
        ends = ("the connection to its agent has ended", "the agent doesn't start there", "ssh can't reach it (")
        assert any(f"A (root@10.99.1.2): {end}" in said for end in ends), said
    world.until(lambda: not world.agents(), "an agent is still there")
    world.as_before(before)


def send(pids: list[int], number: signal.Signals) -> None:
    """A signal for each."""
    for pid in pids:
        os.kill(pid, number)


def stop(world: World, pids: list[int]) -> None:
    """Stop each, and wait until it has: what it is asking of the kernel is finished first."""
    send(pids, signal.SIGSTOP)
    stats = [Path(f"/proc/{pid}/stat") for pid in pids]
    world.until(lambda: all(stat.read_text().rpartition(")")[2].split()[0] == "T" for stat in stats), "it runs on")


def made(world: World) -> tuple[list[str], list[tuple[str, str, int]]]:
    """A's links by name, and its addresses: what is there until somebody undoes it. That a NIC is promiscuous ends with
    the process that wanted it."""
    now = world.snapshot()["a"]
    return [link["ifname"] for link in now["links"]], now["addresses"]


def kill_both(world: World, moment: tuple[str, int]) -> None:
    """Kill both processes of A's agent in the midst of a run, so that neither can do anything more."""
    before = made(world)
    with world.start("run", "demo.yaml", "--on", str(world.hosts()), "--no-report", "--repeat", "20") as front:
        world.trigger(*moment)
        pids = victims(world, "both", front.pid)
        stop(world, pids)
        # It may have stopped before there were two, between two repetitions, where there is nothing to undo, or before
        # there is an address.
        while len(pids) < 2 or any(now == then for now, then in zip(made(world), before, strict=True)):
            send(pids, signal.SIGCONT)
            world.trigger("changes", 1)
            pids = victims(world, "both", front.pid)
            stop(world, pids)
        send(pids, signal.SIGKILL)
        front.communicate(timeout=60)
    world.until(lambda: not world.agents(), "an agent is still there")


@pytest.mark.parametrize("moment", [("changes", 4), ("frames", 100)], ids=lambda moment: moment[0])
def test_both_processes_at_once(world: World, moment: tuple[str, int]) -> None:
    """Where both processes of an agent are killed at once nobody can undo: the next run does it, and says so."""
    before, (links, addresses) = world.snapshot(), made(world)
    kill_both(world, moment)
    left_links, left_addresses = made(world)
    assert left_links != links
    assert left_addresses != addresses
    assert world.snapshot()["a"]["journals"] == ["netlab"]
    done = world.netlab("run", "demo.yaml", "--on", str(world.hosts()), "--no-report", "-l", "icmp")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "A (root@10.99.1.2): a netlab that was killed there had left" in " ".join(done.stdout.split())
    world.as_before(before)


@pytest.mark.parametrize("used", [True, False])
def test_nic_that_was_down_when_both_were_killed(world: World, used: bool) -> None:
    """`doctor` undoes as well; a NIC that was down is down again, unless somebody has given it an address since."""
    nic = ("dev", "eth1")
    world.must("ip", "link", "set", *nic, "down", machine="a")
    try:
        kill_both(world, ("frames", 20))
        if used:
            world.must("ip", "address", "add", "198.51.100.1/24", *nic, machine="a")
        world.netlab("doctor", "--on", str(world.hosts()))
        [link] = [link for link in world.snapshot()["a"]["links"] if link["ifname"] == "eth1"]
        assert ("UP" in link["flags"]) == used
        assert "ens160.1" not in world.must("ip", "link", machine="a")
    finally:
        world.must("ip", "address", "flush", *nic, "scope", "global", machine="a")
        world.must("ip", "link", "set", *nic, "up", machine="a")
        world.settle()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted(world: World, number: signal.Signals) -> None:
    """Ctrl-C and its kin end the run; when the command returns everything is undone already."""
    before = world.snapshot()
    with world.start("run", "demo.yaml", "--on", str(world.hosts()), "--no-report", "--repeat", "20") as front:
        world.trigger("frames", 100)
        front.send_signal(number)
        front.communicate(timeout=60)
    assert front.returncode == 128 + number
    assert not world.agents()
    world.as_before(before)
