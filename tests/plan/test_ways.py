"""The first state: routes, carriers, hops."""

from __future__ import annotations

import pytest

from netlab.contract.types import (
    Address,
    Route,
    Rule,
    SetRouting,
)
from tests.plan.labs import TWO, baseline, plan

# --- routing ------------------------------------------------------------------------------------------


def test_routes_and_rules() -> None:
    """Routes and rules are complete: prefixes, devices, tables, and the priorities that the kernel would choose."""
    made = plan(
        """\
switches: {s: }
hosts:
  A:
    interfaces: {e: {switch: s, addresses: [10.0.0.1/24, fd00::1/64]}}
    routes:
      - {to: default, via: 10.0.0.2}
      - {to: default, via: fd00::2}
      - {to: 10.9.0.0/16, dev: e, table: 100}
      - {to: 10.8.0.1, via: 10.0.0.3, dev: e}
    rules:
      - {from: 10.0.0.1, table: 100}
      - {to: fd00::/64, table: main}
      - {iif: e, oif: lo, table: 7, priority: 50}
      - {from: default, table: local}
"""
    )
    namespace = made.steps[0].state.namespace("A")
    assert namespace.routes == (
        Route("0.0.0.0/0", "10.0.0.2", None, 254),
        Route("::/0", "fd00::2", None, 254),
        Route("10.9.0.0/16", None, "e", 100),
        Route("10.8.0.1/32", "10.0.0.3", "e", 254),
    )
    assert namespace.rules == (
        Rule(100, 32765, 4, src="10.0.0.1/32"),
        Rule(254, 32765, 6, dst="fd00::/64"),
        Rule(7, 50, 4, iif="e", oif="lo"),
        Rule(255, 49, 4),
    )
    last = made.steps[0].changes[-1]
    assert isinstance(last, SetRouting)
    assert (last.before.routes, last.before.rules) == ((), ())
    assert last.after == namespace


# --- carriers and hops --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wire", "child", "carriers"),
    [
        ("", "", (True, True, True)),
        (", state: down", "", (False, False, False)),
        (", port: {up: off}", "", (False, False, False)),
        (", port: {attached: off}", "", (False, True, True)),
        (", port: {state: disabled}", "", (False, True, True)),
        ("", ", state: down", (True, True, False)),
    ],
)
def test_carriers(wire: str, child: str, carriers: tuple[bool, bool, bool]) -> None:
    """A wire needs both ends up, a child its parent's carrier, a bridge a port that forwards."""
    state = baseline(
        f"switches: {{s: }}\nhosts: {{A: {{interfaces: {{e: {{switch: s{wire}}}, "
        f"m: {{type: macvlan, parent: e{child}}}}}}}}}\n"
    )
    assert tuple(state.link(name).carrier for name in ("s", "A:e", "A:m")) == carriers


@pytest.mark.parametrize(
    ("switches", "child", "hops"),
    [
        ("{s: }", "", 3),
        ("{s: }", ", m: {type: macvlan, parent: e}", 5),
        ("{s: , t: {links: [s]}}", "", 4),
        ("{s: , t: {links: [s]}, u: {links: [s]}, v: {links: [u]}}", "", 6),
        ("{s: , a: , b: {links: [a]}}", "", 4),
        ("{s: {stp: on}, t: {stp: on, links: [s]}, u: {stp: on, links: [s, t]}}", "", 5),
    ],
)
def test_hops(switches: str, child: str, hops: int) -> None:
    """Two wires, one more per switch on the longest path, two for macvlan's queues, one for the loopback."""
    state = baseline(f"switches: {switches}\nhosts: {{A: {{interfaces: {{e: {{switch: s}}{child}}}}}}}\n")
    assert state.hops == hops


def test_the_order_of_connected_routes_is_that_of_creation() -> None:
    """At first the kernel makes connected routes in the order of the links, then of their addresses."""
    state = baseline(TWO)
    assert state.addressed == (
        ("A:eth0", "10.0.0.1"),
        ("B:eth0", "10.0.0.2"),
        ("B:eth0", "fd00::2"),
        ("A/c1:eth0", "10.0.0.11"),
        ("A/c2:eth0", "10.0.0.12"),
    )


def test_addresses_are_canonical() -> None:
    """However an address is written, the plan holds its canonical text."""
    state = baseline("switches: {s: }\nhosts: {A: {interfaces: {e: {switch: s, addresses: [FD00:0:0::01/64]}}}}\n")
    assert state.link("A:e").addresses == (Address("fd00::1", 64),)
