"""Policies of switch ports: what they stand for, and what goes before them."""

from __future__ import annotations

import pytest

from netlab.contract.policies import POLICIES
from netlab.contract.types import Port
from tests.plan.labs import faults, hosts, plan


def port(text: str, steps: str = "", step: int = 0) -> tuple[Port, str | None]:
    """The port of A:e, and the MAC of the interface."""
    link = plan(hosts(f"e: {{switch: s, {text}}}") + steps).steps[step].state.link("A:e")
    return link.port, link.mac


@pytest.mark.parametrize("name", POLICIES)
def test_each_lets_one_mac_through(name: str) -> None:
    """The interface's own MAC has an entry, nothing is learned or flooded; all but VirtualBox lock the port."""
    made, mac = port(f"port: {{policy: {name}}}")
    assert (made.fdb, made.learning, made.flood) == ((mac,), False, False)
    assert (made.locked, made.policy) == (name != "virtualbox", name)
    assert (made.bcast_flood, made.mcast_flood) == (True, True)


def test_other_keys_go_before_it() -> None:
    """Forged transmits and promiscuous mode can be accepted one by one, and an entry can be another."""
    made, _ = port("port: {policy: vsphere, locked: false, fdb: [02:00:00:00:00:07]}")
    assert (made.locked, made.flood, made.fdb) == (False, False, ("02:00:00:00:00:07",))


def test_a_step_gives_and_takes_it() -> None:
    """A step sets a policy, with the MAC that the interface has then, and takes it away with its options."""
    steps = "steps:\n  - {name: on, set: {A:e: {port: {policy: wifi}}}}\n"
    steps += "  - {name: off, set: {A:e: {port: {policy: none}}}}\n"
    made, mac = port("port: {hairpin: true}", steps, 1)
    assert (made.locked, made.fdb, made.hairpin) == (True, (mac,), True)
    assert port("port: {hairpin: true}", steps, 2)[0] == Port(hairpin=True)


def test_what_cannot_be() -> None:
    """A policy needs a MAC that is known, and a name that exists."""
    assert (
        "the MAC of A:e is left to the kernel" in faults(hosts("e: {switch: s, mac: auto, port: {policy: cloud}}"))[0]
    )
    [found] = faults(hosts("e: {switch: s, port: {policy: vmware}}"))
    assert "'vmware' is not a policy" in found
