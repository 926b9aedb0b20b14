"""Daemons of a test: waited for, read all the time, known when they die; and what programs leave behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

import netlab
from netlab import Lab
from tests.crash.world import descendants
from tests.plugin.project import Project
from tests.plugin.test_lab import two_hosts

PORT = "import socket as s; l = s.create_server(('', 80)); print('up', flush=True); l.accept()"


@two_hosts
def test_ready(lab: Lab) -> None:
    """It is ready when a line of either output matches, or when its port is open; its output can be waited for."""
    script = "echo one; echo ready now >&2; read word; echo got $word; exec sleep 1000"
    with lab["A"].daemon(["sh", "-c", script], ready=r"^ready|ready now$") as daemon:
        assert daemon.output == "one\nready now\n"
        daemon.process.stdin.write(b"it\n")
        assert daemon.wait_for(r"^got (\w+)$")[1] == "it"
    assert daemon.returncode == -9
    server = lab["A"].daemon("python3", "-c", PORT, port=80)
    lab.must_reach("B", "A", tcp=80)
    assert server.running or "up" in server.output


@two_hosts
def test_much_output(lab: Lab) -> None:
    """Megabytes that nobody reads don't stop it."""
    daemon = lab["A"].daemon("sh", "-c", "yes | head -c 3000000; echo; echo done; exec sleep 1000", ready="done")
    assert len(daemon.output) > 3_000_000


@two_hosts
def test_stopped_and_started_again(lab: Lab) -> None:
    """It ends by its own signal, and starts again until it is ready again."""
    script = "trap 'echo bye; exit 5' USR1; echo ready; while :; do sleep 0.01; done"
    daemon = lab["A"].daemon("sh", "-c", script, ready="ready", stop=signal.SIGUSR1)
    assert daemon.stop() == 5
    daemon.restart()
    assert daemon.output == "ready\nbye\nready\n"
    assert daemon.running


@two_hosts
def test_one_that_dies(lab: Lab) -> None:
    """One that ends early, or isn't ready in time, is an error with its last lines; one that dies later is told by a
    question that fails."""
    with pytest.raises(netlab.DaemonFailed, match=r"A: sh -c .* ended with 3 before it said 'up'\n.*\nbad config"):
        lab["A"].daemon("sh", "-c", "echo bad config >&2; exit 3", ready="up")
    with pytest.raises(netlab.DaemonFailed, match=r"in 0.1 s it hasn't listened at tcp/80; it said nothing"):
        lab["A"].daemon("sleep", "1000", port=80, timeout=0.1)
    daemon = lab["A"].daemon("sh", "-c", "echo up; read word; echo broken; exit 4", ready="up")
    daemon.process.stdin.close()
    daemon.wait_for("broken")
    daemon.process.wait(60)
    with pytest.raises(netlab.ExpectationFailed, match=r"A: sh -c .* has ended with 4:\nup\nbroken"):
        lab.must_not_reach("A", "B")


@two_hosts
def test_redirected(lab: Lab, tmp_path: Path) -> None:
    """An output may be a file, nothing, or the other one."""
    both = "echo out; echo err >&2"
    with (tmp_path / "out").open("wb") as file:
        lab["A"].popen("sh", "-c", both, stdout=file, stderr=subprocess.STDOUT).wait(60)
    assert (tmp_path / "out").read_text() == "out\nerr\n"
    with lab["A"].popen("sh", "-c", both, stdout=subprocess.DEVNULL) as process:
        assert process.communicate() == (b"", b"err\n")


@two_hosts
def test_a_kill_takes_grandchildren(lab: Lab) -> None:
    """A kill takes what a process has started, in other groups and sessions, too; what others have started stays."""
    other = lab["B"].popen("sleep", "1000")
    script = "sleep 1001 & setsid sh -c 'sleep 1002 & sleep 1003' & echo ready; wait"
    process = lab["A"].popen("sh", "-c", script)
    assert process.line() == "ready"
    while lab["A"].run("pgrep", "-c", "-f", "^sleep 100[123]", check=False).stdout != "3\n":
        assert process.poll() is None
    process.kill()
    process.wait(60)
    while lab["A"].run("pgrep", "-f", "^sleep 100[123]", check=False).stdout:
        pass
    assert other.poll() is None


@two_hosts
def test_a_fence(lab: Lab) -> None:
    """Behind a fence silence is proved for a socket of one's own; where a frame may wait, the fence says so."""
    receiver = lab["B"].socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("10.0.0.2", 9))
    receiver.setblocking(False)
    sender = lab["A"].socket(socket.AF_INET, socket.SOCK_DGRAM)
    for number in range(20):
        sender.sendto(b"%d" % number, ("10.0.0.2", 9))
        lab.fence()
        assert receiver.recv(100) == b"%d" % number
        with pytest.raises(BlockingIOError):
            receiver.recv(100)
    if lab["A"].run("tc", "qdisc", "add", "dev", "eth0", "root", "netem", "delay", "1s", check=False).returncode == 0:
        with pytest.raises(netlab.Inconclusive, match="queueing discipline"):
            lab.fence()


@two_hosts
def test_a_killed_agent(lab: Lab) -> None:
    """Where the agent is killed under a command, or while something is waited for, that is said, not that the command
    has failed."""
    with lab["A"].popen("sh", "-c", "echo started; sleep 1000") as process:
        assert process.line() == "started"
        killing = threading.Thread(target=_kill_when_asleep, args=(lab.handle.agent.pid,))
        killing.start()
        with pytest.raises(netlab.LabDied, match="sleep 1001': the agent has ended, and the lab with it"):
            # What it is fed comes once its start is known here: the agent isn't killed before.
            lab["A"].run("sh", "-c", "read word; exec sleep 1001", input="go\n")
        killing.join()
        with pytest.raises(netlab.LabDied):
            process.line()
    with pytest.raises(netlab.LabDied):
        lab["A"].run("true")


@two_hosts
def test_a_killed_agent_of_a_daemon(lab: Lab) -> None:
    """The same while a daemon's first word is waited for."""
    killing = threading.Thread(target=_kill_when_asleep, args=(lab.handle.agent.pid,))
    killing.start()
    with pytest.raises(netlab.LabDied):
        lab["A"].daemon("sleep", "1001", ready="up")
    killing.join()


def _kill_when_asleep(agent: int) -> None:
    """Kill an agent as soon as the program ``sleep 1001`` runs below it."""
    deadline = time.monotonic() + 60
    while not any(_runs_it(pid) for pid in descendants(agent)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(agent, signal.SIGKILL)


def _runs_it(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() == b"sleep\x001001\x00"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_warnings_of_a_topology(project: Project) -> None:
    """What is odd about a topology is a warning of pytest, of a lab and of a topology file; an error with -W error."""
    twice = """\
    switches: {lan: {}}
    hosts:
      A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}}
      B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}}
    """
    project.write("topologies/twice.yaml", twice)
    project.write("test_it.py", "import pytest\n\n@pytest.mark.topology('twice.yaml')\ndef test_it(lab): pass\n")
    outcome = project.pytest("--netlab-layers=icmp")
    assert outcome.output.count("B:eth0 and A:eth0 have the same address 10.0.0.1") == 2, outcome.output
    assert "2 warnings" in outcome.output
    outcome = project.pytest("test_it.py", "-W", "error")
    assert outcome.count("passed") == 0


def test_what_a_failed_test_shows(project: Project) -> None:
    """A test that fails in a call of netlab's shows its own line and the error, none of netlab's source; its daemons'
    output, its processes, nftables and forwarding tables are kept."""
    project.write(
        "test_it.py",
        """\
        import pytest
        T = '''
        switches: {lan: {}}
        hosts:
          A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}}
        '''

        @pytest.mark.topology(T)
        @pytest.mark.parametrize("what", ["run", "line", "set", "host", "daemon", "communicate"])
        def test_it(lab, what):
            asleep = lab["A"].daemon("sh", "-c", "echo hello; exec sleep 1000", ready="hello")
            match what:
                case "run": lab["A"].run("false")
                case "line": lab["A"].popen("true").line()
                case "set": lab["A"].interface("eth0").set(mut=1)
                case "host": lab["AA"]
                case "daemon": lab["A"].daemon("false", ready="x")
                case "communicate": lab["A"].popen("sleep", "1000").communicate(timeout=0.01)
        """,
    )
    outcome = project.pytest("--netlab-report=kept")
    assert outcome.count("failed") == 6, outcome.output
    assert "netlab/testing/" not in outcome.output
    assert "netlab/client/" not in outcome.output
    kept = sorted((project.root / "kept" / "failed").iterdir())
    assert len(kept) == 6
    for folder in kept:
        [lab] = folder.iterdir()
        assert (lab / "A-sh.log").read_text() == "hello\n"
        state = (lab / "state.json").read_text()
        for word in ("sleep 1000", "processes", "nftables", "fdb"):
            assert word in state, word
