"""What is wrong with a topology as a whole: each with its place, and what would be right."""

from __future__ import annotations

import pytest

from netlab.plan import resolve
from netlab.spec import TopologyError, load
from tests.plan.labs import TWO, faults, hosts, plan, step

CASES: list[tuple[str, str]] = [
    # --- hosts, switches, kinds
    ("hosts: {}\n", "f:1:1: there is no host; name one below 'hosts:'"),
    (
        "switches: {A: }\nhosts: {A: }\n",
        "f:2:9: there is a switch 'A' already (line 1); hosts and switches share one space of names, replicas included",
    ),
    (
        "hosts:\n  w: {replicas: 2}\n  w-2: {}\n",
        "f:3:3: there is a host 'w-2' already (line 2); hosts and switches share one space of names, replicas included",
    ),
    (
        "hosts:\n  w: {replicas: 1000000}\n",
        "f:2:3: the lab would have more than 4000 namespaces, interfaces and further addresses;"
        " fewer replicas or addresses",
    ),
    (hosts("e: {switch: t}"), "f:5:19: no switch 't'; switches: s"),
    (
        hosts("e: {}"),
        "f:5:7: A:e is neither plugged into a switch nor of a type; add 'switch: …', or 'type: macvlan' "
        "and 'parent: …'",
    ),
    (
        hosts("e: {switch: s}", "x: {parent: e}"),
        "f:6:7: A:x is neither plugged into a switch nor of a type; add 'type: macvlan'",
    ),
    (hosts("e: {type: macvaln, parent: e}"), "f:5:17: no link kind 'macvaln'; did you mean 'macvlan'?"),
    (hosts("e: {type: wifi}"), "f:5:17: no link kind 'wifi'; known: bridge, veth, macvlan, macvtap"),
    (hosts("e: {type: veth}"), "f:5:7: A:e names no switch; add 'switch: …'"),
    (hosts("x: {type: macvlan}"), "f:5:7: A:x names no parent; add 'parent: …'"),
    (hosts("e: {switch: s, mode: bridge}"), "f:5:22: 'mode' means nothing on a veth; it belongs to macvlan, macvtap"),
    (
        hosts("e: {switch: s}", "x: {type: macvlan, parent: e, port: {hairpin: on}}"),
        "f:6:37: 'port' means nothing on a macvlan; it belongs to veth",
    ),
    (
        hosts(
            "e: {switch: s}",
            "x: {type: macvlan, parent: e}",
            "y: {type: macvlan, parent: e, bclim: 1}",
            "z: {type: macvtap, parent: e, bclim: -1}",
        ),
        "f:8:44: the children of A:e share one, and A:x has another; "
        "give it to A:x, the first: the others then have it, too",
    ),
    # --- ports that answer, or admit
    (
        hosts("e: {switch: s, port: {mab: on}}"),
        "f:5:29: 'mab' is for a port that is locked and learns (EINVAL); 'locked: on'",
    ),
    (
        hosts("e: {switch: s, port: {mab: on, locked: on, learning: off}}"),
        "f:5:29: 'mab' is for a port that is locked and learns (EINVAL); 'learning: on'",
    ),
    (
        hosts("b: {type: bridge}", "e: {switch: s, master: b, own_port: {mab: on}}"),
        "f:6:44: 'mab' is for a port that is locked and learns (EINVAL); 'locked: on'",
    ),
    (
        "switches: {s: {neighbors: {'fd00::1': A:e}}}\nhosts: {A: {interfaces: {e: {switch: s}}}}\n",
        "f:1:28: s has no IPv6 address, so it can have no neighbour fd00::1; a bridge in a host can: 'type: bridge'",
    ),
    (
        "switches: {s: {neighbors: {10.0.0.1: A:x}}}\nhosts: {A: {interfaces: {e: {switch: s}}}}\n",
        "f:1:38: no interface 'A:x'",
    ),
    # --- parents
    (
        hosts("ens160: {switch: s}", "ens160.1: {type: macvlan, parent: ens161}"),
        "f:6:41: no interface 'ens161' in A; did you mean 'ens160'?",
    ),
    (
        hosts("ens160: {switch: s}", "x: {type: macvlan, parent: ens16}"),
        "f:6:34: no interface 'ens16' in A; did you mean 'ens160'?",
    ),
    (
        TWO.replace(
            "c1: {interfaces: {eth0: {type: macvlan, parent: eth0",
            "c1: {interfaces: {eth0: {type: macvlan, parent: B:eth0",
        ),
        "f:7:55: 'B:eth0' is not an interface of A; a child sits on its own host; interfaces of A: eth0",
    ),
    (hosts("x: {type: macvlan, parent: x}"), "f:5:34: A:x cannot be its own parent"),
    (
        hosts("e: {switch: s}", "x: {type: macvlan, parent: y}", "y: {type: macvlan, parent: x}"),
        "f:6:34: the parents of A:x go round in a circle\nf:7:34: the parents of A:y go round in a circle",
    ),
    (
        hosts("e: {switch: s}", "x: {type: macvlan, parent: e}", "y: {type: macvlan, parent: x}")
        + "expect:\n  - A:x: {refused: EINVAL}\n",
        "f:7:34: A:x is expected to be refused, so it cannot be a parent",
    ),
    # --- addresses and MACs
    (
        hosts("e: {switch: s, addresses: [10.0.0.1/24]}", "f: {switch: s, addresses: [10.0.0.1/16]}"),
        "f:6:34: A:f has the address 10.0.0.1 at A:e, too; an address can be in a namespace only once",
    ),
    (
        hosts("e: {switch: s, addresses: [10.0.0.1/24, 10.0.0.1/24]}"),
        "f:5:47: A:e has the address 10.0.0.1 twice; an address can be in a namespace only once",
    ),
    (
        "switches: {s: }\nhosts:\n  w: {replicas: 9, interfaces: {e: {switch: s, addresses: [10.0.0.7/29]}}}\n",
        "f:3:60: 10.0.0.7 is the broadcast address of 10.0.0.0/29",
    ),
    (
        "switches: {s: }\nhosts:\n  w: {replicas: 9, interfaces: {e: {switch: s, addresses: [10.0.0.1/29]}}}\n",
        "f:3:60: 10.0.0.1/29 and 6 more leaves the prefix 10.0.0.0/29; fewer replicas, or a shorter prefix",
    ),
    (
        "switches: {s: }\nhosts:\n  w: {replicas: 3, interfaces: {e: {switch: s, addresses: [10.0.0.1/24]}}}\n"
        "  B: {interfaces: {e: {switch: s, addresses: [10.0.0.3/24]}}}\n",
        "f:4:47: the address 10.0.0.3 of B:e is that of w-3:e, too; a larger 'step', or addresses further apart",
    ),
    (
        hosts("e: {switch: s, mac: 01:00:5e:00:00:01}"),
        "f:5:27: 01:00:5e:00:00:01 is a multicast MAC; the first byte of a MAC is even, as in 02:…",
    ),
    (
        hosts("e: {switch: s, mac: ff:ff:ff:ff:ff:ff}"),
        "f:5:27: ff:ff:ff:ff:ff:ff is a multicast MAC; the first byte of a MAC is even, as in 02:…",
    ),
    (
        hosts("e: {switch: s, mac: 00:00:00:00:00:00}"),
        "f:5:27: 00:00:00:00:00:00 is no MAC of an interface; as in 02:00:00:00:00:01",
    ),
    (
        hosts("e: {switch: s, neighbors: {10.0.0.2: B:e}}"),
        "f:5:44: no interface 'B:e'; did you mean 'A:e'?",
    ),
    (
        hosts("e: {switch: s, neighbors: {10.0.0.2: A:f}}", "f: {switch: s, mac: auto}"),
        "f:5:44: the MAC of A:f is left to the kernel; give it one, without 'auto'",
    ),
    (
        hosts("e: {switch: s, neighbors: {fd00::2: 02:00:00:00:00:02}}"),
        "f:5:34: A:e has no IPv6 address, so it can have no neighbour fd00::2; give it one",
    ),
    (
        hosts("e: {switch: s, mtu: 1000, addresses: [fd00::1/64]}"),
        "f:5:27: IPv6 needs an MTU of at least 1280, not 1000",
    ),
    (
        hosts("e: {switch: s, mtu: 1000}", "x: {type: macvlan, parent: e, addresses: [fd00::1/64]}"),
        "f:6:48: IPv6 needs an MTU of at least 1280, A:x has 1000",
    ),
    (
        hosts("e: {switch: s, addresses: [10.0.0.1/30]}", "x: {switch: s, addresses: [10.0.0.3/24, 10.0.0.7/24]}"),
        "f:6:47: 10.0.0.7 has 10.0.0.3 as its primary address, a broadcast address of A; the kernel takes no packet for"
        " it; give it first, or another prefix",
    ),
    (
        hosts("e: {switch: s}", "x: {type: macvlan, parent: e, allowed_macs: [A:e]}"),
        "f:6:51: 'allowed_macs' belong to source mode; add 'mode: source'",
    ),
    # --- ports
    (
        hosts("e: {switch: s, port: {attached: off, hairpin: on}}"),
        "f:5:22: the port of A:e is not attached, so it has no options; leave them out",
    ),
    (
        hosts("e: {switch: s, port: {up: off, state: listening}}"),
        "f:5:45: the port of A:e has no carrier, so its state cannot be set to 'listening'",
    ),
    # --- switches
    ("switches:\n  s: {links: [t]}\nhosts: {A: }\n", "f:2:15: no switch 't'; switches: s"),
    ("switches:\n  s: {links: [s]}\nhosts: {A: }\n", "f:2:15: s cannot be linked to itself"),
    (
        "switches:\n  s: {links: [t]}\n  t: {links: [s]}\nhosts: {A: }\n",
        "f:3:15: t and s are linked already; one link between two switches, given at one of them",
    ),
    (
        "switches:\n  s: {stp: on}\n  t: {links: [s]}\n  u: {links: [s, t]}\nhosts: {A: }\n",
        "f:4:18: the link between u and t closes a loop of switches; remove it, or give 'stp: true' to t, u",
    ),
    (
        "switches:\n  s: {stp: on}\n  t: {stp: on, links: [s]}\n  u: {stp: on, links: [s, t]}\nhosts: {A: }\n"
        "steps: [{name: x, set: {t: {stp: off}}}]\n",
        "f:4:27: the link between u and t closes a loop of switches; remove it, or give 'stp: true' to t",
    ),
]


@pytest.mark.parametrize(("text", "message"), CASES, ids=[message[:60] for _, message in CASES])
def test_one_fault(text: str, message: str) -> None:
    """A topology with one fault gets one message: its place, what is wrong, what would be right."""
    found = faults(text)
    assert len(found) == len(message.splitlines()), found
    assert "\n".join(found).startswith(message)


def test_faults_of_values_and_of_meaning_come_together() -> None:
    """A value that is wrong doesn't hide a reference that is, nor make up faults that follow from it."""
    text = """\
switches: {s: }
hosts:
  A:
    interfaces:
      e: {switch: s, adresses: [10.0.0.1/24]}
      l o: {switch: s}
      x: {type: macvlan, parent: f, mtu: 1}
  B:
    interfaces: {e: {switch: t, addresses: [10.0.0.2/24]}}
expect:
  - A -> B: reachable
  - A:l o -> B: reachable
  - A:x -> C: reachable
"""
    assert [message.partition("; ")[0] for message in faults(text)] == [
        "f:5:22: unknown key 'adresses'",
        "f:6:7: ' ' cannot stand in the name 'l o'",
        "f:7:34: no interface 'f' in A",
        "f:7:42: 1 is out of range",
        "f:9:30: no switch 't'",
        "f:12:9: 'A:l o -> B' is not an expectation",
        "f:13:5: no host 'C'",
    ]


def test_what_follows_from_a_fault_is_not_reported() -> None:
    """A misspelt key takes an address away, but that the host has none is no fault of its own."""
    text = TWO.replace("eth0: {switch: lan, addresses: [10.0.0.1/24]}", "eth0: {switch: lan, adresses: [10.0.0.1/24]}")
    assert [message.partition("; ")[0] for message in faults(text + "expect:\n  - A -> B: reachable\n")] == [
        "f:5:27: unknown key 'adresses'"
    ]


def test_every_mistake_comes_in_one_go() -> None:
    """Neither a key given twice, nor a wrong address or outcome hides what has nothing to do with it."""
    text = """\
switches: {s: , s: }
hosts:
  A:
    routes: [{to: default}]
    interfaces: {e: {switch: s, addresses: [10.0.0.1/24], mtu: 1500, mtu: 1400}}
  B:
    interfaces: {e: {switch: s, addresses: [10.0.0.2/24]}}
  C:
    interfaces: {e: {switch: s, addresses: [10.0.0.3/244]}}
expect:
  - any -> web-*: reachable
  - A -> B [ndp]: reachable
  - A -> B: reachabel
  - A -> C: reachable
compare:
  - {faster: {metric: cpu}, than: {pair: A -> B, metric: pcu}}
"""
    assert [message.partition("; ")[0] for message in faults(text)] == [
        "f:1:17: 's' is given twice (first in line 1)",
        "f:4:14: the route to default has neither via nor dev",
        "f:5:70: 'mtu' is given twice (first in line 5)",
        "f:9:45: '10.0.0.3/244' is not an IP address with its prefix length",
        "f:11:5: 'web-*' matches nothing",
        "f:12:5: A:e has no IPv6 address, so ndp says nothing of it",
        "f:13:13: 'reachabel' is not an outcome",
        "f:16:5: 'name' and 'by' are missing",
        "f:16:14: 'pair' is missing",
        "f:16:58: metric: 'pcu' is none of throughput, cpu, latency",
    ]


def test_what_a_key_given_twice_leaves_out_is_not_missed() -> None:
    """The second mention of a section is not looked at, and what it holds is no unknown name elsewhere."""
    text = "hosts:\n  A: {interfaces: {}}\n  A: {interfaces: {e: {type: bridge}}}\nexpect: [A:e -> A: reachable]\n"
    assert faults(text) == ["f:3:3: 'A' is given twice (first in line 2); remove one of them"]


@pytest.mark.parametrize("kind", ["geneve, id: 7", "team, mode: active-backup"])
def test_kinds_to_come_are_said_once(kind: str) -> None:
    """A kind of link that isn't supported is one fault; its own keys, and who refers to it, are none."""
    name = kind.partition(",")[0]
    text = hosts(f"x: {{type: {kind}, parent: e}}", "e: {switch: s}") + "expect:\n  - A:x -> A:e: reachable\n"
    [fault] = faults(text)
    assert fault.startswith(f"f:5:17: {name} isn't supported yet; veth, macvlan, ")


@pytest.mark.parametrize(
    "routes",
    [
        "{to: default, via: 10.0.0.2}",  # IPv4 takes its own address
        "{to: 9.9.9.9, dev: eth0}, {to: default, via: 9.9.9.9}",
        "{to: 9.9.9.9, dev: eth0, table: 7}, {to: default, via: 9.9.9.9, table: 7}",
        "{to: default, via: fe80::1, dev: eth0}",
    ],
)
def test_gateways_that_the_kernel_takes(routes: str) -> None:
    """A gateway that a route without one leads to is no mistake."""
    made = plan(TWO.replace("  B:\n", f"  B:\n    routes: [{routes}]\n"))
    assert len(made.steps[0].state.namespace("B").routes) == routes.count("to:")


def test_replicas_say_their_fault_once() -> None:
    """A thousand replicas with the same fault are one line."""
    text = "hosts: {w: {replicas: 1000, interfaces: {e: {switch: s}}}}\n"
    assert faults(text) == ["f:1:54: no switch 's'"]


def test_hostile_sizes_are_refused() -> None:
    """Few lines that mean millions of pairs or thousands of large states are refused before they cost memory."""
    wires = ", ".join(f"{name}: {{switch: s}}" for name in "efgh")
    many = f"switches: {{s: }}\nhosts: {{w: {{replicas: 700, interfaces: {{{wires}}}}}}}\n"
    pairs = many + "expect:\n" + "  - any -> any [unicast]: reachable\n" * 20
    assert faults(pairs) == ["f:4:5: the expectations mean more than 4000000 pairs; fewer or narrower ones"]
    states = many + "steps:\n" + "".join(f"  - name: s{n}\n" for n in range(200))
    assert faults(states) == ["f:4:5: too many steps for a lab of this size; fewer of either"]
    lots = ", ".join(f"10.{n // 250}.{n % 250}.1/8" for n in range(4000))
    text = f"switches: {{lan: {{}}}}\nhosts:\n  A: {{interfaces: {{eth0: {{switch: lan, addresses: [{lots}]}}}}}}"
    assert faults(text) == [
        "f:3:3: the lab would have more than 4000 namespaces, interfaces and further addresses;"
        " fewer replicas or addresses"
    ]
    routes = ", ".join(f"{{to: 10.{n // 250}.{n % 250}.0/24, dev: eth0}}" for n in range(2000))
    host = f"{{replicas: 60, interfaces: {{eth0: {{switch: lan}}}}, routes: [{routes}]}}"
    assert faults(f"switches: {{lan: {{}}}}\nhosts:\n  A: {host}") == [
        "f:3:3: the lab would have more than 100000 addresses, routes, rules and neighbors; fewer of them, or replicas"
    ]


def test_resolve_alone_reports_faults_of_meaning() -> None:
    """A spec that loads can still fail to resolve, and the error has the places."""
    spec = load(hosts("e: {switch: t}"), "f")
    with pytest.raises(TopologyError, match=r"^f:5:19: no switch 't'"):
        resolve(spec)


@pytest.mark.parametrize(
    ("interface", "warnings"),
    [
        ("e: {switch: s, addresses: [10.0.0.1/24]}", 1),
        ("e: {switch: s, addresses: [10.0.0.1/24], duplicate: true}", 0),
        ("e: {switch: t, addresses: [10.0.0.1/24]}", 0),
        ("e: {switch: s, addresses: [10.0.0.3/24]}", 0),
    ],
)
def test_an_address_twice_on_one_network_is_a_warning(interface: str, warnings: int) -> None:
    """Two hosts of one network with the same address are odd, unless the file says that it is meant."""
    text = (
        "switches: {s: , t: }\nhosts:\n  A: {interfaces: {e: {switch: s, addresses: [10.0.0.1/24]}}}\n"
        f"  B: {{interfaces: {{{interface}}}}}\n"
    )
    made = plan(text)
    assert len(made.warnings) == warnings
    for warning in made.warnings:
        assert warning.startswith("f:4:47: B:e and A:e have the same address 10.0.0.1")


def test_an_address_may_move_in_a_step() -> None:
    """An address that one host gives up in a step can be another's then."""
    made = plan(step("set:", "  A:eth0: {addresses: []}", "  B:eth0: {addresses: [10.0.0.1/24]}"))
    assert made.warnings == ()
    assert [len(made.steps[1].state.link(name).addresses) for name in ("A:eth0", "B:eth0")] == [0, 1]
