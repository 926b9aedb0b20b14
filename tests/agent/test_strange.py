"""Strange frames, folders that have gone, and too few descriptors: no bug, no leak, the right culprit."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import netlab
from netlab.client import Agent
from netlab.client.errors import LabError, SpawnError
from netlab.plan import from_file
from tests.agent.conftest import DEMO, Built

#: Sends frames of every length up to 60 bytes that claim to be IPv4 or IPv6, until it is told to stop.
RUNTS = r"""
import socket, time
sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
sock.bind(("eth0", 0))
heads = [b"\x08\x00\x45" + b"\x11" * 50, b"\x08\x00\x4f" + b"\x06" * 50, b"\x86\xdd\x60" + b"\x80" * 50]
heads += [b"\x86\xdd\x60" + bytes(5) + following + b"\x02" * 50 for following in (b"\x06", b"\x11")]
print("ready", flush=True)
while True:
    for size in range(15, 61):
        for head in heads:
            sock.send((b"\xff" * 6 + b"\x02" + bytes(5) + head)[:size])
    time.sleep(0.01)
"""


def pid_1(agent: Agent) -> int:
    """The agent's first process in its namespace."""
    return int(Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text())


@pytest.mark.parametrize("layer", ["icmp", "icmp6", "tcp", "tcp6", "udp", "udp6"])
def test_short_frames_are_nobodys_requests(build: Callable[[str], Built], layer: str) -> None:
    """While a process sends frames too short for their own headers, a probe that watches the wire finds its own."""
    built = build(DEMO)
    index = built.plan.steps[0].state.index
    i, j = index["A:eth0"], index["B:eth0"]
    with built.lab.spawn("A", [sys.executable, "-c", RUNTS]) as process:
        assert process.line() == "ready"
        for _ in range(3):
            seen = built.probe(layer, pairs=[(i, j)], wire=True)
            assert (seen.rows[i][j], seen.wire[i][j]) in (("R", "1"), ("?", "?"), ("R", "?"))


def test_a_process_that_cannot_start_leaves_nothing_open(demo: Built, agent: Agent) -> None:
    """A refused start closes its pipes, even where there is no room for all of them, and another start goes well."""
    # With its first program a lab gets a PID namespace, whose descriptors it keeps.
    demo.run("A", "true")
    folder = f"/proc/{pid_1(agent)}/fd"
    before = len(os.listdir(folder))
    for _ in range(5):
        with pytest.raises(SpawnError):
            demo.lab.spawn("A", ["/nowhere/to/be/found"])
    assert len(os.listdir(folder)) == before
    used = max(map(int, os.listdir(folder))) + 1
    limits = resource.prlimit(pid_1(agent), resource.RLIMIT_NOFILE)
    for left in range(8):
        resource.prlimit(pid_1(agent), resource.RLIMIT_NOFILE, (used + left, limits[1]))
        with contextlib.suppress(LabError):
            demo.lab.spawn("A", ["/nowhere/to/be/found"])
    resource.prlimit(pid_1(agent), resource.RLIMIT_NOFILE, limits)
    assert len(os.listdir(folder)) == before
    demo.run("A", "true")


def test_a_first_program_that_cannot_start_leaves_nothing_open() -> None:
    """With too few descriptors for the PID namespace of a lab's programs all that was opened for it is closed again."""
    plan = from_file(DEMO, "test.yaml")
    with Agent.start() as agent, agent.lab(plan) as lab:
        lab.enter(plan.steps[0]).result()
        folder = f"/proc/{pid_1(agent)}/fd"
        before = len(os.listdir(folder))
        used = max(map(int, os.listdir(folder))) + 1
        _, hard = resource.prlimit(pid_1(agent), resource.RLIMIT_NOFILE)
        left = 0
        while len(os.listdir(folder)) == before:
            resource.prlimit(pid_1(agent), resource.RLIMIT_NOFILE, (used + left, hard))
            with pytest.raises(SpawnError):
                lab.spawn("A", ["/nowhere/to/be/found"])
            left += 1
        assert left > 3
        resource.prlimit(pid_1(agent), resource.RLIMIT_NOFILE, (hard, hard))
        # Those of the namespaces of processes, of mounts and of names, and of the root folder.
        assert len(os.listdir(folder)) == before + 4


def test_a_lab_that_cannot_be_built_leaves_nothing_open() -> None:
    """With too few descriptors for its namespaces a lab is refused, and all that was opened for it is closed."""
    plan = from_file(DEMO, "test.yaml")
    with Agent.start() as agent:
        agent.info()
        folder = f"/proc/{pid_1(agent)}/fd"
        before = len(os.listdir(folder))
        _, hard = resource.prlimit(pid_1(agent), resource.RLIMIT_NOFILE)
        for left in range(1, 7):
            resource.prlimit(pid_1(agent), resource.RLIMIT_NOFILE, (before + left, hard))
            with agent.lab(plan) as lab, pytest.raises(LabError, match="Too many open files"):
                lab.enter(plan.steps[0]).result()
        resource.prlimit(pid_1(agent), resource.RLIMIT_NOFILE, (hard, hard))
        assert len(os.listdir(folder)) == before


def test_the_folder_is_blamed_where_it_is_missing(demo: Built, tmp_path: Path) -> None:
    """A program that is there, started in a folder that isn't: the error names the folder."""
    with pytest.raises(SpawnError, match=r"^ls: .*/gone: No such file or directory$"):
        demo.lab.spawn("A", ["ls"], cwd=str(tmp_path / "gone"))
    with pytest.raises(SpawnError, match=r"^nosuchprogram: No such file or directory$"):
        # Not by a PATH with folders that this user may not look into: there the kernel says so (execve(2)).
        demo.lab.spawn("A", ["nosuchprogram"], cwd=str(tmp_path), env={"PATH": os.defpath})


def test_a_deleted_folder_hinders_nothing(tmp_path: Path) -> None:
    """From a current folder that was deleted a step by way of ip(8) is done, and nothing is called not installed."""
    file = tmp_path / "topology.yaml"
    file.write_text(DEMO + "steps: [{name: s, via: ip, set: {B:eth0: {port: {hairpin: true}}}}]\n")
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"""
import os
os.chdir({str(gone)!r})
os.rmdir({str(gone)!r})
from netlab.client import Agent
from netlab.plan import from_file
plan = from_file(open({str(file)!r}).read(), "test.yaml")
with Agent.start() as agent, agent.lab(plan) as lab:
    for step in plan.steps:
        lab.enter(step).result()
print("done")
"""
    env = {**os.environ, "PYTHONPATH": str(Path(netlab.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=env)
    assert (done.stdout, done.stderr) == ("done\n", "")
