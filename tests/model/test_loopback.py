"""The loopback with addresses in the model."""

from __future__ import annotations

from netlab.model import predict
from tests.plan.labs import baseline

TEXT = """\
switches: {lan: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: lan}
      d: {switch: lan, addresses: [10.0.0.1/24]}
      lo: {addresses: [10.0.0.50/32]}
    routes: [{to: 10.0.0.2/32, dev: eth0}]
  B:
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}
    routes: [{to: 10.0.0.50/32, via: 10.0.0.1}]
"""


def test_it_comes_first_of_those_that_lend_an_address() -> None:
    """A program's source by an interface without an address is that of lo, wherever lo stands in the file."""
    state = baseline(TEXT)
    story = predict(state, ("host:icmp",)).story("host:icmp", 0, state.column("host:icmp", "B:eth0"))
    assert any("from 10.0.0.50" in hop.what for hop in story.hops)


def test_own_and_others_requests() -> None:
    """By its own host it is reached itself, by others through the interface on the wire."""
    state = baseline(TEXT)
    told = predict(state, ("host:icmp", "arp"))
    column = state.column("host:icmp", "A:lo")
    assert [told.letter("host:icmp", i, column) for i in (0, 1)] == ["R", "A"]
    assert told.letter("arp", state.index["B:eth0"], state.index["A:lo"]) == "A"
