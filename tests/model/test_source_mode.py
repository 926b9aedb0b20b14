"""Source mode: copies for those on the list, and what nodst does to the others."""

from __future__ import annotations

from typing import Any

import pytest

from netlab.contract.types import State
from netlab.model import predict
from tests.model.lab import Lab, letter, letters


def lab(hairpin: bool = False, allow: tuple[str, ...] = ("x1",), **options: Any) -> Lab:
    """A parent with bridge children b1, b2 and source child s1, and two other machines."""
    built = Lab().veth("h:eth0", "10.0.0.1/24", port={"hairpin": hairpin})
    built.veth("x1:eth0", "10.0.0.2/24").veth("x2:eth0", "10.0.0.3/24")
    built.child("h/b1:eth0", "h:eth0", "bridge", "10.0.0.11/24").child("h/b2:eth0", "h:eth0", "bridge", "10.0.0.12/24")
    built.child("h/s1:eth0", "h:eth0", "source", "10.0.0.13/24", **options)
    macs = {link.namespace: link.mac for link in built.links}
    return built.change("h/s1:eth0", allowed_macs=tuple(macs[name] for name in allow))


def heard(state: State, source: str) -> set[str]:
    """Who hears a source's broadcast, ports left out."""
    found = predict(state, ()).heard(state.index[source])
    return {link for link in found if not link.startswith("port(")}


def test_only_the_listed_one_is_reached() -> None:
    """A source child and the machine on its list reach each other; another machine doesn't (S-8)."""
    found = letters(lab().state(), "icmp")
    assert found["x1:eth0", "h/s1:eth0"] == found["h/s1:eth0", "x1:eth0"] == "R"
    assert found["x2:eth0", "h/s1:eth0"] == found["h/s1:eth0", "x2:eth0"] == "U"
    assert found["h/b1:eth0", "h/s1:eth0"] == found["h/s1:eth0", "h/b1:eth0"] == "U"


def test_it_is_a_copy() -> None:
    """Without nodst the parent and the other children receive as if the source child weren't there (S-3)."""
    found = letters(lab().state(), "unicast")
    assert found["x1:eth0", "h:eth0"] == found["x1:eth0", "h/b1:eth0"] == "R"


@pytest.mark.parametrize("up", [True, False])
def test_nodst_consumes(up: bool) -> None:
    """With nodst all others lose frames from a listed MAC, even while the source child is down (S-3, S-4)."""
    state = lab(nodst=True, up=up).state()
    found = letters(state, "unicast")
    assert found["x1:eth0", "h:eth0"] == found["x1:eth0", "h/b1:eth0"] == "U"
    assert found["x2:eth0", "h:eth0"] == "R"
    assert heard(state, "x1:eth0") == {"x2:eth0"} | ({"h/s1:eth0"} if up else set())
    assert found["x1:eth0", "h/s1:eth0"] == ("R" if up else "U")


def test_a_child_that_is_down_takes_nothing() -> None:
    """A source child that is down, without nodst, is passed over (S-4)."""
    found = letters(lab(up=False).state(), "unicast")
    assert found["x1:eth0", "h:eth0"] == "R"
    assert found["x1:eth0", "h/s1:eth0"] == "U"


def test_its_own_mac_on_the_list() -> None:
    """A source child that lists its own MAC hears its reflected broadcast (S-5), and nobody else does."""
    assert heard(lab(True, ("h/s1",)).state(), "h/s1:eth0") == {"x1:eth0", "x2:eth0", "h/s1:eth0"}


def test_a_listed_sibling_needs_reflection() -> None:
    """A sibling on the list reaches the source child by way of a reflecting switch only (S-6)."""
    assert letter(lab(False, ("h/b1",)).state(), "unicast", "h/b1:eth0", "h/s1:eth0") == "U"
    assert letter(lab(True, ("h/b1",)).state(), "unicast", "h/b1:eth0", "h/s1:eth0") == "R"
    # Its broadcasts to siblings bypass the handler; the reflected one passes it.
    assert "h/s1:eth0" not in heard(lab(False, ("h/b1",)).state(), "h/b1:eth0")
    assert "h/s1:eth0" in heard(lab(True, ("h/b1",)).state(), "h/b1:eth0")


def test_two_children_with_one_list() -> None:
    """Two source children that list one MAC both get copies (S-7)."""
    built = lab()
    listed = built.links[-1].allowed_macs
    built.child("h/s2:eth0", "h:eth0", "source", "10.0.0.14/24", allowed_macs=listed)
    assert {"h/s1:eth0", "h/s2:eth0", "h:eth0"} <= heard(built.state(), "x1:eth0")


def test_the_parents_mac_reaches_the_child_as_its_own() -> None:
    """A frame to the parent's MAC reaches a source child as if it were its own (S-2)."""
    state = lab().state()
    prediction = predict(state, ("unicast",))
    story = prediction.story("unicast", state.index["x1:eth0"], state.index["h:eth0"])
    assert ("h/s1:eth0", "heard") in {(hop.at, hop.what) for hop in story.hops}
    other = prediction.story("unicast", state.index["x1:eth0"], state.index["h/b1:eth0"])
    assert ("h/s1:eth0", "seen, for another MAC") in {(hop.at, hop.what) for hop in other.hops}
