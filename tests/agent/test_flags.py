"""Flags of interfaces, as iproute2 reads them back, when new and switched in a step."""

from __future__ import annotations

import json

from netlab.client import Agent
from netlab.plan import from_file
from tests.agent.conftest import Built

TEXT = """\
switches: {lan: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: lan, arp: off, promisc: on, addresses: [10.0.0.1/24, "fd00::1/64"]}
      br0: {type: bridge, promisc: on, multicast: off}
    containers:
      c: {interfaces: {m0: {type: macvlan, parent: eth0, mode: bridge, allmulticast: on, multicast: off}}}
      w: {interfaces: {eth0: {peer: B:w, arp: off}}}
  B:
    interfaces:
      w: {peer: A/w:eth0, neighbors: {10.0.0.9: 02:00:00:00:00:09}}
      spare: {switch: lan, state: down, promisc: on}
steps:
  - name: switched
    set:
      A:eth0: {arp: on, promisc: off, allmulticast: on}
      A/c:m0: {allmulticast: off, multicast: on, arp: off}
      B:w: {arp: off}
"""


def flags(built: Built, ns: str, dev: str) -> set[str]:
    """Those of the flags that iproute2 shows of an interface."""
    [link] = json.loads(built.run(ns, "ip", "-j", "link", "show", "dev", dev))
    return set(link["flags"]) & {"NOARP", "PROMISC", "ALLMULTI", "MULTICAST"}


def test_flags_are_in_the_kernel_and_can_be_switched(agent: Agent) -> None:
    """Each flag is as the file says on wires, pairs, bridges and children, up or down, and a step switches it alone."""
    plan = from_file(TEXT, "test.yaml")
    with agent.lab(plan) as lab:
        built = Built(lab, plan, lab.enter(plan.steps[0]).result())
        assert flags(built, "A", "eth0") == {"NOARP", "PROMISC", "MULTICAST"}
        assert flags(built, "A", "br0") == {"PROMISC"}
        assert flags(built, "A/c", "m0") == {"ALLMULTI"}
        assert flags(built, "A/w", "eth0") == {"NOARP", "MULTICAST"}
        assert flags(built, "B", "w") == {"MULTICAST"}
        assert flags(built, "B", "spare") == {"PROMISC", "MULTICAST"}
        assert "10.0.0.9" in built.run("B", "ip", "neigh")
        seen = lab.enter(plan.steps[1]).result()
        assert flags(built, "A", "eth0") == {"ALLMULTI", "MULTICAST"}
        assert flags(built, "A/c", "m0") == {"NOARP", "MULTICAST"}
        assert flags(built, "B", "w") == {"NOARP", "MULTICAST"}
        # The kernel throws neighbours away when arp is switched, and the plan knows.
        assert "10.0.0.9" not in built.run("B", "ip", "neigh")
        assert not plan.steps[1].state.link("B:w").neighbors
        assert {name: seen.links["A:eth0"][name] for name in ("arp", "promisc", "allmulticast", "multicast")} == {
            "arp": True,
            "promisc": False,
            "allmulticast": True,
            "multicast": True,
        }


def test_flags_come_before_an_interface_is_up() -> None:
    """A wire's flags are set before it comes up: what is sent then is sent with them."""
    lines: list[str] = []
    plan = from_file(TEXT, "test.yaml")
    with Agent.start(on_log=lines.append) as loud, loud.lab(plan) as lab:
        lab.enter(plan.steps[0]).result()
    switched = lines.index("ip -n A link set dev eth0 arp off promisc on")
    assert switched < lines.index("ip -n A link set dev eth0 up")
