"""Programs of labs that share an agent: they see, signal and outlive nobody but their own kind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import netlab
from netlab import Lab, Namespace, Process
from tests.plugin.project import TWO_HOSTS

two_hosts = pytest.mark.topology(TWO_HOSTS)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's labs are guarded by the kernel")

KERNEL = tuple(int(number) for number in os.uname().release.partition("-")[0].split(".")[:2])

#: A daemon: it has left its parent, its session and its group, and holds the standard output that it was given.
DAEMON = "setsid sh -c 'setsid sleep 1000 & echo started; exec sleep 1000' & read word"
#: It is three processes; besides, whoever looks sees itself and process 1.
SEEN_WITH_A_DAEMON = 5


def ends(process: Process) -> bool:
    """Whether everybody who holds the output of a program has ended: a pipe's end comes then (pipe(7))."""
    return process.stdout.read() == b""


def alive(namespace: Namespace) -> int:
    """How many processes a program sees, once those that were killed have gone."""
    until = time.monotonic() + 10
    while (states := namespace.run("ps", "-e", "-o", "stat=").stdout.split()) and time.monotonic() < until:
        if len(states) <= SEEN_WITH_A_DAEMON and not any(state.startswith(("Z", "X")) for state in states):
            break
    return len(states)


@pytest.fixture
def two_labs(lab_factory: Callable[..., Lab]) -> Iterator[tuple[Lab, Lab]]:
    """Two labs in one agent."""
    with lab_factory(TWO_HOSTS) as one, lab_factory(TWO_HOSTS) as other:
        yield one, other


# --- neighbours -------------------------------------------------------------------------------------


def test_a_lab_kills_its_own_programs_only(two_labs: tuple[Lab, Lab]) -> None:
    """`pkill` in a lab, of everything and by name, leaves the programs of another one alive."""
    one, other = two_labs
    with (
        one["A"].popen("sleep", "1000") as mine,
        other["A"].popen("cat") as cat,
        other["A"].popen("sleep", "9") as theirs,
    ):
        assert one["A"].run("pkill", "-KILL", "sleep", check=False).returncode == 0
        assert mine.wait(5) == -9
        one["A"].run("sh", "-c", "kill -KILL -1", check=False)
        cat.stdin.write(b"still here\n")
        assert cat.line() == "still here"
        assert theirs.poll() is None


def test_programs_see_each_other(lab_factory: Callable[..., Lab]) -> None:
    """A program's number is what its lab's other programs, also those of other hosts, call it by; there are no more."""
    with lab_factory(TWO_HOSTS) as lab, lab["A"].popen("sleep", "1000") as asleep:
        names = lab["B"].run("ps", "-e", "-o", "comm=").stdout.split()
        assert sorted(names) == ["netlab-init", "ps", "sleep"]
        lab["B"].run("kill", "-TERM", str(asleep.pid))
        assert asleep.wait(5) == -15


def test_the_first_of_a_lab_cannot_be_killed_inside(lab_factory: Callable[..., Lab]) -> None:
    """No signal from inside ends process 1, and it reaps what is left without a parent."""
    with lab_factory(TWO_HOSTS) as lab:
        for name in ("KILL", "TERM", "INT", "CHLD"):
            lab["A"].run("kill", f"-{name}", "1")
        lab["A"].run("sh", "-c", "sh -c 'sleep 0.01 & :' & wait; while pgrep -x sleep; do :; done", timeout=20)
        assert "Z" not in lab["A"].run("ps", "-e", "-o", "stat=").stdout


@two_hosts
def test_after_the_end_of_process_1(lab: Lab) -> None:
    """Where the machine's owner has killed process 1, a lab's programs have ended, and it can start new ones."""
    asleep = lab["A"].popen("sleep", "1000")
    first = [pid for pid in _descendants(lab.handle.agent.pid) if _name(pid) == "netlab-init"]
    for pid in first:
        os.kill(pid, 9)
    assert asleep.wait(10) == -9
    assert lab["A"].run("echo", "again").stdout == "again\n"


def test_what_the_agent_leaves(tmp_path: Path) -> None:
    """A hostname that is set in a host, and what SysV IPC and message queues keep, are not the machine's."""
    before, name = Path("/proc/sysvipc/shm").read_text(), os.uname().nodename
    queue = "import ctypes; q = ctypes.CDLL(None).mq_open(b'/netlab-test', 0o102, 0o600, None); assert q >= 0"
    with netlab.Labs() as labs, labs.open(TWO_HOSTS) as lab:
        lab["A"].run("ipcmk", "--shmem", "4096")
        lab["A"].run("hostname", "renamed")
        lab["A"].run(sys.executable, "-c", queue)
        assert lab["A"].run("hostname").stdout == "renamed\n"
        assert len(lab["A"].run("cat", "/proc/sysvipc/shm").stdout.splitlines()) == 2
        assert Path("/proc/sysvipc/shm").read_text() == before
    assert os.uname().nodename == name
    there = queue.replace("0o102", "0").replace("q >= 0", "q < 0")
    subprocess.run([sys.executable, "-c", there], check=True)


# --- the end ----------------------------------------------------------------------------------------


def test_daemons_end_with_the_lab(two_labs: tuple[Lab, Lab]) -> None:
    """A lab's end is that of everything it has started, daemons included, and of nothing that another has started."""
    one, other = two_labs
    mine, theirs = (lab["A"].popen("sh", "-c", DAEMON) for lab in (one, other))
    assert mine.line() == theirs.line() == "started"
    one.close()
    assert mine.wait(5) == -9
    assert ends(mine)
    assert alive(other["B"]) == SEEN_WITH_A_DAEMON
    other.close()
    assert ends(theirs)


def test_daemons_end_with_their_host(lab_factory: Callable[..., Lab]) -> None:
    """With a host that is deleted its programs end, wherever they have gone, and another host's live on."""
    with lab_factory(TWO_HOSTS) as lab:
        gone, stays = (lab[host].popen("sh", "-c", DAEMON) for host in "AB")
        assert gone.line() == stays.line() == "started"
        lab.step(delete=["A"])
        assert ends(gone)
        assert alive(lab["B"]) == SEEN_WITH_A_DAEMON


def test_programs_end_with_a_build_that_fails(lab_factory: Callable[..., Lab]) -> None:
    """A step that the kernel refuses ends the lab: its programs are killed."""
    lab = lab_factory(TWO_HOSTS)
    left = lab["A"].popen("sh", "-c", DAEMON)
    assert left.line() == "started"
    lab["B"].run("ip", "link", "set", "dev", "eth0", "name", "other")
    lab["B"].run("ip", "link", "delete", "dev", "other")
    with pytest.raises(netlab.BuildError):
        lab["B"].interface("eth0").set(mtu=1400)
    assert left.wait(5) == -9
    assert ends(left)


@pytest.mark.skipif(KERNEL < (6, 14), reason="pid_max is each PID namespace's own from Linux 6.14 on")
def test_a_number_that_is_given_again() -> None:
    """A lab's end kills none of another's programs where the kernel has given them the numbers of its dead."""
    with netlab.Labs() as labs:
        first, other = labs.open(TWO_HOSTS), labs.open(TWO_HOSTS)
        # The agent's namespace has 120 numbers to give, once it has given those below 300 (RESERVED_PIDS).
        [agent] = Path(f"/proc/{labs.agent().pid}/task/{labs.agent().pid}/children").read_text().split()
        inside = ["nsenter", "--target", agent, "--user", "--mount", "--pid", "--preserve-credentials"]
        inside = inside if os.geteuid() else [word for word in inside if word != "--user"]
        subprocess.run([*inside, "sh", "-c", "echo 420 > /proc/sys/kernel/pid_max"], check=True)
        # Each takes a number or two: by the end the first lab's programs have had all there are.
        for _ in range(300):
            first["A"].run("true")
        asleep = [other["A"].popen("sleep", "1000") for _ in range(30)]
        first.close()
        other["A"].run("true")
        assert [one.poll() for one in asleep] == [None] * 30


# --- what root's programs can't do ------------------------------------------------------------------


@as_root
@two_hosts
@pytest.mark.parametrize(
    "command",
    [
        # The values that they have: where it isn't refused nothing is changed.
        "value=$(cat /proc/sys/kernel/sysctl_writes_strict) && echo $value > /proc/sys/kernel/sysctl_writes_strict",
        "value=$(cat /proc/sys/vm/panic_on_oom) && echo $value > /proc/sys/vm/panic_on_oom",
        "value=$(cat /proc/sys/fs/leases-enable) && echo $value > /proc/sys/fs/leases-enable",
        "value=$(cat /sys/module/printk/parameters/time) && echo $value > /sys/module/printk/parameters/time",
        "mknod made c 1 3",
    ],
)
def test_the_machine_is_not_the_labs(lab: Lab, command: str, tmp_path: Path) -> None:
    """As root, too, programs can't write the machine's settings, nor make devices."""
    done = lab["A"].run("sh", "-c", command, check=False, cwd=tmp_path)
    assert done.returncode != 0
    assert any(word in done.stderr for word in ("Read-only file system", "Operation not permitted", "nonexistent"))


@as_root
@two_hosts
def test_what_root_may_do(lab: Lab) -> None:
    """No program of a lab, whatever it executes, can load modules, reach hardware, reboot, set the clock or its log."""
    names = ["cap_sys_module", "cap_sys_rawio", "cap_sys_boot", "cap_sys_time", "cap_mknod", "cap_syslog"]
    status = lab["A"].run("cat", "/proc/self/status").stdout
    for line in (line for line in status.splitlines() if line.startswith("Cap")):
        held = subprocess.run(["capsh", f"--decode={line.split()[1]}"], capture_output=True, text=True, check=True)
        assert not set(names) & set(held.stdout.strip().partition("=")[2].split(",")), line


@two_hosts
@pytest.mark.parametrize(
    "command",
    [
        "sysctl -q -w net.ipv4.ip_forward=1",
        "echo 1400 > /sys/class/net/eth0/mtu",
        "tcpdump -Z root -c 1 -i lo & sleep 0; while ping -q -c1 -W1 127.0.0.1; do kill -0 $! || exit 0; done",
        "unshare --net ip link add type veth",
        "echo 100 > /proc/self/oom_score_adj",
        "cat /proc/net/dev",
    ],
)
def test_the_network_is_the_labs(lab: Lab, command: str) -> None:
    """What configures or watches a network works as before, for root and for an ordinary user."""
    binary = command.split()[0]
    if binary == "tcpdump" and shutil.which(binary) is None:
        pytest.skip("tcpdump is not installed")
    lab["A"].run("ip", "link", "set", "dev", "lo", "up")
    lab["A"].run("sh", "-c", command)


def _descendants(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        for task in os.listdir(f"/proc/{one}/task"):
            found += map(int, Path(f"/proc/{one}/task/{task}/children").read_text().split())
    return found


def _name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()
