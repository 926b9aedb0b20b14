"""What a state says of the steps before it, where the kernel's own depends on them."""

from __future__ import annotations

from netlab.plan import from_file
from netlab.plan.types import State


def states(text: str) -> list[State]:
    """The state in each step."""
    return [step.state for step in from_file(text, "f").steps]


ROUTED = """
switches: {s1: {}, s2: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: s1, addresses: [10.0.1.1/24, 10.0.0.1/24]}
      eth1: {switch: s2, addresses: [10.0.1.9/24]}
    routes: [{to: 10.7.0.0/24, via: 10.0.1.2}]
steps:
- name: longer
  set: {"A:eth1": {addresses: [10.0.1.9/24, 10.0.1.3/25]}}
- name: gone
  set: {"A:eth0": {addresses: [10.0.0.1/24]}}
- name: anew
  set: {A: {routes: [{to: 10.7.1.0/24, via: 10.0.1.2}, {to: 10.7.0.0/24, via: 10.0.1.2}]}}
"""


def test_a_route_keeps_the_interface_by_which_it_found_its_gateway() -> None:
    """Neither a longer prefix elsewhere nor the loss of its own network changes it; a new one goes by what is there."""
    found = [[route.oif for route in state.namespace("A").routes] for state in states(ROUTED)]
    assert found == [["eth0"], ["eth0"], ["eth0"], ["eth1", "eth0"]]


def test_a_gateway_is_found_by_a_route_without_one() -> None:
    """The longest prefix counts, be it of the file or a network's own; in IPv4 the file's of the same is older."""
    (state,) = states(
        """
switches: {s1: {}, s2: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: s1, addresses: [10.0.1.1/24, "fd00::1/64"]}
      eth1: {switch: s2, addresses: [10.0.2.1/24, "fd01::1/64"]}
    routes:
    - {to: 10.0.1.2/32, dev: eth1}
    - {to: 10.7.0.0/24, via: 10.0.1.2}
    - {to: 10.8.0.0/24, via: 10.0.1.3}
    - {to: "fd00::/64", dev: eth1}
    - {to: "fd07::/64", via: "fd00::2"}
"""
    )
    assert [route.oif for route in state.namespace("A").routes] == ["eth1", "eth1", "eth0", "eth1", "eth0"]


BROADCAST = """
switches: {s1: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: s1, addresses: [10.0.0.1/30]}
      eth1: {switch: s1, addresses: [10.0.0.3/24]}
steps:
- name: gone
  set: {"A:eth0": {addresses: []}}
- name: down
  set: {"A:eth1": {state: down}}
- name: up
  set: {"A:eth1": {state: up}}
- name: back
  set: {"A:eth0": {addresses: [10.0.0.1/30]}}
"""


def test_a_broadcast_address_gets_no_routes() -> None:
    """Not even when it is none any more, but when its interface comes up again; who had it before loses nothing."""
    found = [state.routeless for state in states(BROADCAST)]
    lost = (("A:eth1", "10.0.0.3"),)
    assert found == [lost, lost, (), (), ()]


OWN = """
switches: {}
hosts:
  D:
    interfaces: {br0: {type: bridge}}
    containers:
      d8: {interfaces: {eth0: {bridge: br0, port: {fdb: ["D:br0"]}}}}
      d9: {interfaces: {eth0: {bridge: br0}}}
steps:
- name: elsewhere
  set: {"D/d9:eth0": {port: {fdb: ["D:br0"]}}}
- name: both
  set: {"D/d8:eth0": {port: {fdb: []}}}
- name: away
  set: {"D/d9:eth0": {port: {fdb: []}}}
- name: another
  set: {"D:br0": {mac: "02:bb:00:00:00:01"}}
"""


def test_a_static_entry_takes_an_own_mac_along() -> None:
    """With the last of its entries a bridge has forgotten that the MAC is its own, until it gets another."""
    made = states(OWN)
    mac = made[0].link("D:br0").mac
    assert [state.disowned for state in made] == [(), (), (), (("D:br0", mac),), ()]


def test_a_port_that_goes_takes_its_entries_along() -> None:
    """What is said of the entries of a port holds when the port is deleted, too."""
    text = OWN.partition("steps:")[0] + 'steps: [{name: gone, delete: ["D/d8:eth0"]}]\n'
    made = states(text)
    assert [state.disowned for state in made] == [(), (("D:br0", made[0].link("D:br0").mac),)]
