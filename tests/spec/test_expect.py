"""The grammar of expectations."""

from __future__ import annotations

import pytest

from netlab.contract.kernels import Version
from netlab.spec import TopologyError, load
from netlab.spec.expect import AnyEntry, Heard, Pair, Readback, Refused, Wire

HEAD = "hosts: {}\nexpect:\n"


def entries(*lines: str) -> tuple[AnyEntry, ...]:
    """The entries of a file whose expectations are these lines, the first of them line 3."""
    return load(HEAD + "\n".join(f"  - {line}" for line in lines) + "\n", "f").expect


def fault(line: str) -> str:
    """What is said of an entry that is wrong."""
    with pytest.raises(TopologyError) as caught:
        entries(line)
    assert len(caught.value.problems) == 1, caught.value
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "left", "right", "both", "layers", "outcome"),
    [
        ("A -> B: reachable", "A", "B", False, (), "reachable"),
        ("A:ens160 -> A/c1:eth0: unreachable", "A:ens160", "A/c1:eth0", False, (), "unreachable"),
        ("A <-> B: through-interface", "A", "B", True, (), "through-interface"),
        ("A -> B [icmp, tcp]: address-only", "A", "B", False, ("icmp", "tcp"), "address-only"),
        ("A -> B [tcp6, udp6]: reachable", "A", "B", False, ("tcp6", "udp6"), "reachable"),
        ("A -> B [tcp/80, udp6/053]: reachable", "A", "B", False, ("tcp/80", "udp6/53"), "reachable"),
        ("A -> 10.0.0.100: reachable", "A", "10.0.0.100", False, (), "reachable"),
        ("A -> fd00::100 [tcp6/443]: reachable", "A", "fd00::100", False, ("tcp6/443",), "reachable"),
        ("{from: A, to: 'fd00::1', layers: [tcp6/1], is: reachable}", "A", "fd00::1", False, ("tcp6/1",), "reachable"),
        ("A->B[icmp,icmp6/1280]: reachable", "A", "B", False, ("icmp", "icmp6/1280"), "reachable"),
        ('"A -> B: reachable"', "A", "B", False, (), "reachable"),
        ("A → B [icmp]: reachable", "A", "B", False, ("icmp",), "reachable"),
        ("A↔B: reachable", "A", "B", True, (), "reachable"),
        ('"*:eth0 -> web-? [ arp ]: reachable"', "*:eth0", "web-?", False, ("arp",), "reachable"),
        ('"*:eth0 -> any": reachable', "*:eth0", "any", False, (), "reachable"),
        ("any -> A/any: reachable", "any", "A/any", False, (), "reachable"),
        ("web-* -> any:eth0: reachable", "web-*", "any:eth0", False, (), "reachable"),
        ("A:eth0@fd00::1 -> B [icmp6]: reachable", "A:eth0@fd00::1", "B", False, ("icmp6",), "reachable"),
        ("{from: A, to: B, layers: [icmp], is: reachable}", "A", "B", False, ("icmp",), "reachable"),
        ("{from: A, to: B, layers: icmp/1472, is: reachable}", "A", "B", False, ("icmp/1472",), "reachable"),
        ("{from: 1, to: no, is: unreachable}", "1", "no", False, (), "unreachable"),
    ],
)
def test_pairs(line: str, left: str, right: str, both: bool, layers: tuple[str, ...], outcome: str) -> None:
    """A pair is read the same in block style, quoted, and as a mapping."""
    (entry,) = entries(line)
    assert isinstance(entry, Pair)
    assert (entry.left, entry.right, entry.both, entry.layers, entry.outcome) == (
        left,
        right,
        both,
        layers,
        outcome,
    )
    assert str(entry.where) == "f:3:5"


def test_the_text_of_an_entry_is_kept() -> None:
    """An entry keeps the text that its author wrote, the mapping form in its short form."""
    found = entries("A -> B [icmp]: reachable", "{from: A, to: B, is: reachable}", "A:e: {addresses: [], mtu: 1400}")
    assert [entry.text for entry in found] == [
        "A -> B [icmp]: reachable",
        "A -> B: reachable",
        "A:e: {addresses: [], mtu: 1400}",
    ]


def test_the_other_entries() -> None:
    """Wires, listeners, values read back and refusals have their own forms."""
    wire, heard, only, state, refused, later = entries(
        "A/c1 -> A/c2 [icmp]: not-on-wire",
        "A/c1 [broadcast]: {heard-by: [A:eth0, port(B:eth0)]}",
        "A/c1:eth0 [broadcast]: {heard-only-by: []}",
        "A/c1:eth0: {mode: vepa, mac: =A:eth0, addresses: [10.0.0.1/24]}",
        "A:x: {refused: EINVAL, at: create}",
        "A:y: {refused: EBUSY}",
    )
    assert isinstance(wire, Wire)
    assert (wire.left, wire.right, wire.layer, wire.on_wire) == ("A/c1", "A/c2", "icmp", False)
    assert isinstance(heard, Heard)
    assert [name for name, _ in heard.listeners] == ["A:eth0", "port(B:eth0)"]
    assert str(heard.listeners[1][1]) == "f:4:43"
    assert not heard.only
    assert isinstance(only, Heard)
    assert only.only
    assert only.listeners == ()
    assert isinstance(state, Readback)
    assert [(key, value) for key, value, _ in state.values] == [
        ("mode", "vepa"),
        ("mac", "=A:eth0"),
        ("addresses", ("10.0.0.1/24",)),
    ]
    assert isinstance(refused, Refused)
    assert (refused.target, refused.errno, refused.at) == ("A:x", "EINVAL", "create")
    assert isinstance(later, Refused)
    assert later.at is None


def test_entries_of_some_kernels() -> None:
    """A list of entries may be for the versions of Linux from one on, or to before another; 6.10 is after 6.9."""
    plain, one, two, last = entries(
        "A -> B: reachable",
        "{since: 6.10, until: 7.2, expect: ['A -> B: unreachable', 'A -> B [arp]: reachable']}",
        "{until: 6.9, expect: ['B -> A: reachable']}",
    )
    held = [(6, 8), (6, 9), (6, 10), (7, 1), (7, 2)]
    assert all(plain.holds(Version(*version)) for version in held)
    for entry in (one, two):
        assert [entry.holds(Version(*version)) for version in held] == [False, False, True, True, False]
    assert [last.holds(Version(*version)) for version in held] == [True, False, False, False, False]
    assert (one.text, str(two.where)) == ("A -> B: unreachable", "f:4:63")


@pytest.mark.parametrize(
    ("line", "where", "what", "hint"),
    [
        ("A -> B:reachable", "f:3:5", "a space is missing after the colon", "write 'A -> B: reachable'"),
        ("A -> B", "f:3:5", "has no outcome", "': reachable'"),
        ("A -> B:", "f:3:12", "has no outcome", "'reachable'"),
        ("A -> B: reachabel", "f:3:13", "'reachabel' is not an outcome", "did you mean 'reachable'?"),
        ("A -> B: [reachable]", "f:3:13", "a list is no outcome", ""),
        ("A -> B: {is: reachable}", "f:3:13", "a pair has an outcome, not a mapping", "reachable"),
        ("A -> B [icpm]: reachable", "f:3:13", "'icpm' is not a layer", "did you mean 'icmp'?"),
        ("A -> B [icmp, tpc]: reachable", "f:3:19", "'tpc' is not a layer", "did you mean 'tcp'?"),
        ("A -> B []: reachable", "f:3:13", "'' is not a layer", ""),
        ("A -> B [icmp/12]: reachable", "f:3:13", "12 bytes are no size", "28 to 65535"),
        ("A -> B [tcp/0]: reachable", "f:3:13", "0 is no port", "1 to 65535"),
        ("A -> B [udp6/65536]: reachable", "f:3:13", "65536 is no port", "1 to 65535"),
        ("A -> B [tcp/http]: reachable", "f:3:13", "'tcp/http' is not a layer", "a number goes there"),
        ("A -> B [tcp/]: reachable", "f:3:13", "'tcp/' is not a layer", "a number goes there"),
        ("A -> B [arp/80]: reachable", "f:3:13", "'arp/80' is not a layer", "arp has neither size nor port"),
        ("A -> B [tpc/80]: reachable", "f:3:13", "'tpc/80' is not a layer", "did you mean 'tcp'?"),
        ("A -> B [host:icmp]: reachable", "f:3:13", "'host:icmp' is not a layer", "A -> B [icmp]"),
        ("A -> B [icmp] [tcp]: reachable", "f:3:19", "is not an expectation", "one pair of brackets"),
        ("A --> B: reachable", "f:3:7", "is not an expectation", "the arrows are '->' and '<->'"),
        ("A ⇒ B: reachable", "f:3:7", "is not an expectation", "the arrows are '->' and '<->'"),
        ("A -> B： reachable", "f:3:11", "the colon is a full-width one", "write 'A -> B: reachable'"),
        ("A => B: reachable", "f:3:7", "is not an expectation", "the arrows are '->' and '<->'"),
        ("A: reachable", "f:3:5", "'A' is one endpoint", "an outcome needs two"),
        ("A:eth0: down", "f:3:13", "'down' says nothing of A:eth0", "{state: down}"),
        ("A -> B: on-wire", "f:3:5", "'on-wire' needs its layer", "[icmp]: on-wire"),
        ("A <-> B [icmp]: on-wire", "f:3:5", "goes one way only", "write '->'"),
        ("A: {heard-by: [B]}", "f:3:5", "is about broadcasts", "write 'A [broadcast]:'"),
        ("A [icmp]: {heard-by: [B]}", "f:3:5", "is about broadcasts", "write 'A [broadcast]:'"),
        ("A [broadcast]: {heard-by: B}", "f:3:31", "'heard-by' is a list", "port(A:ens160)"),
        ("A [broadcast]: {heard-by: [B], heard-only-by: [B]}", "f:3:20", "stands alone", "two entries"),
        ("A [broadcast]: {heard-by: [[B]]}", "f:3:32", "a listener is an endpoint", ""),
        ("A:x: {refused: EINVL}", "f:3:20", "'EINVL' is not the name of an errno", "did you mean 'EINVAL'?"),
        ("A:x: {refused: EINVAL, at: start}", "f:3:32", "'start' is not a moment", "create, up or set"),
        ("A:x: {refused: EINVAL, when: up}", "f:3:28", "unknown key 'when'", ""),
        ("A:x: {}", "f:3:10", "an empty mapping expects nothing", ""),
        ("A:x: {mode: }", "f:3:17", "the value of 'mode' is missing", ""),
        ("A:x [icmp]: {mode: vepa}", "f:3:5", "layers belong to a pair", ""),
        ("{from: A, to: B}", "f:3:5", "'is' is missing", "is: reachable"),
        (
            "{from: A, to: B, is: reachable, layer: icmp}",
            "f:3:37",
            "unknown key 'layer'",
            "did you mean 'layers'?",
        ),
        ("{from: A, to: [B], is: reachable}", "f:3:19", "'to' must be one value", ""),
        (
            "{A -> B: reachable, C -> D: reachable}",
            "f:3:25",
            "one expectation has one key",
            "begin each with '- '",
        ),
        ("{}", "f:3:5", "an empty expectation", ""),
        ("{expect: [x]}", "f:3:6", "'since' or 'until' is missing", "until: 7.2"),
        ("{since: new, expect: []}", "f:3:13", "'new' is no version of Linux", "6.12"),
        ("{since: 7.2, expect: x}", "f:3:18", "'expect' here is a list", "entries"),
        ("{sinc: 7.2, expect: []}", "f:3:6", "unknown key 'sinc'", "did you mean 'since'?"),
        ("{since: 7.2, expect: [{until: 7.3, expect: []}]}", "f:3:18", "inside of others", "one list"),
        ("[A, B]", "f:3:5", "a list is no expectation", ""),
        ("", "f:3:4", "an expectation is missing", ""),
    ],
)
def test_what_is_refused(line: str, where: str, what: str, hint: str) -> None:
    """A faulty entry is refused at its faulty part, with what would be right."""
    message = fault(line)
    assert message.startswith(f"{where}: "), message
    assert what in message
    assert hint in message


def test_an_endless_entry_is_refused_quickly() -> None:
    """A text that would make the grammar look at every pair of its spaces is refused for its length."""
    assert "an expectation of 60002 characters" in fault("'A" + " " * 60_000 + "x'")


def test_a_message_does_not_repeat_an_endless_text() -> None:
    """What a message quotes of the file is cut to a readable length."""
    with pytest.raises(TopologyError) as caught:
        load(f"hosts: {{A: {{interfaces: {{e: {{state: {'x' * 50_000}}}}}}}}}\n", "f")
    assert len(str(caught.value)) < 1000


def test_all_faults_are_reported() -> None:
    """Each faulty entry has its own line in one error, in steps and claims, too."""
    text = """\
hosts: {}
expect:
  - A -> B: maybe
steps:
  - name: s
    expect:
      - A -> B:reachable
claims:
  - number: 24b
    says: x
    test:
      s:
        - A -> B [x]: reachable
"""
    with pytest.raises(TopologyError) as caught:
        load(text, "f")
    assert [problem.where.line for problem in caught.value.problems] == [3, 7, 13]
