"""Machines that refuse something: who does, and what fixes it, is said before anything is built."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import netlab
from tests.ordinary import needs_another_user

pytestmark = [
    needs_another_user,
    pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is not installed (apt-get install util-linux)"),
]
ROOT = str(Path(netlab.__file__).parents[1])
#: The mounts are made in a mount namespace of their own; what is mounted over keeps a user from a /proc of his own.
SCRIPT = (
    "set -e; mount --make-rprivate /; {mount}; exec setpriv --reuid 65534 --regid 65534 --clear-groups"
    ' env HOME=/nonexistent PYTHONPATH="$1" "$2" -m netlab {arguments}'
)
READ_ONLY = "mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys"
FOUR = """
switches: {lan: {}}
hosts:
  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
"""
#: Answers mount(2) as a security module does that allows namespaces alone: EACCES (AppArmor's profile of Docker).
NO_MOUNT = """
import ctypes, errno, platform, struct, sys
number = {"x86_64": 165, "aarch64": 40}[platform.machine()]
code = b"".join(struct.pack("=HBBI", *one) for one in (
    (0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x00050000 | errno.EACCES), (0x06, 0, 0, 0x7FFF0000)))
buffer = ctypes.create_string_buffer(code)
program = struct.pack("=HxxxxxxQ", 4, ctypes.addressof(buffer))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0, ctypes.get_errno()
from netlab.cli import main
sys.argv = ["netlab", "doctor", "--json"]
main()
"""


def as_nobody(mount: str, arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """Run netlab as an ordinary user who sees /proc as it is after ``mount``."""
    script = SCRIPT.format(mount=mount, arguments=arguments)
    argv = ["unshare", "--mount", "sh", "-c", script, "sh", ROOT, sys.executable]
    return subprocess.run(argv, input=text, capture_output=True, text=True, check=False, cwd="/")


def test_a_proc_that_cannot_be_written_is_found_by_doctor() -> None:
    """Where /proc/sys is read-only doctor and run both say so, with exit code 3 and what fixes it."""
    told = as_nobody(READ_ONLY, "doctor")
    assert told.returncode == 3, told
    assert "Read-only file system" in told.stdout
    assert "systempaths=unconfined" in told.stdout
    run = as_nobody(READ_ONLY, "run --no-report -", FOUR)
    assert run.returncode == 3, run
    assert "systempaths=unconfined" in run.stderr


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="the number of mount(2) isn't known")
def test_a_refused_mount_is_a_finding() -> None:
    """Where namespaces are allowed and mounts aren't, doctor says who refuses, and still tells the rest."""
    env = {**os.environ, "PYTHONPATH": ROOT}
    done = subprocess.run([sys.executable, "-c", NO_MOUNT], capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 3, done
    found = {one["name"]: one for one in json.loads(done.stdout)}
    assert not found["namespaces"]["ok"]
    assert "Permission denied" in found["namespaces"]["detail"]
    assert "sudo netlab" not in found["namespaces"]["fix"]
    assert "iperf3" in found
    assert "Traceback" not in done.stderr
