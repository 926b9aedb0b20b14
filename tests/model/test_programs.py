"""Host questions: a program that binds nothing asks, and routing chooses interface, next hop and source address."""

from __future__ import annotations

import pytest

from netlab.model import predict, way
from tests.model.lab import Lab, letter, letters
from tests.model.scene_labs import by_source, two, two_hops, ways

PROBES = ("icmp", "tcp", "udp")


def shim() -> Lab:
    """h with a macvlan container, and a macvlan shim beside it by which a route leads to the container."""
    lab = Lab().veth("h:eth0", "10.0.0.1/24", "fd00::1/64").child("h/web:eth0", "h:eth0", "bridge", "10.0.0.9/24")
    lab.child("h:shim", "h:eth0", "bridge", "10.0.0.8/32").route("h", "10.0.0.9/32", dev="shim")
    return lab


@pytest.mark.parametrize("probe", PROBES)
def test_a_shim_cures(probe: str) -> None:
    """A program of the host reaches the container by the shim; the parent, and a host without shim, don't."""
    state = shim().state()
    assert letter(state, f"host:{probe}", "h", "h/web:eth0") == "R"
    assert letter(state, f"host:{probe}", "h/web", "h:shim") == "R"
    assert letter(state, probe, "h:eth0", "h/web:eth0") == "U"
    bare = Lab().veth("h:eth0", "10.0.0.1/24").child("h/web:eth0", "h:eth0", "bridge", "10.0.0.9/24").state()
    assert letter(bare, f"host:{probe}", "h", "h/web:eth0") == "U"
    prediction = predict(bare, (f"host:{probe}",))
    assert prediction.rule(f"host:{probe}", 0, 1) == "macvlan/parent-tx-skips-children"


def test_the_second_wire_is_found() -> None:
    """A host with a wire to each of two networks reaches both, though each wire reaches but one."""
    lab = Lab("s1", "s2").veth("r:eth0", "10.0.0.1/24", switch="s1").veth("r:eth1", "10.0.1.1/24", switch="s2")
    state = lab.veth("x:eth0", "10.0.0.2/24", switch="s1").veth("y:eth0", "10.0.1.2/24", switch="s2").state()
    found = letters(state, "host:icmp")
    assert (found["r", "x:eth0"], found["r", "y:eth0"]) == ("R", "R")
    assert (found["x", "r:eth0"], found["x", "r:eth1"], found["x", "y:eth0"]) == ("R", "U", "U")
    assert letter(state, "icmp", "r:eth0", "y:eth0") == "U"
    assert predict(state, ("host:tcp",)).on_wire("host:tcp", 0, state.column("host:tcp", "y:eth0"))


def test_own_addresses_go_by_loopback() -> None:
    """What a program asks of its own namespace never touches a wire."""
    state = shim().state()
    prediction = predict(state, ("host:icmp",))
    story = prediction.story("host:icmp", 0, state.column("host:icmp", "h:eth0"))
    assert (story.letter, story.rule) == ("A", "ip/own-address-by-loopback")
    assert prediction.on_wire("host:icmp", 0, 0) is False


def test_an_answer_may_come_in_anywhere() -> None:
    """What comes back by another interface is lost to a bound socket, and taken by one that isn't bound."""
    lab = Lab("s1", "s2").veth("a:eth0", "10.0.0.1/24", switch="s1").veth("a:eth1", "10.0.1.1/24", switch="s2")
    lab.veth("b:eth0", "10.0.0.2/24", switch="s1").veth("b:eth1", "10.0.1.2/24", switch="s2")
    state = lab.route("b", "10.0.0.1/32", via="10.0.1.1").state()
    assert letter(state, "icmp", "a:eth0", "b:eth0") == "U"
    assert letter(state, "host:icmp", "a", "b:eth0") == "R"
    lab.sysctl("a", "all/rp_filter", 1)
    assert letter(lab.state(), "host:icmp", "a", "b:eth0") == "U"


@pytest.mark.parametrize(("type", "errno"), [("blackhole", "EINVAL"), ("prohibit", "EACCES"), ("unreachable", "EHOST")])
def test_the_error_is_told(type: str, errno: str) -> None:
    """A route without a way out is told by its error; a bound IPv4 socket takes no notice of it, nor an IPv6 one."""
    state = ways(type).state()
    for layer in ("host:icmp", "host:tcp6"):
        story = predict(state, (layer,)).story(layer, 0, state.column(layer, "x:eth0"))
        assert (story.letter, story.rule, story.path) == ("U", f"route/{type}", ())
        assert story.at is not None
        assert story.at.what.startswith(errno)
    assert letter(state, "icmp", "h:eth0", "x:eth0") == "R"
    assert letter(state, "icmp6", "h:eth0", "x:eth0") == "R"


def test_no_route_is_an_error() -> None:
    """Without a route no packet leaves, and a program is told ENETUNREACH."""
    state = two().target("10.9.9.9").state()
    story = predict(state, ("host:udp",)).story("host:udp", 0, 2)
    assert (story.letter, story.rule, story.hops[-1].what) == ("U", "ip/unreachable", "ENETUNREACH: no route")


@pytest.mark.parametrize(("metric", "expected"), [(5, "R"), (50, "U")])
def test_the_least_metric_counts(metric: int, expected: str) -> None:
    """Of two routes to a prefix the one with the lesser metric is taken."""
    lab = two().route("h", "10.0.0.2/32", type="blackhole", metric=10)
    assert (
        letter(lab.route("h", "10.0.0.2/32", dev="eth0", metric=metric).state(), "host:icmp", "h", "x:eth0") == expected
    )


def test_next_hops_that_agree() -> None:
    """Of several next hops a letter is foreseen where all give the same; R or A is B, and R or U is unknown."""
    same = two().route("h", "10.0.0.2/32", hops=("10.0.0.2", "10.0.0.2")).state()
    assert letter(same, "host:icmp", "h", "x:eth0") == "R"
    lab = two_hops()
    assert letter(lab.state(), "host:icmp", "a", "10.9.0.1") == "B"
    lab.change("x:eth1", up=False)
    prediction = predict(lab.state(), ("host:icmp",))
    assert "next hops" in prediction.unknown["host:icmp", 0, lab.state().column("host:icmp", "10.9.0.1")]


def test_an_address_whoever_has_it() -> None:
    """An address is reached at any of its holders; one that nobody has is asked for in vain."""
    lab = Lab().veth("a:eth0", "10.0.0.1/24").veth("b:eth0", "10.0.0.7/24").veth("c:eth0", "10.0.0.7/24")
    state = lab.target("10.0.0.7").target("10.0.0.8").state()
    found = letters(state, "host:tcp")
    assert (found["a", "10.0.0.7"], found["a", "10.0.0.8"]) == ("R", "U")
    assert (found["b", "10.0.0.7"], found["b", "10.0.0.8"]) == ("A", "U")
    assert predict(state, ("host:tcp",)).rule("host:tcp", 0, state.column("host:tcp", "10.0.0.8")) == "arp/not-here"


def test_a_mark_is_zero() -> None:
    """A rule for marked packets doesn't count where nothing marks them."""
    for mark, expected in (((1, 0xFFFFFFFF), "R"), ((0, 1), "U")):
        lab = two().rule("h", table=7, priority=100, fwmark=mark).route("h", "10.0.0.2/32", type="prohibit", table=7)
        assert letter(lab.state(), "host:icmp", "h", "x:eth0") == expected


def test_connect_looks_twice() -> None:
    """A rule for packets from a program's address counts for TCP only, which looks again when it has the address."""
    assert way(by_source().state(), "h", "10.0.0.2").errno is None
    assert way(by_source().state(), "h", "10.0.0.2", tcp=True).errno == "EACCES"


def test_ipv6_prefers_what_is_alike() -> None:
    """A source is of the interface that the route leads out of, of the destination's kind, with the longest prefix in
    common; of equals the newest."""
    lab = Lab().veth("a:eth0", "fd00::1/64", "fd00::2/64", "2001:db8::1/64", "fd00:0:0:1::1/64")
    lab.veth("a:eth1", "fd00:5::1/64").veth("b:eth0", "fd00::9/64").route("a", "::/0", via="fd00::9")
    for address, source in (
        ("fd00::9", "fd00::2"), ("2001:db8:7::1", "2001:db8::1"), ("fd00:5::9", "fd00:5::1"), ("fd00::1", "fd00::1"),
        ("fd00:0:0:1::9", "fd00:0:0:1::1"), ("fd00:0:0:3::9", "fd00:0:0:1::1"), ("fd00:5:1::9", "fd00:0:0:1::1"),
    ):  # fmt: skip
        assert way(lab.state(), "a", address).source == source


def test_the_way_is_told() -> None:
    """The story, and `way`, name the route, its table and the source address."""
    state = two().state()
    found = way(state, "h", "10.0.0.2")
    assert (found.link, found.source, found.gateway) == ("h:eth0", "10.0.0.1", None)
    assert found.route == "10.0.0.0/24 dev eth0 (table main)"
    first = predict(state, ("host:icmp",)).story("host:icmp", 0, 1).hops[0]
    assert (first.at, first.what) == ("h:eth0", "route 10.0.0.0/24 dev eth0 (table main), from 10.0.0.1")
    several = way(two_hops().state(), "a", "10.9.0.1")
    assert (several.link, several.others, several.gateway) == ("a:eth0", ("a:eth1",), "10.0.0.2")
