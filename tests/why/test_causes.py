"""The headline is the cause: which rule, where it ended, and what is offered, in labs as people have them."""

from __future__ import annotations

import pytest
import yaml

from netlab.why import Explanation

from .test_fixes import ask, first, siblings

SUBNETS = """\
name: subnets
switches: {lan: {}}
hosts:
  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24, "fd00::1/64"]}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.1.2/24]}}}
"""
ONE_WAY = """\
name: one-way
switches: {lan: {}}
hosts:
  A: {interfaces: {eth0: {switch: lan, addresses: ["fd00::1/64"]}}, routes: [{to: "fd01::/64", dev: eth0}]}
  B: {interfaces: {eth0: {switch: lan, addresses: ["fd01::2/64"]}}}
"""
ROUTER = """\
name: routed
switches: {s1: {}, s2: {}}
hosts:
  A:
    interfaces: {eth0: {switch: s1, addresses: [10.0.0.1/24]}}
    routes: [AROUTE]
  B:
    interfaces: {eth0: {switch: s2, addresses: [10.0.1.2/24]}}
    routes: [BROUTE]
  R:
    interfaces:
      eth0: {switch: s1, addresses: [10.0.0.254/24]}
      eth1: {switch: s2, addresses: [10.0.1.254/24]}
    sysctls: {net.ipv4.ip_forward: FORWARD}
steps:
  - name: dark
    set: {A:eth0: {state: down}}
"""
TWICE = """\
name: twice
switches: {lan: {}}
hosts:
  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}}
  C: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.3/24]}}}
"""
APART = """\
name: apart
switches: {s1: {}, s2: {}}
hosts:
  A: {interfaces: {eth0: {switch: s1, addresses: [10.0.0.1/24]}}}
  B: {interfaces: {eth0: {switch: s2, addresses: [10.0.0.2/24]}}}
"""
FAR_APART = APART.replace("10.0.0.1/24", "10.0.0.1/24, 'fd00::1/64'").replace(
    "10.0.0.2/24", "10.0.1.2/24, 'fd01::2/64'"
)
TWO_CHILDREN = """\
name: two-children
switches: {lan: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.1/24]}
      c1: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.2/24]}
      c2: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.3/24]}
"""
SAME_MAC = TWICE.replace("10.0.0.1/24]", '10.0.0.1/24], mac: "02:00:00:00:00:01"', 1).replace(
    "[10.0.0.1/24]}", '[10.0.0.2/24], mac: "02:00:00:00:00:01"}'
)


def routed(a: str = "", b: str = "", forward: int = 0) -> str:
    return ROUTER.replace("AROUTE", a).replace("BROUTE", b).replace("FORWARD", str(forward))


BY_R, BACK_BY_R = "{to: default, via: 10.0.0.254}", "{to: default, via: 10.0.1.254}"


@pytest.mark.parametrize(
    ("text", "pair", "layer", "rule", "at"),
    [
        (SUBNETS, "A:eth0 B:eth0", "icmp", "ip/no-route-back", "B, echo reply"),
        (SUBNETS, "A:eth0 B:eth0", "udp", "ip/no-route-back", "B, UDP reply"),
        (SUBNETS, "A B", "icmp", "ip/unreachable", "A, echo request (ENETUNREACH: no route)"),
        (ONE_WAY, "A B", "tcp6", "ipv6/no-route-back", "B, TCP SYN-ACK"),
        (ONE_WAY, "A B", "udp6", "ipv6/no-route-back", "B, UDP reply"),
        (ONE_WAY, "B:eth0 A:eth0", "tcp6", "ipv6/unreachable", "B:eth0, TCP SYN"),
        (ONE_WAY, "B A", "tcp6", "ipv6/unreachable", "B, TCP SYN (ENETUNREACH: no route)"),
        (routed(), "A:eth0 B:eth0", "icmp", "ip/bound-means-on-link", "A:eth0, echo request"),
        (routed(), "A B", "icmp", "ip/unreachable", "A, echo request (ENETUNREACH: no route)"),
        (routed(BY_R, BACK_BY_R), "A B", "icmp", "ip/not-forwarding", "R:eth0, echo request"),
        (routed(BY_R, "", 1), "A B", "tcp", "ip/no-route-back", "B, TCP SYN-ACK"),
        (routed("{to: default, via: 10.0.0.9}", BACK_BY_R, 1), "A B", "icmp", "arp/not-here", "R:eth0, ARP request"),
        (TWICE, "A:eth0 B:eth0", "icmp-static", "ip/own-address-by-loopback", "A:lo, echo request"),
        (TWICE, "C A", "icmp", "neigh/another-machine-answers", "B:eth0, echo request"),
        (TWICE, "C A", "tcp", "neigh/another-machine-answers", "B, TCP SYN"),
        (APART, "A B", "icmp", "link/apart", "A:eth0, echo request"),
        (APART, "A B", "broadcast", "link/apart", "A:eth0, frame"),
        *((APART, "A B", layer, "link/apart", "A:eth0, ") for layer in ("arp", "unicast", "tcp", "udp", "icmp-static")),
        (FAR_APART, "A:eth0 B:eth0", "icmp", "link/apart", "A:eth0, echo request (it is on s1, B:eth0 on s2)"),
        (FAR_APART, "A:eth0 B:eth0", "udp", "link/apart", "A:eth0, UDP request"),
        (FAR_APART, "A:eth0 B:eth0", "icmp6", "link/apart", "A:eth0, echo request"),
        (FAR_APART, "A B", "icmp", "link/apart", "A, echo request (nothing joins A and B)"),
        *((TWO_CHILDREN, "A:c1 A:c2", layer, "ip/local-source-refused", "A:c2, ") for layer in ("icmp", "tcp", "arp")),
        (SAME_MAC, "A B", "icmp", "bridge/same-mac-twice", "port(B:eth0), ARP reply"),
        (siblings("bridge", ", port: {attached: off}"), "B A/web", "icmp", "bridge/port-detached", "port(A:eth0)"),
        (siblings("bridge", ", state: down"), "B A/web", "icmp", "link/no-carrier", "A/web:eth0"),
        (siblings("vepa"), "A/web A/db", "icmp", "bridge/no-reflection", "port(A:eth0), ARP request"),
        (siblings("source"), "A/web B", "icmp", "macvlan/source-not-by-mac", "A/web:eth0, ARP reply"),
        (siblings("bridge"), "A A/web", "unicast", "macvlan/parent-tx-skips-children", "A:eth0, frame"),
        (siblings("bridge"), "A/web A", "icmp", "macvlan/child-tx-skips-parent", "A/web:eth0, ARP request"),
    ],
)
def test_the_cause(text: str, pair: str, layer: str, rule: str, at: str) -> None:
    """The rule in the headline is why it fails, with the interface and the packet by which it does."""
    told = ask(text, *pair.split(), layer=layer)
    assert (told.letter, told.rule) == ("U", rule)
    assert told.place.startswith(at)


def test_a_passthru_child_keeps_what_is_its_parents() -> None:
    """That the parent gets nothing is the passthru child's doing, and it can only be made anew."""
    text = siblings("passthru")
    text = "\n".join(line for line in text.splitlines() if " db:" not in line)
    told = ask(text, "B", "A")
    assert (told.letter, told.rule) == ("U", "macvlan/passthru-takes-unicast")
    assert first(told.fixes[0])["delete"] == ["A/web:eth0"]


def test_an_unanswered_question_ends_where_it_is_heard() -> None:
    """ARP for an address that is elsewhere ends at whoever hears it and doesn't have it."""
    ends = [hop for hop in ask(routed(), "A:eth0", "B:eth0").hops if hop.end]
    assert [(hop.phase, hop.at, hop.rule) for hop in ends] == [("arp-request", "R:eth0", "arp/not-here")]
    assert "10.0.1.2" in ends[0].what
    six = ask(APART.replace("10.0.0.1/24", "fd00::1/64").replace("10.0.0.2/24", "fd00::2/64"), "A", "B").hops[-1]
    assert (six.phase, six.at, six.end) == ("ns", "A:eth0", True)
    assert "fd00::2, and nobody hears it" in six.what


def steps(told: Explanation, k: int = 0) -> list[dict[str, object]]:
    made: list[dict[str, object]] = yaml.safe_load(told.fixes[k].steps)
    return made


@pytest.mark.parametrize(("source", "destination", "letter"), [("A", "A/web", "R"), ("A/web", "A", "A")])
def test_a_host_and_its_container(source: str, destination: str, letter: str) -> None:
    """In both directions the first offer is a child for the host and a route to the container by it."""
    told = ask(siblings("bridge"), source, destination)
    add, route = steps(told)
    assert add["add"] == {
        "hosts": {
            "A": {
                "interfaces": {
                    "shim": {"type": "macvlan", "parent": "eth0", "mode": "bridge", "addresses": ["10.0.0.254/32"]}
                }
            }
        }
    }
    assert route["set"] == {"A": {"routes": [{"to": "10.0.0.2/32", "dev": "shim"}]}}
    assert told.fixes[0].letter == letter


def test_the_demo_has_a_shim_in_both_directions() -> None:
    """A child that lives with its parent is moved away first; then the shim is the first offer both ways."""
    from netlab import plan, spec, why

    loaded = spec.load(spec.find("bridge-two-node"))
    resolved = plan.resolve(loaded)
    for pair in (("A:ens160", "A:ens160.1"), ("A:ens160.1", "A:ens160")):
        fix = why.explain(loaded, resolved, *pair).fixes[0]
        assert "shim:" in fix.steps
        assert "to: 192.168.26.141/32, dev: shim" in fix.steps


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (routed(BY_R, BACK_BY_R), {"R": {"sysctls": {"net.ipv4.ip_forward": 1}}}),
        (routed(BY_R, "", 1), {"B": {"routes": [{"to": "default", "via": "10.0.1.254"}]}}),
        (
            routed("{to: default, via: 10.0.0.9}", BACK_BY_R, 1),
            {"A": {"routes": [{"to": "default", "via": "10.0.0.254"}]}},
        ),
        (
            routed(),
            {
                "A": {"routes": [{"to": "default", "via": "10.0.0.254"}]},
                "B": {"routes": [{"to": "default", "via": "10.0.1.254"}]},
                "R": {"sysctls": {"net.ipv4.ip_forward": 1}},
            },
        ),
    ],
)
def test_by_a_router(text: str, wanted: object) -> None:
    """Exactly what is missing on the way through a router is offered: forwarding, routes, or both."""
    told = ask(text, "A", "B")
    assert [step["set"] for step in steps(told)] == [wanted]
    assert len(told.fixes) == 1


def test_several_things_at_once() -> None:
    """Where a link is down, a router doesn't forward and routes are missing, all of it is one offer."""
    told = ask(routed(), "A", "B", step="dark")
    assert told.place == "A:eth0, echo request"
    [step] = steps(told)
    assert step["set"] == {
        "A:eth0": {"state": "up"},
        "R": {"sysctls": {"net.ipv4.ip_forward": 1}},
        "A": {"routes": [{"to": "default", "via": "10.0.0.254"}]},
        "B": {"routes": [{"to": "default", "via": "10.0.1.254"}]},
    }


def test_into_one_subnet() -> None:
    """Two subnets on one link: an address of the other's subnet that ends alike, or routes without a gateway."""
    told = ask(SUBNETS, "A", "B")
    assert first(told.fixes[0])["set"] == {"B:eth0": {"addresses": ["10.0.0.2/24"]}}
    assert first(told.fixes[-1])["set"]["A"] == {"routes": [{"to": "10.0.1.2/32", "dev": "eth0"}]}


def test_two_prefixes() -> None:
    """Where the ends disagree on the size of their subnet, the larger prefix is the first offer."""
    told = ask(SUBNETS.replace("10.0.1.2/24", "10.0.0.130/25"), "A", "B")
    assert first(told.fixes[0])["set"] == {"B:eth0": {"addresses": ["10.0.0.130/24"]}}


def test_an_address_of_its_own() -> None:
    """An address that two have: one of them gets another that nobody has."""
    assert first(ask(TWICE, "A:eth0", "B:eth0").fixes[0])["set"] == {"B:eth0": {"addresses": ["10.0.0.254/24"]}}


def test_a_locked_port_stays_locked() -> None:
    """The MAC is admitted first; to unlock the port comes second."""
    told = ask(siblings("bridge", ", port: {locked: on, learning: off}"), "B", "A/web")
    assert [list(first(fix)["set"]["A:eth0"]["port"]) for fix in told.fixes] == [["fdb"], ["locked"]]


def test_nothing_more_than_needed() -> None:
    """Where another mode alone is enough, nobody is told to change it and to do something else besides."""
    told = ask(siblings("private", ", port: {hairpin: on}"), "A/web", "A")
    assert first(told.fixes[0])["set"] == {"A/web:eth0": {"mode": "bridge"}}
    assert not [fix for fix in told.fixes if "shim" in fix.steps]


@pytest.mark.parametrize(
    ("layer", "why"),
    [
        ("ndp", "B:eth0 has no IPv6 address"),
        ("arp", "10.0.1.2/24 is not in the subnet of A:eth0, 10.0.0.0/24: A:eth0 has no use for ARP"),
    ],
)
def test_why_a_layer_does_not_apply(layer: str, why: str) -> None:
    """A layer that has nothing to say of a pair says why."""
    told = ask(SUBNETS, "A", "B", layer=layer)
    assert (told.letter, told.unknown, told.fixes) == (".", why, ())


def test_nothing_superfluous_among_several() -> None:
    """Where two things are wrong, no offer holds a third that another offer does without."""
    text = siblings("vepa", ", mtu: 1400, port: {hairpin: off}").replace("10.0.0.4/24]", "10.0.0.4/24], mtu: 1400")
    told = ask(text, "A/web", "A/db", layer="icmp/1450")
    wanted = [{"A/web:eth0", "A/db:eth0", "A:eth0"}] * 2
    assert [set(first(fix)["set"]) for fix in told.fixes] == wanted
    assert ["mode" in fix.steps for fix in told.fixes] == [True, False]
    assert [fix for fix in told.fixes if "neighbors" in fix.steps] == []
