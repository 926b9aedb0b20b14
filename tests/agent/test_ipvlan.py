"""ipvlan children, where the kernel has them; and what is said where it hasn't."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agent.test_dummy import kernel_has_it, netlab

TEXT = """
name: ipvlan
switches: {lan: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.1/24, "fd00::1/64"]}
      own: {type: ipvlan, parent: eth0, mode: MODE, flag: FLAG, addresses: [10.2.0.10/24]}
      down: {type: ipvlan, parent: eth0, mode: MODE, flag: FLAG, addresses: [10.2.0.11/24], state: down}
    containers:
      web: {interfaces: {eth0: {type: ipvlan, parent: eth0, mode: MODE, flag: FLAG,
                                addresses: [10.0.0.11/24, "fd00::11/64"]}}}
      db: {interfaces: {eth0: {type: ipvlan, parent: eth0, mode: MODE, flag: FLAG,
                               addresses: [10.0.0.12/24, "fd00::12/64"]}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.100/24, "fd00::100/64"]}}}
expect:
  - A/web: {kind: ipvlan, mode: MODE, flag: FLAG, mac: =A:eth0}
steps:
  - name: reflecting
    set: {A:eth0: {port: {hairpin: true}, mtu: 1400}}
    expect:
      - A/web: {mtu: 1400}
"""


def has_ipvlan() -> bool:
    """What netlab doctor says of it."""
    return kernel_has_it("ipvlan")


def write(folder: Path, mode: str, flag: str) -> None:
    """Put the topology into a folder."""
    (folder / "ipvlan.yaml").write_text(TEXT.replace("MODE", mode).replace("FLAG", flag))


def test_without_the_module_one_line_says_what_helps(tmp_path: Path) -> None:
    """A kernel without ipvlan ends the run with exit code 3, the place in the file, and what fixes it."""
    if has_ipvlan():
        pytest.skip("this kernel has ipvlan")
    write(tmp_path, "l2", "bridge")
    done = netlab("run", "ipvlan.yaml", cwd=tmp_path)
    assert done.returncode == 3
    assert "ipvlan.yaml:8:7: A:own: Unknown device type (EOPNOTSUPP)" in done.stderr
    assert "this kernel has no ipvlan: sudo modprobe ipvlan, or take a kernel that has it: netlab run --kernel" in (
        done.stderr
    )


@pytest.mark.parametrize("flag", ["bridge", "private", "vepa"])
@pytest.mark.parametrize("mode", ["l2", "l3", "l3s"])
def test_model_and_kernel_agree(mode: str, flag: str, tmp_path: Path) -> None:
    """Every layer of every pair is as predicted, with hairpin off and on; the options are read back."""
    if not has_ipvlan():
        pytest.skip("this kernel has no ipvlan (sudo modprobe ipvlan)")
    write(tmp_path, mode, flag)
    done = netlab("run", "ipvlan.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
