"""Multicasts to a group that everybody has joined."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.model.lab import Lab, letters
from tests.model.scene_labs import H, X, children, two_nics

C1, C2 = "h/c1:eth0", "h/c2:eth0"


@pytest.mark.parametrize("layer", ["mcast", "mcast6"])
@pytest.mark.parametrize(
    ("mode", "hairpin", "sibling", "parent"),
    [("bridge", False, "R", "U"), ("bridge", True, "R", "R"), ("vepa", False, "U", "U"), ("vepa", True, "R", "R"),
     ("private", True, "U", "U")],
)  # fmt: skip
def test_modes_are_as_for_broadcasts(mode: str, hairpin: bool, sibling: str, parent: str, layer: str) -> None:
    """Who has joined hears a group as it hears broadcasts: siblings in bridge mode, the rest by a reflecting switch."""
    seen = letters(children(mode, hairpin).state(), layer)
    assert (seen[C1, C2], seen[C1, H], seen[C1, X], seen[X, C1]) == (sibling, parent, "R", "R")
    assert letters(children(mode, hairpin).state(), "broadcast")[C1, C2] == sibling


@pytest.mark.parametrize(("accept", "heard"), [(0, "U"), (1, "R")])
def test_ones_own_sender(accept: int, heard: str) -> None:
    """Over IPv4 a packet from an address of the namespace itself is dropped, unless accept_local lets it in."""
    lab = two_nics().sysctl("h", "all/accept_local", accept)
    assert letters(lab.state(), "mcast")[H, "h:eth1"] == heard


def test_a_port_that_takes_no_multicasts() -> None:
    """With mcast_flood off a port is sent none, whoever has joined behind it."""
    lab = Lab().veth(H, "10.0.0.1/24").veth(X, "10.0.0.2/24", port={"mcast_flood": False})
    seen = letters(lab.state(), "mcast")
    assert (seen[H, X], seen[X, H]) == ("U", "R")


@pytest.mark.parametrize("mode", ["l3", "l3s"])
def test_an_l3_child_sends_and_hears_none(mode: str) -> None:
    """ipvlan's l3 drops what a child sends to a group, and hands none to it; in l2 both ways are open."""
    for kind, reached in ((mode, "U"), ("l2", "R")):
        lab = Lab().veth(H, "10.0.0.1/24").ipvlan(C1, H, kind, None, "10.0.0.11/24").veth(X, "10.0.0.2/24")
        seen = letters(lab.state(), "mcast")
        assert {seen[C1, X], seen[X, C1]} == {reached}


def test_a_group_that_cannot_be_joined() -> None:
    """With igmp_max_memberships 0 nobody there hears an IPv4 group, nor does it pass a child's filter; 1 is enough."""
    lab = children("bridge", False)
    for most, heard in ((0, "U"), (1, "R")):
        state = lab.sysctl("h/c1", "/igmp_max_memberships", most).state()
        assert (letters(state, "mcast")[X, C1], letters(state, "mcast6")[X, C1]) == (heard, "R")


def test_nftables_elsewhere_say_nothing_of_it() -> None:
    """Chains that see a group's packets make their own host's pairs unknown, not those of others in the lab."""
    lab = Lab().veth(H, "10.0.0.1/24").veth(X, "10.0.0.2/24").veth("y:eth0", "10.0.0.3/24")
    ruleset = "table ip t { chain c { type filter hook input priority 0; policy drop; }; }"
    lab.namespaces["y"] = replace(lab.namespaces["y"], nftables=ruleset)
    seen = letters(lab.state(), "mcast")
    assert (seen[H, X], seen[H, "y:eth0"], seen["y:eth0", H]) == ("R", "?", "R")
