"""``--kernel auto``: which kernel is taken, and what is said of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.agent.test_dummy import kernel_has_it, netlab

IPVLAN = """\
switches: {lan: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.1/24]}
      child: {type: ipvlan, parent: eth0, addresses: [10.0.0.2/24]}
"""


def lacks_ipvlan() -> None:
    """Skip where this machine's kernel has what the topology asks for."""
    if kernel_has_it("ipvlan"):
        pytest.skip("this kernel has ipvlan")


def test_the_own_kernel_where_it_suffices(tmp_path: Path) -> None:
    """This machine's kernel is taken for what it has, and one line says so."""
    done = netlab("run", "bridge-two-node", "-l", "arp", "--no-report", "--kernel", "auto", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = f"netlab: auto takes this machine's own kernel, Linux {os.uname().release}: it has all that is asked for"
    assert [line for line in done.stderr.splitlines() if "auto" in line] == [said]


def test_another_one_where_the_own_lacks_something(tmp_path: Path, kernel: Callable[[str], str]) -> None:
    """A cached kernel is taken for what this machine's hasn't, and one line says which one and what that is."""
    lacks_ipvlan()
    kernel("6.12")
    (tmp_path / "lab.yaml").write_text(IPVLAN)
    done = netlab("run", "lab.yaml", "-l", "arp", "--no-report", "--kernel", "auto", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "netlab: auto takes Linux " in done.stderr
    assert "): this machine's own has no ipvlan\n" in done.stderr


def test_where_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a cached kernel the error says what this machine's lacks, and what builds another."""
    lacks_ipvlan()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "lab.yaml").write_text(IPVLAN)
    done = netlab("run", "lab.yaml", "--no-report", "--kernel", "auto", cwd=tmp_path)
    assert done.returncode == 3
    assert "--kernel auto: no kernel is cached, and this machine's own has no ipvlan\n" in done.stderr
    assert "netlab kernel build 6.12" in done.stderr
