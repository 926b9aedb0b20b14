"""Bonds, where the kernel has them: every mode, failover and back, on a switch and from host to host."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.agent.test_dummy import kernel_has_it, netlab

ON_A_SWITCH = """
name: bond
switches: {lan: {}}
hosts:
  A:
    interfaces:
      bond0: {type: bond, OPTIONS, addresses: [10.0.0.1/24, "fd00::1/64"]}
      eth0: {switch: lan, master: bond0}
      eth1: {switch: lan, master: bond0}
    containers:
      web: {interfaces: {eth0: {type: CHILD, parent: bond0, addresses: [10.0.0.11/24, "fd00::11/64"]}}}
      db: {interfaces: {eth0: {type: CHILD, parent: bond0, addresses: [10.0.0.12/24, "fd00::12/64"]}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24, "fd00::2/64"]}}}
"""
HOST_TO_HOST = """
name: bond
hosts:
  A:
    interfaces:
      bond0: {type: bond, OPTIONS, addresses: [10.0.0.1/24, "fd00::1/64"]}
      eth0: {peer: "B:eth0", master: bond0}
      eth1: {peer: "B:eth1", master: bond0}
    containers:
      web: {interfaces: {eth0: {type: CHILD, parent: bond0, addresses: [10.0.0.11/24, "fd00::11/64"]}}}
  B:
    interfaces:
      bond0: {type: bond, OPTIONS, addresses: [10.0.0.2/24, "fd00::2/64"]}
      eth0: {peer: "A:eth0", master: bond0}
      eth1: {peer: "A:eth1", master: bond0}
"""
STEPS = """
steps:
  - name: failover
    set: {A:eth0: {state: down}}
  - name: back
    set: {A:eth0: {state: up}}
  - name: all members are down
    set: {A:eth0: {state: down}, A:eth1: {state: down}}
  - name: one is up
    set: {A:eth1: {state: up}}
"""
WHILE_DOWN = """
steps:
  - name: the bond is down
    set: {A:bond0: {state: down}}
  - name: and all its members
    set: {A:eth0: {state: down}, A:eth1: {state: down}}
  - name: the bond is up
    set: {A:bond0: {state: up}}
  - name: so is one member
    set: {A:eth1: {state: up}}
"""
MACVLAN, IPVLAN = "macvlan, mode: bridge", "ipvlan, mode: l2"
CASES = {
    "active-backup": ("mode: active-backup, miimon: 50", MACVLAN, ON_A_SWITCH),
    "active-backup-ipvlan": ("mode: active-backup, miimon: 50", IPVLAN, ON_A_SWITCH),
    "active-backup-unwatched": ("mode: active-backup", MACVLAN, ON_A_SWITCH),
    "fail-over-mac-active": ("mode: active-backup, miimon: 50, fail_over_mac: active", MACVLAN, ON_A_SWITCH),
    "fail-over-mac-follow": ("mode: active-backup, miimon: 50, fail_over_mac: follow", MACVLAN, ON_A_SWITCH),
    "primary": ("mode: active-backup, miimon: 50, primary: eth1", MACVLAN, HOST_TO_HOST),
    "balance-xor": ("mode: balance-xor, miimon: 50", MACVLAN, ON_A_SWITCH),
    "balance-rr": ("mode: balance-rr, miimon: 50", IPVLAN, HOST_TO_HOST),
    "802.3ad": ("mode: 802.3ad, miimon: 50", MACVLAN, ON_A_SWITCH),
    "802.3ad-lacp": ("mode: 802.3ad, miimon: 50", MACVLAN, HOST_TO_HOST),
}


def test_without_the_module_one_line_says_what_to_load(tmp_path: Path) -> None:
    """A kernel without bonds ends the run with exit code 3, the place in the file, and what fixes it."""
    if kernel_has_it("bond"):
        pytest.skip("this kernel has bonds")
    (tmp_path / "bond.yaml").write_text(ON_A_SWITCH.replace("OPTIONS", "mode: active-backup").replace("CHILD", MACVLAN))
    done = netlab("run", "bond.yaml", cwd=tmp_path)
    assert done.returncode == 3
    assert "bond.yaml:7:7: A:bond0" in done.stderr


@pytest.mark.parametrize("case", CASES)
def test_model_and_kernel_agree(case: str, tmp_path: Path) -> None:
    """Every layer of every pair is as predicted, before and after failovers, and without any member."""
    if not kernel_has_it("bond"):
        pytest.skip("this kernel has no bonds (sudo modprobe bonding)")
    options, child, text = CASES[case]
    (tmp_path / "bond.yaml").write_text((text + STEPS).replace("OPTIONS", options).replace("CHILD", child))
    done = netlab("run", "bond.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("mode", ["active-backup", "balance-xor", "802.3ad"])
def test_a_bond_that_is_down_looks_at_nothing(mode: str, tmp_path: Path) -> None:
    """What happens to its members meanwhile it learns when it is up again; model and kernel agree in each step.

    Without children: one that is on a bond that is down hears but can't send, so nothing can be proved of it.
    """
    if not kernel_has_it("bond"):
        pytest.skip("this kernel has no bonds (sudo modprobe bonding)")
    text = re.sub(r"    containers:\n(?: {6}.*\n)+", "", ON_A_SWITCH) + WHILE_DOWN
    (tmp_path / "bond.yaml").write_text(text.replace("OPTIONS", f"mode: {mode}, miimon: 50"))
    done = netlab("run", "bond.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
