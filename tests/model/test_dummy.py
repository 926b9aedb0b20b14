"""A dummy as a parent without a wire."""

from __future__ import annotations

import pytest

from netlab.model import predict
from tests.model.lab import Lab, letters

D, OWN, C1, C2 = "h:d0", "h:own", "h/c1:eth0", "h/c2:eth0"


def lab(mode: str = "bridge") -> Lab:
    """A dummy in h with a child beside it and one in each of two containers; x with a route to them by h."""
    made = Lab().dummy(D, "10.0.0.1/24", "fd00::1/64").veth("h:eth0", "10.9.0.1/24").veth("x:eth0", "10.9.0.2/24")
    for k, child in enumerate((OWN, C1, C2)):
        made.child(child, D, mode, f"10.0.0.{10 + k}/24", f"fd00::{10 + k}/64")
    return made.route("x", "10.0.0.0/24", via="10.9.0.1")


@pytest.mark.parametrize("layer", ["broadcast", "unicast", "arp", "ndp", "icmp", "icmp6", "tcp", "icmp-static"])
def test_bridge_children_talk_to_each_other_alone(layer: str) -> None:
    """Children in bridge mode reach each other, never the dummy, and the dummy reaches nobody."""
    seen = letters(lab().state(), layer)
    assert (seen[C1, C2], seen[C2, C1]) == ("R", "R")
    assert (seen[C1, D], seen[D, C1], seen[D, C2]) == ("A" if layer == "arp" else "U", "U", "U")


@pytest.mark.parametrize("mode", ["vepa", "private"])
@pytest.mark.parametrize("layer", ["broadcast", "icmp"])
def test_other_modes_have_no_wire_to_go_by(mode: str, layer: str) -> None:
    """Children whose frames would go by the wire reach nobody."""
    assert letters(lab(mode).state(), layer)[C1, C2] == "U"


def test_the_dummy_is_what_ends_it() -> None:
    """Between children of a dummy the story names what throws the frame away, not a wire that is missing."""
    state = lab("private").state()
    story = predict(state, ("icmp",)).story("icmp", state.index[C1], state.index[C2])
    assert story.rule == "dummy/swallows"


def test_its_address_is_its_hosts() -> None:
    """From outside its address is reached as any other of its host: it is answered by the interface on the wire."""
    assert letters(lab().state(), "icmp")["x:eth0", D] == "A"


def test_children_of_a_dummy_that_is_down_hear_broadcasts() -> None:
    """They keep their carrier: broadcasts go from child to child, what goes by the dummy itself dies there."""
    state = lab().change(D, up=False).state()
    assert letters(state, "broadcast")[C1, C2] == "R"
    assert letters(state, "unicast")[C1, C2] == letters(state, "icmp")[C1, C2] == "U"
