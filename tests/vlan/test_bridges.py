"""VLAN-aware bridges: what the model says is what the kernel does."""

from __future__ import annotations

from pathlib import Path

import pytest

from netlab import pipeline
from netlab.plan import from_file
from netlab.spec import TopologyError
from tests.agent.test_dummy import netlab
from tests.vlan.test_interfaces import Guest, told

LABS = {
    "access-and-trunk": """
switches: {lan: {vlan_filtering: true}}
hosts:
  A: {interfaces: {eth0: {switch: lan, port: {pvid: 10}, addresses: [10.0.0.1/24, "fd00::1/64"]}}}
  B: {interfaces: {eth0: {switch: lan, port: {pvid: 10, hairpin: on}, addresses: [10.0.0.2/24, "fd00::2/64"]}}}
  C: {interfaces: {eth0: {switch: lan, port: {pvid: 20}, addresses: [10.0.0.3/24]}}}
  D: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.4/24]}}}
  E:
    interfaces:
      eth0: {switch: lan, port: {pvid: 0, tagged: [10, 20]}}
      eth0.10: {type: vlan, parent: eth0, id: 10, addresses: [10.0.0.5/24, "fd00::5/64"]}
      eth0.20: {type: vlan, parent: eth0, id: 20, addresses: [10.0.1.5/24]}
  F: {interfaces: {eth0: {switch: lan, port: {untagged: [10]}, addresses: [10.0.0.6/24]}}}
expect:
  - port(A:eth0): {pvid: 10, untagged: [10], tagged: []}
  - port(E:eth0): {pvid: 0, untagged: [], tagged: [10, 20]}
  - A <-> B: reachable
  - A <-> E:eth0.10: reachable
  - A <-> C: unreachable
steps:
  - {name: moved, set: {C:eth0: {port: {pvid: 10}}, E:eth0: {port: {tagged: [20]}}}}
  - {name: unaware, set: {lan: {vlan_filtering: false}}}
""",
    "in-a-host": """
switches: {lan: {vlan_filtering: true, default_pvid: 0}}
hosts:
  H:
    interfaces:
      eth0: {switch: lan, port: {tagged: [10, 20]}, master: br0, own_port: {tagged: [10, 20], pvid: 0}}
      br0: {type: bridge, vlan_filtering: true, own_port: {pvid: 10, tagged: [20]}, addresses: [10.0.0.7/24]}
      br0.20: {type: vlan, parent: br0, id: 20, addresses: [10.0.1.7/24]}
      br0.30: {type: vlan, parent: br0, id: 30, addresses: [10.0.2.7/24]}
    containers:
      c: {interfaces: {eth0: {bridge: br0, port: {pvid: 10}, addresses: [10.0.0.8/24]}}}
      d: {interfaces: {eth0: {bridge: br0, port: {pvid: 20}, addresses: [10.0.1.9/24]}}}
      m: {interfaces: {eth0: {type: macvlan, parent: br0.20, mode: bridge, addresses: [10.0.1.10/24]}}}
  A: {interfaces: {eth0: {switch: lan, port: {pvid: 10}, addresses: [10.0.0.1/24]}}}
  B: {interfaces: {eth0: {switch: lan, port: {pvid: 20}, addresses: [10.0.1.1/24]}}}
expect:
  - A <-> H/c: reachable
  - B <-> H/d: reachable
  - A <-> H: reachable
steps:
  - {name: moved, set: {H:br0: {own_port: {pvid: 20, tagged: [10]}}, H:eth0: {own_port: {tagged: [20]}}}}
""",
    "entries": """
switches:
  lan: {vlan_filtering: true}
  up: {vlan_filtering: true, links: [lan], tagged: [10]}
hosts:
  A: {interfaces: {eth0: {switch: lan, port: {pvid: 10, fdb: ["02:aa:00:00:00:01", A:eth0], locked: on, learning: off},
                          addresses: [10.0.0.1/24]}}}
  B: {interfaces: {eth0: {switch: lan, port: {pvid: 10, flood: off}, addresses: [10.0.0.2/24]}}}
  C: {interfaces: {eth0: {switch: up, port: {tagged: [10]}, addresses: [10.0.1.3/24]},
                   v: {type: vlan, parent: eth0, id: 10, addresses: [10.0.0.3/24]}}}
  D: {interfaces: {eth0: {switch: lan, mac: "02:aa:00:00:00:01", addresses: [10.0.1.4/24]}}}
expect:
  - A <-> C:v: reachable
  - C:eth0 <-> D: reachable
steps:
  - {name: other, set: {A:eth0: {port: {pvid: 1}}}}
""",
}


@pytest.mark.parametrize("name", LABS)
def test_model_and_kernel_agree(name: str, guest: Guest) -> None:
    """Every layer of every pair is predicted, and seen as predicted, before and after each change."""
    assert told(guest("6.12"), f"name: {name}{LABS[name]}") == []


def test_read_back(guest: Guest) -> None:
    """What the file expects of a port's VLANs is compared with what the kernel says."""
    text = f"name: t{LABS['access-and-trunk']}".replace("{pvid: 10, untagged: [10], tagged: []}", "{tagged: [30]}")
    [wrong] = [
        one
        for one in pipeline.run(text, guest("6.12"), pipeline.Options(layers=("icmp",), steps=("baseline",)))["steps"][
            0
        ]["expectations"]
        if one["verdict"] != "P"
    ]
    assert "port(A:eth0)" in wrong["text"]


@pytest.mark.parametrize(
    ("port", "fault"),
    [
        ("port: {untagged: [10], tagged: [10]}", "VLAN 10 is both in 'untagged' and in 'tagged'"),
        ("port: {tagged: [4095]}", "4095"),
        ("own_port: {tagged: [10]}", "A:eth0 is a port of no bridge itself"),
    ],
)
def test_faults(port: str, fault: str) -> None:
    """What can't be is said where it stands."""
    text = (
        f"switches: {{lan: {{vlan_filtering: true}}}}\nhosts: {{A: {{interfaces: {{eth0: {{switch: lan, {port}}}}}}}}}"
    )
    with pytest.raises(TopologyError) as raised:
        from_file(text, "f")
    assert fault in str(raised.value)


def test_vlans_without_filtering_are_a_warning() -> None:
    """VLANs of a port count for nothing while its bridge keeps none apart: that is said."""
    text = "switches: {lan: {}}\nhosts: {A: {interfaces: {eth0: {switch: lan, port: {pvid: 10}}}}}"
    [warning] = from_file(text, "f").warnings
    assert "lan has no vlan_filtering" in str(warning)


def test_where_a_kernel_filters_no_vlans_that_is_said(tmp_path: Path) -> None:
    """A kernel without VLAN filtering ends the run with exit code 3, and names what it lacks."""
    (tmp_path / "aware.yaml").write_text(LABS["access-and-trunk"])
    done = netlab("run", "aware.yaml", "-l", "arp", cwd=tmp_path)
    if "aware.yaml:2:12: lan: Operation not supported (EOPNOTSUPP)" not in done.stderr:
        pytest.skip("this kernel's bridges filter VLANs, or it lacks something else, too")
    assert done.returncode == 3
    assert "this kernel has no VLAN filtering of bridges (CONFIG_BRIDGE_VLAN_FILTERING): take one" in done.stderr
