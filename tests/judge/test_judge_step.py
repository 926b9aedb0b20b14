"""Judging a step: cells, entries and findings, from values made by hand."""

from __future__ import annotations

from dataclasses import replace

from netlab.contract.observed import StepObserved
from netlab.contract.types import (
    Address,
    ExpectWire,
    Macvlan,
    State,
    SwitchLink,
)
from netlab.judge import judge, second_try, surprises, unsettled_ends

from .conftest import WHERE, Model, PairMaker, host_link, make_state, make_step, seen


def test_as_predicted_passes(three: State) -> None:
    """Three hosts that reach each other as the model says: all pass, no finding."""
    rows = (".RR", "R.R", "RR.")
    judged = judge(make_step(three), StepObserved((seen(*rows),)), Model({"icmp": rows}))
    assert judged.layers[0].verdict == (".PP", "P.P", "PP.")
    assert judged.layers[0].expected == rows
    assert judged.findings == ()


def test_a_cell_against_the_model_fails_with_its_rule(three: State) -> None:
    """One cell observed otherwise than predicted is one finding, with the pair, the letters and the rule."""
    model = Model({"icmp": (".RR", "R.R", "RR.")}, {("icmp", 0, 1): "bridge/forward"})
    observed = seen(".UR", "R.R", "RR.", evidence={"0,1": {"reason": "request-lost"}})
    judged = judge(make_step(three), StepObserved((observed,)), model)
    assert judged.layers[0].verdict == (".FP", "P.P", "PP.")
    [finding] = judged.findings
    assert (finding.source, finding.destination, finding.layer) == ("A:eth0", "B:eth0", "icmp")
    assert (finding.expected, finding.observed, finding.verdict) == ("R", "U", "F")
    assert (finding.kind, finding.rule, finding.detail) == ("unexpected", "bridge/forward", "request-lost")
    assert finding.evidence == {"reason": "request-lost"}


def test_without_a_prediction_only_the_file_is_judged(three: State, pair: PairMaker) -> None:
    """With no model, a cell the file speaks of is judged by it and every other is skipped, in one finding."""
    step = make_step(three, pair("A:eth0", "B:eth0", "reachable"))
    judged = judge(step, StepObserved((seen(".RR", "U.R", "RR."),)), None)
    assert judged.layers[0].verdict == (".PS", "S.S", "SS.")
    assert judged.layers[0].expected == (".B?", "?.?", "??.")
    assert {finding.kind for finding in judged.findings} == {"unpredicted"}
    assert judged.expectations[0].verdict == "P"


def test_an_entry_that_fails_names_its_text_line_and_cell(demo: State, pair: PairMaker) -> None:
    """A failed entry carries what was written, where it stands, and the cell that is otherwise."""
    step = make_step(demo, pair("A:ens160", "A:ens160.1", "reachable"))
    model = Model({"icmp": (".UR", "U.R", "RA.")}, {("icmp", 0, 1): "macvlan/parent-tx-skips-children"})
    judged = judge(step, StepObserved((seen(".UR", "U.R", "RA."),)), model)
    [entry] = judged.expectations
    assert (entry.verdict, entry.where) == ("F", "demo.yaml:7:5")
    assert entry.text == "A:ens160 -> A:ens160.1: reachable"
    [cell] = entry.cells
    assert (cell.source, cell.observed, cell.rule) == ("A:ens160", "U", "macvlan/parent-tx-skips-children")
    [finding] = judged.findings
    assert finding.kind == "expect-contradicted"


def test_reachable_accepts_the_parents_answer(demo: State, pair: PairMaker) -> None:
    """`reachable` holds for an A; `through-interface` does not."""
    observed = StepObserved((seen(".UR", "U.R", "RA."),))
    model = Model({"icmp": (".UR", "U.R", "RA.")})
    for outcome, verdict in [("reachable", "P"), ("address-only", "P"), ("through-interface", "F")]:
        step = make_step(demo, pair("B:ens160", "A:ens160.1", outcome))
        assert judge(step, observed, model).expectations[0].verdict == verdict, outcome


def test_a_layer_that_was_not_probed_is_skipped(three: State, pair: PairMaker) -> None:
    """An entry on a layer that nobody probed is skipped, not passed."""
    step = make_step(three, pair("A:eth0", "B:eth0", "unreachable", "tcp"))
    rows = (".RR", "R.R", "RR.")
    assert judge(step, StepObserved((seen(*rows),)), Model({"icmp": rows})).expectations[0].verdict == "S"


def test_an_entry_whose_cells_do_not_apply_proves_nothing(three: State, pair: PairMaker) -> None:
    """An entry all of whose cells are `.` is inconclusive: it must not pass with nothing seen."""
    step = make_step(three, pair("A:eth0", "B:eth0", "reachable"))
    rows = ("...", "...", "...")
    [entry] = judge(step, StepObserved((seen(*rows),)), Model({"icmp": rows})).expectations
    assert (entry.verdict, entry.detail) == ("?", "not applicable")


def test_alike_cells_are_one_finding() -> None:
    """A hundred replicas that are all cut off make one finding with 9,900 pairs and three examples."""
    state = make_state([host_link(f"web-{k}", k) for k in range(1, 101)])
    rows = tuple("R" * k + "." + "R" * (99 - k) for k in range(100))
    dark = tuple(row.replace("R", "U") for row in rows)
    judged = judge(make_step(state), StepObserved((seen(*dark),)), Model({"icmp": rows}))
    [finding] = judged.findings
    assert (finding.source, finding.destination, finding.pairs) == ("web-*:eth0", "web-*:eth0", 9900)
    assert finding.examples == (
        ("web-1:eth0", "web-2:eth0"),
        ("web-1:eth0", "web-3:eth0"),
        ("web-1:eth0", "web-4:eth0"),
    )


def test_different_rules_are_different_findings(three: State) -> None:
    """Cells that died of different rules are not folded together."""
    model = Model({"icmp": (".RR", "R.R", "RR.")}, {("icmp", 0, 1): "one", ("icmp", 0, 2): "two"})
    judged = judge(make_step(three), StepObserved((seen(".UU", "R.R", "RR."),)), model)
    assert [finding.rule for finding in judged.findings] == ["one", "two"]


def test_two_copies_are_a_finding_that_passes(three: State) -> None:
    """A duplicate that arrived as expected is reported and does not fail."""
    rows = (".RR", "R.R", "RR.")
    observed = seen(*rows, layer="unicast", evidence={"0,1": {"finding": "duplicate"}})
    judged = judge(make_step(three), StepObserved((observed,)), Model({"unicast": rows}))
    [finding] = judged.findings
    assert (finding.kind, finding.verdict, finding.destination) == ("duplicate", "P", "B:eth0")


# --- what did not settle ----------------------------------------------------------------------------


def test_an_unsettled_parent_makes_its_host_inconclusive(demo: State) -> None:
    """Rows and columns of both interfaces of A prove nothing when A's parent did not settle; B alone does."""
    assert unsettled_ends(demo, ("A:ens160",)) == {"A", "A:ens160", "A:ens160.1"}
    rows = (".UR", "U.R", "RA.")
    judged = judge(make_step(demo), StepObserved((seen(*rows),), unsettled=("A:ens160",)), Model({"icmp": rows}))
    assert judged.layers[0].verdict == (".??", "?.?", "??.")
    assert {finding.detail for finding in judged.findings} == {"unsettled"}


def test_an_unsettled_parent_takes_its_child_elsewhere() -> None:
    """A child in a container depends on its parent in the host; another machine does not."""
    parent = host_link("A", 1)
    child = Macvlan(
        namespace="A/c1",
        name="eth0",
        ifname="eth0",
        ifindex=40,
        addresses=(Address("10.0.0.41", 24),),
        parent=parent.id,
    )
    state = make_state([parent, child, host_link("B", 2)])
    assert unsettled_ends(state, ("A:eth0",)) == {"A", "A:eth0", "A/c1", "A/c1:eth0"}
    assert unsettled_ends(state, ("A/c1:eth0",)) == {"A/c1", "A/c1:eth0"}


def test_an_unsettled_switch_takes_everyone_on_it(three: State) -> None:
    """Every endpoint on an unsettled switch is open."""
    assert unsettled_ends(three, ("lan",)) == {*"ABC", "A:eth0", "B:eth0", "C:eth0"}
    assert unsettled_ends(three, ()) == frozenset()


def test_an_unsettled_link_between_switches_takes_everyone(three: State) -> None:
    """A link between switches may carry anybody's frames."""
    link = SwitchLink(
        namespace="s2",
        name="s1",
        ifname="s1",
        ifindex=90,
        peer="lan",
        peer_ifname="x",
        peer_ifindex=91,
        peer_mac="",
    )
    state = replace(three, links=(*three.links, link))
    assert unsettled_ends(state, ("s2--lan",)) == {*"ABC", "A:eth0", "B:eth0", "C:eth0"}


def test_an_unsettled_pass_is_no_pass_for_its_entry(demo: State, pair: PairMaker) -> None:
    """An entry about an endpoint that did not settle is inconclusive even where the letter is right."""
    step = make_step(demo, pair("B:ens160", "A:ens160.1", "reachable"))
    rows = (".UR", "U.R", "RA.")
    judged = judge(step, StepObserved((seen(*rows),), unsettled=("A:ens160.1",)), Model({"icmp": rows}))
    assert judged.expectations[0].verdict == "?"


# --- second tries -----------------------------------------------------------------------------------


def test_surprises_are_what_file_or_model_did_not_expect(three: State, pair: PairMaker) -> None:
    """A cell is probed again where the model or the file says otherwise, and nowhere else."""
    step = make_step(three, pair("B:eth0", "A:eth0", "unreachable"))
    model = Model({"icmp": (".R?", "R.R", "RR.")})
    observed = seen(".UR", "R.?", "RR.")
    assert surprises(step, observed, model) == [(0, 1), (1, 0)]
    assert surprises(step, observed, None) == [(1, 0)]


def test_what_only_one_of_two_tries_heard_is_open(three: State) -> None:
    """A listener of one try alone is neither one that heard nor one that proves nobody else did."""
    first = seen(".RR", "R.R", "RR.", layer="broadcast", heard={"A:eth0": ("B:eth0", "C:eth0")})
    again = seen(".RU", "R.R", "RR.", layer="broadcast", heard={"A:eth0": ("B:eth0",)})
    both = second_try(first, again)
    assert both.heard == {"A:eth0": ("B:eth0",)}
    assert both.heard_open == ("A:eth0",)


def test_a_second_try_that_agrees_keeps_the_letter(three: State) -> None:
    """Two equal tries leave the failure standing, with both kept as evidence."""
    first = seen(".UR", "R.R", "RR.", evidence={"0,1": {"reason": "request-lost"}})
    both = second_try(first, seen(" U ", "   ", "   "))
    assert both.rows == first.rows
    assert both.again == (" U ", "   ", "   ")
    judged = judge(make_step(three), StepObserved((both,)), Model({"icmp": (".RR", "R.R", "RR.")}))
    assert judged.findings[0].evidence == {"reason": "request-lost", "tries": ["U", "U"]}


def test_tries_that_differ_are_inconclusive(three: State) -> None:
    """A second try that sees what was expected makes the cell `?`, never a pass."""
    first = seen(".UR", "R.R", "RR.")
    both = second_try(first, seen(" R ", "   ", "   "))
    assert both.rows == (".?R", "R.R", "RR.")
    judged = judge(make_step(three), StepObserved((both,)), Model({"icmp": (".RR", "R.R", "RR.")}))
    assert judged.layers[0].verdict[0] == ".?P"
    [finding] = judged.findings
    assert (finding.kind, finding.detail, finding.evidence["tries"]) == (
        "inconclusive",
        "tries-differ",
        ["U", "R"],
    )


def test_a_surprising_wire_is_tried_again(demo: State) -> None:
    """A request that used the wire against the model or the file is a surprise; tries that differ prove nothing."""
    rows = (".UR", "U.R", "RA.")
    model = Model({"icmp": rows}, wire={("icmp", 0, 1): False, ("icmp", 0, 2): True})
    entry = ExpectWire(text="e", where=WHERE, pairs=(("B:ens160", "A:ens160"),), layer="icmp", on_wire=False)
    first = seen(*rows, wire=(" 11", "1 1", "11 "))
    assert surprises(make_step(demo, entry), first, model) == [(0, 1), (2, 0)]
    both = second_try(first, seen(" U ", "   ", "   ", wire=(" 0 ", "   ", "   ")))
    assert both.rows == first.rows
    assert both.wire == (" ?1", "1 1", "11 ")
    [finding] = judge(make_step(demo), StepObserved((both,)), model).findings
    assert (finding.kind, finding.verdict, finding.detail) == ("wire", "?", "tries-differ")
    assert (finding.expected, finding.observed) == ("not on the wire", "both")
