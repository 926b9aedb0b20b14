"""Where guests run, what ends with them, and what is said where they can't."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.guest.kills import HERE, ORDINARY, VICTIMS, open_cache
from tests.ordinary import needs_another_user

Kernel = Callable[[str], str]
TOPOLOGY = str(HERE / "topologies" / "bridge-two-node.yaml")
STP = """
name: stp
switches: {s1: {stp: true}}
hosts:
  A: {interfaces: {eth0: {switch: s1, addresses: [10.0.0.1/24]}}}
  B: {interfaces: {eth0: {switch: s1, addresses: [10.0.0.2/24]}}}
expect: ["A:eth0 -> B:eth0: reachable"]
"""
REFUSED = (sys.executable, "-m", "tests.guest.refused")
#: Run with a /dev/shm of its own, and see whether that is empty then.
SHM = 'mount -t tmpfs tmpfs /dev/shm && "$0" "$@" >/dev/null && ls -A /dev/shm && echo nothing left'


def run(*words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """A command's end, with everything that it says."""
    return subprocess.run(words, capture_output=True, text=True, cwd=HERE, env={**os.environ, **(env or {})})


def netlab(*words: str, prefix: tuple[str, ...] = (), **env: str) -> subprocess.CompletedProcess[str]:
    """The end of a run of netlab, with another user's environment before it."""
    return run(*prefix, sys.executable, "-B", "-m", "netlab", *words, env=env)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("refused", [False, True], ids=["namespaces", "refused"])
@pytest.mark.parametrize("version", ["6.1", "6.12"])
def test_killed(kernel: Kernel, version: str, refused: bool) -> None:
    """Whichever process of a run is killed, front, stand-in, kernel or one of the guest's, no process is left."""
    name = kernel(version)
    if refused and version == "6.1":
        pytest.skip("6.1 doesn't run without namespaces: see test_needs_namespaces")
    more = ["--refused"] if refused else []
    done = run(sys.executable, "-m", "tests.guest.kills", "--kernel", name, "-n", str(len(VICTIMS)), *more)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_another_user
@pytest.mark.parametrize("refused", [False, True], ids=["namespaces", "refused"])
def test_ordinary_user(kernel: Kernel, refused: bool) -> None:
    """Uid 65534 runs labs on 6.12, also where namespaces are refused."""
    name = kernel("6.12")
    prefix = (*REFUSED, "-u", "env", "HOME=/nonexistent") if refused else ORDINARY
    with open_cache(name):
        done = netlab("run", TOPOLOGY, "--no-report", "--kernel", name, prefix=prefix)
    assert done.returncode == 0, done.stdout + done.stderr


def test_needs_namespaces(kernel: Kernel) -> None:
    """6.1 is refused where there are no namespaces, as it would leave processes: exit 3, and the kernels that run."""
    name = kernel("6.1")
    done = netlab("run", TOPOLOGY, "--no-report", "--kernel", name, prefix=REFUSED)
    assert done.returncode == 3, done.stdout
    assert "PID namespace" in done.stderr
    assert "--kernel 6.12" in done.stderr


def test_nothing_on_disk(kernel: Kernel, tmp_path: Path) -> None:
    """A run leaves no file behind: not in the folder for temporary files, and not in /dev/shm."""
    name = kernel("6.12")
    # That of the machine is used by others meanwhile.
    own = ("unshare", *(["--map-root-user"] if os.getuid() else []), "--mount", "sh", "-c", SHM)
    for prefix in (own, (*own, *REFUSED)):
        done = netlab("run", TOPOLOGY, "--no-report", "--kernel", name, prefix=prefix, TMPDIR=str(tmp_path))
        assert (done.returncode, done.stdout) == (0, "nothing left\n"), done.stderr
    assert os.listdir(tmp_path) == []


def test_no_room(kernel: Kernel, tmp_path: Path) -> None:
    """More memory than any file system has room for is refused with exit 3 before the kernel starts."""
    name = kernel("6.12")
    done = netlab("run", TOPOLOGY, "--no-report", "--kernel", f"{name},mem=900000G", prefix=REFUSED)
    assert done.returncode == 3
    assert "no folder has room" in done.stderr
    assert "mem=" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--kernel", "/bin/true"), 3, "no User-Mode Linux"),
        (("--kernel", "/nowhere/linux"), 3, "there is no kernel /nowhere/linux"),
        (("--kernel", "4.2"), 3, "netlab kernel build 4.2"),
        (("--kernel", "6.12,cpus=3"), 3, "'cpus=3' is not understood"),
        (("--kernel", "6.12,mem=32M"), 3, "a guest needs 96 MiB"),
        (("--kernel", "6.12", "--on", "A=host:eth0"), 2, "give it or --on"),
        (("--virtual-time",), 2, "goes with --kernel"),
    ],
)
def test_wrong(words: tuple[str, ...], code: int, said: str) -> None:
    """What can't be is said in one line, with the exit code that it has."""
    done = netlab("run", TOPOLOGY, "--no-report", *words)
    assert done.returncode == code, done.stderr
    assert said in done.stderr


def test_spanning_tree_is_waited_out(kernel: Kernel, tmp_path: Path) -> None:
    """With --virtual-time a switch that speaks STP forwards when it is probed: the file's expectation passes, where on
    an ordinary clock nothing could be proved."""
    name = kernel("6.12")
    file = tmp_path / "stp.yaml"
    file.write_text(STP)
    done = netlab("run", str(file), "--no-report", "--layers", "icmp", "--kernel", name, "--virtual-time")
    assert done.returncode == 0, done.stdout + done.stderr
    done = netlab("run", str(file), "--no-report", "--layers", "icmp", "--kernel", name)
    assert done.returncode == 4, done.stdout + done.stderr


def test_doctor_offers_it(kernel: Kernel) -> None:
    """Where namespaces are refused the doctor names the kernel that runs without them, and exits with 3."""
    name = kernel("6.12")
    done = netlab("doctor", prefix=REFUSED)
    assert done.returncode == 3
    words = " ".join(done.stdout.split())
    assert "netlab run FILE --kernel" in words
    assert name in words
