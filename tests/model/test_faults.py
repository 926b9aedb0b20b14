"""Links that are down or have no carrier, and MTUs that don't fit."""

from __future__ import annotations

from typing import Any

import pytest

from netlab.contract.types import Port
from netlab.model import predict
from tests.model.lab import Lab, letter, letters

LAYERS = ("broadcast", "unicast", "arp", "icmp", "icmp-static", "tcp", "udp")


def siblings(**options: Any) -> Lab:
    """Two bridge children of one parent, and another machine."""
    lab = Lab().veth("h:eth0", "10.0.0.1/24", **options).veth("x:eth0", "10.0.0.2/24")
    for k in (1, 2):
        lab.child(f"h/b{k}:eth0", "h:eth0", "bridge", f"10.0.0.{10 + k}/24")
    return lab


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(("fault", "options"), [("parent down", {"up": False}), ("port down", {"port": {"up": False}})])
def test_a_dead_wire_silences_all(layer: str, fault: str, options: dict[str, Any]) -> None:
    """With the parent down, or its switch port, nobody is reached, not even siblings among themselves."""
    found = letters(siblings(**options).state(), layer)
    assert set(found.values()) == {"U", "."}


@pytest.mark.parametrize("layer", LAYERS)
def test_siblings_survive_a_fault_beyond_the_carrier(layer: str) -> None:
    """With the port out of the bridge siblings reach each other, and nobody else."""
    found = letters(siblings(port={"attached": False}).state(), layer)
    assert {pair for pair, c in found.items() if c == "R"} == {("h/b1:eth0", "h/b2:eth0"), ("h/b2:eth0", "h/b1:eth0")}


def test_a_child_that_is_down() -> None:
    """A child that is down neither sends nor hears; its siblings don't mind."""
    state = siblings().change("h/b2:eth0", up=False).state()
    for layer in LAYERS:
        found = letters(state, layer)
        assert {c for pair, c in found.items() if "h/b2:eth0" in pair} <= {"U", "."}
        assert found["h/b1:eth0", "x:eth0"] == "R"
    prediction = predict(state, ("icmp",))
    assert prediction.rule("icmp", state.index["x:eth0"], state.index["h/b2:eth0"]) == "link/down"
    assert prediction.rule("icmp", state.index["h/b2:eth0"], state.index["x:eth0"]) == "link/down"


def test_the_address_of_an_interface_that_is_down_still_answers() -> None:
    """In one namespace another interface answers for the address of one that is down (its local route stays)."""
    lab = Lab().veth("h:eth0", "10.0.0.1/24").veth("x:eth0", "10.0.0.2/24")
    state = lab.child("h:c", "h:eth0", "bridge", "10.0.0.11/24", up=False).state()
    assert letter(state, "icmp", "x:eth0", "h:c") == "A"
    assert letter(state, "icmp", "h:c", "x:eth0") == "U"


def test_no_carrier_is_named() -> None:
    """Where carrier is lost the rule says so."""
    state = siblings(port={"up": False}).state()
    prediction = predict(state, ("icmp",))
    assert prediction.rule("icmp", state.index["h/b1:eth0"], state.index["h/b2:eth0"]) == "link/no-carrier"
    assert prediction.on_wire("icmp", state.index["h/b1:eth0"], state.index["h/b2:eth0"]) is False


@pytest.mark.parametrize(
    ("sender", "receiver", "size", "expected"),
    [
        (1500, 1500, 1500, "R"),
        (1500, 1500, 1501, "U"),
        (1500, 1400, 1400, "R"),
        (1500, 1400, 1404, "R"),
        (1500, 1400, 1405, "U"),
        (1400, 1500, 1400, "R"),
        (1400, 1500, 1401, "U"),
    ],
)
def test_mtu_on_the_wire(sender: int, receiver: int, size: int, expected: str) -> None:
    """A packet fits if the sender's MTU takes it, and the receiver's with four bytes to spare."""
    lab = Lab().veth("a:eth0", "10.0.0.1/24", "fd00::1/64", mtu=sender)
    state = lab.veth("b:eth0", "10.0.0.2/24", "fd00::2/64", mtu=receiver).state()
    assert letter(state, f"icmp/{size}", "a:eth0", "b:eth0") == expected
    assert letter(state, f"icmp6/{size}", "a:eth0", "b:eth0") == expected


def test_a_childs_mtu_limits_what_it_sends_only() -> None:
    """A child receives what is longer than its own MTU, from a sibling and from outside (F-2)."""
    lab = siblings().change("h/b2:eth0", mtu=1300)
    assert letter(lab.state(), "icmp/1450", "h/b1:eth0", "h/b2:eth0") == "R"
    assert letter(lab.state(), "icmp/1450", "x:eth0", "h/b2:eth0") == "R"


def test_the_reply_is_fragmented() -> None:
    """A reply longer than the answering interface's MTU goes in fragments, and counts."""
    lab = Lab().veth("a:eth0", "10.0.0.1/24", "fd00::1/64").veth("h:eth0")
    lab.child("h/c:eth0", "h:eth0", "bridge", "10.0.0.2/24", "fd00::2/64", mtu=1300)
    state = lab.state()
    for family in ("", "6"):
        assert letter(state, f"icmp{family}/1500", "a:eth0", "h/c:eth0") == "R"
        assert letter(state, f"icmp{family}/1500", "h/c:eth0", "a:eth0") == "U"


def test_a_port_keeps_what_is_too_long() -> None:
    """The bridge drops what is too long for the outgoing port."""
    lab = Lab("s1", "s2").trunk("s2", "s1", mtu=1400)
    lab.veth("a:eth0", "10.0.0.1/24", switch="s1").veth("b:eth0", "10.0.0.2/24", switch="s2")
    state = lab.state()
    assert letter(state, "icmp/1404", "a:eth0", "b:eth0") == "R"
    prediction = predict(state, ("icmp/1405",))
    assert prediction.letters["icmp/1405"][0] == ".U"
    assert prediction.rule("icmp/1405", 0, 1) == "bridge/port-mtu"


def test_a_static_entry_sends_frames_astray() -> None:
    """A wrong static neighbour entry is used without asking, and ARP can't fix it."""
    lab = Lab().veth("a:eth0", "10.0.0.1/24", neighbors=[("10.0.0.2", "02:00:00:00:99:99")])
    state = lab.veth("b:eth0", "10.0.0.2/24").state()
    assert letter(state, "icmp", "a:eth0", "b:eth0") == "U"
    assert letter(state, "icmp", "b:eth0", "a:eth0") == "U"
    assert letter(state, "arp", "a:eth0", "b:eth0") == "R"


def test_static_entries_at_both_ends_are_enough_for_private_children() -> None:
    """Private children with static entries meet through a hairpin; an entry at one end is not enough."""
    for both, expected in ((True, "R"), (False, "U")):
        lab = Lab().veth("h:eth0", port={"hairpin": True})
        lab.child("h/a:eth0", "h:eth0", "private", "10.0.0.1/24", mac="02:00:00:00:aa:01",
                  neighbors=[("10.0.0.2", "02:00:00:00:aa:02")])  # fmt: skip
        lab.child("h/b:eth0", "h:eth0", "private", "10.0.0.2/24", mac="02:00:00:00:aa:02",
                  neighbors=[("10.0.0.1", "02:00:00:00:aa:01")] if both else [])  # fmt: skip
        assert letter(lab.state(), "icmp", "h/a:eth0", "h/b:eth0") == expected


def test_an_unknown_sysctl_is_no_prediction() -> None:
    """A sysctl that no rule speaks of makes what depends on that stack unknown, with the reason; frames stay known."""
    lab = Lab().veth("a:eth0", "10.0.0.1/24").veth("b:eth0", "10.0.0.2/24").veth("c:eth0", "10.0.0.3/24")
    lab.sysctl("a", "/neigh/eth0/app_solicit", 1)
    prediction = predict(lab.state(), ("unicast", "arp", "icmp"))
    assert prediction.letters["unicast"] == (".RR", "R.R", "RR.")
    assert prediction.letters["arp"] == prediction.letters["icmp"] == (".??", "?.R", "?R.")
    assert "app_solicit" in prediction.unknown["icmp", 1, 0]
    assert len(prediction.unknown) == 8


def test_a_sysctl_of_one_family_leaves_the_other_known() -> None:
    """What is about IPv6 makes its pairs unknown, and those of IPv4 stay known."""
    lab = Lab().veth("a:eth0", "10.0.0.1/24", "fd00::1/64").veth("b:eth0", "10.0.0.2/24", "fd00::2/64")
    state = lab.sysctl("a", "eth0/keep_addr_on_down", 1, family=6).state()
    assert [letter(state, layer, "b:eth0", "a:eth0") for layer in ("icmp", "tcp", "icmp6", "tcp6")] == list("RR??")


def test_duplicate_detection() -> None:
    """It changes nothing where no MAC is there twice; else nothing is said of IPv6 there."""
    for mac, expected in (("02:00:00:00:aa:01", "R"), ("02:00:00:00:aa:02", "?")):
        lab = Lab().veth("a:eth0", "fd00::1/64", mac=mac).veth("b:eth0", "fd00::2/64", mac="02:00:00:00:aa:02")
        lab.veth("c:eth0", "fd00::3/64").sysctl("a", "all/accept_dad", 1, family=6)
        assert letter(lab.state(), "icmp6", "c:eth0", "a:eth0") == expected


def test_echo_ignore_all() -> None:
    """A namespace that ignores pings is found by ARP, and serves TCP, but answers no ping."""
    lab = Lab().veth("a:eth0", "10.0.0.1/24", "fd00::1/64").veth("b:eth0", "10.0.0.2/24", "fd00::2/64")
    lab.sysctl("b", "/icmp_echo_ignore_all", 1).sysctl("b", "/icmp/echo_ignore_all", 1, family=6)
    state = lab.state()
    assert [letter(state, layer, "a:eth0", "b:eth0") for layer in ("arp", "icmp", "tcp", "icmp6")] == list("RURU")


def test_ports_default() -> None:
    """The builder's port is the plan's default one."""
    assert Lab().veth("a:eth0").state().link("a:eth0").port == Port()
