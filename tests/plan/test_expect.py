"""Expectations against a plan: endpoints, patterns, layers, claims."""

from __future__ import annotations

import pytest

from netlab.contract.types import (
    AnyExpectation,
    ExpectHeard,
    ExpectPair,
    ExpectRefused,
    ExpectState,
    ExpectWire,
)
from netlab.plan.planner import Planner
from netlab.spec.nodes import compose
from tests.plan.labs import TWO, plan

#: More of everything: an interface without an address, a further address, replicas.
MORE = (
    TWO
    + """\
  web:
    replicas: 2
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.20/24, 10.1.0.20/24]}
      eth1: {switch: lan}
"""
)


def expect(*lines: str, head: str = TWO) -> tuple[AnyExpectation, ...]:
    """The expectations of a baseline."""
    return plan(head + "expect:\n" + "".join(f"  - {line}\n" for line in lines)).steps[0].expect


def pairs(line: str, head: str = TWO) -> list[tuple[str, str]]:
    """The pairs that one entry means, on its only set of layers."""
    (entry,) = expect(line, head=head)
    assert isinstance(entry, (ExpectPair, ExpectWire))
    return list(entry.pairs)


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("A -> B: reachable", [("A", "B:eth0")]),
        ("A:eth0 -> B: reachable", [("A:eth0", "B:eth0")]),
        ("A/c1:eth0 -> B:eth0: reachable", [("A/c1:eth0", "B:eth0")]),
        ("A/c1 <-> A/c2: reachable", [("A/c1", "A/c2:eth0"), ("A/c2", "A/c1:eth0")]),
        ("A/any -> B: reachable", [("A/c1", "B:eth0"), ("A/c2", "B:eth0")]),
        ("A/c? -> A/c1: reachable", [("A/c2", "A/c1:eth0")]),
        ("'*:eth0 -> A/c1: reachable'", [("A:eth0", "A/c1:eth0"), ("B:eth0", "A/c1:eth0")]),
        ("B -> any: reachable", [("B", "A:eth0"), ("B", "A/c1:eth0"), ("B", "A/c2:eth0")]),
        ("B -> any:eth0: reachable", [("B", "A:eth0"), ("B", "A/c1:eth0"), ("B", "A/c2:eth0")]),
        ("any -> B: reachable", [("A", "B:eth0"), ("A/c1", "B:eth0"), ("A/c2", "B:eth0")]),
        ("B -> B:eth0: address-only", [("B", "B:eth0")]),
        ("'*/* -> B [icmp]: on-wire'", [("A/c1:eth0", "B:eth0"), ("A/c2:eth0", "B:eth0")]),
        ("B -> A [arp]: reachable", [("B:eth0", "A:eth0")]),
        ("{from: A, to: B, is: reachable}", [("A", "B:eth0")]),
        ("A -> 10.0.0.100: reachable", [("A", "10.0.0.100")]),
        ("A -> 10.0.0.2: reachable", [("A", "10.0.0.2")]),
        ("A:eth0 -> 10.0.0.2: reachable", [("A:eth0", "B:eth0")]),
        ("any -> 10.0.0.2: reachable", [("A", "10.0.0.2"), ("A/c1", "10.0.0.2"), ("A/c2", "10.0.0.2")]),
        ("A -> 10.0.0.2 [icmp]: on-wire", [("A:eth0", "B:eth0")]),
    ],
)
def test_sides(line: str, meant: list[tuple[str, str]]) -> None:
    """Names alone, patterns and any ask as hosts, and mean endpoints on the right; none is paired with itself."""
    assert pairs(line) == meant


def test_any_means_every_endpoint() -> None:
    """Any is every host on the left and every endpoint on the right, but on a link's layers every endpoint, too."""
    meant = pairs("any -> any [icmp]: reachable", MORE)
    with_v4 = ["A:eth0", "A/c1:eth0", "A/c2:eth0", "B:eth0", "web-1:eth0", "web-1:eth0@10.1.0.20"]
    with_v4 += ["web-2:eth0", "web-2:eth0@10.1.0.21"]
    hosts = ["A", "A/c1", "A/c2", "B", "web-1", "web-2"]
    assert meant == [(s, d) for s in hosts for d in with_v4 if s != d.partition(":")[0]]
    frames = pairs("any -> any [unicast]: reachable", MORE)
    assert len(frames) == 8 * 7
    assert ("web-1:eth0", "web-1:eth1") in frames
    assert not any("@" in name for pair in frames for name in pair)
    bound = pairs("any:any -> any [icmp]: reachable", MORE)
    assert {source for source, _ in bound} == {"A:eth0", "A/c1:eth0", "A/c2:eth0", "B:eth0", "web-1:eth0", "web-2:eth0"}


def test_without_layers_a_pair_means_what_both_ends_have() -> None:
    """Pings of each family for the pairs that have such addresses, in one expectation where they are the same."""
    both = TWO.replace("[10.0.0.1/24]", "[10.0.0.1/24, fd00::1/64]")
    (one,) = expect("A -> B: reachable", head=both)
    assert isinstance(one, ExpectPair)
    assert one.layers == ("host:icmp", "host:icmp6")
    four, six = expect("any:any -> B: reachable", head=both)
    assert isinstance(four, ExpectPair)
    assert isinstance(six, ExpectPair)
    assert (four.layers, len(four.pairs)) == (("icmp",), 3)
    assert (six.layers, six.pairs) == (("icmp6",), (("A:eth0", "B:eth0"),))
    assert four.text == six.text == "any:any -> B: reachable"


def test_both_ways_each_side_asks_as_it_is_written() -> None:
    """A host on one side asks as a program, the interface on the other as an interface; so do layers of links."""
    entries = expect("A <-> B:eth0 [icmp, tcp/80, arp, icmp/1472]: reachable")
    found = {layer: entry.pairs for entry in entries if isinstance(entry, ExpectPair) for layer in entry.layers}
    ours, theirs = ("A:eth0", "B:eth0"), ("B:eth0", "A:eth0")
    assert found == {
        **dict.fromkeys(("host:icmp", "host:tcp/80"), (("A", "B:eth0"),)),
        **dict.fromkeys(("icmp", "tcp/80"), (theirs,)),
        **dict.fromkeys(("arp", "icmp/1472"), (ours, theirs)),
    }


def test_addresses_asked_for_are_columns_of_every_step() -> None:
    """What hosts ask for anywhere in the file is a target in every state, with the interfaces that have it there."""
    made = plan(
        TWO
        + """\
expect:
  - A -> 10.0.0.2: reachable
  - A:eth0 -> 10.0.0.2: reachable
steps:
  - name: moved
    set: {A/c1:eth0: {addresses: [10.0.0.11/24, 10.0.0.100/24]}}
    expect: ["B -> 10.0.0.100: reachable", "any -> 10.0.0.2: reachable"]
claim:
  number: 1
  says: Nobody has it.
  test: {moved: ["B -> fd00:0::9: unreachable", "any -> 10.0.0.100: reachable"]}
"""
    )
    first, moved = (step.state.targets for step in made.steps)
    assert [(one.id, one.family, one.links) for one in first] == [
        ("10.0.0.2", 4, ("B:eth0",)),
        ("10.0.0.100", 4, ()),
        ("fd00::9", 6, ()),
    ]
    assert [one.links for one in moved] == [("B:eth0",), ("A/c1:eth0",), ()]


def test_layers_that_need_a_neighbour_leave_out_what_is_not_on_link() -> None:
    """A pattern on arp means the pairs on one prefix."""
    meant = pairs("B -> any [arp]: reachable", MORE)
    assert [target for _, target in meant] == ["A:eth0", "A/c1:eth0", "A/c2:eth0", "web-1:eth0", "web-2:eth0"]
    assert pairs("web-1:eth0@10.1.0.20 -> any [arp]: reachable", MORE) == [
        ("web-1:eth0@10.1.0.20", "web-2:eth0@10.1.0.21")
    ]


def test_an_entry_keeps_its_place_and_outcome() -> None:
    """Text, line and outcome go with the expectation, so that a verdict can name them."""
    entry = expect("A:eth0 -> B [icmp, icmp/1472, tcp]: through-interface")[0]
    assert isinstance(entry, ExpectPair)
    assert (entry.layers, entry.outcome) == (("icmp", "icmp/1472", "tcp"), "through-interface")
    assert str(entry.where) == "f:13:5"


def test_listeners() -> None:
    """Listeners are interfaces and switch ports; patterns of them are spelt out, the source left out."""
    some, exactly = expect(
        "A/c1 [broadcast]: {heard-by: [B, port(A:eth0), port(B)]}", "A [broadcast]: {heard-only-by: [any]}"
    )
    assert isinstance(some, ExpectHeard)
    assert (some.source, some.listeners, some.only) == ("A/c1:eth0", ("B:eth0", "port(A:eth0)", "port(B:eth0)"), False)
    assert isinstance(exactly, ExpectHeard)
    assert (exactly.listeners, exactly.only) == (("A/c1:eth0", "A/c2:eth0", "B:eth0"), True)


def test_values_read_back() -> None:
    """Values have the type in which they are read back; comparisons with another interface stay."""
    link, switch, port = expect(
        "A/c1:eth0: {mode: bridge, mac: '!A:eth0', mtu: 1500, carrier: on, "
        "addresses: [10.0.0.11/24], state: up, operstate: UP}",
        "lan: {carrier: true, mac: local-unicast}",
        "port(A): {hairpin: off, state: forwarding}",
    )
    assert isinstance(link, ExpectState)
    given = {"mode": "bridge", "mac": "!A:eth0", "mtu": 1500, "carrier": True, "state": "up", "operstate": "up"}
    assert dict(link.values) == {**given, "addresses": ("10.0.0.11/24",)}
    assert isinstance(switch, ExpectState)
    assert (switch.link, dict(switch.values)) == ("lan", {"carrier": True, "mac": "local-unicast"})
    assert isinstance(port, ExpectState)
    assert (port.link, dict(port.values)) == ("port(A:eth0)", {"hairpin": False, "state": "forwarding"})


def test_expectations_bind_their_own_step() -> None:
    """The top list binds the baseline, each step's its own."""
    made = plan(
        TWO
        + "expect:\n  - A -> B: reachable\n"
        + "steps:\n  - name: s\n    delete: [B]\n    expect:\n      - A -> A/c1: unreachable\n"
    )
    assert [[entry.text for entry in step.expect] for step in made.steps] == [
        ["A -> B: reachable"],
        ["A -> A/c1: unreachable"],
    ]


def test_claims() -> None:
    """A claim's tests belong to the baseline or to named steps, and may contradict what is expected."""
    made = plan(
        TWO
        + """\
expect:
  - B -> A/c1: address-only
  - A/c2:eth0: {mode: bridge}
steps:
  - name: later
    set: {A:eth0: {state: down}}
claim:
  number: 24b
  says: B reaches the child.
  test:
    - B -> A/c1: through-interface
    - A/c2:eth0: {refused: EINVAL, at: create}
claims:
  - number: 8
    says: All fail together.
    test: {later: ["A/c1 -> A/c2: unreachable"], baseline: ["A/c1 -> A/c2: reachable"]}
"""
    )
    first, second = made.claims
    assert (first.number, first.says) == ("24b", "B reaches the child.")
    assert [(step, type(entry)) for step, entry in first.tests] == [
        ("baseline", ExpectPair),
        ("baseline", ExpectRefused),
    ]
    assert [(step, entry.text) for step, entry in second.tests] == [
        ("later", "A/c1 -> A/c2: unreachable"),
        ("baseline", "A/c1 -> A/c2: reachable"),
    ]


def test_addresses_asked_for_later_are_columns_from_then_on() -> None:
    """An entry that is asked of a lab that is up adds its address to the current state, and to those that follow."""
    root = compose(TWO, "f")
    planner = Planner(root, "f")
    (entry,) = planner.asked(compose("- B -> 10.0.0.100 [tcp/80]: unreachable\n", "g"))
    assert isinstance(entry, ExpectPair)
    assert (entry.layers, entry.pairs) == (("host:tcp/80",), (("B", "10.0.0.100"),))
    assert planner.current.state.column("host:tcp/80", "10.0.0.100") == len(planner.current.state.endpoints)
    step = compose("name: s\nset: {A:eth0: {addresses: [10.0.0.100/24]}}\n", "h")
    assert [one.links for one in planner.step(step).steps[1].state.targets] == [("A:eth0",)]
