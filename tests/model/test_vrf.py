"""VRFs: two tenants with one network, routes from one VRF into another, sockets that are bound to nothing."""

from __future__ import annotations

import pytest

from netlab.model.outgoing import way
from tests.model.lab import letter
from tests.model.scene_labs import Text
from tests.model.vrfs import LEAKS, OUT, B, R, state, tenants

FORWARD = "net.ipv4.ip_forward: 1"
#: By source and destination, in two tenants without any routes: the letters of icmp and of tcp.
APART = {
    (R, "h:eth1"): "RR",
    (R, B): "UU",
    (B, R): "UU",
    (R, OUT): "UU",
    (OUT, R): "UU",
    # The same address in another VRF: the tenant's own answers a ping, and no server of the other's a connection.
    (R, "h:eth2"): "AU",
    # Table local comes before the VRF's own: the host's own addresses answer tenants, its unbound servers don't.
    (R, "h:eth3"): "AU",
    # An address of the VRF itself.
    (R, "h:red"): "AA",
    (OUT, "h:red"): "UU",
    # Bound to a VRF, to a member of another, to nothing that is in one.
    ("h:red", R): "RR",
    ("h:eth2", R): "UU",
    ("h:eth3", R): "UU",
}


@pytest.mark.parametrize("pair", APART, ids=" ".join)
def test_tenants_are_kept_apart(pair: tuple[str, str]) -> None:
    """Nobody reaches the other tenant, nor the host's own table."""
    lab = state()
    assert letter(lab, "icmp", *pair) + letter(lab, "tcp", *pair) == APART[pair]


@pytest.mark.parametrize("pair", [(OUT, R), (R, OUT), (OUT, B), (B, OUT)], ids=" ".join)
def test_routes_lead_from_one_table_into_another(pair: tuple[str, str]) -> None:
    """By a member or by the VRF itself, what is sent on arrives, and so do the answers."""
    assert [letter(state(LEAKS), layer, *pair) for layer in ("icmp", "tcp", "udp")] == ["R", "R", "R"]


@pytest.mark.parametrize(("told", "expected"), [("", "RUU"), ("tcp", "RRU"), ("udp", "RUR"), ("raw", "UUU")])
def test_what_hears_a_vrf_bound_to_nothing(told: str, expected: str) -> None:
    """A ping does; TCP and UDP do where their sysctl says so."""
    more = f", net.ipv4.{told}_l3mdev_accept: {int(told != 'raw')}" if told else ""
    lab = state(LEAKS, FORWARD + more)
    assert "".join(letter(lab, f"host:{layer}", "h", R) for layer in ("icmp", "tcp", "udp")) == expected


def test_a_way_into_a_vrf() -> None:
    """A program that binds nothing has no way to a tenant without a route, and one by the VRF with it."""
    assert way(state(), "h", "10.0.0.3").errno == "ENETUNREACH"
    assert way(state(LEAKS), "h", "10.0.0.3").link == "h:blue"


def test_each_address_has_a_table() -> None:
    """An address may be in several VRFs of a namespace, in each with its own route."""
    lab = state()
    assert [link.domain for link in lab.links_of("h")] == ["h:red", "h:blue", "h:red", "h:blue", None]


@pytest.mark.parametrize(("family", "expected"), [("ip", "?R"), ("ip6", "R?"), ("inet", "??"), ("bridge", "RR")])
def test_nftables_are_followed_of_no_family_that_they_see(family: str, expected: str) -> None:
    """Packets of a family whose tables have chains pass them twice, which isn't followed; others pass none."""
    hook = "type filter hook input priority 0; policy drop;"
    text = f"table {family} t {{ chain c {{ {hook} }} }}"
    lab = tenants()
    lab = Text(
        lab.text.replace("    interfaces:\n      red", f"    nftables: |\n      {text}\n    interfaces:\n      red")
    )
    assert "".join(letter(lab.state(), layer, R, "h:eth1") for layer in ("icmp", "icmp6")) == expected


def test_a_member_hears_a_group_that_was_joined_there() -> None:
    """An IPv4 multicast is heard at a member, and sent by it; what rp_filter does to one there is left open."""
    assert (letter(state(), "mcast", R, "h:eth1"), letter(state(), "mcast", "h:eth1", R)) == ("R", "R")
    strict = state(sysctls=f"{FORWARD}, net.ipv4.conf.all.rp_filter: 1")
    assert (letter(strict, "mcast", R, "h:eth1"), letter(state(), "mcast", R, "h:red")) == ("?", "?")
