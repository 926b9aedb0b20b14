"""The switch's rules: port options, forwarding database, switches in series."""

from __future__ import annotations

from typing import Any

import pytest

from netlab.contract.types import Port, State
from netlab.model import predict
from tests.model.lab import Lab, letter, letters

OVER_IPV6 = ("ndp", "icmp6", "tcp6", "udp6")
PLAIN = dict.fromkeys(("icmp", "icmp-static", "arp", "unicast", "broadcast", *OVER_IPV6), "R")


def two(**port: Any) -> State:
    """x1, whose port has options, and x2."""
    lab = Lab().veth("x1:eth0", "10.0.0.1/24", "fd00::1/64", port=port)
    return lab.veth("x2:eth0", "10.0.0.2/24", "fd00::2/64").state()


def siblings(mode: str, **port: Any) -> State:
    """Two children of one parent whose port has options, and another machine."""
    lab = Lab().veth("h:eth0", "10.0.0.1/24", "fd00::1/64", port=port).veth("x:eth0", "10.0.0.2/24", "fd00::2/64")
    for k in (1, 2):
        lab.child(f"h/c{k}:eth0", "h:eth0", mode, f"10.0.0.{10 + k}/24", f"fd00::{10 + k}/64")
    return lab.state()


@pytest.mark.parametrize(
    ("port", "to", "back"),
    [
        ({}, {}, {}),
        ({"isolated": True}, {}, {}),
        ({"learning": False}, {}, {}),
        # Nothing is flooded to x1 by its MAC: found only once the switch has learned it.
        ({"flood": False}, {"unicast": "U", "icmp-static": "U"}, {}),
        ({"bcast_flood": False}, {"broadcast": "U", "arp": "U", "icmp": "U"}, {"icmp": "R"}),
        ({"mcast_flood": False}, dict.fromkeys(OVER_IPV6, "U"), {}),
        ({"state": "disabled"}, dict.fromkeys(PLAIN, "U"), dict.fromkeys(PLAIN, "U")),
        ({"state": "listening"}, dict.fromkeys(PLAIN, "U"), dict.fromkeys(PLAIN, "U")),
        ({"state": "learning"}, dict.fromkeys(PLAIN, "U"), dict.fromkeys(PLAIN, "U")),
        ({"attached": False}, dict.fromkeys(PLAIN, "U"), dict.fromkeys(PLAIN, "U")),
        ({"locked": True, "learning": False}, {k: "U" for k in PLAIN if k not in ("unicast", "broadcast")},
         dict.fromkeys(PLAIN, "U")),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else None,
)  # fmt: skip
def test_a_port_option(port: dict[str, Any], to: dict[str, str], back: dict[str, str]) -> None:
    """An option of x1's port changes what it was measured to change, towards x1 and back, and nothing else."""
    state = two(**port)
    for layer in PLAIN:
        found = letters(state, layer)
        assert (layer, found["x2:eth0", "x1:eth0"]) == (layer, (PLAIN | to)[layer])
        assert (layer, found["x1:eth0", "x2:eth0"]) == (layer, (PLAIN | back)[layer])


def test_isolated_ports_avoid_each_other() -> None:
    """Two isolated ports don't talk; an isolated and an ordinary one do (B-2)."""
    lab = Lab()
    for k, isolated in enumerate((True, True, False)):
        lab.veth(f"x{k}:eth0", f"10.0.0.{k + 1}/24", port={"isolated": isolated})
    found = letters(lab.state(), "icmp")
    assert found["x0:eth0", "x1:eth0"] == "U"
    assert found["x0:eth0", "x2:eth0"] == found["x2:eth0", "x0:eth0"] == "R"


def test_isolation_beats_hairpin() -> None:
    """An isolated port doesn't reflect, hairpin or not (B-2)."""
    assert letter(siblings("vepa", hairpin=True), "icmp", "h/c1:eth0", "h/c2:eth0") == "R"
    assert letter(siblings("vepa", hairpin=True, isolated=True), "icmp", "h/c1:eth0", "h/c2:eth0") == "U"
    assert letter(siblings("bridge", hairpin=True, isolated=True), "icmp", "h/c1:eth0", "h/c2:eth0") == "R"


def test_reflection_needs_flooding() -> None:
    """With bcast_flood off a hairpin reflects no broadcast; static neighbours don't need it (B-4)."""
    state = siblings("vepa", hairpin=True, bcast_flood=False)
    assert letter(state, "icmp", "h/c1:eth0", "h/c2:eth0") == "U"
    assert letter(state, "icmp-static", "h/c1:eth0", "h/c2:eth0") == "R"
    # With flood off it is the reverse: ARP teaches the switch, a static entry doesn't (B-3).
    state = siblings("vepa", hairpin=True, flood=False)
    assert letter(state, "icmp", "h/c1:eth0", "h/c2:eth0") == "R"
    assert letter(state, "icmp-static", "h/c1:eth0", "h/c2:eth0") == "U"


def test_a_locked_port_admits_listed_macs() -> None:
    """A locked port lets in the MACs that have a static entry on it, and no others (B-5)."""
    lab = Lab().veth("h:eth0", "10.0.0.1/24", port={"locked": True, "learning": False})
    lab.child("h/c:eth0", "h:eth0", "bridge", "10.0.0.11/24").veth("x:eth0", "10.0.0.2/24")
    mac = next(link.mac for link in lab.links if link.id == "h:eth0")
    lab.change("h:eth0", port=Port(locked=True, learning=False, fdb=(mac,)))
    found = letters(lab.state(), "icmp")
    assert found["h:eth0", "x:eth0"] == found["x:eth0", "h:eth0"] == "R"
    assert found["h/c:eth0", "x:eth0"] == found["x:eth0", "h/c:eth0"] == "U"


def test_an_unlearned_mac_is_flooded() -> None:
    """fdb_max_learned blocks nothing by itself; with flood off who isn't learned can't be reached."""
    for flood, expected in ((True, "R"), (False, "U")):
        lab = Lab(fdb_max_learned=1)
        for k in (1, 2):
            lab.veth(f"x{k}:eth0", f"10.0.0.{k}/24", port={"flood": flood})
        assert letter(lab.state(), "icmp", "x1:eth0", "x2:eth0") == expected


def test_no_ageing_time_no_learning() -> None:
    """With ageing_time 0 a bridge learns nothing, so with flood off nothing unicast arrives."""
    lab = Lab(ageing_time=0).veth("x1:eth0", "10.0.0.1/24", port={"flood": False}).veth("x2:eth0", "10.0.0.2/24")
    assert letter(lab.state(), "icmp", "x2:eth0", "x1:eth0") == "U"


def test_a_switch_that_is_down_takes_nothing() -> None:
    """With the bridge down nothing passes, but bridge siblings go on talking (section 4)."""
    lab = Lab(up=False).veth("h:eth0", "10.0.0.1/24").veth("x:eth0", "10.0.0.2/24")
    lab.child("h/a:eth0", "h:eth0", "bridge", "10.0.0.11/24").child("h/b:eth0", "h:eth0", "bridge", "10.0.0.12/24")
    found = letters(lab.state(), "icmp")
    assert found["x:eth0", "h:eth0"] == "U"
    assert found["h/a:eth0", "h/b:eth0"] == "R"


def test_switches_in_series() -> None:
    """Three switches in a row carry what one does (B-9)."""
    lab = Lab("s1", "s2", "s3").trunk("s2", "s1").trunk("s3", "s2")
    lab.veth("a:eth0", "10.0.0.1/24", "fd00::1/64", switch="s1")
    lab.veth("b:eth0", "10.0.0.2/24", "fd00::2/64", switch="s3")
    state = lab.state()
    for layer in PLAIN:
        assert letter(state, layer, "a:eth0", "b:eth0") == "R"
    story = predict(state, ("icmp",)).story("icmp", 0, 1)
    assert story.path == (
        "a:eth0",
        "port(a:eth0)",
        "port(s1--s2)",
        "port(s2--s1)",
        "port(s2--s3)",
        "port(s3--s2)",
        "port(b:eth0)",
        "b:eth0",
    )


def test_a_trunk_that_is_down_parts_the_switches() -> None:
    """Nothing crosses a link between switches that has no carrier."""
    lab = Lab("s1", "s2").trunk("s2", "s1", up=False, carrier=False)
    lab.veth("a:eth0", "10.0.0.1/24", switch="s1").veth("b:eth0", "10.0.0.2/24", switch="s2")
    assert letter(lab.state(), "icmp", "a:eth0", "b:eth0") == "U"


def test_stp_is_not_predicted() -> None:
    """Where a switch speaks STP its ports' states depend on time, so there is no prediction, but a reason."""
    lab = Lab(stp=True).veth("a:eth0", "10.0.0.1/24").veth("b:eth0", "10.0.0.2/24")
    prediction = predict(lab.state(), ("icmp", "broadcast"))
    assert prediction.letters == {"icmp": (".?", "?."), "broadcast": (".?", "?.")}
    assert "STP" in prediction.unknown["icmp", 0, 1]
    assert set(prediction.unknown) == {(layer, i, 1 - i) for layer in ("icmp", "broadcast") for i in (0, 1)}
    assert prediction.on_wire("icmp", 0, 1) is None
    with pytest.raises(KeyError):
        prediction.unknown["icmp", 0, 0]


def test_frames_to_the_switchs_own_mac() -> None:
    """A frame to a MAC of the switch itself is not forwarded."""
    lab = Lab().veth("a:eth0", "10.0.0.1/24").veth("b:eth0", "10.0.0.2/24")
    lab.change("b:eth0", mac=lab.links[0].mac)
    assert letter(lab.state(), "unicast", "a:eth0", "b:eth0") == "U"
