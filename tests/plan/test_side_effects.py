"""Steps: what the kernel does by itself along with what they ask for."""

from __future__ import annotations

import pytest

from netlab.contract.types import (
    Address,
    Neighbor,
    SetLink,
    SetSysctl,
)
from tests.plan.labs import TWO, plan, set_links
from tests.plan.test_steps import steps


def test_lowering_a_parents_mtu_lowers_its_children() -> None:
    """Children above the new MTU follow; raising it again leaves them where they are."""
    made = plan(steps("set: {A/c1:eth0: {mtu: 1300}}", "set: {A:eth0: {mtu: 1400}}", "set: {A:eth0: {mtu: 1500}}"))
    names = ("A:eth0", "A/c1:eth0", "A/c2:eth0")
    assert [[step.state.link(name).mtu for name in names] for step in made.steps] == [
        [1500, 1500, 1500],
        [1500, 1300, 1500],
        [1400, 1300, 1400],
        [1500, 1300, 1400],
    ]
    assert [change.after.id for change in set_links(made, 2)] == ["A:eth0"]


def test_an_mtu_below_1280_takes_ipv6_addresses_away() -> None:
    """The kernel stops IPv6 there, and the plan says so."""
    made = plan(steps("set: {B:eth0: {mtu: 1279}}"))
    assert made.steps[1].state.link("B:eth0").addresses == (Address("10.0.0.2", 24),)
    assert made.warnings == ("f:11:7: B:eth0 loses its IPv6 addresses when its MTU is less than 1280",)
    assert made.steps[1].state.namespace("B").sysctl("net/ipv6/conf/eth0/disable_ipv6") is None
    back = plan(steps("set: {B:eth0: {mtu: 1279}}", "set: {B:eth0: {mtu: 1500, addresses: [fd00::2/64]}}"))
    assert [type(change) for change in back.steps[2].changes] == [SetLink, SetSysctl, SetLink]
    again = plan(steps("set: {B:eth0: {state: down, addresses: [fd00::2/64]}}"))
    assert again.warnings == ()


@pytest.mark.parametrize("target", ["A:x", "A:e"])
def test_a_passthru_couple_shares_one_mac(target: str) -> None:
    """Setting the MAC of either sets both; the child isn't told of its parent's, and is given its neighbours anew."""
    head = (
        "switches: {lan: {}}\nhosts: {A: {interfaces: {e: {switch: lan, neighbors: {10.0.0.9: 02:00:00:00:00:09}}, "
        "x: {type: macvlan, parent: e, mode: passthru, neighbors: {10.0.0.9: 02:00:00:00:00:09}}}}}\n"
    )
    made = plan(steps(f"set: {{{target}: {{mac: 02:00:00:00:00:07}}}}", head=head))
    change, *more = set_links(made, 1)
    given = (Neighbor("10.0.0.9", "02:00:00:00:00:09"),)
    kept = given if target == "A:e" else ()
    assert change.before.neighbors == ()
    assert [(one.before.neighbors, one.after.neighbors) for one in more] == ([(kept, ()), ((), kept)] if kept else [])
    for name, left in (("A:e", ()), ("A:x", kept)):
        assert made.steps[0].state.link(name).neighbors == given
        link = made.steps[1].state.link(name)
        assert (link.mac, link.neighbors) == ("02:00:00:00:00:07", left)


def test_an_interface_that_goes_down_loses_what_the_kernel_flushes() -> None:
    """Static neighbours, IPv6 addresses and routes are gone and stay so; IPv4 addresses come back to life."""
    head = TWO.replace(
        "eth0: {switch: lan, addresses: [10.0.0.2/24, fd00::2/64]}",
        "eth0: {switch: lan, addresses: [10.0.0.2/24, fd00::2/64], neighbors: {10.0.0.9: 02:00:00:00:00:09}}\n"
        "    routes: [{to: 10.9.0.0/16, via: 10.0.0.1}, {to: 10.8.0.0/16, dev: eth0}]",
    )
    made = plan(steps("set: {B:eth0: {state: down}}", "set: {B:eth0: {state: up}}", head=head))
    first, down, up = (step.state for step in made.steps)
    assert len(first.namespace("B").routes) == 2
    assert [state.link("B:eth0").carrier for state in (first, down, up)] == [True, False, True]
    for state in (down, up):
        link = state.link("B:eth0")
        assert (link.addresses, link.neighbors) == ((Address("10.0.0.2", 24),), ())
        assert state.namespace("B").routes == ()
    assert [warning.partition(": ")[2] for warning in made.warnings] == [
        "B:eth0 loses its IPv6 addresses when it goes down (keep_addr_on_down is 0)",
        "routes of B go with B:eth0 and do not come back by themselves",
    ]


@pytest.mark.parametrize("key", ["all", "default", "eth0"])
def test_keep_addr_on_down_keeps_ipv6_addresses(key: str) -> None:
    """With the kernel's own switch for it, IPv6 addresses stay."""
    head = TWO.replace("  B:\n", f"  B:\n    sysctls: {{net.ipv6.conf.{key}.keep_addr_on_down: 1}}\n")
    made = plan(steps("set: {B:eth0: {state: down}}", head=head))
    assert len(made.steps[1].state.link("B:eth0").addresses) == 2
    assert made.warnings == ()


def test_lost_carrier_keeps_everything_but_the_carrier() -> None:
    """A port that goes down takes the carrier of wire and children, and nothing else."""
    head = TWO.replace("addresses: [10.0.0.1/24]", "addresses: [10.0.0.1/24], neighbors: {10.0.0.2: B:eth0}")
    made = plan(steps("set: {A:eth0: {port: {up: off}}}", head=head))
    before, after = made.steps[0].state, made.steps[1].state
    assert [link.id for link in after.links if not link.carrier] == ["A:eth0", "A/c1:eth0", "A/c2:eth0"]
    assert after.link("A:eth0").neighbors == before.link("A:eth0").neighbors != ()
    assert after.link("A/c1:eth0").up


def test_the_order_of_connected_routes_follows_what_happened() -> None:
    """An interface that has been down, and an address that is new, come last."""
    made = plan(steps("set: {A:eth0: {state: down}}", "set: {A:eth0: {state: up}}"))
    assert ("A:eth0", "10.0.0.1") not in made.steps[1].state.addressed
    assert made.steps[2].state.addressed[-1] == ("A:eth0", "10.0.0.1")


def test_the_last_ipv4_address_takes_routes_and_neighbours_along() -> None:
    """Without an IPv4 address in between, an interface loses its IPv4 routes and neighbours, and those of IPv6 stay."""
    head = TWO.replace(
        "eth0: {switch: lan, addresses: [10.0.0.2/24, fd00::2/64]}",
        "eth0: {switch: lan, addresses: [10.0.0.2/24, fd00::2/64], neighbors: {10.0.0.9: A:eth0, fd00::9: A:eth0}}\n"
        "    routes: [{to: 10.9.0.0/16, via: 10.0.0.1}, {to: 'fd09::/64', via: 'fd00::1'}]",
    )
    made = plan(steps("set: {B:eth0: {addresses: [10.0.0.3/24, fd00::2/64]}}", head=head))
    state = made.steps[1].state
    assert [route.to for route in state.namespace("B").routes] == ["fd09::/64"]
    assert [neighbor.ip for neighbor in state.link("B:eth0").neighbors] == ["fd00::9"]
    assert len(made.warnings) == 1


def test_a_secondary_address_that_outlives_its_primary_is_made_anew() -> None:
    """It is added again, behind what was there meanwhile."""
    head = TWO.replace("[10.0.0.1/24]", "[10.0.0.1/24, 10.0.0.5/24]")
    made = plan(steps("set: {A:eth0: {addresses: [10.0.0.5/24]}}", head=head))
    (change,) = set_links(made, 1)
    assert [str(address) for address in change.before.addresses] == ["10.0.0.1/24"]
    assert [str(address) for address in change.after.addresses] == ["10.0.0.5/24"]
    assert made.steps[0].state.addressed[1] == made.steps[1].state.addressed[-1] == ("A:eth0", "10.0.0.5")


def test_a_route_goes_by_the_interface_whose_connected_route_came_first() -> None:
    """Of two interfaces on the gateway's prefix the older one is taken, and one that has been down is younger."""
    head = (
        "switches: {s: }\nhosts: {A: {interfaces: {e: {switch: s, addresses: [10.0.0.1/24]}, "
        "f: {switch: s, addresses: [10.0.0.2/24]}}}}\n"
    )
    made = plan(
        steps(
            "set: {A:e: {state: down}}",
            "set: {A:e: {state: up}, A: {routes: [{to: 10.9.0.0/16, via: 10.0.0.9}]}}",
            "set: {A:e: {state: down}}",
            "set: {A:f: {state: down}}",
            head=head,
        )
    )
    assert [len(step.state.namespace("A").routes) for step in made.steps] == [0, 0, 1, 1, 0]


def test_a_switch_that_goes_down_loses_its_neighbours() -> None:
    """As every interface does (neigh_ifdown); a step can give them anew."""
    head = "switches: {lan: {neighbors: {10.0.0.1: A:e}}}\nhosts: {A: {interfaces: {e: {switch: lan}}}}\n"
    given = "set: {lan: {state: up, neighbors: {10.0.0.1: 02:00:00:00:00:07}}}"
    made = plan(steps("set: {lan: {state: down}}", "set: {lan: {state: up}}", given, head=head))
    known = [[one.mac for one in step.state.link("lan").neighbors] for step in made.steps]
    assert known == [[made.steps[0].state.link("A:e").mac], [], [], ["02:00:00:00:00:07"]]
