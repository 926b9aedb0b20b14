"""Labs on a kernel for machines, which QEMU runs: $NETLAB_VMLINUZ, or what /boot has. They are slow without KVM."""

from __future__ import annotations

import io
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from scapy.layers.inet import ICMP
from scapy.utils import PcapNgReader

from netlab import pipeline
from netlab.client import Agent, start
from netlab.kernels import Choice, KernelError, choose
from netlab.plan import from_file
from netlab.spec import find
from tests.guest.kills import HERE, ORDINARY, VICTIMS, victims
from tests.guest.kills import find as find_child
from tests.guest.test_guest import TWO
from tests.guest.test_life import REFUSED, TOPOLOGY, netlab, run
from tests.ordinary import needs_another_user

pytestmark = [pytest.mark.timeout(1800), pytest.mark.xdist_group("qemu")]


@pytest.fixture(scope="module")
def vmlinuz() -> str:
    """The path of a kernel that QEMU can run here; else the test is skipped."""
    if shutil.which("qemu-system-x86_64") is None:
        pytest.skip("there is no qemu-system-x86_64: sudo apt-get install qemu-system-x86")
    given = os.environ.get("NETLAB_VMLINUZ", "")
    folder = Path(given) if os.path.isdir(given) else Path("/boot")
    said = ""
    for path in [given] if given and not os.path.isdir(given) else sorted(map(str, folder.glob("vmlinuz-*"))):
        try:
            choose(path)
        except KernelError as error:
            said = f" ({error}; {error.fix})"
        else:
            return path
    pytest.skip(f"no vmlinuz is here that can be a guest's{said}: NETLAB_VMLINUZ=PATH")


@pytest.fixture(scope="module")
def agent(vmlinuz: str) -> Iterator[Agent]:
    """An agent on that kernel, for all tests here."""
    with start(Choice.read(vmlinuz)) as one:
        yield one


def test_same_verdicts(agent: Agent, vmlinuz: str) -> None:
    """A shipped topology passes, and its record names that kernel and says that it was a guest."""
    record = pipeline.run(find("bridge-two-node.yaml"), agent)
    assert record["summary"]["verdict"] == "pass"
    assert (record["kernel"], record["substrate"]) == (choose(vmlinuz).facts.release, "vm")


def test_kind_of_a_module(agent: Agent) -> None:
    """An ipvlan, whose module the guest loads when it is asked for, is built and probed."""
    record = pipeline.run(find("ipvlan-l2.yaml"), agent)
    assert record["summary"]["verdict"] == "pass"


def test_programs(agent: Agent, tmp_path: Path, vmlinuz: str) -> None:
    """A program runs on the guest's kernel, in its folder and with its environment; its status is exact, a megabyte
    goes there and back, and what it writes stays in the guest."""
    plan, data = from_file(TWO, "two.yaml"), os.urandom(1 << 18) * 4
    script = f"uname -r; pwd; echo $MARK; echo new > {tmp_path}/new; cat {tmp_path}/new; exit 7"
    with agent.lab(plan) as lab:
        lab.enter(plan.steps[0]).result()
        with lab.spawn("A", ["sh", "-c", script], env={**os.environ, "MARK": "mine"}) as process:
            out, err = process.communicate(timeout=300)
        with lab.spawn("A", ["cat"]) as cat:
            back, _ = cat.communicate(data, timeout=300)
    release = choose(vmlinuz).facts.release
    assert (out.decode().split(), process.returncode) == ([release, os.getcwd(), "mine", "new"], 7), err
    assert back == data
    assert os.listdir(tmp_path) == []


def test_guest_root_cannot_write(agent: Agent, tmp_path: Path) -> None:
    """Though root in the guest makes its mount of the machine's files writable, QEMU refuses to write."""
    plan = from_file(TWO, "two.yaml")
    script = f"mount -o remount,rw / && mount --bind / /mnt && ls -d /mnt{tmp_path} && echo x > /mnt{tmp_path}/new"
    with agent.lab(plan) as lab:
        lab.enter(plan.steps[0]).result()
        with lab.spawn("A", ["sh", "-c", script]) as process:
            out, err = process.communicate(timeout=300)
    assert out.decode() == f"/mnt{tmp_path}\n", err
    assert b"Read-only file system" in err
    assert os.listdir(tmp_path) == []


def test_capture(agent: Agent) -> None:
    """A capture's file is fetched when it stops: scapy finds both frames of the ping in it."""
    plan = from_file(TWO, "two.yaml")
    with open(os.memfd_create("capture"), "w+b") as file, agent.lab(plan) as lab:
        capture = lab.capture(["A:eth0"], [file.fileno()])
        lab.enter(plan.steps[0]).result()
        with lab.spawn("A", ["ping", "-c", "1", "10.0.0.2"]) as process:
            process.communicate(timeout=300)
        capture.stop()
        frames = list(PcapNgReader(io.BytesIO(os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0))))
    assert sum(ICMP in one for one in frames) == 2


@needs_another_user
@pytest.mark.parametrize("refused", [False, True], ids=["namespaces", "refused"])
def test_ordinary_user(vmlinuz: str, refused: bool) -> None:
    """Uid 65534 runs labs, also where namespaces are refused."""
    prefix = (*REFUSED, "-u", "env", "HOME=/nonexistent") if refused else ORDINARY
    done = netlab("run", TOPOLOGY, "--no-report", "--layers", "icmp", "--kernel", vmlinuz, prefix=prefix)
    assert done.returncode == 0, done.stdout + done.stderr


def test_lab_that_stays(vmlinuz: str, tmp_path: Path) -> None:
    """`up` leaves a lab in a guest, `exec` runs a program there and hands on its status, `down` ends it."""
    env = {"XDG_RUNTIME_DIR": str(tmp_path)}
    done = netlab("up", TOPOLOGY, "--kernel", vmlinuz, **env)
    assert done.returncode == 0, done.stderr
    try:
        name = done.stdout.split()[0]
        done = netlab("exec", name, "A", "--", "sh", "-c", "uname -r; exit 3", **env)
        assert (done.stdout.strip(), done.returncode) == (choose(vmlinuz).facts.release, 3), done.stderr
    finally:
        done = netlab("down", "--all", **env)
    assert done.returncode == 0, done.stderr


def test_killed(vmlinuz: str) -> None:
    """Whichever process of a run is killed, front, stand-in or QEMU, no process is left."""
    number = str(2 * len(victims(vmlinuz)))
    done = run(sys.executable, "-m", "tests.guest.kills", "--kernel", vmlinuz, "-n", number)
    assert done.returncode == 0, done.stdout + done.stderr


def test_interrupted_while_it_boots(vmlinuz: str) -> None:
    """Ctrl-C while the kernel boots ends the command, and QEMU with it."""
    argv = [sys.executable, "-m", "netlab", "run", TOPOLOGY, "--no-report", "--kernel", vmlinuz]
    with subprocess.Popen(argv, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=HERE) as front:
        kernel = VICTIMS.index("kernel")
        ends = [os.pidfd_open(find_child(front.pid, depth)) for depth in range(1, kernel + 1)]
        front.send_signal(signal.SIGINT)
        # Before its first imports it has no handler yet.
        assert front.wait(120) in (130, -signal.SIGINT)
    for end in ends:
        assert select.select([end], [], [], 60)[0]
        os.close(end)
