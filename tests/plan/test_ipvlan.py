"""ipvlan children in a topology: what they have of their parent, and what a file can't ask for."""

from __future__ import annotations

import pytest

from netlab.contract.types import SetLink
from tests.plan.labs import faults, hosts, plan

E = "e: {switch: s, addresses: [10.0.0.1/24]}"


def child(name: str, *more: str) -> str:
    """A child of e in the host's own namespace."""
    return f"{name}: {{{', '.join(['type: ipvlan', 'parent: e', *more])}}}"


def test_it_has_its_parents_mac_and_the_kernels_defaults() -> None:
    """Without keys it is an l3 child without ARP, with the MAC and the MTU of its parent."""
    made = plan(hosts("e: {switch: s, mtu: 1400}", child("x"))).steps[0].state
    link, parent = made.link("A:x"), made.link("A:e")
    assert (link.mac, link.mtu, link.arp, link.flags) == (parent.mac, 1400, False, {})
    assert link.argv == ("type", "ipvlan")
    assert link.words == ("ipvlan l3 bridge on A:e",)


def test_in_l2_it_has_arp() -> None:
    """A child in l2 asks by ARP; what is said on the command line is mode and flag."""
    link = plan(hosts(E, child("x", "mode: l2", "flag: private"))).steps[0].state.link("A:x")
    assert (link.arp, link.flags) == (True, {})
    assert link.argv == ("type", "ipvlan", "mode", "l2", "private")


def test_a_child_follows_its_parent() -> None:
    """A new MAC and MTU of the parent are the child's, too, in the same change."""
    text = "steps:\n  - name: one\n    set: {A:e: {mac: 02:00:00:00:00:07, mtu: 1300}}\n"
    made = plan(hosts(E, child("x", "mode: l2")) + text).steps[1]
    assert [change.after.id for change in made.changes if isinstance(change, SetLink)] == ["A:e"]
    assert (made.state.link("A:x").mac, made.state.link("A:x").mtu) == ("02:00:00:00:00:07", 1300)


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (
            (child("x", "mode: l2"), child("y", "mode: l3")),
            "A:y has mode l3, A:x l2: on one parent all have the same; 'mode: l2'",
        ),
        (
            (child("x"), child("y", "flag: vepa")),
            "A:y has flag vepa, A:x bridge: on one parent all have the same; 'flag: bridge'",
        ),
        ((child("x", "mode: vepa"),), "'vepa' is no mode of ipvlan; these are: l2, l3, l3s"),
        ((child("x", "flag: vpea"),), "'vpea' is no flag of ipvlan; did you mean 'vepa'?"),
        (("x: {type: macvlan, parent: e, mode: brigde}",), "'brigde' is no mode of macvlan; did you mean 'bridge'?"),
        (("x: {type: macvlan, parent: e, mode: l3}",), "'l3' is no mode of macvlan; these are: bridge, vepa,"),
        (
            (child("x", "mode: l2", "arp: false"),),
            "the mode of A:x decides on its ARP, each time that it is brought up (ipvlan_open); in l2 it has ARP",
        ),
        ((child("x", "mac: 02:00:00:00:00:01"),), "A:x has the MAC of A:e (EOPNOTSUPP); leave 'mac' out"),
        (
            ("x: {type: macvlan, parent: e}", child("y")),
            "A:y and A:x can't sit on one interface: ipvlan and macvlan (EBUSY); an interface of its own",
        ),
        (
            (child("x"), "y: {type: macvlan, parent: e}"),
            "A:y and A:x can't sit on one interface: macvlan and ipvlan (EBUSY)",
        ),
        ((child("x"), "y: {type: macvlan, parent: x}"), "A:x is a child of ipvlan: no rule for macvlan on it"),
    ],
)
def test_what_cannot_be(lines: tuple[str, ...], fault: str) -> None:
    """One fault says what two children of a parent can't have, or what no ipvlan child has."""
    [found] = faults(hosts(E, *lines))
    assert fault in found


@pytest.mark.parametrize(
    ("mode", "words"),
    [("l2", "must ask for broadcast answers, and have a client id"), ("l3s", "in l3s it neither sends nor hears")],
)
def test_dhcp_is_warned_of(mode: str, words: str) -> None:
    """A child without an address is a warning that says what a DHCP client needs there, or that it can't work."""
    [warning] = plan(hosts(E, child("x", f"mode: {mode}"))).warnings
    assert "A:x has no address, and " in warning
    assert words in warning
    assert not plan(hosts(E, child("x", f"mode: {mode}", "addresses: [10.2.0.1/24]"))).warnings


def test_an_address_that_a_sibling_has() -> None:
    """A second child of the parent with the address is a fault, in another namespace, too."""
    text = """
hosts:
  A:
    interfaces: {e: {switch: s}}
    containers:
      a: {interfaces: {x: {type: ipvlan, parent: e, addresses: [10.0.0.9/24]}}}
      b: {interfaces: {x: {type: ipvlan, parent: e, addresses: [10.0.0.9/24], duplicate: true}}}
switches: {s: {}}
"""
    [found] = faults(text)
    assert "A/a:x, on the same parent, has the address 10.0.0.9 (EADDRINUSE)" in found


@pytest.mark.parametrize("key", ["mode: l3", "flag: vepa", "arp: true"])
def test_mode_and_flag_stay(key: str) -> None:
    """A step can't change them, nor what the mode decides: they are the parent's, and would change all its children."""
    [found] = faults(hosts(E, child("x", "mode: l2")) + f"steps:\n  - name: one\n    set: {{A:x: {{{key}}}}}\n")
    assert "cannot be set on a ipvlan" in found


def test_ipvtap_is_an_ipvlan_with_a_device() -> None:
    """It shares a parent with ipvlan children, mode and flag included, and is called by its own name."""
    made = plan(hosts(E, child("x", "mode: l2"), "t: {type: ipvtap, parent: e, mode: l2}")).steps[0].state.link("A:t")
    assert (made.argv, made.words) == (("type", "ipvtap", "mode", "l2"), ("ipvtap l2 bridge on A:e",))
