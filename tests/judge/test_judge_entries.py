"""Judging entries without cells of their own (wire, listeners, values, refusals), and claims."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from netlab.contract.observed import StepObserved
from netlab.contract.types import (
    Claim,
    ExpectHeard,
    ExpectPair,
    ExpectRefused,
    ExpectState,
    ExpectWire,
    State,
)
from netlab.judge import judge, weigh

from .conftest import WHERE, Model, PairMaker, make_step, seen

ICMP = ("icmp",)


def test_wire_entries(demo: State) -> None:
    """`on-wire` and `not-on-wire` are judged by the tap, and an unwatched wire is skipped."""
    rows = (".UR", "U.R", "RA.")
    where = {"text": "entry", "where": WHERE}
    on = ExpectWire(**where, pairs=(("A:ens160", "B:ens160"),), layer="icmp", on_wire=True)  # type: ignore[arg-type]
    off = replace(on, on_wire=False)
    step = make_step(demo, on, off)
    judged = judge(step, StepObserved((seen(*rows, wire=(" 11", "1 1", "11 ")),)), Model({"icmp": rows}))
    assert [entry.verdict for entry in judged.expectations] == ["P", "F"]
    assert [finding.kind for finding in judged.findings] == ["expectation"]
    assert judged.findings[0].where == "demo.yaml:7:5"
    unwatched = judge(step, StepObserved((seen(*rows),)), Model({"icmp": rows}))
    assert [entry.verdict for entry in unwatched.expectations] == ["S", "S"]
    unproved = judge(step, StepObserved((seen(*rows, wire=(" ??", "? ?", "?? ")),)), Model({"icmp": rows}))
    assert [entry.verdict for entry in unproved.expectations] == ["?", "?"]


def test_the_wire_against_the_model(demo: State) -> None:
    """A frame on the wire where the model keeps it inside is a finding."""
    rows = (".UR", "U.R", "RA.")
    model = Model({"icmp": rows}, wire={("icmp", 0, 2): True, ("icmp", 0, 1): False})
    judged = judge(make_step(demo), StepObserved((seen(*rows, wire=(" 11", "1 1", "11 ")),)), model)
    [finding] = judged.findings
    assert (finding.kind, finding.source, finding.destination) == ("wire", "A:ens160", "A:ens160.1")
    assert (finding.expected, finding.observed) == ("not on the wire", "on the wire")


@pytest.mark.parametrize(
    ("listeners", "only", "verdict", "detail"),
    [
        (("B:eth0",), False, "P", ""),
        (("B:eth0", "port(A:eth0)"), True, "P", ""),
        (("B:eth0",), True, "F", "also heard by port(A:eth0)"),
        (("C:eth0",), False, "F", "not heard by C:eth0"),
    ],
)
def test_heard_entries(three: State, listeners: tuple[str, ...], only: bool, verdict: str, detail: str) -> None:
    """Who must hear a broadcast, and with `heard-only-by` nobody else: the switch ports count."""
    entry = ExpectHeard(text="e", where=WHERE, source="A:eth0", listeners=listeners, only=only)
    layer = seen(".RU", "R.R", "RR.", layer="broadcast", heard={"A:eth0": ("B:eth0", "port(A:eth0)")})
    judged = judge(make_step(three, entry), StepObserved((layer,)), None)
    assert (judged.expectations[0].verdict, judged.expectations[0].detail) == (verdict, detail)


def test_not_heard_without_proof_is_inconclusive(three: State) -> None:
    """A listener that is missing while its cell is open neither passes nor fails."""
    entry = ExpectHeard(text="e", where=WHERE, source="A:eth0", listeners=("C:eth0",), only=False)
    layer = seen(".R?", "R.R", "RR.", layer="broadcast", heard={"A:eth0": ("B:eth0",)})
    judged = judge(make_step(three, entry), StepObserved((layer,)), None)
    assert judged.expectations[0].verdict == "?"


@pytest.mark.parametrize(
    ("row", "more", "unsettled"),
    [
        (".R?", {}, ()),
        (".RU", {"heard_open": ("A:eth0",)}, ()),
        (".RU", {}, ("C:eth0",)),
    ],
    ids=["a listener", "a port", "no carrier"],
)
def test_heard_by_nobody_else_needs_proof(
    three: State, row: str, more: dict[str, Any], unsettled: tuple[str, ...]
) -> None:
    """`heard-only-by` passes only where it is proved that the others, ports included, heard nothing."""
    entry = ExpectHeard(text="e", where=WHERE, source="A:eth0", listeners=("B:eth0",), only=True)
    layer = seen(row, "R.R", "RR.", layer="broadcast", heard={"A:eth0": ("B:eth0",)}, **more)
    judged = judge(make_step(three, entry), StepObserved((layer,), unsettled=unsettled), None)
    assert judged.expectations[0].verdict == "?"
    assert judged.expectations[0].detail == "no proof that it was heard nowhere else"


def test_layers_that_were_left_out_are_named(three: State) -> None:
    """A pass that rests on a part of an entry's layers says which were not probed."""
    entry = ExpectPair(
        text="e", where=WHERE, pairs=(("A:eth0", "B:eth0"),), layers=("icmp", "tcp", "udp"), outcome="reachable"
    )
    judged = judge(make_step(three, entry), StepObserved((seen(".RU", "R.R", "RR."),)), None)
    assert (judged.expectations[0].verdict, judged.expectations[0].detail) == ("P", "tcp, udp not probed")


def test_heard_on_a_port_against_the_model(three: State) -> None:
    """A broadcast that the model sees leave by the wire and nobody heard there is a finding."""
    rows = (".RR", "R.R", "RR.")
    hearers = {0: frozenset({"B:eth0", "C:eth0", "port(A:eth0)"})}
    layer = seen(*rows, layer="broadcast", heard={"A:eth0": ("B:eth0", "C:eth0")})
    judged = judge(make_step(three), StepObserved((layer,)), Model({"broadcast": rows}, hearers=hearers))
    [finding] = judged.findings
    assert (finding.kind, finding.verdict, finding.source) == ("heard", "F", "A:eth0")
    assert "port(A:eth0)" in finding.detail


LINKS = {
    "A:eth0": {"mac": "02:00:00:00:00:01", "mode": "vepa", "addresses": ["10.0.0.1/24"], "promiscuity": 1},
    "B:eth0": {"mac": "02:00:00:00:00:01", "addresses": [], "nodst": True},
    "D:eth1": {"up": False, "port": {"hairpin": 1, "flood": 0, "state": 3}},
    "C:eth0": {"mac": "00:00:5e:00:01:07", "addresses": ["10.0.0.2/24", "10.0.0.3/24"]},
}


@pytest.mark.parametrize(
    ("link", "values", "verdict"),
    [
        ("A:eth0", (("mode", "vepa"),), "P"),
        ("A:eth0", (("mode", "bridge"),), "F"),
        ("A:eth0", (("mac", "02:00:00:00:00:01"), ("promiscuity", 1)), "P"),
        ("A:eth0", (("mac", "=B:eth0"),), "P"),
        ("A:eth0", (("mac", "=C:eth0"),), "F"),
        ("A:eth0", (("mac", "!C:eth0"),), "P"),
        ("A:eth0", (("mac", "!B:eth0"),), "F"),
        ("A:eth0", (("mac", "local-unicast"),), "P"),
        ("C:eth0", (("mac", "local-unicast"),), "F"),
        ("C:eth0", (("mac", "00:00:5E:00:01:07"),), "P"),
        ("B:eth0", (("addresses", ()),), "P"),
        ("C:eth0", (("addresses", ()),), "F"),
        ("C:eth0", (("addresses", ("10.0.0.3/24", "10.0.0.2/24")),), "P"),
        ("B:eth0", (("nodst", "on"),), "P"),
        ("B:eth0", (("nodst", False),), "F"),
        ("A:eth0", (("mtu", 1500),), "?"),
        ("A:eth0", (("mac", "=D:eth0"),), "?"),
        ("D:eth0", (("mtu", 1500),), "?"),
        ("D:eth1", (("state", "down"),), "P"),
        ("D:eth1", (("state", "up"),), "F"),
        ("port(D:eth1)", (("hairpin", True), ("flood", False), ("state", "forwarding")), "P"),
        ("port(D:eth1)", (("state", "disabled"),), "F"),
        ("port(D:eth1)", (("flood", True),), "F"),
        ("port(C:eth0)", (("hairpin", True),), "?"),
    ],
)
def test_values_read_back(three: State, link: str, values: tuple[tuple[str, object], ...], verdict: str) -> None:
    """Read-back values equal, equal another link's, differ from it, or are simply not there."""
    entry = ExpectState(text="e", where=WHERE, link=link, values=values)  # type: ignore[arg-type]
    judged = judge(make_step(three, entry), StepObserved((), links=LINKS), None)
    assert judged.expectations[0].verdict == verdict


@pytest.mark.parametrize(
    ("refused", "verdict"),
    [
        ({"A:x": {"errno": "EINVAL", "at": "create"}}, "P"),
        ({"A:x": {"errno": "EBUSY", "at": "create"}}, "F"),
        ({"A:x": {"errno": "EINVAL", "at": "up"}}, "F"),
        ({}, "F"),
    ],
)
def test_refusals(three: State, refused: dict[str, dict[str, str]], verdict: str) -> None:
    """A refusal holds with its errno at its place; an accepted one is a failure."""
    entry = ExpectRefused(text="e", where=WHERE, link="A:x", errno="EINVAL", at="create")
    judged = judge(make_step(three, entry), StepObserved((), refused=refused), None)
    assert judged.expectations[0].verdict == verdict
    assert len(judged.findings) == (verdict == "F")


def test_refusals_against_the_model(three: State) -> None:
    """The model's refusals are judged too: an accepted link that it says is refused is a finding."""
    predicted = {"A:x": ("EINVAL", "create", "macvlan/passthru-is-alone")}
    same = StepObserved((), refused={"A:x": {"errno": "EINVAL", "at": "create"}})
    assert judge(make_step(three), same, None, predicted).findings == ()
    [finding] = judge(make_step(three), StepObserved(()), None, predicted).findings
    assert (finding.kind, finding.expected, finding.observed) == ("refusal", "EINVAL at create", "accepted")


# --- claims -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        ((".RU", "R.R", "RR."), "confirmed"),
        ((".UU", "R.R", "RR."), "refuted"),
        ((".?U", "R.R", "RR."), "undecided"),
    ],
)
def test_claims(three: State, pair: PairMaker, rows: tuple[str, ...], verdict: str) -> None:
    """Confirmed when every test holds, refuted when one does not, undecided without proof."""
    claim = Claim(
        "4",
        "A reaches B and not C",
        (
            ("baseline", pair("A:eth0", "B:eth0", "reachable")),
            ("baseline", pair("A:eth0", "C:eth0", "unreachable")),
        ),
    )
    step = make_step(three)
    weighed = weigh(claim, [(step, StepObserved((seen(*rows),)), None)])
    assert weighed.verdict == verdict
    assert weighed.tests[0][0] == "baseline"


def test_a_claim_about_a_step_that_was_left_out_is_undecided(three: State, pair: PairMaker) -> None:
    """A claim whose step was not probed is neither confirmed nor refuted."""
    claim = Claim("8", "later", (("parent-down", pair("A:eth0", "B:eth0", "reachable")),))
    step = make_step(three)
    assert weigh(claim, [(step, StepObserved((seen(".RR", "R.R", "RR."),)), None)]).verdict == "undecided"


@pytest.mark.parametrize(("outcome", "verdict"), [("reachable", "undecided"), ("unreachable", "refuted")])
def test_a_claim_needs_all_its_layers(three: State, pair: PairMaker, outcome: str, verdict: str) -> None:
    """With a layer left out a claim can be refuted, but not confirmed."""
    claim = Claim("11", "icmp and tcp", (("baseline", pair("A:eth0", "B:eth0", outcome, "icmp", "tcp")),))
    step = make_step(three)
    assert weigh(claim, [(step, StepObserved((seen(".RR", "R.R", "RR."),)), None)]).verdict == verdict


def test_pairs_of_many_cells_are_counted(three: State) -> None:
    """An entry over many pairs says how many of them are otherwise."""
    pairs = tuple((a, b) for a in three.index for b in three.index if a != b)
    entry = ExpectPair(text="any -> any", where=WHERE, pairs=pairs, layers=ICMP, outcome="reachable")
    judged = judge(make_step(three, entry), StepObserved((seen(".UR", "R.U", "RR."),)), None)
    assert judged.expectations[0].detail == "2 of 6 otherwise"
    assert [(cell.source, cell.destination) for cell in judged.expectations[0].cells] == [
        ("A:eth0", "B:eth0"),
        ("B:eth0", "C:eth0"),
    ]
