"""Bridges inside of hosts, and pairs without a switch: what the model says is what the kernel does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from netlab import pipeline
from netlab.client import Agent, CannotRun

Record = dict[str, Any]

#: Each a host's interfaces and containers, beside the host B on the same switch.
LABS = {
    "container-network": """
      interfaces:
        eth0: {switch: lan, master: br0}
        br0: {type: bridge, addresses: [10.0.0.1/24, "fd00::1/64"]}
      containers:
        c1: {interfaces: {eth0: {bridge: br0, addresses: [10.0.0.11/24, "fd00::11/64"]}}}
        c2: {interfaces: {eth0: {bridge: br0, addresses: [10.0.0.12/24]}}}
    """,
    "no-uplink": """
      interfaces:
        eth0: {switch: lan, addresses: [10.0.0.1/24]}
        br0: {type: bridge, addresses: [10.0.0.9/24]}
      containers:
        c1: {interfaces: {eth0: {bridge: br0, addresses: [10.0.0.11/24]}}}
        c2: {interfaces: {eth0: {bridge: br0, addresses: [10.0.0.12/24]}}}
    """,
    "port-has-the-address": """
      interfaces:
        eth0: {switch: lan, master: br0, addresses: [10.0.0.1/24]}
        br0: {type: bridge}
      containers:
        c1: {interfaces: {eth0: {bridge: br0, addresses: [10.0.0.11/24]}}}
    """,
    "port-options": """
      interfaces:
        br0: {type: bridge, addresses: [10.0.0.1/24]}
      containers:
        c1: {interfaces: {eth0: {bridge: br0, port: {isolated: on}, addresses: [10.0.0.11/24]}}}
        c2: {interfaces: {eth0: {bridge: br0, port: {isolated: on}, addresses: [10.0.0.12/24]}}}
        c3: {interfaces: {eth0: {bridge: br0, port: {bcast_flood: off}, addresses: [10.0.0.13/24]}}}
        c4: {interfaces: {eth0: {bridge: br0, port: {state: disabled}, addresses: [10.0.0.14/24]}}}
    """,
    "behind-a-macvlan-child": """
      interfaces:
        eth0: {switch: lan}
        out: {type: macvlan, parent: eth0, mode: bridge, master: br0}
        br0: {type: bridge}
      containers:
        c1: {interfaces: {eth0: {bridge: br0, addresses: [10.0.0.11/24, "fd00::11/64"]}}}
        m1: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.12/24]}}}
    """,
    "behind-a-passthru-child": """
      interfaces:
        eth0: {switch: lan}
        out: {type: macvlan, parent: eth0, mode: passthru, master: br0}
        br0: {type: bridge, promisc: on, addresses: [10.0.0.1/24]}
      containers:
        c1: {interfaces: {eth0: {bridge: br0, addresses: [10.0.0.11/24, "fd00::11/64"]}}}
    """,
    "a-bridge-on-a-bridge": """
      interfaces:
        eth0: {switch: lan, master: br0}
        br0: {type: bridge}
        out: {type: macvlan, parent: br0, mode: bridge, master: br1}
        br1: {type: bridge}
      containers:
        c1: {interfaces: {eth0: {bridge: br1, addresses: [10.0.0.11/24]}}}
        p1:
          interfaces:
            eth0: {peer: "A/p2:eth0", addresses: [10.0.0.12/24]}
        p2:
          interfaces:
            br0: {type: bridge, addresses: [10.0.0.13/24]}
            eth0: {peer: "A/p1:eth0", master: br0}
    """,
    "macvlan-on-a-bridge": """
      interfaces:
        eth0: {switch: lan, master: br0}
        br0: {type: bridge, addresses: [10.0.0.1/24]}
        own: {type: macvlan, parent: br0, mode: bridge, addresses: [10.0.0.2/24]}
      containers:
        c1: {interfaces: {eth0: {bridge: br0, addresses: [10.0.0.11/24]}}}
        m1: {interfaces: {eth0: {type: macvlan, parent: br0, mode: bridge, addresses: [10.0.0.21/24]}}}
        m2: {interfaces: {eth0: {type: macvlan, parent: br0, mode: private, addresses: [10.0.0.22/24]}}}
        m3: {interfaces: {eth0: {type: macvlan, parent: br0, mode: source, allowed_macs: [A/c1:eth0],
                                 addresses: [10.0.0.23/24]}}}
    """,
    "passthru-on-a-bridge": """
      interfaces:
        eth0: {switch: lan, master: br0}
        br0: {type: bridge, addresses: [10.0.0.1/24]}
      containers:
        c1: {interfaces: {eth0: {bridge: br0, addresses: [10.0.0.11/24]}}}
        m1: {interfaces: {eth0: {type: macvlan, parent: br0, mode: passthru, addresses: [10.0.0.21/24]}}}
    """,
    "macvlan-under-a-container": """
      interfaces:
        br0: {type: bridge}
        up0: {bridge: br0, addresses: [10.0.0.1/24]}
      containers:
        c1: {interfaces: {eth0: {bridge: br0, addresses: [10.0.0.11/24]}}}
        m1: {interfaces: {eth0: {type: macvlan, parent: up0, mode: vepa, addresses: [10.0.0.21/24]}}}
    """,
    "pairs": """
      interfaces:
        v0: {peer: "A/c1:eth0", addresses: [10.0.1.1/24]}
        eth0: {switch: lan, addresses: [10.0.0.1/24]}
      containers:
        c1: {interfaces: {eth0: {peer: "A:v0", addresses: [10.0.1.2/24]}}}
        m1: {interfaces: {eth0: {type: macvlan, parent: v0, mode: bridge, addresses: [10.0.1.3/24]}}}
        m2: {interfaces: {eth0: {type: macvlan, parent: v0, mode: bridge, addresses: [10.0.1.4/24]}}}
        m3: {interfaces: {eth0: {type: macvlan, parent: v0, mode: vepa, addresses: [10.0.1.5/24]}}}
    """,
    "routed": """
      sysctls: {net.ipv4.ip_forward: 1}
      interfaces:
        eth0: {switch: lan, addresses: [10.0.0.1/24]}
        br0: {type: bridge, addresses: [172.16.0.1/24]}
      containers:
        c1:
          interfaces: {eth0: {bridge: br0, addresses: [172.16.0.11/24]}}
          routes: [{to: default, via: 172.16.0.1}]
    """,
    "small-wire": """
      interfaces:
        eth0: {switch: lan, master: br0}
        br0: {type: bridge, mtu: 1400, addresses: [10.0.0.1/24]}
      containers:
        c1: {interfaces: {eth0: {bridge: br0, addresses: [10.0.0.11/24]}}}
        c2: {interfaces: {eth0: {bridge: br0, mtu: 1300, addresses: [10.0.0.12/24]}}}
    """,
    "shaped": """
      interfaces:
        eth0: {switch: lan, master: br0, limit: 50mbit}
        br0: {type: bridge, addresses: [10.0.0.1/24]}
      containers:
        c1: {interfaces: {eth0: {bridge: br0, limit: 10mbit, addresses: [10.0.0.11/24]}}}
        m1: {interfaces: {eth0: {type: macvlan, parent: br0, mode: bridge, limit: {rate: 5mbit, kind: htb},
                                 addresses: [10.0.0.21/24]}}}
    """,
    "two-bridges": """
      interfaces:
        br0: {type: bridge, addresses: [10.0.0.1/24]}
        br1: {type: bridge, addresses: [10.0.0.2/24]}
      containers:
        c1: {interfaces: {eth0: {bridge: br0, addresses: [10.0.0.11/24]}}}
        c2: {interfaces: {eth0: {bridge: br1, addresses: [10.0.0.12/24]}}}
        both: {interfaces: {eth0: {bridge: br0, addresses: [10.0.0.13/24]}, eth1: {bridge: br1}}}
    """,
}


def text(host: str, more: str = "") -> str:
    """A whole file around a host."""
    neighbour = 'B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.99/24, "fd00::99/64"]}}}'
    return f"name: t\nswitches: {{lan: {{}}}}\nhosts:\n  {neighbour}\n  A:{host}\n{more}"


@pytest.fixture(scope="module")
def agent() -> Iterator[Agent]:
    """One agent for all of these labs; skips where this machine can't have any."""
    with Agent.start() as started:
        try:
            started.info()
        except CannotRun as error:
            pytest.skip(str(error))
        yield started


def found(record: Record) -> list[str]:
    """Everything that is not as the model says."""
    return [
        " ".join(str(one[key]) for key in ("step", "layer", "src", "dst", "expected", "observed", "detail"))
        for one in record["findings"]
    ]


@pytest.mark.parametrize("name", LABS)
def test_the_kernel_does_what_the_model_says(agent: Agent, name: str) -> None:
    """Every pair on every layer, who hears every broadcast, and what goes by the wire."""
    record = pipeline.run(text(LABS[name]), agent, pipeline.Options(seed=3))
    assert found(record) == []
    assert record["summary"]["skip"] == 0
    assert record["summary"]["pass"] > 20


@pytest.mark.parametrize(("size", "letter"), [(1300, "R"), (1301, "R"), (1400, "U"), (1401, "U")])
def test_packets_of_a_size(agent: Agent, size: int, letter: str) -> None:
    """A bridge lets through four bytes more than the MTU of the wire that it sends by, and not a hundred."""
    layer = f"icmp/{size}"
    record = pipeline.run(text(LABS["small-wire"]), agent, pipeline.Options(layers=(layer,)))
    assert found(record) == []
    index = {endpoint["id"]: i for i, endpoint in enumerate(record["endpoints"])}
    seen = record["steps"][0]["layers"][layer]["observed"]
    assert seen[index["B:eth0"]][index["A/c2:eth0"]] == letter


def test_a_bridge_in_steps(agent: Agent) -> None:
    """A port that loses its carrier, an option, the bridge down and up, a new container, one that is gone."""
    steps = """
steps:
  - name: isolated
    set: {A/c1:eth0: {port: {isolated: on}}, A/c2:eth0: {port: {isolated: on}}}
    expect: [A/c1 -> A/c2: unreachable, A -> A/c1: reachable]
  - name: unplugged
    set: {A/c2:eth0: {port: {up: false}}}
  - name: plugged
    set: {A/c1:eth0: {port: {isolated: off}}, A/c2:eth0: {port: {up: true}}}
    expect: [A/c1 <-> A/c2: reachable]
  - name: down
    set: {A:br0: {state: down}}
    expect: [A/c1 -> A/c2: unreachable, A/c1 -> B: unreachable]
  - name: up
    set: {A:br0: {state: up}}
    expect: [A/c1 -> A/c2: reachable, A/c1 -> B: reachable]
  - name: other-wire
    set: {A:eth0: {port: {up: false}}}
    expect: [A/c1 -> A/c2: reachable, A/c1 -> B: unreachable]
  - name: readdressed
    set: {A:br0: {addresses: [10.0.0.3/24], mac: "02:00:00:00:00:77"}, A:eth0: {port: {up: true}}}
    expect: [B -> A: reachable]
  - name: more
    delete: [A/c1]
    add: {hosts: {A: {containers: {c3: {interfaces: {eth0: {bridge: br0, addresses: [10.0.0.33/24]}}}}}}}
    expect: [A/c3 -> B: reachable]
"""
    record = pipeline.run(text(LABS["container-network"], steps), agent)
    assert found(record) == []
    verdicts = [one["verdict"] for step in record["steps"] for one in step["expectations"]]
    assert verdicts
    assert set(verdicts) == {"P"}


def test_pairs_in_steps(agent: Agent) -> None:
    """An end that goes down takes the other's carrier, and one that is deleted takes the other along."""
    steps = """
steps:
  - name: down
    set: {A/c1:eth0: {state: down}}
    expect: [{"A:v0": {carrier: false}}, A/m1 -> A/m2: unreachable]
  - name: up
    set: {A/c1:eth0: {state: up}}
    expect: [A:eth0 -> B: reachable, A/m1 -> A/m2: reachable]
  - name: gone
    delete: [A/c1:eth0]
"""
    record = pipeline.run(text(LABS["pairs"], steps), agent)
    assert found(record) == []
    assert "A:v0" not in record["steps"][3]["links"]


def test_back_to_back(agent: Agent) -> None:
    """Two machines joined by a wire, each with macvlan children on it, reach each other and not their own."""
    lab = """
name: t
hosts:
  A:
    interfaces: {eth0: {peer: "B:eth0", addresses: [10.0.0.1/24]}}
    containers: {c: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: private, addresses: [10.0.0.11/24]}}}}
  B:
    interfaces: {eth0: {peer: "A:eth0", addresses: [10.0.0.2/24]}}
    containers: {c: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: private, addresses: [10.0.0.12/24]}}}}
expect:
  - A/c <-> B/c: reachable
  - A -> A/c: unreachable
"""
    record = pipeline.run(lab, agent)
    assert found(record) == []
    assert record["summary"]["verdict"] == "pass"


def test_addresses_made_while_forwarding_is_tight(agent: Agent) -> None:
    """A limit of learned addresses counts for a bridge inside of a host as for a switch."""
    lab = LABS["container-network"].replace("type: bridge,", "type: bridge, fdb_max_learned: 1, ageing_time: 0,")
    assert found(pipeline.run(text(lab), agent)) == []


def test_a_port_that_was_taken_out_is_an_interface_of_the_host(agent: Agent) -> None:
    """Of its frames the model is sure, of what the host's stack then makes of packets it says that it isn't."""
    taken = "port: {attached: off}, addresses: [10.0.0.12/24]"
    lab = LABS["no-uplink"].replace("addresses: [10.0.0.12/24]", taken)
    record = pipeline.run(text(lab), agent)
    assert {one["kind"] for one in record["findings"]} == {"unpredicted"}
    assert {one["layer"] for one in record["findings"]}.isdisjoint({"broadcast", "unicast"})
    assert record["summary"]["exit_code"] == 0


def test_the_settings_of_all_interfaces_count_for_dead_routes(agent: Agent) -> None:
    """A bridge without a port is a dead end that replies avoid where routes without carrier are ignored."""
    lab = """
      sysctls: {net.ipv4.conf.all.ignore_routes_with_linkdown: 1}
      interfaces:
        br0: {type: bridge, addresses: [10.0.0.1/24]}
        eth0: {switch: lan, addresses: [10.0.0.2/24]}
    """
    record = pipeline.run(text(lab), agent, pipeline.Options(layers=("icmp", "udp")))
    assert found(record) == []
    assert record["steps"][0]["layers"]["icmp"]["observed"][0][2] == "R"
