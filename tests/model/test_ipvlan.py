"""ipvlan children: what was measured on Linux 5.10 to 7.2, in each mode, with each flag, with hairpin off and on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netlab import plan
from netlab.contract.kernels import Version
from netlab.contract.types import AddLink
from netlab.contract.types.links import Ipvlan
from netlab.model import predict, predict_refusal
from tests.model.lab import Lab, letters
from tests.model.scene_labs import parent_down

H, C1, C2, X = "h:eth0", "h/c1:eth0", "h/c2:eth0", "x:eth0"
MODES = ("l2", "l3", "l3s")
FLAGS = ("bridge", "private", "vepa")


def one_subnet(mode: str, flag: str, *, hairpin: bool = False) -> Lab:
    """A parent, two children in containers, and a host outside, all of one network."""
    lab = Lab().veth(H, "10.0.0.1/24", "fd00::1/64", port={"hairpin": hairpin})
    for k, child in ((11, C1), (12, C2)):
        lab.ipvlan(child, H, mode, flag, f"10.0.0.{k}/24", f"fd00::{k}/64")
    return lab.veth(X, "10.0.0.100/24", "fd00::100/64")


def routed(mode: str, flag: str) -> Lab:
    """Children of two networks that send everything to their interface; the host outside has routes by the parent."""
    lab = Lab().veth(H, "10.0.0.1/24", "fd00::1/64")
    for k, child in ((1, C1), (2, C2)):
        lab.ipvlan(child, H, mode, flag, f"10.1.{k}.9/24", f"fd01:{k}::9/64")
    lab.veth(X, "10.0.0.100/24", "fd00::100/64")
    for space in ("h/c1", "h/c2"):
        lab.route(space, "0.0.0.0/0", dev="eth0").route(space, "::/0", dev="eth0")
    return lab.route("x", "10.1.0.0/16", via="10.0.0.1").route("x", "fd01::/16", via="fd00::1")


def both(seen: dict[tuple[str, str], str], one: str, other: str) -> str:
    """The letter of a pair in both directions, which must be the same."""
    assert seen[one, other] == seen[other, one]
    return seen[one, other]


#: c1 and c2, a child and its parent, a child and the host outside: off, and on where it differs.
TABLE = {
    ("l2", "bridge"): ("R", "UR", "R"),
    ("l2", "private"): ("U", "UR", "R"),
    ("l2", "vepa"): ("UR", "UR", "R"),
    **{(mode, "bridge"): ("R", "U", "U") for mode in MODES[1:]},
    **{(mode, flag): ("U", "U", "U") for mode in MODES[1:] for flag in FLAGS[1:]},
}


@pytest.mark.parametrize("layer", ["icmp", "icmp6", "tcp", "udp", "host:icmp"])
@pytest.mark.parametrize(("mode", "flag"), TABLE)
def test_one_subnet(mode: str, flag: str, layer: str) -> None:
    """In one network children, parent and outside reach each other as it was measured."""
    if layer == "host:icmp":
        ends = ("h", "h/c1", "h/c2", "x")
    for hairpin in (False, True):
        state = one_subnet(mode, flag, hairpin=hairpin).state()
        if layer == "host:icmp":
            prediction = predict(state, (layer,))
            seen = {
                (link, target): prediction.letters[layer][state.row(layer, end)][state.column(layer, target)]
                for link, end in zip((H, C1, C2, X), ends, strict=True)
                for target in (H, C1, C2, X)
            }
        else:
            seen = letters(state, layer)
        expected = [told[-1] if hairpin else told[0] for told in TABLE[mode, flag]]
        assert [both(seen, C1, C2), both(seen, C1, H), both(seen, C2, X)] == expected
        assert both(seen, H, X) == "R"


@pytest.mark.parametrize("mode", MODES[1:])
@pytest.mark.parametrize("flag", FLAGS)
def test_static_neighbours_let_l3_out(mode: str, flag: str) -> None:
    """With static neighbours an l3 child is reached from outside, and from its parent by a hairpin."""
    for hairpin in (False, True):
        seen = letters(one_subnet(mode, flag, hairpin=hairpin).state(), "icmp-static")
        assert both(seen, C1, X) == "R"
        # What a child sends to its parent's address gets there by the loopback.
        assert (seen[C1, H], seen[H, C1]) == (("A", "R") if hairpin else ("U", "U"))


@pytest.mark.parametrize("layer", ["icmp", "icmp6", "tcp"])
@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("mode", MODES)
def test_routed(mode: str, flag: str, layer: str) -> None:
    """By routes all children reach the outside, each other only with the flag bridge, and never their parent."""
    seen = letters(routed(mode, flag).state(), layer)
    assert both(seen, C1, C2) == ("R" if flag == "bridge" else "U")
    assert (both(seen, C1, X), both(seen, C1, H)) == ("R", "U")


@pytest.mark.parametrize("flag", FLAGS)
def test_broadcasts_in_l2(flag: str) -> None:
    """Whatever the flag, a child's broadcast reaches siblings and the wire; the parent's, the wire; all hear X."""
    seen = letters(one_subnet("l2", flag).state(), "broadcast")
    assert (seen[C1, C2], seen[C1, X], seen[C1, H]) == ("R", "R", "U")
    assert (seen[H, C1], seen[H, X], seen[X, H], seen[X, C1]) == ("U", "R", "R", "R")


@pytest.mark.parametrize("mode", MODES[1:])
def test_no_broadcasts_in_l3(mode: str) -> None:
    """Children neither send broadcasts nor hear any, and answer no ARP."""
    state = one_subnet(mode, "bridge").state()
    for layer in ("broadcast", "arp"):
        seen = letters(state, layer)
        assert {seen[pair] for pair in seen if {C1, C2} & {*pair} and pair[0] != pair[1]} == {"U"}
        assert both(seen, H, X) == "R"


@pytest.mark.parametrize(("kernel", "reached"), [((6, 1), "R"), ((6, 9), "R"), ((6, 10), "U"), ((7, 3), "U")])
@pytest.mark.parametrize("mode", MODES[:2])
def test_a_parent_that_is_set_down(mode: str, kernel: tuple[int, int], reached: str) -> None:
    """From Linux 6.10 on a child loses its carrier with its parent; before that siblings go on reaching each other."""
    text = parent_down().text.replace("mode: l2", f"mode: {mode}")
    steps = plan.from_file(text, "t", Version(*kernel)).steps
    assert [letters(step.state, "icmp")[C1, C2] for step in steps] == ["R", reached, "R"]
    assert [step.state.link(C1).carrier for step in steps] == [True, reached == "R", True]


@pytest.mark.parametrize("kernel", [(6, 9), (6, 10)])
def test_a_child_of_a_parent_that_is_down(kernel: tuple[int, int]) -> None:
    """A child that is made on a parent without carrier has none, on every kernel, until the parent is up."""
    text = parent_down().text.replace("{switch: lan, addr", "{switch: lan, state: down, addr")
    steps = plan.from_file(text, "t", Version(*kernel)).steps
    assert [step.state.link(C1).carrier for step in steps] == [False, False, True]


def test_an_answer_by_half_a_firewall_is_unknown() -> None:
    """What an l3 child sends passes the nftables of its parent's namespace, the answer doesn't: no rule for that."""
    lab = one_subnet("l3", "bridge")
    text = "table ip t { chain o { type filter hook output priority 0; policy accept; } }"
    lab.namespaces["h"] = replace(lab.namespaces["h"], nftables=text)
    assert letters(lab.state(), "icmp")[C1, X] == "?"


def test_an_address_is_one_childs() -> None:
    """A second child with an address of its sibling is refused, and so is one of another driver on the parent."""
    state = one_subnet("l2", "bridge").state()
    again = Ipvlan(
        namespace="h", name="v", ifname="v", ifindex=99, parent=H, addresses=state.link(C1).addresses, mode="l2"
    )
    refused = predict_refusal(state, AddLink(link=again))
    assert refused == ("EADDRINUSE", "create", "refuse/ipvlan-address-taken")
    other = Lab().veth(H).child("h:m", H).state()
    assert predict_refusal(other, AddLink(link=again)) == ("EBUSY", "create", "refuse/one-driver-takes-a-parent")
