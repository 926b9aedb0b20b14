"""vxlan: which end a frame goes to, and what the model leaves open."""

from __future__ import annotations

from dataclasses import replace

from netlab.contract.types import Port
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


def in_group(**of_c: object) -> Lab:
    """The three in one group, but for c's own options."""
    lab = three(remotes=(), group="239.1.1.1")
    return lab.change(B, group="239.1.1.1", remotes=()).change(C, **{"group": "239.1.1.1", "remotes": (), **of_c})


def test_a_broadcast_goes_to_the_members_of_its_group() -> None:
    """Members of another group hear nothing; answers go straight to whom a frame came from."""
    seen = letters(in_group().state(), "broadcast")
    assert {seen[one, other] for one in (A, B, C) for other in (A, B, C) if one != other} == {"R"}
    other = in_group(group="239.1.1.2").state()
    assert (letter(other, "broadcast", A, C), letter(other, "icmp", C, A), letter(other, "icmp", A, B)) == (
        "U",
        "U",
        "R",
    )
    # c hears no group, but sends to b alone, which learns where c is.
    straight = in_group(group=None, remotes=("10.0.0.2",)).state()
    assert (letter(straight, "icmp", C, B), letter(straight, "icmp", B, C), letter(straight, "icmp", C, A)) == (
        "R",
        "U",
        "U",
    )


def test_the_switches_between_have_to_carry_the_group() -> None:
    """A port that sends no multicasts cuts its host off, which still reaches the others; what is down is no member."""
    state = in_group().change("b:eth0", port=Port(mcast_flood=False)).state()
    assert (letter(state, "icmp", A, B), letter(state, "icmp", B, A), letter(state, "icmp", A, C)) == ("U", "R", "R")
    assert letter(in_group(up=False).state(), "broadcast", A, C) == "U"


def test_what_a_member_refuses() -> None:
    """A source that leads back out of another interface is refused by rp_filter, as any packet's is."""
    lab = in_group().veth("c:eth1", "10.0.0.30/25").sysctl("c", "all/rp_filter", 1)
    assert (letter(lab.state(), "broadcast", A, C), letter(lab.state(), "broadcast", A, B)) == ("U", "R")


def test_a_route_of_its_own_with_a_gateway_is_left_open() -> None:
    """A group's packets ignore a default route's gateway, and go to that of a longer prefix."""
    assert letter(in_group().route("a", "0.0.0.0/0", via="10.0.0.3").state(), "broadcast", A, B) == "R"
    assert letter(in_group().route("a", "224.0.0.0/4", via="10.0.0.3").state(), "broadcast", A, B) == "?"


def test_other_reports_than_the_first_are_left_open() -> None:
    """Where the file wants IGMPv3, which reports a group again, nothing is said of a group."""
    assert letter(in_group().sysctl("a", "/igmp_qrv", 2).state(), "broadcast", A, B) == "?"


def test_firewalls_are_left_open() -> None:
    """What nftables do to the packets isn't known."""
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
