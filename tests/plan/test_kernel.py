"""The plan's word on what the kernel does by itself, against the kernel's, step by step."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from netlab.client import Agent, Lab
from netlab.contract.types import Namespace, State
from tests.plan.labs import faults, plan

pytestmark = pytest.mark.skipif(shutil.which("ip") is None, reason="needs ip (iproute2)")

FLUSHES = """\
switches: {lan: {}, two: {links: [lan]}}
hosts:
  A:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.1/24, fd00::1/64], neighbors: {10.0.0.9: B:eth0, fd00::9: B:eth0}}
      a-very-long-interface-name: {switch: two, addresses: [10.0.1.1/24]}
    routes:
      - {to: 10.9.0.0/16, via: 10.0.0.2}
      - {to: "fd09::/64", via: "fd00::2"}
      - {to: 10.8.0.0/16, dev: a-very-long-interface-name}
    rules: [{from: 10.0.0.1, table: 100}, {iif: a-very-long-interface-name, table: 100}]
    sysctls: {net.ipv4.conf.a-very-long-interface-name.rp_filter: 1}
    containers:
      c1: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.11/24, fd00::11/64]}}}
      c2: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: source, allowed_macs: [B:eth0], nodst: on}}}
  B:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.2/24, fd00::2/64], port: {hairpin: on, fdb: [02:00:00:00:00:77]}}
    containers:
      p: {interfaces: {x: {type: macvlan, parent: eth0, mode: passthru, mac: 02:00:00:00:00:0b}}}
steps:
  - {name: mac, set: {A:eth0: {mac: 02:00:00:00:00:0a}}}
  - {name: neighbours, set: {A:eth0: {neighbors: {10.0.0.9: B:eth0}}}}
  - {name: down, set: {A:eth0: {state: down}}}
  - {name: up, set: {A:eth0: {state: up}}}
  - {name: small, set: {A:eth0: {mtu: 1200}}}
  - {name: large, set: {A:eth0: {mtu: 1500}}}
  - {name: six, set: {A:eth0: {addresses: [10.0.0.1/24, fd00::5/64]}, A/c1:eth0: {mtu: 1300, addresses: [fd00::11/64]}}}
  - {name: listening, set: {A:eth0: {port: {state: listening}}}}
  - {name: flap, set: {A:eth0: {state: down}}}
  - {name: flapped, set: {A:eth0: {state: up, addresses: [10.0.0.1/24, fd00::5/64]}}}
  - {name: port-down, set: {A:eth0: {port: {up: off}}}}
  - {name: port-up, set: {A:eth0: {port: {up: on, state: learning}}}}
  - {name: switch-down, set: {lan: {state: down}}}
  - {name: switch-up, set: {lan: {state: up}}}
  - {name: detached, set: {B:eth0: {port: {attached: off}}}}
  - {name: attached, set: {B:eth0: {port: {attached: on, isolated: on}}}}
  - {name: child-mac, set: {B/p:x: {mac: 02:00:00:00:00:0c}}}
  - {name: parent-mac, set: {B:eth0: {mac: 02:00:00:00:00:0d}}}
  - {name: modes, set: {A/c2:eth0: {mode: private}, A/c1:eth0: {mode: source, allowed_macs: [B:eth0]}}}
  - {name: no-six, set: {A: {sysctls: {net.ipv6.conf.all.disable_ipv6: 1}}}}
  - {name: forward, set: {B: {sysctls: {net.ipv4.ip_forward: 1}, routes: [{to: default, via: 10.0.0.1}]}}}
  - name: move
    delete: [A/c1, A:eth0]
    add:
      hosts:
        C: {interfaces: {e: {switch: two, addresses: [10.0.0.3/24]}}}
        A: {interfaces: {eth0: {switch: two, addresses: [10.0.0.1/24]}}}
  - {name: host-gone, delete: [A]}
"""

ROUTES = """\
switches: {lan: {}}
hosts:
  A:
    interfaces:
      m1: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.11/24]}
      eth0: {switch: lan, mtu: 9000, addresses: [10.0.0.1/24], neighbors: {10.0.0.9: B:eth0}}
      eth1: {switch: lan, addresses: [10.0.0.21/24]}
      m2: {type: macvlan, parent: m1, mode: bridge, addresses: [10.0.0.12/24]}
      m3: {type: macvtap, parent: eth0, mode: vepa, addresses: [10.0.0.13/24], state: down}
    routes: [{to: 10.9.0.0/16, via: 10.0.0.2}, {to: 10.8.0.0/16, via: 10.0.0.2, dev: m1}]
  B:
    sysctls: {net.ipv4.ip_forward: 1, net.ipv6.conf.all.forwarding: 1, net.ipv4.conf.eth0.forwarding: 0}
    routes: [{to: "fd09::/64", via: "fd00::1"}]
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.2/24, fd00::2/64], neighbors: {10.0.0.9: A:eth0, fd00::9: A:eth0}}
    containers:
      p:
        interfaces:
          x: {type: macvlan, parent: eth0, mode: passthru, mac: 02:00:00:00:00:0b, neighbors: {10.0.0.8: A:eth0}}
steps:
  - {name: down, set: {A:eth0: {state: down}}}
  - {name: up, set: {A:eth0: {state: up}}}
  - {name: child-down, set: {A:m1: {state: down}}}
  - {name: child-up, set: {A:m1: {state: up}, A:m3: {state: up}}}
  - {name: more, set: {A:eth1: {addresses: [10.0.0.22/24, 10.0.0.21/24]}}}
  - {name: mtu, set: {A:eth0: {mtu: 1400}}}
  - name: sysctls
    set:
      A: {sysctls: {net.ipv4.conf.default.rp_filter: 1, net.ipv6.conf.default.accept_ra: 1, net.ipv4.ip_forward: 1}}
      B: {sysctls: {net.ipv4.ip_forward: 0, net.ipv6.conf.all.forwarding: 0}}
  - {name: small, set: {B:eth0: {mtu: 1279}}}
  - name: large
    set: {B:eth0: {mtu: 1500, addresses: [10.0.0.2/24, fd00::2/64]}, B: {routes: [{to: "fd08::/64", via: "fd00::1"}]}}
  - {name: no-six, set: {B: {sysctls: {net.ipv6.conf.eth0.disable_ipv6: 1}}}}
  - {name: six, set: {B: {sysctls: {net.ipv6.conf.eth0.disable_ipv6: 0}}, B:eth0: {addresses: [10.0.0.2/24]}}}
  - {name: secondary, set: {B:eth0: {addresses: [10.0.0.2/24, 10.0.0.3/24, 10.0.5.1/24, fd00::2/64]}}}
  - {name: primary-gone, set: {B:eth0: {addresses: [10.0.0.3/24, 10.0.5.1/24, fd00::2/64]}}}
  - {name: none-stays, set: {B:eth0: {addresses: [10.0.7.1/24, fd00::2/64]}}}
  - {name: promote, set: {B: {sysctls: {net.ipv4.conf.all.promote_secondaries: 1}}}}
  - {name: two, set: {B:eth0: {addresses: [10.0.7.1/24, 10.0.7.2/24]}}}
  - {name: promoted, set: {B:eth0: {addresses: [10.0.7.2/24]}}}
  - {name: parent-gone, delete: [A:eth0]}
"""


@pytest.fixture(scope="module")
def agent() -> Iterator[Agent]:
    """One agent for all labs of this module."""
    with Agent.start() as started:
        yield started


def ip(lab: Lab, namespace: str, *words: str) -> list[dict[str, Any]]:
    """What ``ip -j`` says inside a namespace."""
    with lab.spawn(namespace, ["ip", "-j", *words]) as process:
        out, err = process.communicate(timeout=60)
    assert not err
    return json.loads(out) if out.strip() else []


def planned(state: State, namespace: Namespace) -> dict[str, Any]:
    """What the plan says of a namespace: neighbours, addresses, routes, connected routes in order, sysctls."""
    links = {link.id: link for link in state.links_of(namespace.id)}
    connected: dict[str, list[str]] = {}
    for link_id, address in state.addressed:
        if (link := links.get(link_id)) is None or ":" in address:
            continue
        mine = next(a for a in link.addresses if a.ip == address)
        if mine == next(a for a in link.addresses if a.family == 4 and a.network == mine.network):
            connected.setdefault(str(mine.network), []).append(link.ifname)
    return {
        "neighbours": {(n.ip, n.mac, link.ifname) for link in links.values() for n in link.neighbors},
        "addresses": {(a.ip, a.prefixlen, link.ifname) for link in links.values() for a in link.addresses},
        "routes": {route.to for route in namespace.routes},
        "connected": connected,
        "sysctls": dict(namespace.sysctls),
    }


def observed(lab: Lab, namespace: Namespace) -> dict[str, Any]:
    """What the kernel says of the same."""
    neighbours = ip(lab, namespace.id, "neigh", "show", "nud", "permanent")
    links = ip(lab, namespace.id, "addr")
    routes = ip(lab, namespace.id, "-4", "route") + ip(lab, namespace.id, "-6", "route")
    connected: dict[str, list[str]] = {}
    for route in routes:
        if route.get("protocol") == "kernel" and ":" not in route["dst"]:
            connected.setdefault(route["dst"], []).append(route["dev"])
    words = [path for path, _ in namespace.sysctls]
    with lab.spawn(namespace.id, ["sh", "-c", 'cd /proc/sys && cat "$@"', "sh", *words]) as process:
        out, err = process.communicate(timeout=60)
    assert not err
    return {
        "neighbours": {(n["dst"], n["lladdr"], n["dev"]) for n in neighbours if "lladdr" in n},
        "addresses": {
            (a["local"], a["prefixlen"], link["ifname"])
            for link in links
            for a in link["addr_info"]
            if a["scope"] == "global"
        },
        "routes": {
            "0.0.0.0/0" if route["dst"] == "default" else route["dst"]
            for route in routes
            if route.get("protocol") != "kernel"
        },
        "connected": connected,
        "sysctls": dict(zip(words, out.decode().split("\n"), strict=False)),
    }


@pytest.mark.parametrize("text", [FLUSHES, ROUTES], ids=["flushes", "routes"])
def test_every_step_is_what_the_kernel_makes_of_it(agent: Agent, text: str) -> None:
    """Neighbours, addresses, routes and their order, and sysctls are after each step what the plan says."""
    made = plan(text)
    with agent.lab(made) as lab:
        for step in made.steps:
            seen = lab.enter(step).result(timeout=60)
            assert seen.unsettled == (), step.name
            for namespace in step.state.namespaces:
                if namespace.kind != "switch":
                    assert observed(lab, namespace) == planned(step.state, namespace), (step.name, namespace.id)


@pytest.mark.parametrize(
    ("first", "second", "route", "taken"),
    [
        ("10.0.1.1/30", "10.0.1.2/24", "10.9.0.0/24 via 10.0.1.3", False),
        ("10.0.1.1/30", "10.0.1.2/24", "10.9.0.0/24 via 10.0.1.3 dev eth0", False),
        ("10.0.1.1/30", "10.0.1.2/24", "10.9.0.0/24 via 10.0.1.3 dev eth1", True),
        ("10.0.1.1/30", "10.0.1.2/24", "10.9.0.0/24 via 10.0.1.3 table 100", True),
        ("10.0.1.1/30", "10.0.1.3/32", "10.9.0.0/24 via 10.0.1.3", False),
        ("10.0.1.3/32", "10.0.1.1/30", "10.9.0.0/24 via 10.0.1.3", True),
        ("10.0.1.0/31", "10.0.2.2/24", "10.9.0.0/24 via 10.0.1.1", True),
    ],
)
def test_a_gateway_that_is_a_broadcast_address(agent: Agent, first: str, second: str, route: str, taken: bool) -> None:
    """A file may name it as a gateway exactly where the kernel takes it as one."""
    words = route.split()
    given = {"to": words[0], **dict(zip(words[1::2], words[2::2], strict=True))}
    text = f"""\
switches: {{lan: {{}}}}
hosts:
  A:
    interfaces:
      eth0: {{switch: lan, addresses: [{first}]}}
      eth1: {{switch: lan, addresses: [{second}]}}
    routes:
      - {{to: 10.0.1.0/24, dev: eth1, table: 100}}
"""
    with agent.lab(made := plan(text)) as lab:
        lab.enter(made.steps[0]).result(timeout=60)
        with lab.spawn("A", ["ip", "route", "add", *words]) as process:
            _, err = process.communicate(timeout=60)
    assert (process.returncode == 0) is taken, err
    text += f"      - {json.dumps(given)}\n"
    if taken:
        assert plan(text).steps
    else:
        assert any(words in faults(text)[0] for words in ("is the broadcast address of", "is on no network of"))
