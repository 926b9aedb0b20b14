"""What is offered where VLANs keep a pair apart."""

from __future__ import annotations

from typing import Any

import pytest

from tests.why.test_fixes import ask, first

LAB = """
name: vlans
switches:
  lan: {vlan_filtering: true}
  up: {vlan_filtering: true, links: [lan], tagged: [10]}
hosts:
  A:
    interfaces: {eth0: {switch: lan, port: {pvid: 10}, addresses: [10.0.0.1/24]}}
    routes: [{to: 10.0.3.0/24, via: 10.0.0.6}]
  B: {interfaces: {eth0: {switch: lan, port: {pvid: 20}, addresses: [10.0.0.2/24]}}}
  C: {interfaces: {eth0: {switch: up, port: {pvid: 20}, addresses: [10.0.0.3/24]}}}
  D:
    interfaces:
      eth0: {switch: lan}
      eth0.10: {type: vlan, parent: eth0, id: 10, addresses: [10.0.0.4/24]}
  E: {interfaces: {eth0: {switch: lan, port: {pvid: 0, tagged: [10]}, addresses: [10.0.0.5/24]}}}
  R:
    interfaces:
      eth0: {switch: lan, port: {pvid: 0, tagged: [10]}}
      eth0.10: {type: vlan, parent: eth0, id: 10, addresses: [10.0.0.6/24]}
      eth0.30: {type: vlan, parent: eth0, id: 30, addresses: [10.0.3.6/24]}
    sysctls: {net.ipv4.ip_forward: 1}
  F:
    interfaces: {eth0: {switch: lan, port: {pvid: 30}, addresses: [10.0.3.7/24]}}
    routes: [{to: 10.0.0.0/24, via: 10.0.3.6}]
  H:
    interfaces:
      eth0: {switch: lan, port: {tagged: [20]}, master: br0, own_port: {tagged: [10]}}
      br0: {type: bridge, vlan_filtering: true}
    containers:
      vm: {interfaces: {eth0: {bridge: br0, port: {pvid: 20}, addresses: [10.0.0.8/24]}}}
"""


@pytest.mark.parametrize(
    ("source", "destination", "changed"),
    [
        # Another pvid: of the one, or of the other.
        ("A:eth0", "B:eth0", [{"A:eth0": {"port": {"pvid": 20}}}, {"B:eth0": {"port": {"pvid": 10}}}]),
        # The trunk between the switches lacks the VLAN.
        ("B:eth0", "C:eth0", [{"up": {"tagged": [10, 20]}}]),
        # The port to an interface that tags lacks it.
        ("A:eth0", "D:eth0.10", [{"D:eth0": {"port": {"tagged": [10]}}}]),
        # The port sends it with a tag, and there is no interface for it.
        ("A:eth0", "E:eth0", [{"E:eth0": {"port": {"pvid": 10, "tagged": []}}}]),
        # The port to the router lacks it.
        ("F", "A", [{"R:eth0": {"port": {"tagged": [10, 30]}}}]),
        # The way out of a host's bridge lacks it.
        ("B:eth0", "H/vm:eth0", [{"H:eth0": {"own_port": {"tagged": [10, 20]}}}]),
    ],
)
def test_a_port_is_offered_another_vlan(source: str, destination: str, changed: list[dict[str, Any]]) -> None:
    """Of what works the change of one port's VLANs is offered."""
    told = ask(LAB, source, destination)
    assert told.fixes
    assert any(first(fix)["set"] in changed for fix in told.fixes), [first(fix) for fix in told.fixes]
