"""Labs that stay in a guest: what is another there than in namespaces of this machine."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import signal
import struct
import subprocess
import termios
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from scapy.layers.inet import ICMP
from scapy.utils import PcapNgReader

from netlab.client import inguest
from netlab.kernels import choose
from tests.stay.conftest import Stay, about, listed, until

VRF = """\
switches: {lan: {}}
hosts:
  A:
    interfaces:
      red: {type: vrf, table: 10}
      eth0: {switch: lan, master: red, addresses: [10.0.0.1/24]}
  B:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.2/24]}
"""


def test_a_capture_of_a_guest(guest_lab: Stay) -> None:
    """What is captured in a guest comes when the capture ends, into a file or a pipe."""
    for target in ("all.pcapng", None):
        words = ("-w", target) if target else ()
        with guest_lab.popen("capture", "A:eth0", *words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stderr is not None
            assert process.stderr.readline().startswith(b"capturing")
            guest_lab("exec", "A", "--", "ping", "-c1", "-W2", "10.0.0.2")
            process.send_signal(signal.SIGINT)
            out, said = process.communicate(timeout=60)
        data = (guest_lab.folder / target).read_bytes() if target else out
        frames = list(PcapNgReader(io.BytesIO(data)))
        assert said == f"{len(frames)} frames\n".encode()
        assert sum(frame.haslayer(ICMP) for frame in frames) == 2


@pytest.mark.parametrize(("held", "shown"), [(False, "late\n"), (True, "")])
def test_what_a_program_has_said_comes_late(capfd: pytest.CaptureFixture[str], held: bool, shown: str) -> None:
    """However late a slow guest sends what a program has said before its end, it is waited for; but not where something
    that the program has started may go on for ever."""
    outputs = [os.pipe() for _ in range(2)]

    def asked(pipe: int) -> bool:
        if not held:
            with open(outputs[pipe - 1][1], "wb") as end:
                end.write(b"late\n" if pipe == 1 else b"")
        return held

    with contextlib.ExitStack() as stack:
        stdin = stack.enter_context(open(os.devnull, "wb"))
        stdout, stderr = (stack.enter_context(open(read, "rb")) for read, _ in outputs)
        program: Any = SimpleNamespace(stdin=stdin, stdout=stdout, stderr=stderr, pipes=[0, 1, 2], wait=lambda: 7)
        assert inguest._Passing(program, asked).wait() == 7
        assert capfd.readouterr().out == shown
        for _, write in outputs if held else ():
            os.close(write)


def test_a_terminal_in_a_guest(guest_lab: Stay) -> None:
    """Where this is a terminal a program in a guest has one there, of the same size, with keys that end it."""
    mine, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))
    code = "tty; stty size; read word; echo got $word; exec sleep 1000"
    command = ("exec", "A", "--", "sh", "-c", code)
    with guest_lab.popen(*command, stdin=theirs, stdout=theirs, stderr=theirs) as process, open(mine, "r+b", 0) as ours:
        said = b""
        while b"33 99" not in said:
            said += ours.read(100)
        assert b"/dev/pts/" in said
        ours.write(b"it\n")
        while b"got it" not in said:
            said += ours.read(100)
        until(lambda: about(guest_lab)["programs"] == 1)
        ours.write(b"\x03")
        assert process.wait(60) == 128 + signal.SIGINT
        os.close(theirs)


def test_a_vrf_is_no_change(guest_lab: Stay) -> None:
    """A VRF's own rule (l3mdev) was made by the kernel, not by a program: what a VRF does stays known to the model."""
    Path(guest_lab.folder, "vrf.yaml").write_text(VRF)
    guest_lab("down")
    guest_lab("up", "vrf.yaml", *guest_lab.up)
    guest_lab("exec", "A", "--", "true")
    told = guest_lab("probe")
    assert told.stderr == ""
    assert "0 inconclusive, 0 skip" in told.stdout
    guest_lab("exec", "A", "--", "ip", "rule", "add", "l3mdev", "priority", "900")
    assert "unknown to the model: rule 900: l3mdev" in guest_lab("probe").stderr


def test_a_guest_says_its_kernel(guest_lab: Stay) -> None:
    """`ps` names the kernel of each lab, and the model goes by it; the guest is one lab's alone."""
    release = choose("6.12").facts.release
    assert about(guest_lab)["kernel"] == release
    assert guest_lab("exec", "A", "--", "uname", "-r").stdout == f"{release}\n"
    guest_lab("up", "two.yaml", "-n", "own")
    rows = {row["name"]: row["kernel"] for row in listed(guest_lab)}
    assert rows == {"two": release, "own": os.uname().release}
