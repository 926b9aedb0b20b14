"""`netlab import containerlab`: nodes, wires, bridges and macvlans of a topology of containerlab."""

from __future__ import annotations

import pytest
import yaml

from netlab import live
from netlab.spec import TopologyError
from tests.live import imported
from tests.live.test_mutated import ends_well

SAID = """\
name: lab
mgmt: {network: clab}
topology:
  nodes:
    a:
      kind: linux
      image: alpine
      exec: [ip addr add 10.0.0.1/24 dev eth1, ip route add 10.9.0.0/16 via 10.0.0.2, sysctl -w net.ipv4.ip_forward=1]
    b: {kind: linux, binds: [a:b], exec: [ip address add 10.0.0.2/24 dev eth1, ip addr add 10.1.0.2/24 dev eth2]}
    c: {kind: linux, frob: 1, exec: [ip addr add 10.1.0.3/24 dev eth1, ip addr add 192.168.1.3/24 dev eth2]}
    br0: {kind: bridge}
    ovs: {kind: ovs-bridge}
  links:
    - endpoints: [a:eth1, b:eth1]
    - {endpoints: [b:eth2, br0:v1], mtu: 1500}
    - {endpoints: [{node: c, interface: eth1}, {node: br0, interface: v2}], mtu: 1500}
    - endpoints: [c:eth2, macvlan:eno1]
    - endpoints: [c:eth3, mgmt-net:m1]
    - {type: vxlan, endpoint: {node: a, interface: eth9}}
    - {type: macvlan, endpoint: {node: b, interface: eth5}, host-interface: eno1, mode: private, mtu: 1400}
"""
LEFT = [
    "mgmt",
    "name",
    "topology.links[4]",
    "topology.links[5]",
    "topology.nodes.a.exec[2]",
    "topology.nodes.a.image",
    "topology.nodes.b.binds",
    "topology.nodes.c.frob",
    "topology.nodes.ovs",
]


def test_wires_a_bridge_and_a_macvlan() -> None:
    """Nodes at one wire and at one bridge reach each other; across a node that doesn't forward nobody is reached."""
    lab = imported.of("containerlab", SAID)
    at = {one.partition(":")[0].rpartition("/")[2]: one.partition(":")[0] for one in lab.endpoints()}
    assert lab.letter(at["a"], f"{at['b']}:eth1", "icmp") == "R"
    assert lab.letter(at["b"], f"{at['c']}:eth1", "icmp") == "R"
    assert lab.letter(at["a"], f"{at['c']}:eth1", "icmp") == "U"
    assert "type: macvlan, parent: eno1, mode: bridge, addresses: [192.168.1.3/24]" in lab.text
    assert "eth5: {type: macvlan, parent: eno1, mode: private, mtu: 1400}" in lab.text


def test_what_is_left_out_is_counted() -> None:
    """Every node and link is in the topology or told, and nothing else is."""
    lab = imported.of("containerlab", SAID)
    assert sorted(one.path for one in lab.draft.left) == LEFT
    assert [one.path for one in lab.draft.left if one.unknown] == ["topology.nodes.c.frob"]
    ends = [end for link in yaml.safe_load(SAID)["topology"]["links"][:4] for end in link["endpoints"]]
    # The far ends at the bridge are in the keys of the near ones; eno1 and the bridge are the machine's.
    assert sum(lab.text.count(f"eth{i}: {{") for i in (1, 2)) == len(ends) - len(("v1", "v2", "eno1"))


WRONG = {
    "nothing": ("", "there is nothing in it"),
    "another file": ("hosts: {}", "said.yaml:1:1: 'topology' is missing"),
    "one end": ("topology: {nodes: {a: {}}, links: [{endpoints: [a:eth1]}]}", "said.yaml:1:36: a link has two"),
    "no interface": ("topology: {nodes: {a: {}}, links: [{endpoints: [a, a:eth1]}]}", "a node and an interface"),
    "no node": ("topology: {nodes: {abc: {}}, links: [{endpoints: [abd:e1, abc:e1]}]}", "did you mean 'abc'?"),
    "half a macvlan": (
        "topology: {nodes: {a: {}}, links: [{type: macvlan, endpoint: {node: a, interface: e}}]}",
        "has 'endpoint' and 'host-interface'",
    ),
    "a mode": (
        "topology: {nodes: {a: {}}, links: [{type: macvlan, endpoint: {node: a, interface: e}, host-interface: h,"
        " mode: brigde}]}",
        "did you mean 'bridge'?",
    ),
    "twice": (
        "topology: {nodes: {a: {}, b: {}}, links: [{endpoints: [a:e, b:e]}, {endpoints: [a:e, b:f]}]}",
        "two inter",
    ),
    "an address": (
        "topology: {nodes: {a: {exec: [ip addr add 10.0.0.300/24 dev e]}, b: {}}, links: [{endpoints: [a:e, b:e]}]}",
        "'10.0.0.300/24' is not an IP",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong(name: str) -> None:
    """What is wrong is told with its place, and the command would end with 2."""
    text, said = WRONG[name]
    with pytest.raises(TopologyError) as caught:
        live.read("containerlab", text, "said.yaml")
    assert said in str(caught.value)
    assert str(caught.value).startswith("said.yaml:1:")


def test_whatever_is_changed_ends_well() -> None:
    """Values become others, or are gone: a file that loads, or faults with their places."""
    ends_well("containerlab", SAID)
