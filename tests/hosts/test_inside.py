"""What goes on inside a lab on two machines: commands, processes with their streams, captures, steps of a test."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from netlab.testing.frames import Frame, read
from tests.hosts.conftest import World
from tests.hosts.test_cuts import victims

pytestmark = pytest.mark.xdist_group("hosts")

#: A program beside the machines: the lab of the demo is up, and what ``found`` holds is printed at the end.
PROGRAM = """\
import json, sys, netlab
from netlab.errors import UsageError
from netlab.client import LabDied, NotOnThisSubstrate, SpawnError
from netlab.testing.errors import CommandFailed
found = {}
with netlab.Labs(on="hosts.yaml") as labs, labs.open("demo.yaml") as lab:
"""


def program(world: World, body: str) -> list[str]:
    """The command that runs a body in the demo's lab."""
    world.hosts()
    path = world.folder / "program.py"
    path.write_text(PROGRAM + textwrap.indent(textwrap.dedent(body), "    ") + "\nprint(json.dumps(found))\n")
    return [sys.executable, str(path)]


def inside(world: World, body: str) -> dict[str, Any]:
    """What a body has found; the machines must be as before."""
    before = world.snapshot()
    done = world.run(*program(world, body))
    assert done.returncode == 0, done.stderr
    world.as_before(before)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_example_of_the_docs(world: World) -> None:
    """The program in docs/hosts.md runs as it stands: its claims hold, B knows a neighbour of the lab."""
    text = (Path(__file__).parents[2] / "docs" / "hosts.md").read_text()
    [program] = re.findall(r"\n((?:    .*\n|\n)*    import netlab\n(?:    .*\n|\n)*)", text)
    world.hosts()
    (world.folder / "example.py").write_text(textwrap.dedent(program))
    done = world.run(sys.executable, "example.py")
    assert done.returncode == 0, done.stderr
    assert "192.168.26.141 dev eth1" in done.stdout


def test_commands(world: World) -> None:
    """Commands run on their machine, in the host's or the container's namespace, with input, output and status."""
    found = inside(
        world,
        """
        found["web"] = lab["A/web"].run("ip", "-br", "-4", "address", "show", "dev", "eth0").stdout
        found["ping"] = lab["B"].run("ping", "-c1", "-w5", lab["A/web"].ip).returncode
        found["status"] = lab["A"].run("sh", "-c", "echo out; echo err >&2; exit 3", check=False).__dict__
        text = "".join(f"{number:07}\\n" for number in range(100_000))
        found["whole"] = lab["B"].run("cat", input=text).stdout == text
        found["home"] = lab["A"].run("pwd").stdout, lab["A"].run("pwd", cwd="/usr").stdout
        found["env"] = lab["A"].run("printenv", "ONLY", env={"ONLY": "this", "PATH": "/usr/bin"}).stdout
        try:
            lab["A"].run("no-such-program")
        except SpawnError as error:
            found["spawn"] = str(error)
        try:
            lab["A"].run("false")
        except CommandFailed as error:
            found["failed"] = str(error)
        """,
    )
    assert "192.168.26.142/24" in found["web"]
    assert found["ping"] == 0
    assert found["status"]["returncode"] == 3
    assert (found["status"]["stdout"], found["status"]["stderr"]) == ("out\n", "err\n")
    assert found["whole"]
    assert found["home"] == ["/\n", "/usr\n"]
    assert found["env"] == "this\n"
    assert found["spawn"] == "no-such-program: No such file or directory"
    assert "false" in found["failed"]


def test_processes(world: World) -> None:
    """A daemon says when it is ready, is spoken to, ends at the end of its input; another is killed with its block."""
    found = inside(
        world,
        """
        daemon = lab["A"].popen("sh", "-c", "echo ready; while read line; do echo got $line; done; exit 7")
        found["said"] = [daemon.line()]
        for word in ("one", "two"):
            daemon.stdin.write(f"{word}\\n".encode())
            found["said"].append(daemon.line())
        daemon.stdin.close()
        found["status"] = daemon.wait(30)
        found["rest"] = daemon.stdout.read().decode()
        with lab["B"].popen("sleep", "1000") as sleeper:
            found["before"] = sleeper.poll()
        found["after"] = sleeper.poll()
        with lab["B"].popen("sh", "-c", "exec >&-; echo to nobody; sleep 1000") as silent:
            found["end"] = silent.stdout.read().decode()
        """,
    )
    assert found["said"] == ["ready", "got one", "got two"]
    assert (found["status"], found["rest"]) == (7, "")
    assert (found["before"], found["after"]) == (None, -signal.SIGKILL)
    assert found["end"] == ""


def test_output_that_nobody_reads(world: World) -> None:
    """A process whose output nobody reads is held up, as by any full pipe; one whose reader has gone gets SIGPIPE."""
    found = inside(
        world,
        """
        def written(process):
            text = lab["A"].run("cat", f"/proc/{process.pid}/io").stdout
            return int(text.partition("wchar: ")[2].split()[0])

        with lab["A"].popen("yes") as process:
            before = -1
            while before != (now := written(process)) or now == 0:
                assert now < 1 << 22, now
                before = now
            found["written"] = now
            process.stdout.close()
            found["status"] = process.wait(30)
        """,
    )
    assert 0 < found["written"] < 1 << 22
    assert found["status"] == -signal.SIGPIPE


def test_process_of_an_agent_that_is_killed(world: World) -> None:
    """When a machine's agent is killed its processes have ended too, their output ends, and the lab is dead."""
    before = world.snapshot()
    argv = program(
        world,
        """
        process = lab["A"].popen("sh", "-c", "echo ready; exec sleep 1000")
        found["said"] = process.line()
        print("ready", flush=True)
        found["rest"] = process.stdout.read().decode()
        found["status"] = process.wait(30)
        try:
            lab["A"].run("true")
        except LabDied as error:
            found["died"] = str(error)
        """,
    )
    with subprocess.Popen(world.argv(*argv), stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        for pid in victims(world, "agent", running.pid):
            os.kill(pid, signal.SIGKILL)
        found = json.loads(running.stdout.read())
    assert (found["said"], found["rest"], found["status"]) == ("ready", "", -9)
    assert found["died"].startswith("A (root@10.99.1.2): the connection to its agent has ended")
    world.until(lambda: not world.agents(), "an agent is still there")
    world.as_before(before)


def echoes(frames: list[Frame]) -> set[bytes]:
    """The echo requests among frames."""
    return {frame.data for frame in frames if frame.data[12:14] == b"\x08\x00" and frame.data[34] == 8}


def test_captures_of_a_run(world: World) -> None:
    """--pcap writes what passes each NIC, and no file for a port of the real switch; what left A came to B."""
    before = world.snapshot()
    done = world.netlab("run", "demo.yaml", "--on", str(world.hosts()), "-l", "icmp", "--no-report", "--pcap", "caps")
    assert done.returncode == 0, done.stdout + done.stderr
    files = {path.name: read(path.read_bytes()) for path in (world.folder / "caps" / "demo").iterdir()}
    assert set(files) == {"A~ens160.pcapng", "B~ens160.pcapng"}
    a, b = (echoes(files[f"{host}~ens160.pcapng"]) for host in "AB")
    child = bytes([192, 168, 26, 142, 192, 168, 26, 106])
    assert any(data[26:34] == child for data in a & b)
    world.as_before(before)


def test_captures_of_a_test(world: World) -> None:
    """A capture at interfaces of both machines holds each one's frames; everywhere is at no port; a port is refused."""
    found = inside(
        world,
        """
        with lab.capture("A/web:eth0", "B:ens160") as capture:
            lab["A/web"].run("ping", "-c1", "-w5", lab["B"].ip)
        found["echoes"] = [
            frame.interface for frame in capture.frames if frame.data[12:14] == b"\\x08\\x00" and frame.data[34] == 8
        ]
        found["everywhere"] = sorted(lab.capture().interfaces)
        try:
            with lab.capture("port(A:ens160)"):
                pass
        except NotOnThisSubstrate as error:
            found["port"] = str(error)
        """,
    )
    assert sorted(found["echoes"]) == ["A/web:eth0", "B:ens160"]
    assert found["everywhere"] == ["A/web:eth0", "A:ens160", "A:ens160.1", "B:child", "B:ens160"]
    assert "which can't be watched" in found["port"]


def test_sockets_are_refused(world: World) -> None:
    """A socket can't come from another machine: the refusal says why, and what to use instead."""
    found = inside(
        world,
        """
        try:
            lab["A"].socket()
        except NotOnThisSubstrate as error:
            found["said"] = str(error), error.fix
        """,
    )
    why, instead = found["said"]
    assert "can't be handed over" in why
    assert "popen" in instead


def test_steps_and_questions_of_a_test(world: World) -> None:
    """A test asks with proof, changes what is there and asks again; a second lab at once is refused in a sentence."""
    found = inside(
        world,
        """
        lab.must_reach("A/web", "B")
        lab.must_not_reach("A:ens160", "A:ens160.1")
        index = lab["A/web"].interface("eth0").ifindex
        lab["A/web"].interface("eth0").set(state="down")
        lab.must_not_reach("A/web", "B")
        lab["A/web"].interface("eth0").set(state="up")
        lab.must_reach("A/web", "B")
        found["index"] = index == lab["A/web"].interface("eth0").ifindex
        try:
            labs.open("demo.yaml")
        except UsageError as error:
            found["second"] = str(error)
        """,
    )
    assert found["index"]
    assert "one lab at a time" in found["second"]
