"""Host questions are judged by rows of namespaces and columns of addresses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netlab.contract.observed import StepObserved
from netlab.contract.types import State, Target
from netlab.judge import judge, surprises, unsettled_ends
from tests.judge.conftest import Model, PairMaker, host_link, make_state, make_step, seen


@pytest.fixture
def router() -> State:
    """R with two interfaces and B: two rows, four columns (the last is an address of B that the file names)."""
    links = [host_link("R", 1), host_link("R", 2, name="eth1"), host_link("B", 3)]
    return make_state([*links], targets=(Target("10.0.0.100", 4, ("B:eth0",)),))


ROWS = ("AARU", "RRAA")


def test_a_matrix_has_a_row_for_each_namespace_and_a_column_for_each_address(router: State) -> None:
    """Two namespaces and four addresses: all eight cells as predicted."""
    layer = seen(*ROWS, layer="host:icmp")
    [judged] = judge(make_step(router), StepObserved((layer,)), Model({"host:icmp": ROWS})).layers
    assert judged.verdict == ("PPPP", "PPPP")
    assert judged.expected == ROWS


def test_an_entry_names_a_namespace_and_an_address(router: State, pair: PairMaker) -> None:
    """The file expects R to reach the address, R doesn't: the entry and its one finding name both, and the reason."""
    entry = pair("R", "10.0.0.100", "reachable", "host:icmp")
    layer = seen(*ROWS, layer="host:icmp", evidence={"0,3": {"reason": "ENETUNREACH"}})
    judged = judge(make_step(router, entry), StepObserved((layer,)), Model({"host:icmp": ROWS}))
    [said] = judged.expectations
    assert said.verdict == "F"
    assert [(cell.source, cell.destination, cell.observed) for cell in said.cells] == [("R", "10.0.0.100", "U")]
    [finding] = judged.findings
    assert (finding.source, finding.destination, finding.detail) == ("R", "10.0.0.100", "ENETUNREACH")
    assert finding.kind == "expect-contradicted"


def test_an_entry_of_two_ways_is_told_once(router: State, pair: PairMaker) -> None:
    """One way asks as a host and one as an interface: one result, that of the way that fails."""
    there = replace(pair("B", "R:eth0", "reachable", "host:icmp"), text="B <-> R:eth0: reachable")
    back = replace(there, pairs=(("R:eth0", "B:eth0"),), layers=("icmp",))
    layers = (seen(*ROWS, layer="host:icmp"), seen(".RU", "R.R", "URR", layer="icmp"))
    [said] = judge(make_step(router, there, back), StepObserved(layers), None).expectations
    assert (said.verdict, [cell.layer for cell in said.cells]) == ("F", ["icmp"])


def test_cells_of_alike_hosts_are_one_finding() -> None:
    """Three web hosts that the model wrongly lets reach B: one finding of three pairs."""
    state = make_state([*(host_link(f"web-{n}", n) for n in (1, 2, 3)), host_link("B", 9)])
    layer = seen("ARRU", "RARU", "RRAU", "RRRA", layer="host:tcp")
    model = Model({"host:tcp": ("ARRR", "RARR", "RRAR", "RRRA")})
    [finding] = judge(make_step(state), StepObserved((layer,)), model).findings
    assert (finding.source, finding.destination, finding.pairs) == ("web-*", "B:eth0", 3)
    assert finding.examples[0] == ("web-1", "B:eth0")


def test_what_did_not_settle_opens_rows_and_columns(router: State) -> None:
    """An unsettled interface of B: B's answers and the answers of its addresses prove nothing."""
    assert unsettled_ends(router, ("B:eth0",)) == {"B", "B:eth0", "10.0.0.100"}
    layer = seen(*ROWS, layer="host:icmp")
    judged = judge(make_step(router), StepObserved((layer,), unsettled=("B:eth0",)), Model({"host:icmp": ROWS}))
    assert judged.layers[0].verdict == ("PP??", "????")


def test_surprises_are_rows_and_columns_of_the_layer(router: State, pair: PairMaker) -> None:
    """What neither file nor model expected is named by its place in the host matrix."""
    step = make_step(router, pair("B", "R:eth1", "unreachable", "host:icmp"))
    layer = seen("AARR", "RRAA", layer="host:icmp")
    assert surprises(step, layer, Model({"host:icmp": ROWS})) == [(0, 3), (1, 1)]
