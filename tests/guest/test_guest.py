"""Labs on another kernel, in a guest: the same front, the same answers."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from scapy.layers.inet import ICMP
from scapy.layers.l2 import ARP
from scapy.utils import PcapNgReader

from netlab import pair, pipeline
from netlab.client import Agent, NotOnThisSubstrate
from netlab.kernels import choose
from netlab.plan import from_file
from netlab.spec import find

Guest = Callable[[str], Agent]

TWO = """
name: two
switches: {lan: {}}
hosts:
  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
"""


def test_same_verdicts(guest: Guest) -> None:
    """A shipped topology passes on 6.12, and its record names that kernel and says that it was a guest."""
    record = pipeline.run(find("bridge-two-node.yaml"), guest("6.12"))
    assert record["summary"]["verdict"] == "pass"
    assert record["kernel"] == choose("6.12").facts.release
    assert record["substrate"] == "vm"


def test_one_processor(guest: Guest) -> None:
    """The kernel and the process that runs in it share a processor of this machine: they take turns."""
    agent = guest("6.12")
    agent.info()
    *_, kernel, process = family(agent.pid)
    assert len(os.sched_getaffinity(kernel)) == 1
    assert os.sched_getaffinity(process) == os.sched_getaffinity(kernel)


def family(pid: int) -> list[int]:
    """A process, its first child, and so on: the stand-in, what it forks, the kernel, and a process of the guest."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(family(int(children[0])) if children else [])]


def test_kind_that_only_the_guest_has(guest: Guest) -> None:
    """An ipvlan is built and probed on 6.12, whatever this machine's kernel has."""
    record = pipeline.run(find("ipvlan-l2.yaml"), guest("6.12"))
    assert record["summary"]["verdict"] == "pass"


def test_many_bytes(guest: Guest) -> None:
    """Messages of far more than the window go both ways whole: a program gets a megabyte and gives it back."""
    agent, plan = guest("6.12"), from_file(TWO, "two.yaml")
    data = os.urandom(1 << 18) * 4
    with agent.lab(plan) as lab:
        lab.enter(plan.steps[0]).result()
        with lab.spawn("A", ["cat"]) as process:
            out, _ = process.communicate(data, timeout=60)
    assert out == data


def test_program(guest: Guest) -> None:
    """A program runs on the guest's kernel, in its own folder, with this process's environment; its status is exact."""
    agent, plan = guest("6.12"), from_file(TWO, "two.yaml")
    with agent.lab(plan) as lab:
        lab.enter(plan.steps[0]).result()
        argv = ["sh", "-c", "uname -r; pwd; echo $MARK; ping -c 1 -q 10.0.0.2 >/dev/null && exit 7"]
        with lab.spawn("A", argv, env={**os.environ, "MARK": "mine"}) as process:
            out, err = process.communicate(timeout=60)
    assert (out.decode().split(), process.returncode) == ([choose("6.12").facts.release, os.getcwd(), "mine"], 7), err


def test_written_files_stay_inside(guest: Guest, tmp_path: Path) -> None:
    """What a program writes into a folder of the machine is there for the next program, and never on the machine."""
    agent, plan = guest("6.12"), from_file(TWO, "two.yaml")
    with agent.lab(plan) as lab:
        lab.enter(plan.steps[0]).result()
        for argv in (["sh", "-c", f"echo hello > {tmp_path}/new"], ["cat", f"{tmp_path}/new"]):
            with lab.spawn("A", argv) as process:
                out, err = process.communicate(timeout=60)
                assert process.returncode == 0, err
    assert out == b"hello\n"
    assert not (tmp_path / "new").exists()


def test_guest_root_cannot_write(guest: Guest, tmp_path: Path) -> None:
    """Even a fresh, writable mount of the machine's files refuses to write: the machine itself makes it read-only."""
    agent, plan = guest("6.12"), from_file(TWO, "two.yaml")
    # A newer mount(8) would give the path as the name of an option (fsconfig).
    mount = f"LIBMOUNT_FORCE_MOUNT2=always mount -t hostfs -o {tmp_path} none /mnt"
    script = f"{mount} && echo mounted && echo x > /mnt/new"
    with agent.lab(plan) as lab:
        lab.enter(plan.steps[0]).result()
        with lab.spawn("A", ["sh", "-c", script]) as process:
            out, err = process.communicate(timeout=60)
    assert out == b"mounted\n", err
    assert b"Read-only file system" in err
    assert not (tmp_path / "new").exists()


def test_capture(guest: Guest) -> None:
    """A capture's file is fetched when it stops: scapy finds the ping's four frames in it."""
    agent, plan = guest("6.12"), from_file(TWO, "two.yaml")
    with open(os.memfd_create("capture"), "w+b") as file, agent.lab(plan) as lab:
        capture = lab.capture(["A:eth0"], [file.fileno()])
        lab.enter(plan.steps[0]).result()
        with lab.spawn("A", ["ping", "-c", "1", "10.0.0.2"]) as process:
            process.communicate(timeout=60)
        counts = capture.stop()
        frames = list(PcapNgReader(io.BytesIO(_whole(file.fileno()))))
    assert counts.dropped == 0
    assert [sum(layer in one for one in frames) for layer in (ARP, ICMP)] == [2, 2]


def _whole(fd: int) -> bytes:
    return os.pread(fd, os.fstat(fd).st_size, 0)


def test_no_socket(guest: Guest) -> None:
    """A socket of the guest can't be handed over, and the error says what does instead."""
    plan = from_file(TWO, "two.yaml")
    with guest("6.12").lab(plan) as lab, pytest.raises(NotOnThisSubstrate, match="handed over") as raised:
        lab.socket("A", 2, 1)
    assert "popen" in raised.value.fix


@pytest.mark.parametrize(("layer", "port"), [("tcp", 7777), ("udp", 7777)])
def test_port_of_ones_own(guest: Guest, layer: str, port: int) -> None:
    """`why --verify` finds a port of the user's open in a guest, too: a program there listens."""
    agent = guest("6.12")
    plan = from_file(TWO, "two.yaml", agent.kernel)
    assert pair.observe(agent, plan, f"{layer}/{port}", "A:eth0", "B:eth0") == "R"
