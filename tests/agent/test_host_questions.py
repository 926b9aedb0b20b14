"""Host questions: what a program gets that binds nothing, and which way its packets go."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from netlab.contract.types import HOST_LAYERS, Target, layer_family
from tests.agent.conftest import Built

#: h has two NICs and a shim, by which it reaches its own container; D's default route leads to h.
LAB = """
name: shim
switches: {lan: {}, back: {}}
hosts:
  h:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.1/24, "fd00::1/64"]}
      shim: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.11/32, "fd00::11/128"]}
      eth1: {switch: back, addresses: [10.0.1.1/24, "fd01::1/64"]}
    routes:
      - {to: 10.0.0.2/32, dev: shim}
      - {to: "fd00::2/128", dev: shim}
    containers:
      web: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.2/24, "fd00::2/64"]}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.3/24, "fd00::3/64"]}}}
  D:
    interfaces: {eth0: {switch: back, addresses: [10.0.1.4/24, "fd01::4/64"]}}
    routes: [{to: default, via: 10.0.1.1}, {to: default, via: "fd01::1"}]
"""
#: Who reaches h:eth0, h:shim, h:eth1, h/web:eth0, B:eth0 and D:eth0, whichever interface answers. Only D has a way to
#: the other network, up to h, which forwards nothing. Over IPv6 the shim doesn't answer for eth0's address.
REACHED = {
    4: {"h": "RRRRRR", "h/web": "RRURRU", "B": "RRURRU", "D": "RRRUUR"},
    6: {"h": "RRRRRR", "h/web": "URURRU", "B": "RRURRU", "D": "RRRUUR"},
}


@pytest.mark.parametrize("layer", HOST_LAYERS)
def test_routing_decides(build: Callable[[str], Built], layer: str) -> None:
    """A host reaches its own container by the shim, and other networks by the NIC that its routes name."""
    built = build(LAB)
    state = built.plan.steps[0].state
    seen = built.probe(layer)
    rows = {asker.id: row.replace("A", "R") for asker, row in zip(state.askers, seen.rows, strict=True)}
    assert rows == REACHED[layer_family(layer) or 0]
    ours, web = built.place(layer, "h", "h/web:eth0")
    assert seen.evidence[f"{ours},{web}"] == {
        "entered": ["h/web:eth0"],
        "source": "fd00::11" if layer.endswith("6") else "10.0.0.11",
    }


def test_bound_and_unbound_differ(build: Callable[[str], Built]) -> None:
    """Bound to the parent a ping of its child gets no answer, while a plain one goes by the shim."""
    built = build(LAB)
    assert built.letter("icmp", "h:eth0", "h/web:eth0") == "U"
    assert built.letter("host:icmp", "h", "h/web:eth0") == "R"


@pytest.mark.parametrize("layer", HOST_LAYERS)
def test_no_route_is_an_answer_of_its_own(build: Callable[[str], Built], layer: str) -> None:
    """Without a route the kernel says so, and no packet leaves; with one to a host that doesn't forward, it is lost."""
    built = build(LAB)
    assert built.evidence(layer, "B", "D:eth0") == {"reason": "ENETUNREACH"}
    assert built.evidence(layer, "D", "B:eth0")["reason"] == "request-lost"


def test_a_host_reaches_itself_without_a_frame(build: Callable[[str], Built]) -> None:
    """An address of its own namespace is answered by way of lo: letter A."""
    built = build(LAB)
    for layer in HOST_LAYERS:
        assert built.letter(layer, "B", "B:eth0") == "A"
        assert built.evidence(layer, "B", "B:eth0")["entered"] == ["lo"]


def test_an_address_that_the_caller_names(build: Callable[[str], Built]) -> None:
    """Targets of a request are its columns: the one that has the address answers, and of an unknown one nobody does."""
    built = build(LAB)
    state = built.plan.steps[0].state
    targets = (Target("10.0.0.3", 4, ("B:eth0",)), Target("10.0.0.100", 4))
    column = len(state.endpoints)
    for layer in ("host:icmp", "host:tcp", "host:udp"):
        pairs = [(state.row(layer, "h"), column), (state.row(layer, "h"), column + 1)]
        seen = built.probe(layer, pairs=pairs, targets=targets)
        assert seen.rows[0][column:] == "RU", layer
        assert len(built.probe(layer).rows[0]) == column, "only that request has them"
