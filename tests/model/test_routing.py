"""Routes, hosts that forward, and what being bound to an interface means."""

from __future__ import annotations

from typing import Any

from netlab.model import predict
from tests.model.lab import Lab, letter, letters


def routed(forward: bool = True, **options: Any) -> Lab:
    """a and b in two subnets on two switches, and r between them."""
    lab = Lab("s1", "s2").veth("a:eth0", "10.1.0.1/24", "fd01::1/64", switch="s1")
    lab.veth("b:eth0", "10.2.0.1/24", "fd02::1/64", switch="s2")
    lab.veth("r:eth1", "10.1.0.254/24", "fd01::fe/64", switch="s1")
    lab.veth("r:eth2", "10.2.0.254/24", "fd02::fe/64", switch="s2", **options)
    if forward:
        lab.sysctl("r", "/ip_forward", 1).sysctl("r", "all/forwarding", 1, family=6)
    for host, net in (("a", 1), ("b", 2)):
        lab.route(host, "0.0.0.0/0", via=f"10.{net}.0.254").route(host, "::/0", via=f"fd0{net}::fe")
    return lab


def test_a_router_forwards() -> None:
    """Two subnets meet through a host that forwards, and not through one that doesn't."""
    for layer in ("icmp", "tcp", "udp", "icmp6", "tcp6", "udp6"):
        assert letter(routed().state(), layer, "a:eth0", "b:eth0") == "R"
        assert letter(routed(False).state(), layer, "a:eth0", "b:eth0") == "U"
    assert letter(routed().state(), "arp", "a:eth0", "b:eth0") == "."
    assert letter(routed().state(), "icmp-static", "a:eth0", "b:eth0") == "."


def test_the_path_goes_through_the_router() -> None:
    """The story's path names the router's two interfaces, and the rule of who doesn't forward."""
    state = routed().state()
    story = predict(state, ("icmp",)).story("icmp", 0, 1)
    assert story.path == (
        "a:eth0",
        "port(a:eth0)",
        "port(r:eth1)",
        "r:eth2",
        "port(r:eth2)",
        "port(b:eth0)",
        "b:eth0",
    )
    state = routed(False).state()
    assert predict(state, ("icmp",)).rule("icmp", 0, 1) == "ip/not-forwarding"
    assert predict(state, ("icmp6",)).rule("icmp6", 0, 1) == "ipv6/not-forwarding"


def test_without_a_way_back_there_is_no_answer() -> None:
    """A host that has no route back doesn't answer."""
    lab = routed()
    lab.namespaces["b"] = type(lab.namespaces["b"])("b", "host", lab.namespaces["b"].sysctls)
    state = lab.state()
    assert letter(state, "icmp", "a:eth0", "b:eth0") == "U"
    assert predict(state, ("icmp",)).rule("icmp", 0, 1) == "ip/no-route-back"
    for layer in ("icmp6", "tcp6", "udp6"):
        assert predict(state, (layer,)).rule(layer, 0, 1) == "ipv6/no-route-back"


def test_a_router_never_fragments_what_must_not_be() -> None:
    """A packet too long for the next link that must not be fragmented is dropped by the router."""
    state = routed(mtu=1400).change("b:eth0", mtu=1400).state()
    assert letter(state, "icmp/1400", "a:eth0", "b:eth0") == "R"
    for layer, rule in (("icmp/1401", "ip/fragmentation-needed"), ("icmp6/1401", "ipv6/packet-too-big")):
        assert letter(state, layer, "a:eth0", "b:eth0") == "U"
        assert predict(state, (layer,)).rule(layer, 0, 1) == rule


def test_bound_means_on_link() -> None:
    """IPv4 asks for an address of another subnet on the link that it is bound to; IPv6 says unreachable."""
    lab = Lab().veth("a:eth0", "10.1.0.1/24", "fd01::1/64").veth("b:eth0", "10.2.0.1/24", "fd02::1/64")
    lab.route("b", "10.1.0.0/24", dev="eth0").route("b", "fd01::/64", dev="eth0")
    state = lab.state()
    assert letter(state, "icmp", "a:eth0", "b:eth0") == "R"
    assert letter(state, "icmp6", "a:eth0", "b:eth0") == "U"
    assert letter(state, "arp", "a:eth0", "b:eth0") == "."


def test_strict_filtering_at_a_host_with_two_wires() -> None:
    """Under rp_filter=1 a host with two interfaces in one subnet is reached by the first route's only."""
    for rp, expected in ((0, "R"), (1, "U"), (2, "R")):
        lab = Lab().veth("h:eth0", "10.0.0.1/24").veth("h:eth1", "10.0.0.2/24").veth("x:eth0", "10.0.0.3/24")
        lab.sysctl("h", "all/rp_filter", rp).sysctl("h", "all/arp_ignore", 1)
        assert letter(lab.state(), "icmp", "x:eth0", "h:eth1") == expected


def test_the_newest_port_is_flooded_first() -> None:
    """Of two wires of one host the port made last hears the broadcast first, and so answers first."""
    state = Lab().veth("h:eth0", "10.0.0.1/24").veth("h:eth1", "10.0.0.2/24").veth("x:eth0", "10.0.0.3/24").state()
    found = letters(state, "icmp")
    assert (found["x:eth0", "h:eth0"], found["x:eth0", "h:eth1"]) == ("A", "R")


def test_rp_filter_without_a_way_back() -> None:
    """Any rp_filter refuses a source to which no route leads."""
    for rp, rule in ((0, "ip/no-route-back"), (2, "ip/rp-filter-no-way-back")):
        lab = Lab().veth("a:eth0", "10.1.0.1/24").veth("b:eth0", "10.2.0.1/24").sysctl("b", "all/rp_filter", rp)
        state = lab.state()
        assert letter(state, "icmp", "a:eth0", "b:eth0") == "U"
        assert predict(state, ("icmp",)).rule("icmp", 0, 1) == rule


def test_proxy_arp_is_not_predicted() -> None:
    """A router that may answer for others does so after a random delay: no prediction."""
    lab = routed().sysctl("r", "all/proxy_arp", 1)
    lab.namespaces["a"] = type(lab.namespaces["a"])("a", "host", lab.namespaces["a"].sysctls)
    prediction = predict(lab.state(), ("icmp",))
    assert prediction.letters["icmp"][0][1] == "?"
    assert "proxy_arp" in prediction.unknown["icmp", 0, 1]


def test_a_redirect_is_sent_and_asks_for_the_neighbour() -> None:
    """A router on the sender's own link tells it of the shorter way, and the sender asks for that neighbour."""
    lab = Lab().veth("a:eth0", "10.0.0.1/24").veth("b:eth0", "10.0.1.1/16").veth("r:eth0", "10.0.0.2/16")
    lab.sysctl("r", "/ip_forward", 1).route("a", "10.0.1.0/24", via="10.0.0.2")
    state = lab.state()
    story = predict(state, ("icmp",)).story("icmp", 0, 1)
    assert story.letter == "R"
    assert "ip/redirect" in {hop.rule for hop in story.hops}
    asked = [hop for hop in story.hops if hop.phase == "arp-request" and hop.at == "port(a:eth0)"]
    # For the router, and for b by the redirect, from which b knows a and needn't ask.
    assert len(asked) == 2


def test_ipv6_reply_prefers_the_ingress() -> None:
    """An IPv6 reply leaves by the interface that the request came by, where routes are equal; IPv4's by the first."""
    lab = Lab().veth("h:eth0", "10.0.0.1/24", "fd00::1/64").veth("h:eth1", "10.0.0.2/24", "fd00::2/64")
    lab.veth("x:eth0", "10.0.0.3/24", "fd00::3/64").sysctl("h", "all/arp_ignore", 1)
    state = lab.state()
    prediction = predict(state, ("icmp", "icmp6"))
    for layer, reply in (("icmp", "h:eth0"), ("icmp6", "h:eth1")):
        story = prediction.story(layer, 2, 1)
        assert story.letter == "R"
        assert next(hop.at for hop in story.hops if hop.phase == "echo-reply") == reply


def test_nobody_knows_whether_a_program_listens() -> None:
    """What gets through to a port of the user's own is unknown, for a refusal may follow; what doesn't is not."""
    for layer in ("tcp/80", "host:tcp/80", "udp6/53", "host:udp6/53"):
        source = "a" if layer.startswith("host:") else "a:eth0"
        state = routed().state()
        prediction = predict(state, (layer,))
        i, j = state.row(layer, source), state.column(layer, "b:eth0")
        assert prediction.letters[layer][i][j] == "?"
        assert "whether a program listens on port" in prediction.unknown[layer, i, j]
        assert letter(routed(False).state(), layer, source, "b:eth0") == "U"


def test_a_hop_by_the_own_source_since_6_16() -> None:
    """Of several next hops newer kernels take the one whose source the answer has; before, nobody can foresee it."""
    for version, seen in (((6, 12), "?"), ((6, 16), "U")):
        lab = Lab("s1", "s2").veth("a:eth0", "10.0.0.1/24", switch="s1").veth("c:eth0", "10.0.0.3/24", switch="s1")
        lab.veth("a:eth1", "10.9.0.6/24", switch="s2").veth("c:eth1", "10.9.0.5/24", switch="s2").kernel(*version)
        lab.route("c", "10.0.0.1/32", hops=("10.9.0.4", "10.0.0.1"))
        assert letter(lab.state(), "icmp", "a:eth0", "c:eth1") == seen
