"""vxlan: which end a frame goes to, and what the model leaves open."""

from __future__ import annotations

from dataclasses import replace

from tests.model.lab import Lab, letter, letters

A, B, C = "a:v", "b:v", "c:v"


def three(**of_a: object) -> Lab:
    """Three hosts on a LAN; a's end knows b's as its remote, the others know a's."""
    lab = Lab()
    for k, host in enumerate("abc", 1):
        lab.veth(f"{host}:eth0", f"10.0.0.{k}/24")
        options = {"remotes": ("10.0.0.2",), **of_a} if host == "a" else {"remotes": ("10.0.0.1",)}
        lab.vxlan(f"{host}:v", f"{host}:eth0", f"10.9.0.{k}/24", **options)
    return lab


def test_a_broadcast_goes_to_the_remotes_alone() -> None:
    """Who is no remote hears nothing, though its own broadcasts arrive."""
    seen = letters(three().state(), "broadcast")
    assert (seen[A, B], seen[A, C], seen[B, A], seen[C, A], seen[B, C]) == ("R", "U", "R", "R", "U")


def test_an_answer_finds_who_has_asked() -> None:
    """c is no remote of a, but a learns from c's request where c is: c can ask a, and a can't ask c."""
    state = three().state()
    assert (letter(state, "icmp", C, A), letter(state, "icmp", A, C)) == ("R", "U")
    assert letter(three(learning=False).state(), "icmp", C, A) == "U"


def test_a_static_entry_is_followed() -> None:
    """With an entry for c's MAC a frame to it goes there; a broadcast still doesn't."""
    mac = next(link.mac for link in three().links if link.id == C)
    state = three(entries=((mac, "10.0.0.3"),)).state()
    assert (letter(state, "unicast", A, C), letter(state, "broadcast", A, C)) == ("R", "U")
    assert letter(state, "icmp-static", A, C) == "R"


def test_a_packet_that_needs_fragments_is_left_open() -> None:
    """Where the packet around a frame is too long for the interface it leaves by, the model says nothing."""
    state = three().change(A, mtu=1500).change(B, mtu=1500).state()
    assert (letter(state, "icmp/1450", A, B), letter(state, "icmp/1500", A, B)) == ("R", "?")


def test_groups_and_firewalls_are_left_open() -> None:
    """Who has joined a group isn't known, nor what nftables do to the packets."""
    assert letter(three(remotes=(), group="239.1.1.1").state(), "icmp", A, B) == "?"
    lab = three()
    text = "table ip t { chain o { type filter hook output priority 0; policy accept; } }"
    lab.namespaces["c"] = replace(lab.namespaces["c"], nftables=text)
    assert (letter(lab.state(), "icmp", A, B), letter(lab.state(), "icmp", C, A)) == ("R", "?")


def test_children_sit_on_a_tunnel() -> None:
    """macvlan children of both ends meet through it, and not their parents; ipvlan children likewise."""
    for kind in ("macvlan", "ipvlan"):
        lab = three()
        for k, host in enumerate("ab", 1):
            parent, where = f"{host}:v", f"{host}/c:eth0"
            if kind == "macvlan":
                lab.child(where, parent, "bridge", f"10.9.0.1{k}/24", mtu=1450)
            else:
                lab.ipvlan(where, parent, "l2", "bridge", f"10.9.0.1{k}/24", mtu=1450)
        seen = letters(lab.state(), "icmp")
        assert (seen["a/c:eth0", "b/c:eth0"], seen["a/c:eth0", A], seen["a/c:eth0", B]) == ("R", "U", "R")
