"""Children in their parent's own namespace: ARP flux, refused sources, the way of the reply."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from netlab.model import predict
from netlab.plan import from_file
from tests.model.lab import Lab, letter, letters

P, C, B = "A:eth0", "A:c", "B:eth0"


def demo(first: str = "P", hairpin: bool = False, mode: str = "bridge", **sysctls: int) -> Lab:
    """The article's set-up; ``first`` is whose connected route is older."""
    lab = Lab().veth(P, "10.0.0.149/24", port={"hairpin": hairpin})
    lab.child(C, P, mode, "10.0.0.141/24").veth(B, "10.0.0.106/24")
    order = [(P, "10.0.0.149"), (C, "10.0.0.141")]
    lab.addressed(*(order if first == "P" else reversed(order)))
    for key, value in sysctls.items():
        lab.sysctl("A", f"all/{key}", value)
    return lab


# By order of addresses, arp_ignore, arp_filter, rp_filter: B -> child, B -> parent, child -> B, parent -> B.
# "both / P" is a race that the parent usually wins; "P" and "C" are who answers alone.
TABLE = {
    ("P", (0,), 0, (0, 2)): "BBRR",
    ("P", (0,), 0, (1,)): "ARUR",
    ("P", (0,), 1, (0, 2)): "ARRR",
    ("P", (0,), 1, (1,)): "ARUR",
    ("P", (1, 2), 0, (0, 2)): "RRRR",
    ("P", (1, 2), 0, (1,)): "URUR",
    ("P", (1, 2), 1, (0, 2)): "URRR",
    ("P", (1, 2), 1, (1,)): "URUR",
    ("C", (0,), 0, (0, 2)): "BBRR",
    ("C", (0,), 0, (1,)): "RARU",
    ("C", (0,), 1, (0, 2)): "RARR",
    ("C", (0,), 1, (1,)): "RARU",
    ("C", (1, 2), 0, (0, 2)): "RRRR",
    ("C", (1, 2), 0, (1,)): "RURU",
    ("C", (1, 2), 1, (0, 2)): "RURR",
    ("C", (1, 2), 1, (1,)): "RURU",
}
CASES = [
    (first, ignore, flt, rp, expected)
    for (first, ignores, flt, rps), expected in TABLE.items()
    for ignore, rp in itertools.product(ignores, rps)
]


@pytest.mark.parametrize(("first", "ignore", "flt", "rp", "expected"), CASES)
def test_arp_settings(first: str, ignore: int, flt: int, rp: int, expected: str) -> None:
    """Who answers B, and who reaches it, by order of addresses, arp_ignore, arp_filter and rp_filter."""
    state = demo(first, arp_ignore=ignore, arp_filter=flt, rp_filter=rp).state()
    for layer in ("icmp", "tcp", "udp"):
        found = letters(state, layer)
        assert "".join(found[pair] for pair in ((B, C), (B, P), (C, B), (P, B))) == expected


def test_both_answer_arp() -> None:
    """By default parent and child both answer for either address, the child with a MAC of its own."""
    found = letters(demo().state(), "arp")
    assert found[B, C] == found[B, P] == "R"
    found = letters(demo("P", arp_filter=1).state(), "arp")
    assert (found[B, C], found[B, P]) == ("A", "R")


def test_the_story_of_the_demo() -> None:
    """When B pings the child, the parent answers first: the story says so, and that it is a race."""
    state = demo().state()
    story = predict(state, ("icmp",)).story("icmp", state.index[B], state.index[C])
    assert (story.letter, story.rule) == ("B", "arp/any-interface-answers")
    assert story.path == ("B:eth0", "port(B:eth0)", "port(A:eth0)", "A:eth0")
    assert story.hops[-1].rule == "macvlan/broadcast-queue-races"
    assert any(hop.rule == "neigh/first-reply-wins" for hop in story.hops)


@pytest.mark.parametrize("hairpin", [False, True])
def test_own_addresses_are_refused(hairpin: bool) -> None:
    """Parent and child in one namespace don't reach each other: accept_local=0 refuses the request (N-2, N-3)."""
    found = letters(demo(hairpin=hairpin).state(), "icmp")
    assert found[P, C] == found[C, P] == "U"


@pytest.mark.parametrize(
    ("mode", "hairpin", "parent_child", "child_parent", "siblings"),
    [
        ("bridge", False, "U", "U", "R"),
        ("bridge", True, "R", "R", "R"),
        ("vepa", False, "U", "U", "U"),
        ("vepa", True, "R", "R", "R"),
        ("private", False, "U", "U", "U"),
        ("private", True, "R", "U", "U"),
    ],
)
def test_the_faithful_settings(mode: str, hairpin: bool, parent_child: str, child_parent: str, siblings: str) -> None:
    """With accept_local, arp_ignore=1 and arp_announce=2 the result is that of namespaces of their own (N-5)."""
    lab = demo("P", hairpin, mode, accept_local=1, arp_ignore=1, arp_announce=2)
    found = letters(lab.child("A:d", P, mode, "10.0.0.142/24").state(), "icmp")
    assert (found[P, C], found[C, P], found[C, "A:d"]) == (parent_child, child_parent, siblings)


def test_the_parent_answers_for_the_child_by_reflection() -> None:
    """With accept_local=1 and arp_ignore=0 and a hairpin the parent may reach itself (N-4)."""
    found = letters(demo(hairpin=True, accept_local=1).state(), "icmp")
    assert found[P, C] == "B"
    assert letters(demo(hairpin=True, mode="private", accept_local=1).state(), "icmp")[C, P] == "A"


@pytest.mark.parametrize(
    ("accept", "rp", "hairpin", "parent_child", "child_parent"),
    [
        (0, 0, True, "U", "U"),
        (0, 2, True, "U", "U"),
        (1, 0, False, "U", "U"),
        (1, 0, True, "B", "R"),
        (1, 1, True, "A", "U"),
        (1, 2, True, "B", "R"),
    ],
)
def test_accept_local_and_rp_filter(accept: int, rp: int, hairpin: bool, parent_child: str, child_parent: str) -> None:
    """accept_local lets own addresses in from the wire; rp_filter=1 then refuses all but by the route back."""
    lab = demo(hairpin=hairpin, accept_local=accept, rp_filter=rp).kernel(7, 0)
    found = letters(lab.state(), "icmp")
    assert (found[P, C], found[C, P]) == (parent_child, child_parent)
    # The child hears its own question from Linux 7.1 on, and answers in its parent's place, or faster.
    answered = {"R": "B", "U": "A"}[child_parent] if parent_child != "U" else "U"
    found = letters(lab.kernel(7, 1).state(), "icmp")
    assert (found[P, C], found[C, P]) == (parent_child, answered)


@pytest.mark.parametrize(("accept", "rp", "expected"), [(0, 0, "U"), (1, 0, "R"), (1, 1, "U"), (1, 2, "R")])
def test_bridge_siblings_beside_their_parent(accept: int, rp: int, expected: str) -> None:
    """Bridge siblings in one namespace meet only with accept_local, and not under rp_filter=1 (N-5)."""
    lab = demo("P", accept_local=accept, rp_filter=rp, arp_ignore=1, arp_announce=2)
    assert letter(lab.child("A:d", P, "bridge", "10.0.0.142/24").state(), "icmp", C, "A:d") == expected


def test_policy_rules_mend_strict_filtering() -> None:
    """With a table and a rule per address, arp_ignore=1 and arp_announce=2, B and both interfaces meet (N-10)."""
    for rp in (0, 1, 2):
        lab = demo("P", arp_ignore=1, arp_announce=2, rp_filter=rp)
        for table, (dev, ip) in enumerate((("eth0", "10.0.0.149"), ("c", "10.0.0.141")), 100):
            lab.route("A", "10.0.0.0/24", dev=dev, table=table)
            lab.rule("A", table=table, priority=table, src=f"{ip}/32")
        found = letters(lab.state(), "icmp")
        assert [found[pair] for pair in ((B, C), (B, P), (C, B), (P, B))] == ["R"] * 4


def test_ipv6_has_no_flux() -> None:
    """In IPv6 every interface answers for itself: B finds the child, and with a hairpin so does the parent (V-6)."""
    for hairpin, expected in ((False, "U"), (True, "R")):
        lab = Lab().veth(P, "fd00::1/64", port={"hairpin": hairpin}).child(C, P, "vepa", "fd00::2/64")
        state = lab.veth(B, "fd00::3/64").state()
        for layer in ("icmp6", "tcp6", "udp6"):
            found = letters(state, layer)
            assert found[B, C] == "R"
            assert found[P, C] == found[C, P] == expected


def test_a_further_address_of_the_same_interface() -> None:
    """A second address of S's own interface is reached by lo: another interface than its own."""
    state = Lab().veth("A:eth0", "10.0.0.1/24", "10.0.0.2/24").veth("B:eth0", "10.0.0.3/24").state()
    found = letters(state, "icmp")
    assert found["A:eth0", "A:eth0@10.0.0.2"] == "A"
    assert found["B:eth0", "A:eth0@10.0.0.2"] == "R"
    assert letters(state, "unicast")["B:eth0", "A:eth0@10.0.0.2"] == "."
    story = predict(state, ("icmp",)).story("icmp", 0, 1)
    assert story.rule == "ip/own-address-by-loopback"


def test_children_of_one_container_answer_in_a_known_order() -> None:
    """Two children in one container: one work item hands the request out by the hash of their MACs."""
    early, late = "02:00:00:00:00:02", "02:00:00:00:00:01"
    for macs, expected in (((early, late), "R"), ((late, early), "A")):
        lab = Lab().veth("A:eth0").veth("B:eth0", "10.0.0.1/24")
        for k, mac in enumerate(macs):
            lab.child(f"A/c:m{k}", "A:eth0", "bridge", f"10.0.0.{11 + k}/24", mac=mac)
        assert letter(lab.state(), "icmp", "B:eth0", "A/c:m0") == expected


def test_an_order_that_is_not_known_is_a_race() -> None:
    """Where the kernel chooses the MACs it isn't known which child is asked first: either may answer."""
    lab = Lab().veth("A:eth0").veth("B:eth0", "10.0.0.1/24")
    for k in range(2):
        lab.child(f"A/c:m{k}", "A:eth0", "bridge", f"10.0.0.{11 + k}/24", mac=None)
    assert letter(lab.state(), "icmp", "B:eth0", "A/c:m0") == "B"


@pytest.mark.parametrize(
    ("file", "source", "target", "reason"),
    [
        (
            "two-processors-and-a-reflected-request", "B/d3:eth0", "B:eth0",
            "a race within a host, in which what bridges learn decides",
        ),
        ("whom-a-full-table-knows", "B:eth0", "C:m5", "a race that can end in A or R or U"),
    ],
)  # fmt: skip
def test_a_forwarding_table_that_two_processors_teach(file: str, source: str, target: str, reason: str) -> None:
    """Where parent and child race to answer, and what a bridge learns meanwhile decides, the answer may be lost."""
    state = from_file(Path(__file__).parents[1] / f"fuzz/regressions/{file}.yaml").steps[0].state
    prediction = predict(state, ("icmp",))
    i, j = state.index[source], state.index[target]
    assert prediction.letters["icmp"][i][j] == "?"
    assert prediction.unknown["icmp", i, j] == reason


def test_a_server_that_looks_for_its_client() -> None:
    """A server may answer before its interface has heard the client's request, and then another may say who he is."""
    state = from_file(Path(__file__).parents[1] / "fuzz/regressions/who-asks-for-the-way-back.yaml").steps[0].state
    prediction = predict(state, ("udp",))
    i, j = state.index["B:eth0"], state.index["A:m4"]
    assert prediction.unknown["udp", i, j].endswith("or U")


def test_a_server_that_is_faster_than_its_queue() -> None:
    """It answers before it has heard who asked, has to ask for him, and may be told of another interface."""
    path = Path(__file__).parents[1] / "fuzz/regressions/server-faster-than-its-queue.yaml"
    state = from_file(path).steps[0].state
    prediction = predict(state, ("udp",))
    i, j = state.index["A:m0"], state.index["B:m1"]
    assert prediction.unknown["udp", i, j] == "a race that can end in R or U"


@pytest.mark.parametrize("layer", ["icmp", "tcp"])
def test_answers_on_two_processors(layer: str) -> None:
    """What a frame has queued may be done by another processor than the one that goes on with what follows it."""
    path = Path(__file__).parents[1] / "fuzz/regressions/answers-on-two-processors.yaml"
    state = from_file(path).steps[0].state
    prediction = predict(state, (layer,))
    i, j = state.index["B:eth1"], state.index["A/c4:m8"]
    assert prediction.unknown[layer, i, j].endswith("or U")


TWO_CHILDREN = """
switches: {{s1: {{}}}}
hosts:
  A:
    interfaces:
      eth0: {{switch: s1, addresses: [10.0.0.1/24]}}
      c1: {{type: macvlan, parent: eth0, addresses: [10.0.0.2/24], mac: {}}}
      c2: {{type: macvlan, parent: eth0, addresses: [10.0.0.3/24], mac: {}}}
  B: {{interfaces: {{eth0: {{switch: s1, addresses: [10.0.0.9/24]}}}}}}
"""


@pytest.mark.parametrize(
    ("macs", "expected"), [(("02:00:00:00:00:01", "02:00:00:00:00:02"), {"A", "B"}), (("auto", "auto"), {"B"})]
)
def test_the_child_that_is_visited_first_may_be_faster_than_the_parent(macs: list[str], expected: set[str]) -> None:
    """Of two children whose MACs are the kernel's that may be either, else it is the same one each time."""
    found = letters(from_file(TWO_CHILDREN.format(*macs), "f").steps[0].state, "icmp")
    assert {found[B, child] for child in ("A:c1", "A:c2")} == expected
