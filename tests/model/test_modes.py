"""macvlan's modes, against what was measured with parent, two children of each mode, and two other machines."""

from __future__ import annotations

import pytest

from netlab import plan
from netlab.model import predict
from tests.model.lab import Lab, letters

MODES = {"b": "bridge", "v": "vepa", "p": "private", "s": "source"}
IDS = {"parent": "h:eth0", "ext1": "x1:eth0", "ext2": "x2:eth0"} | {
    f"{m}{n}": f"h/{m}{n}:eth0" for m in MODES for n in (1, 2)
}
NAMES = {link: name for name, link in IDS.items()}


def mixed(hairpin: bool) -> Lab:
    """All four modes on one parent, and two other machines."""
    lab = Lab().veth("h:eth0", "10.0.0.1/24", "fd00::1/64", port={"hairpin": hairpin})
    lab.veth("x1:eth0", "10.0.0.2/24", "fd00::2/64").veth("x2:eth0", "10.0.0.3/24", "fd00::3/64")
    for k, (m, mode) in enumerate(MODES.items()):
        for n in (1, 2):
            lab.child(f"h/{m}{n}:eth0", "h:eth0", mode, f"10.0.0.{10 * k + 10 + n}/24", f"fd00::{10 * k + 10 + n}/64")
    return lab


HEARD = {
    ("ext1", False): "parent b1 b2 v1 v2 p1 p2 ext2",
    ("ext1", True): "parent b1 b2 v1 v2 p1 p2 ext2",
    ("parent", False): "ext1 ext2",
    ("parent", True): "ext1 ext2 parent b1 b2 v1 v2 p1 p2",
    ("b1", False): "b2 ext1 ext2",
    ("b1", True): "b2 ext1 ext2 parent v1 v2",
    ("v1", False): "ext1 ext2",
    ("v1", True): "ext1 ext2 parent b1 b2 v2",
    ("p1", False): "ext1 ext2",
    ("p1", True): "ext1 ext2 p1",
    ("s1", False): "ext1 ext2",
    ("s1", True): "ext1 ext2 s1",
}


@pytest.mark.parametrize("kernel", [(7, 0), (7, 1)])
@pytest.mark.parametrize(("sender", "hairpin"), HEARD)
def test_who_hears_a_broadcast(sender: str, hairpin: bool, kernel: tuple[int, int]) -> None:
    """A broadcast is heard by exactly the interfaces that were measured, and enters by its own port.

    From Linux 7.1 on a bridge child hears its own, if that comes back.
    """
    state = mixed(hairpin).kernel(*kernel).state()
    measured = set(HEARD[sender, hairpin].split()) | (
        {"b1"} if (sender, hairpin, kernel) == ("b1", True, (7, 1)) else set()
    )
    prediction = predict(state, ("broadcast",))
    i = state.index[IDS[sender]]
    port = "port(x1:eth0)" if sender == "ext1" else "port(h:eth0)"
    heard = prediction.heard(i) - {port}
    assert port in prediction.heard(i)
    assert {NAMES[link] for link in heard} == measured
    # The row's letters say the same, but for the sender itself.
    row = {NAMES[state.endpoints[j].id] for j, c in enumerate(prediction.letters["broadcast"][i]) if c == "R"}
    assert row == measured - {sender}


#: rows: who receives a unicast frame as its own; "." where nobody does. Columns parent b v p s ext.
UNICAST = {
    ("ext1", False): "RRRRUR",
    ("ext1", True): "RRRRUR",
    ("parent", False): ".UUUUR",
    ("parent", True): ".RRRUR",
    ("b1", False): "URUUUR",
    ("b1", True): "RRRRUR",
    ("v1", False): "UUUUUR",
    ("v1", True): "RRRRUR",
    ("p1", False): "UUUUUR",
    ("p1", True): "RRRRUR",
    ("s1", False): "UUUUUR",
    ("s1", True): "RRRRUR",
}
COLUMNS = ("parent", "b2", "v2", "p2", "s2", "ext2")

ARP_ICMP = {
    ("parent", False): ".UUUUR",
    ("ext1", False): "RRRRUR",
    ("b1", False): "URUUUR",
    ("v1", False): "UUUUUR",
    ("p1", False): "UUUUUR",
    ("s1", False): "UUUUUU",
    ("parent", True): ".RRRUR",
    ("ext1", True): "RRRRUR",
    ("b1", True): "RRRUUR",
    ("v1", True): "RRRUUR",
    ("p1", True): "UUUUUR",
    ("s1", True): "UUUUUU",
}
STATIC = {
    (name, hairpin): ARP_ICMP[name, False] if not hairpin else {"parent": ".RRRUR", "s1": "UUUUUU"}.get(name, "RRRRUR")
    for name, hairpin in ARP_ICMP
}


@pytest.mark.parametrize("sender_hairpin", UNICAST, ids=str)
@pytest.mark.parametrize(
    ("layer", "table"),
    [
        ("unicast", UNICAST),
        ("arp", ARP_ICMP),
        ("icmp", ARP_ICMP),
        ("tcp", ARP_ICMP),
        ("udp", ARP_ICMP),
        ("ndp", ARP_ICMP),
        ("icmp6", ARP_ICMP),
        ("tcp6", ARP_ICMP),
        ("udp6", ARP_ICMP),
        ("icmp-static", STATIC),
        ("icmp6-static", STATIC),
    ],
)
def test_who_reaches_whom(layer: str, table: dict[tuple[str, bool], str], sender_hairpin: tuple[str, bool]) -> None:
    """Each mode reaches each other as measured, with hairpin and without, cold and with static neighbours."""
    sender, hairpin = sender_hairpin
    found = letters(mixed(hairpin).state(), layer)
    assert "".join(found[IDS[sender], IDS[c]] if c != sender else "." for c in COLUMNS) == table[sender_hairpin]


@pytest.mark.parametrize("hairpin", [False, True])
@pytest.mark.parametrize("layer", ["broadcast", "unicast", "arp", "icmp", "tcp", "ndp", "icmp6", "tcp6"])
def test_macvtap_is_a_macvlan(layer: str, hairpin: bool) -> None:
    """A macvtap that nobody opened behaves as a macvlan of its mode does."""
    found = []
    for tap in (False, True):
        lab = Lab().veth("h:eth0", "10.0.0.1/24", "fd00::1/64", port={"hairpin": hairpin})
        lab.veth("x:eth0", "10.0.0.2/24", "fd00::2/64")
        for k, mode in enumerate(("bridge", "vepa", "private")):
            lab.child(f"h/c{k}:eth0", "h:eth0", mode, f"10.0.0.{k + 11}/24", f"fd00::{k + 11}/64", tap=tap)
        found.append(predict(lab.state(), (layer,)).letters)
    assert found[0] == found[1]


def passthru(**port: bool) -> Lab:
    """A passthru child in a container, and another machine."""
    lab = Lab().veth("h:eth0", "10.0.0.1/24", port=port).veth("x:eth0", "10.0.0.2/24")
    return lab.child("h/c:eth0", "h:eth0", "passthru", "10.0.0.11/24")


def test_passthru_takes_all_unicast() -> None:
    """Under a passthru child the parent hears broadcasts but gets no unicast, so no ping either."""
    state = passthru().state()
    assert letters(state, "broadcast")["x:eth0", "h:eth0"] == "R"
    assert letters(state, "unicast")["x:eth0", "h:eth0"] == "U"
    assert letters(state, "icmp")["x:eth0", "h:eth0"] == "U"
    assert letters(state, "icmp")["x:eth0", "h/c:eth0"] == "R"
    assert letters(state, "icmp")["h/c:eth0", "x:eth0"] == "R"


def test_a_passthru_child_that_is_down_swallows_unicast() -> None:
    """While a passthru child is down the parent's stack doesn't get unicast back."""
    state = passthru().change("h/c:eth0", up=False).state()
    assert letters(state, "unicast")["x:eth0", "h:eth0"] == "U"
    assert letters(state, "broadcast")["x:eth0", "h:eth0"] == "R"


def test_a_child_of_a_child_is_its_sibling() -> None:
    """A macvlan on a macvlan hangs on the real parent, and reaches the one it was put on as a sibling."""
    text = """
switches: {lan: {}}
hosts:
  h:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.1/24]}
      a: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.1.11/24]}
    containers: {b: {interfaces: {eth0: {type: macvlan, parent: a, mode: bridge, addresses: [10.0.1.12/24]}}}}
"""
    [step] = plan.from_file(text, "f").steps
    assert step.state.link("h/b:eth0").lower == "h:eth0"
    assert letters(step.state, "broadcast")["h/b:eth0", "h:a"] == "R"
    assert letters(step.state, "broadcast")["h/b:eth0", "h:eth0"] == "U"


def test_private_children_of_two_parents_meet() -> None:
    """Isolation is per parent: private children of two hosts reach each other."""
    lab = Lab().veth("g:eth0", "10.0.0.1/24").veth("h:eth0", "10.0.0.2/24")
    lab.child("g/c:eth0", "g:eth0", "private", "10.0.0.11/24").child("h/c:eth0", "h:eth0", "private", "10.0.0.12/24")
    found = letters(lab.state(), "icmp")
    assert found["g/c:eth0", "h/c:eth0"] == found["h/c:eth0", "g/c:eth0"] == "R"


def test_the_default_mode_is_vepa() -> None:
    """A child without a mode is a vepa child: siblings need the switch to reflect."""
    for hairpin, expected in ((False, "U"), (True, "R")):
        lab = Lab().veth("h:eth0", port={"hairpin": hairpin})
        for k in (1, 2):
            lab.child(f"h/c{k}:eth0", "h:eth0", None, f"10.0.0.{k}/24")
        assert letters(lab.state(), "icmp")["h/c1:eth0", "h/c2:eth0"] == expected


def test_without_a_broadcast_queue_the_parent_always_answers_first() -> None:
    """A parent and its child in one namespace race for an answer; with bclim -1 the parent wins."""
    lab = Lab().veth("h:eth0", "10.0.0.1/24").veth("x:eth0", "10.0.0.2/24")
    lab.child("h:m", "h:eth0", "bridge", "10.0.0.11/24")
    assert letters(lab.state(), "icmp")["x:eth0", "h:m"] == "B"
    lab.change("h:m", bclim=-1)
    assert letters(lab.state(), "icmp")["x:eth0", "h:m"] == "A"


def test_an_empty_broadcast_queue_deafens_children() -> None:
    """With bcqueuelen 0 children hear no broadcast from outside, and can't be found; unicast still works."""
    lab = Lab().veth("h:eth0", "10.0.0.1/24").veth("x:eth0", "10.0.0.2/24")
    lab.child("h/c:eth0", "h:eth0", "bridge", "10.0.0.11/24", bcqueuelen=0)
    lab.child("h/d:eth0", "h:eth0", "bridge", "10.0.0.12/24", bcqueuelen=0)
    state = lab.state()
    assert letters(state, "broadcast")["x:eth0", "h/c:eth0"] == "U"
    assert letters(state, "icmp")["x:eth0", "h/c:eth0"] == "U"
    assert letters(state, "icmp-static")["x:eth0", "h/c:eth0"] == "R"
    assert letters(state, "icmp")["h/d:eth0", "h/c:eth0"] == "R"
    assert (
        letters(lab.change("h/c:eth0", bclim=-1).change("h/d:eth0", bclim=-1).state(), "icmp")["x:eth0", "h/c:eth0"]
        == "R"
    )
    longest = lab.change("h/d:eth0", bcqueuelen=10, bclim=None).change("h/c:eth0", bclim=None).state()
    assert letters(longest, "icmp")["x:eth0", "h/c:eth0"] == "R"
