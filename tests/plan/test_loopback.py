"""Addresses at lo in a topology: what a file gets, and what it can't ask for."""

from __future__ import annotations

import pytest

from netlab.contract.applies import applicable
from netlab.contract.types import ALL_LAYERS
from tests.plan.labs import baseline, faults, hosts, plan

LO = "lo: {addresses: [10.255.0.1/32, fd00:ff::1/128]}"
E = "e: {switch: s, addresses: [10.0.0.1/24]}"


def test_what_it_is() -> None:
    """Its name alone says it; it has the kernel's number and MTU, and is its host's last endpoint."""
    state = baseline(hosts(LO, E) + "    routes: [{to: 10.1.0.0/16, via: 10.0.0.2, src: 10.255.0.1}]")
    link = state.link("A:lo")
    assert (link.kind, link.ifindex, link.mtu, link.mac, link.multicast) == ("loopback", 1, 65536, None, False)
    assert [endpoint.id for endpoint in state.endpoints] == ["A:e", "A:lo"]


def test_it_asks_nobody_and_gets_no_frames() -> None:
    """It is no source, and a destination of all layers but those whose frames are meant for a MAC or a group."""
    state = baseline(hosts(LO, E))
    asked = {layer for layer in ALL_LAYERS if any(j == 1 for _, j in applicable(state, layer))}
    assert asked == {"host:icmp", "host:icmp6", "host:tcp", "host:tcp6", "host:udp", "host:udp6", "icmp", "tcp", "udp"}
    assert not any(i == 1 for layer in ALL_LAYERS if ":" not in layer for i, _ in applicable(state, layer))


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (("lo: {addresses: [10.0.0.1/24]}",), "10.0.0.1/24 on lo keeps all of 10.0.0.0/24 in the host"),
        (("lo: {addresses: [fd00::1/64]}",), "fd00::1/128, or a 'type: dummy' for the subnet"),
        (("lo: {state: down}",), "'state' can't be given to lo; it takes addresses, and no more"),
        (("lo: {mtu: 1500}",), "'mtu' can't be given to lo"),
        (("lo: {type: dummy}",), "A:lo is the loopback, and no dummy; another name"),
        (("lo2: {type: loopback}",), "A:lo2 is no loopback; a host has one, and it is called lo"),
        (("lo: {}", "m: {type: macvlan, parent: lo}"), "no macvlan can sit (EINVAL); another interface"),
    ],
)
def test_what_it_cannot_have(lines: tuple[str, ...], fault: str) -> None:
    """Subnets, whatever isn't an address, another kind, another name, children: with what would be right."""
    assert any(fault in one for one in faults(hosts(*lines)))


@pytest.mark.parametrize(
    ("what", "fault"),
    [
        ("set: {A:lo: {addresses: [10.0.0.1/24]}}", "10.0.0.1/24 on lo keeps all of 10.0.0.0/24 in the host"),
        ("set: {A:lo: {mtu: 1400}}", "'mtu' cannot be set on a loopback; these can: addresses, duplicate"),
        ("delete: [A:lo]", "A:lo goes with its host; 'set: {addresses: []}' takes its addresses"),
    ],
)
def test_what_no_step_does_to_it(what: str, fault: str) -> None:
    """Steps give it other addresses, and take them away."""
    steps = "steps:\n  - {name: one, set: {A:lo: {addresses: [10.0.0.9/32]}}}\n  - name: two\n    "
    assert plan(hosts(LO, E) + steps + "set: {A:lo: {addresses: []}}\n").steps[2].state.link("A:lo").addresses == ()
    assert any(fault in one for one in faults(hosts(LO, E) + steps + what + "\n"))


def test_no_route_leads_out_of_it() -> None:
    """A route by lo is refused, with what else there is."""
    [fault] = faults(hosts(LO, E) + "    routes: [{to: 10.1.0.0/16, dev: lo}]")
    assert "no rule for what is routed out of lo; 'type: blackhole' drops it" in fault


def test_it_is_no_source_of_an_expectation() -> None:
    """An expectation that it asks says why nothing can."""
    [fault] = faults(hosts(LO, E) + "expect: ['A:lo -> A:e [icmp]: reachable']")
    assert "A:lo is a loopback: no program asks by it" in fault


def test_nothing_is_measured_from_it() -> None:
    """A measurement asks by an interface."""
    [fault] = faults(hosts(LO, E) + "latency: ['A:lo -> A:e']")
    assert "A:lo is a loopback: no program asks by it; name an interface on the way" in fault
