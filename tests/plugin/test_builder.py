"""Topologies built in Python."""

from __future__ import annotations

from ipaddress import ip_interface

import pytest

from netlab import Topology, TopologyError, plan, spec
from netlab.contract.types import Plan
from netlab.contract.wire import to_plain


def plan_of(topology: Topology) -> Plan:
    """The plan of a built topology."""
    return plan.from_tree(topology.tree(), topology.file)


def test_the_same_plan_as_the_file() -> None:
    """The article's demo, built in Python, resolves to what its file resolves to, but for places and claims."""
    shipped = plan.from_file(spec.find("bridge-two-node"))
    built = Topology("bridge-two-node", description=shipped.description).switch("lan")
    a = built.host("A").interface("ens160", switch="lan", addresses=["192.168.26.149/24"])
    a.macvlan("ens160.1", parent="ens160", mode="bridge", addresses="192.168.26.141/24")
    built.host("B").interface("ens160", switch="lan", addresses=[ip_interface("192.168.26.106/24")])
    built.expect("A:ens160.1 -> B: reachable", {"A:ens160 -> A:ens160.1": "unreachable"}, "B -> A:ens160.1: reachable")
    assert _bare(plan_of(built)) == _bare(shipped)


def _bare(one: Plan) -> object:
    def without_places(value: object) -> object:
        if isinstance(value, dict):
            return {
                key: without_places(child) for key, child in value.items() if key not in ("where", "file", "claims")
            }
        return [without_places(child) for child in value] if isinstance(value, list) else value

    return without_places(to_plain(one))


def test_chains_end_anywhere() -> None:
    """Every method returns something that leads on, and whatever ends the chain has the topology."""
    end = (
        Topology("chain")
        .switch("lan", stp=True)
        .host("A", sysctls={"net.ipv4.ip_forward": 1})
        .interface("eth0", switch="lan", addresses="10.0.0.1/24", port={"hairpin": True})
        .host("A")
        .container("c")
        .macvtap("tap0", parent="eth0", addresses=("10.0.0.5/24", "fd00::5/64"))
    )
    state = plan_of(end.topology).steps[0].state
    assert [link.id for link in state.links] == ["lan", "A:eth0", "A/c:tap0"]
    assert state.namespace("A").sysctl("net/ipv4/ip_forward") == "1"
    assert [str(address.ip) for address in state.link("A/c:tap0").addresses] == ["10.0.0.5", "fd00::5"]


def test_yaml_round_trip() -> None:
    """What is written as YAML reads back as the same plan, also with names and values that YAML has its own mind of."""
    built = Topology("no", "yes: it is").switch("on")
    built.host("null").interface("eth0", switch="on", mac="10:20:30:40:50:59", addresses="10.0.0.1/24", mtu=1400)
    built.host("1").interface("2", switch="on", addresses="10.0.0.2/24").macvlan("3", parent="2", nodst=False)
    built.expect("any -> any: reachable").step(
        "down", set={"1:2": {"state": "down"}}, expect=["null -> 1: unreachable"]
    )
    again = plan.from_file(built.topology.yaml(), "again")
    assert _bare(again) == _bare(plan_of(built))


def test_every_fault_names_its_line() -> None:
    """All faults are told in one go, each with this file and the line that gave it."""
    built = Topology("faulty").switch("lan")  # line 0
    a = built.host("A")
    a.interface("eth0", swtich="lan", addresses="10.0.0.1/24")  # line 2
    a.interface("eth1", switch="lna", addresses="10.0.0.999/24")  # line 3
    a.macvlan("mv0", parent="eth1", mode="brigde")  # line 4
    built.expect("A -> C: reachable")  # line 5
    with pytest.raises(TopologyError) as caught:
        plan_of(built)
    first = test_every_fault_names_its_line.__code__.co_firstlineno + 2
    told = [(problem.where.line - first, problem.message) for problem in caught.value.problems]
    assert all(problem.where.file.endswith("test_builder.py") for problem in caught.value.problems)
    assert {line for line, _ in told} >= {2, 3, 4}
    assert "unknown key 'swtich'" in {message for line, message in told if line == 2}
    assert "'brigde' is no mode of macvlan" in {message for line, message in told if line == 4}


def test_names_are_given_once() -> None:
    """A switch or an interface that is there already is an error at once, with its line."""
    built = Topology().switch("lan")
    with pytest.raises(TopologyError, match=r"test_builder.py:\d+:1: there is a switch 'lan' already"):
        built.switch("lan")
    built.host("A").interface("eth0", switch="lan")
    with pytest.raises(TopologyError, match=r"test_builder.py:\d+:1: there is an interface 'eth0' already"):
        built.host("A").macvlan("eth0", parent="eth0")


def test_control_characters_are_refused() -> None:
    """What a file could not hold a built topology can't hold either."""
    built = Topology("x").switch("lan").host("A").interface("eth0\x1b[2J", switch="lan")
    with pytest.raises(TopologyError, match=r"test_builder.py:\d+:1: control character U\+001B"):
        built.topology.tree()
