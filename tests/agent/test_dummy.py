"""A dummy, where the kernel has it; and what is said where it hasn't."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

TEXT = """
name: dummy
hosts:
  A:
    interfaces:
      d0: {type: dummy, addresses: [10.0.0.1/24, "fd00::1/64"]}
    containers:
      web: {interfaces: {eth0: {type: macvlan, parent: d0, mode: bridge, addresses: [10.0.0.11/24, "fd00::11/64"]}}}
      db: {interfaces: {eth0: {type: macvlan, parent: d0, mode: bridge, addresses: [10.0.0.12/24, "fd00::12/64"]}}}
expect:
  - A/web:eth0 <-> A/db [icmp, icmp6, broadcast, arp, ndp]: reachable
  - A/web:eth0 <-> A:d0 [icmp, icmp6, broadcast, ndp]: unreachable
  - A:d0: {kind: dummy, operstate: UNKNOWN, carrier: true}
steps:
  - name: down
    set: {A:d0: {state: down}}
    expect:
      - A/web:eth0 <-> A/db [broadcast]: reachable
      - A/web:eth0 <-> A/db [icmp, icmp6]: unreachable
"""


def netlab(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run netlab."""
    return subprocess.run(
        [sys.executable, "-m", "netlab", *arguments], capture_output=True, text=True, check=False, cwd=cwd
    )


@cache
def kernel_has_it(kind: str = "dummy") -> bool:
    """What netlab doctor says of a kind of link."""
    told = json.loads(netlab("doctor", "--json").stdout)
    return all(one["ok"] for one in told if one["name"] == f"link kind {kind}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the topology."""
    (tmp_path / "dummy.yaml").write_text(TEXT)
    return tmp_path


def test_without_the_module_one_line_says_what_to_load(folder: Path) -> None:
    """A kernel without dummies ends the run with exit code 3, the place in the file, and the command that fixes it."""
    if kernel_has_it():
        pytest.skip("this kernel has dummies")
    done = netlab("run", "dummy.yaml", cwd=folder)
    assert done.returncode == 3
    assert "dummy.yaml:6:7: A:d0: Unknown device type (EOPNOTSUPP)" in done.stderr
    assert "sudo modprobe dummy" in done.stderr


def test_model_and_kernel_agree(folder: Path) -> None:
    """Every layer of every pair is as predicted, and as the file says, with the dummy up and down."""
    if not kernel_has_it():
        pytest.skip("this kernel has no dummies (sudo modprobe dummy)")
    done = netlab("run", "dummy.yaml", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
