"""What a state says of the steps before it, where the kernel's own depends on them."""

from __future__ import annotations

import pytest

from netlab.contract.types import State
from netlab.plan import from_file

#: What is said of addresses in each state.
Pairs = list[tuple[tuple[str, str], ...]]


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
    """By the route's own table, by whose address it is, or by the longest prefix, of the file or a network's own."""
    (state,) = states(
        """
switches: {s1: {}, s2: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: s1, addresses: [10.0.1.1/24, "fd00::1/64"]}
      eth1: {switch: s2, addresses: [10.0.2.1/24, "fd01::1/64"]}
      eth2: {switch: s2, addresses: [10.0.1.77/24]}
    routes:
    - {to: 10.0.1.2/32, dev: eth1}
    - {to: 10.7.0.0/24, via: 10.0.1.2}
    - {to: 10.8.0.0/24, via: 10.0.1.3}
    - {to: "fd00::/64", dev: eth1}
    - {to: "fd07::/64", via: "fd00::2"}
    - {to: 10.0.1.0/24, dev: eth1, table: 100}
    - {to: 10.9.0.0/24, via: 10.0.1.3, table: 100}
    - {to: 10.10.0.0/24, via: 10.0.1.77}
"""
    )
    assert [route.oif for route in state.namespace("A").routes] == [
        "eth1", "eth1", "eth0", "eth1", "eth0", "eth1", "eth1", "eth2",
    ]  # fmt: skip


#: An interface whose address is the broadcast address of another's network; which of them is first stands for %s.
BROADCAST = """
switches: {s1: {}}
hosts:
  A:
    interfaces:
%ssteps:
"""
NET = "      net: {switch: s1, addresses: [10.0.0.1/30]}\n"
MINE = "      mine: {switch: s1, addresses: [10.0.0.3/24]}\n"
LATER = {
    "gone": '- {name: gone, set: {"A:net": {addresses: []}}}\n',
    "back": '- {name: back, set: {"A:net": {addresses: [10.0.0.1/30]}}}\n',
    "down": '- {name: down, set: {"A:mine": {state: down}}}\n',
    "up": '- {name: up, set: {"A:mine": {state: up}}}\n',
    "prefix": '- {name: prefix, set: {"A:mine": {addresses: [10.0.0.3/25]}}}\n',
}
LOST = (("A:mine", "10.0.0.3"),)


@pytest.mark.parametrize(
    ("first", "steps", "routeless", "shadowed"),
    [
        (NET + MINE, "gone down up back", [LOST, LOST, (), (), ()], [LOST, (), (), (), ()]),
        (NET + MINE, "gone back down up", [LOST, LOST, LOST, (), ()], [LOST, (), (), (), ()]),
        (NET + MINE, "gone prefix", [LOST, LOST, ()], [LOST, (), ()]),
        (NET + MINE, "down gone up", [LOST, (), (), ()], [LOST, LOST, (), ()]),
        (MINE + NET, "down up gone", [(), (), (), ()], [(), (), (), ()]),
        (MINE + NET, "prefix gone", [(), LOST, LOST], [(), LOST, ()]),
    ],
)
def test_what_an_address_is_it_was_first(first: str, steps: str, routeless: Pairs, shadowed: Pairs) -> None:
    """A broadcast address gets no routes, until it is given anew or its interface comes up; a local one stays local."""
    found = states(BROADCAST % first + "".join(LATER[step] for step in steps.split()))
    assert [state.routeless for state in found] == routeless
    assert [state.shadowed for state in found] == shadowed


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
