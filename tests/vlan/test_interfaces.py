"""vlan interfaces on a kernel that has them: what the model says is what the kernel does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from netlab import pipeline
from netlab.client import Agent
from tests.agent.test_dummy import kernel_has_it, netlab

Guest = Callable[[str], Agent]
#: Each a host's interfaces and containers, beside B and D on the same switch; and what is then changed of it.
LABS = {
    "children": (
        """
      interfaces:
        eth0: {switch: lan, addresses: [10.0.0.1/24]}
        eth0.10: {type: vlan, parent: eth0, id: 10, addresses: [10.0.10.1/24, "fd10::1/64"]}
        eth0.20: {type: vlan, parent: eth0, id: 20, mac: "02:00:00:00:00:0a", addresses: [10.0.20.1/24]}
      containers:
        c1: {interfaces: {eth0: {type: macvlan, parent: eth0.10, mode: bridge, addresses: [10.0.10.11/24]}}}
        c2: {interfaces: {eth0: {type: macvlan, parent: eth0.10, mode: vepa, addresses: [10.0.10.12/24]}}}
        q: {interfaces: {eth0: {type: vlan, parent: eth0, id: 30, protocol: 802.1ad, addresses: [10.0.30.1/24]}}}
        """,
        "{A:eth0: {port: {hairpin: true}}}",
    ),
    # Without ARP, as the dummy that they sit on.
    "on-a-dummy": (
        """
      interfaces:
        eth0: {switch: lan, addresses: [10.0.0.1/24]}
        d0: {type: dummy}
        d0.10: {type: vlan, parent: d0, id: 10, addresses: [10.0.10.1/24, "fd10::1/64"]}
      containers:
        c1: {interfaces: {eth0: {type: macvlan, parent: d0.10, mode: bridge, addresses: [10.0.10.11/24]}}}
        c2: {interfaces: {eth0: {type: macvlan, parent: d0.10, mode: bridge, addresses: [10.0.10.12/24]}}}
        """,
        "{A:d0: {state: down}}",
    ),
    "stacked": (
        """
      interfaces:
        eth0: {switch: lan}
        # Out of order: what a child sits on is made first.
        inner: {type: vlan, parent: m0.10, id: 30, addresses: [10.0.33.1/24]}
        m0.10: {type: vlan, parent: m0, id: 10, addresses: [10.0.10.1/24, "fd10::1/64"]}
        m0: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.1/24]}
      containers:
        m1: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.10.11/24]}}}
        i1: {interfaces: {eth0: {type: ipvlan, parent: m0.10, mode: l2, addresses: [10.0.10.12/24, "fd10::12/64"]}}}
        i2: {interfaces: {eth0: {type: ipvlan, parent: m0.10, mode: l2, addresses: [10.0.10.13/24]}}}
        """,
        "{A:eth0: {mtu: 1400}}",
    ),
    "bridged": (
        """
      interfaces:
        eth0: {switch: lan}
        eth0.10: {type: vlan, parent: eth0, id: 10, master: br10}
        br10: {type: bridge, addresses: [10.0.10.1/24, "fd10::1/64"]}
        br0: {type: bridge}
        br0.20: {type: vlan, parent: br0, id: 20, addresses: [10.0.20.1/24]}
      containers:
        c1: {interfaces: {eth0: {bridge: br10, addresses: [10.0.10.11/24]}}}
        c2: {interfaces: {eth0: {bridge: br10, addresses: [10.0.10.12/24]}}}
        c3: {interfaces: {eth0: {bridge: br0, addresses: [10.0.20.11/24]}}}
        """,
        "{A:eth0: {state: down}}",
    ),
    "passthru": (
        """
      interfaces:
        eth0: {switch: lan, addresses: [10.0.0.1/24]}
        eth0.10: {type: vlan, parent: eth0, id: 10, addresses: [10.0.10.1/24]}
        eth0.20: {type: vlan, parent: eth0, id: 20}
      containers:
        p: {interfaces: {eth0: {type: macvlan, parent: eth0.20, mode: passthru, addresses: [10.0.20.1/24]}}}
        s: {interfaces: {eth0: {type: macvlan, parent: eth0.10, mode: source, allowed_macs: [B:eth0.10],
                                addresses: [10.0.10.11/24]}}}
        """,
        "{A/p:eth0: {state: down}, A:eth0: {mac: '02:00:00:00:00:0b'}}",
    ),
}
TEXT = """
name: vlan
switches: {lan: {}}
hosts:
  A:
HOST
  B:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.2/24]}
      eth0.10: {type: vlan, parent: eth0, id: 10, addresses: [10.0.10.2/24, "fd10::2/64"]}
      eth0.20: {type: vlan, parent: eth0, id: 20, addresses: [10.0.20.2/24]}
      q: {type: vlan, parent: eth0, id: 30, protocol: 802.1ad, addresses: [10.0.30.2/24]}
  D: {interfaces: {eth0: {switch: lan, addresses: [10.0.10.3/24]}}}
steps: [{name: changed, set: CHANGE}]
"""
LAYERS = ("broadcast", "unicast", "arp", "ndp", "icmp", "icmp6")


def told(agent: Agent, text: str) -> list[str]:
    """Run a topology; the findings, and how much was not predicted, or not proved."""
    record = pipeline.run(text, agent, pipeline.Options(layers=LAYERS))
    found = [
        " ".join(str(one[key]) for key in ("step", "layer", "src", "dst", "expected", "observed", "detail"))
        for one in record["findings"]
    ]
    counts = {name: count for name in ("skip", "inconclusive") if (count := record["summary"][name])}
    return found + ([str(counts)] if counts else [])


@pytest.mark.parametrize("name", LABS)
def test_model_and_kernel_agree(name: str, guest: Guest) -> None:
    """Every layer of every pair is predicted, and seen as predicted, before and after a change."""
    host, change = LABS[name]
    assert told(guest("6.12"), TEXT.replace("HOST", host.strip("\n").rstrip()).replace("CHANGE", change)) == []


LIFE = """
name: life
switches: {lan: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: lan, mtu: 1450, promisc: on}
      eth0.10: {type: vlan, parent: eth0, id: 10, addresses: [10.0.10.1/24]}
      eth0.20: {type: vlan, parent: eth0, id: 20, state: down, addresses: [10.0.20.1/24]}
      eth0.30: {type: vlan, parent: eth0, id: 30, mac: "02:00:00:00:00:0a"}
    containers:
      c: {interfaces: {eth0: {type: macvlan, parent: eth0.10, mode: bridge, addresses: [10.0.10.11/24]}}}
  B:
    interfaces:
      eth0: {switch: lan}
      eth0.10: {type: vlan, parent: eth0, id: 10, addresses: [10.0.10.2/24]}
expect:
  - A:eth0.10: {kind: vlan, state: up, mtu: 1450, mac: =A:eth0, id: 10, protocol: 802.1Q}
  - A:eth0.20: {state: down}
  - A:eth0.30: {mac: "02:00:00:00:00:0a"}
  - A -> B: reachable
steps:
  - name: down
    set: {A:eth0: {state: down, mac: "02:00:00:00:00:0b"}}
    expect:
      - A:eth0.10: {state: down, operstate: DOWN}
      - A/c:eth0: {state: up, carrier: false}
      - A -> B: unreachable
  - name: up again
    set: {A:eth0: {state: up, mtu: 1400}}
    expect:
      # All come up, the one that was down as well, and with the MAC that the parent has now.
      - A:eth0.10: {state: up, mtu: 1400, mac: "02:00:00:00:00:0b"}
      - A:eth0.20: {state: up, mac: "02:00:00:00:00:0b"}
      - A:eth0.30: {mac: "02:00:00:00:00:0a"}
      - A -> B: reachable
  - name: a MAC of its own
    set: {A:eth0.10: {mac: "02:00:00:00:00:0c"}, A:eth0: {mac: "02:00:00:00:00:0d"}}
    expect:
      - A:eth0.10: {mac: "02:00:00:00:00:0c"}
      - A:eth0.20: {mac: "02:00:00:00:00:0d"}
      - A -> B: reachable
"""


def test_it_lives_with_its_parent(guest: Guest) -> None:
    """It goes down and up with its parent, has its MAC unless it has one of its own, and its MTU at most."""
    assert told(guest("6.12"), LIFE) == []


REFUSED = """
name: refused
switches: {lan: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: lan, mtu: 1400}
      eth0.10: {type: vlan, parent: eth0, id: 10}
      again: {type: vlan, parent: eth0, id: 10}
      big: {type: vlan, parent: eth0, id: 11, mtu: 1500}
      eth1: {switch: lan}
      i: {type: ipvlan, parent: eth1, mode: l2}
      on: {type: vlan, parent: i, id: 10}
expect:
  - A:again: {refused: EEXIST, at: create}
  - A:big: {refused: EINVAL, at: create}
  - A:on: {refused: EOPNOTSUPP, at: create}
steps:
  - name: larger
    set: {A:eth0.10: {mtu: 1500}}
    expect: [{A:eth0.10: {refused: ERANGE, at: set}}]
  - name: down
    set: {A:eth0: {state: down}}
  - name: up alone
    set: {A:eth0.10: {state: up}}
    expect: [{A:eth0.10: {refused: ENETDOWN, at: set}}]
"""


def test_what_is_refused(guest: Guest) -> None:
    """The kernel refuses what the model says, with the same errno."""
    assert told(guest("6.12"), REFUSED) == []


def test_without_the_module_one_line_says_what_to_load(tmp_path: Path) -> None:
    """A kernel without vlan interfaces ends the run with exit code 3, and the command that loads the module."""
    if kernel_has_it("vlan"):
        pytest.skip("this kernel has vlan")
    (tmp_path / "life.yaml").write_text(LIFE)
    done = netlab("run", "life.yaml", cwd=tmp_path)
    assert done.returncode == 3
    assert "sudo modprobe 8021q" in done.stderr
