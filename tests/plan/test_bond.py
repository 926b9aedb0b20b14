"""Bonds in a topology: which members are used after each step, whose MAC all have, and what a file can't ask for."""

from __future__ import annotations

import pytest

from netlab.contract.types import SetLink, State
from netlab.contract.types.links import Bond
from tests.plan.labs import faults, hosts, plan

WATCHED = "mode: active-backup", "miimon: 100"


def bond(*more: str) -> str:
    """A bond b."""
    return f"b: {{{', '.join(['type: bond', *more])}}}"


def member(name: str, *more: str) -> str:
    """A wire that is a member of it."""
    return f"{name}: {{{', '.join(['switch: s', 'master: b', *more])}}}"


def states(*sets: str, options: tuple[str, ...] = WATCHED) -> list[State]:
    """The states of a bond with the members x and y after steps that set these."""
    steps = "".join(f"  - name: step {n}\n    set: {{{one}}}\n" for n, one in enumerate(sets))
    text = hosts(bond(*options), member("x"), member("y")) + (f"steps:\n{steps}" if sets else "")
    return [step.state for step in plan(text).steps]


def used(state: State) -> tuple[list[str], list[str], bool]:
    """The members taken for alive, those that send, and whether the bond has a carrier."""
    link = state.link("A:b")
    assert isinstance(link, Bond)
    return [one[2:] for one in link.linked], [one[2:] for one in link.senders], link.carrier


DOWN_X, DOWN_Y, UP_X, UP_Y = (f"A:{one}: {{state: {to}}}" for to in ("down", "up") for one in "xy")


@pytest.mark.parametrize(
    ("sets", "options", "after"),
    [
        ((), WATCHED, (["x", "y"], ["x"], True)),
        ((DOWN_X,), WATCHED, (["y"], ["y"], True)),
        # What comes back doesn't take over, unless it is the primary.
        ((DOWN_X, UP_X), WATCHED, (["x", "y"], ["y"], True)),
        ((DOWN_X, UP_X), (*WATCHED, "primary: x"), (["x", "y"], ["x"], True)),
        ((), (*WATCHED, "primary: y"), (["x", "y"], ["y"], True)),
        ((f"{DOWN_X}, {DOWN_Y}",), WATCHED, ([], [], False)),
        ((f"{DOWN_X}, {DOWN_Y}", UP_Y, UP_X), WATCHED, (["x", "y"], ["y"], True)),
        # A bond that is down looks at nothing.
        (("A:b: {state: down}", f"{DOWN_X}, {DOWN_Y}"), WATCHED, (["x", "y"], ["x"], True)),
        (("A:b: {state: down}", DOWN_X, "A:b: {state: up}"), WATCHED, (["y"], ["y"], True)),
        # Nobody watches the members.
        ((DOWN_X,), ("mode: active-backup",), (["x", "y"], ["x"], True)),
        ((DOWN_X,), ("mode: balance-xor",), (["x", "y"], ["y"], True)),
        ((), ("mode: balance-rr",), (["x", "y"], ["x", "y"], True)),
        # A switch that is a Linux bridge speaks no LACP.
        ((), ("mode: 802.3ad",), (["x", "y"], ["x"], True)),
        ((DOWN_X, UP_X), ("mode: 802.3ad",), (["x", "y"], ["y"], True)),
        # Before it first comes up it has no aggregator, and so no carrier; later it keeps what it has chosen.
        ((), ("mode: 802.3ad", "state: down"), (["x", "y"], [], False)),
        (("A:b: {state: up}",), ("mode: 802.3ad", "state: down"), (["x", "y"], ["x"], True)),
        (("A:b: {state: down}", DOWN_X), ("mode: 802.3ad",), (["x", "y"], ["x"], True)),
    ],
)
def test_which_members_are_used(sets: tuple[str, ...], options: tuple[str, ...], after: object) -> None:
    """After the last step these members are taken for alive, these send, and the bond has a carrier or none."""
    assert used(states(*sets, options=options)[-1]) == after


def test_two_bonds_that_speak_lacp_use_all_wires() -> None:
    """Between two bonds of 802.3ad both wires carry frames."""
    ends = [hosts(bond("mode: 802.3ad"), *(f"{one}: {{peer: 'C:{one}', master: b}}" for one in "xy"))]
    other = [bond("mode: 802.3ad"), *(f"{one}: {{peer: 'A:{one}', master: b}}" for one in "xy")]
    text = ends[0] + "  C:\n    interfaces:\n" + "".join(f"      {one}\n" for one in other)
    assert used(plan(text).steps[0].state)[1] == ["x", "y"]


def test_members_have_the_bonds_mac() -> None:
    """The bond has the MAC of its first member, and so have all; a MAC that is set is everybody's."""
    before, after = states("A:b: {mac: 02:00:00:00:00:07}")
    macs = {before.link(f"A:{one}").mac for one in "bxy"}
    assert len(macs) == 1
    assert {after.link(f"A:{one}").mac for one in "bxy"} == {"02:00:00:00:00:07"}


@pytest.mark.parametrize("policy", ["active", "follow"])
def test_a_failover_moves_macs(policy: str) -> None:
    """With `active` the bond takes its active member's MAC; with `follow` the members swap theirs, the bond's stays."""
    before, after = states(DOWN_X, options=(*WATCHED, f"fail_over_mac: {policy}"))
    one, two = ([state.link(f"A:{name}").mac for name in "bxy"] for state in (before, after))
    assert one[0] == one[1] != one[2]
    assert two == ([one[2], one[1], one[2]] if policy == "active" else [one[0], one[2], one[1]])


def test_the_primary_is_set_when_it_is_a_member() -> None:
    """The bond is made without it; a change of its own follows."""
    step = plan(hosts(bond(*WATCHED, "primary: y"), member("x"), member("y"))).steps[0]
    [change] = [one for one in step.changes if isinstance(one, SetLink)]
    assert isinstance(change.after, Bond)
    assert (change.after.primary, change.after.settings(change.before)) == ("A:y", (("primary", "y"),))
    assert change.after.argv == ("type", "bond", "mode", "active-backup", "miimon", "100")


@pytest.mark.parametrize(
    ("interfaces", "fault"),
    [
        (
            (bond(), member("x", "addresses: [10.0.0.1/24]")),
            "nobody reaches an address of A:x, a member of A:b; give it to A:b",
        ),
        ((bond(), member("x", "mtu: 1400")), "A:x has the MTU 1400, A:b 1500; 'mtu: 1500'"),
        (
            (bond(*WATCHED, "fail_over_mac: follow"), member("x", "state: down")),
            "A:x can't begin down: with fail_over_mac follow its MAC would depend on when that is noticed",
        ),
        (
            (bond(*WATCHED, "fail_over_mac: active"), member("x", "state: down"), member("y", "state: down")),
            "with fail_over_mac the MAC of A:b would depend on when it finds its members down",
        ),
        ((bond("primary: x"), member("x")), "'primary' belongs to active-backup"),
        ((bond(*WATCHED, "primary: z"), member("x")), "'z' is no member of A:b"),
        ((bond("mode: 802.3ad", "miimon: 0"), member("x")), "802.3ad needs to look at carriers"),
        ((bond("mode: vepa"), member("x")), "'vepa' is no mode of bond; these are: balance-rr, active-backup, "),
        ((bond("mode: 1"), member("x")), "'1' is no mode of bond; these are: balance-rr, active-backup, "),
        (
            (bond(), member("x"), "c: {type: macvlan, parent: x}"),
            "A:x is a member of A:b, and a member has no children",
        ),
        ((bond(), "b2: {type: bond, master: b}"), "no rule for a bond as a member of a bond"),
        ((bond(), "c: {type: macvlan, parent: b, master: b}"), "A:c sits on A:b, and can't be a member of it"),
    ],
)
def test_what_a_file_cannot_ask_for(interfaces: tuple[str, ...], fault: str) -> None:
    """What the kernel refuses, or makes no sense, is a fault of the file."""
    assert any(fault in found for found in faults(hosts(*interfaces)))


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("A:x: {mac: 02:00:00:00:00:07}", "'mac' cannot be set on a veth"),
        ("A:b: {mode: balance-rr}", "'mode' cannot be set on a bond"),
        ("A:b: {miimon: 0}", "no rule for a bond that stops looking"),
        ("A:b: {mac: 02:00:00:00:00:07}", "with fail_over_mac active the kernel ignores a MAC that A:b is given"),
    ],
)
def test_what_a_step_cannot_set(change: str, fault: str) -> None:
    """What can't be set of a bond with members, or of its members, is a fault of the file."""
    steps = f"steps:\n  - name: one\n    set: {{{change}}}\n"
    text = hosts(bond(*WATCHED, "fail_over_mac: active"), member("x"), member("y")) + steps
    assert any(fault in found for found in faults(text))


def test_a_bond_that_is_down_tells_nothing() -> None:
    """Whether a bond saw its member's carrier go, just before it was set down itself, is nobody's to wait for."""
    steps = "steps:\n  - name: one\n    set: {A:x: {state: down}, A:b: {state: down}}\n"
    before, after = (step.state for step in plan(hosts(bond(*WATCHED), member("x"), member("y")) + steps).steps)
    assert before.link("A:b").shows("A:x") == (True, True)
    assert after.link("A:b").shows("A:x") is None
