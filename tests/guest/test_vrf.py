"""VRFs on kernels that have them: two tenants, leaked routes, programs bound and unbound, as the model says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netlab import pipeline
from netlab.client import Agent
from netlab.contract.measures import Traffic
from netlab.measure import Lock
from netlab.plan import from_file
from netlab.spec import shipped
from tests.model.vrfs import LEAKS, tenants

KERNELS = ("6.1", "6.12")
ACCEPT = "net.ipv4.ip_forward: 1, net.ipv4.tcp_l3mdev_accept: 1, net.ipv4.udp_l3mdev_accept: 1"
LABS = {
    "apart": tenants(),
    "leaking": tenants(LEAKS),
    "accepting": tenants(LEAKS, ACCEPT),
    "red-down": tenants(LEAKS),
}


@pytest.mark.parametrize("version", KERNELS)
@pytest.mark.parametrize("name", LABS)
def test_model_and_kernel_agree(name: str, version: str, guest: Callable[[str], Agent], tmp_path: Path) -> None:
    """Every pair at every layer is as predicted, with a VRF up and down."""
    text = f"name: vrf\n{LABS[name].text}"
    if name == "red-down":
        text += "steps:\n  - {name: down, set: {h:red: {state: down}}}\n  - {name: up, set: {h:red: {state: up}}}\n"
    (tmp_path / "vrf.yaml").write_text(text)
    record = pipeline.run(tmp_path / "vrf.yaml", guest(version))
    assert record["summary"]["verdict"] == "pass", record["findings"]


@pytest.mark.parametrize("version", KERNELS)
@pytest.mark.parametrize("name", ["vrf-two-tenants", "vrf-leak"])
def test_shipped_topologies_hold(name: str, version: str, guest: Callable[[str], Agent]) -> None:
    """What ships about VRFs is as it says, on both kernels."""
    record = pipeline.run(next(path for path in shipped() if path.stem == name), guest(version))
    assert record["summary"]["verdict"] == "pass", record["findings"]


def test_an_l3s_child_in_a_vrf(guest: Callable[[str], Agent], tmp_path: Path) -> None:
    """What loops back in the VRF of an l3s child came in by the VRF: an A, though packet sockets see neither."""
    (tmp_path / "l3s.yaml").write_text("""\
name: l3s
switches: {s1: {}}
hosts:
  B:
    interfaces:
      eth0: {switch: s1}
    containers:
      c:
        interfaces:
          red: {type: vrf, table: 10, addresses: [10.0.0.12/24]}
          i6: {type: ipvlan, parent: eth0, mode: l3s, master: red, addresses: [10.0.0.7/24]}
""")
    record = pipeline.run(tmp_path / "l3s.yaml", guest("6.12"))
    assert record["summary"]["verdict"] == "pass", record["findings"]


@pytest.mark.parametrize("how", [{"engine": "sockets"}, {}, {"protocol": "udp", "bitrate": 1_000_000}])
def test_a_server_is_bound_to_its_vrf(how: dict[str, Any], guest: Callable[[str], Agent]) -> None:
    """What is sent to an address of a VRF is measured, by every engine, though two VRFs have that address."""
    agent = guest("6.12")
    plan = from_file(next(path for path in shipped() if path.stem == "vrf-two-tenants"), kernel=agent.kernel)
    ends = {endpoint.id: endpoint for endpoint in plan.steps[0].state.endpoints}
    with agent.lab(plan) as lab, Lock():
        lab.enter(plan.steps[0]).result()
        for colour in ("red", "blue"):
            traffic = Traffic(metric="throughput", duration=1.0, **how)
            sample = lab.measure(ends[f"{colour}-pc:eth0"], ends[f"router:{colour}0"], traffic).result()
            assert sample.status == "ok", (colour, sample)
