"""VRFs in a topology: what a file gets, and what it can't ask for."""

from __future__ import annotations

import pytest

from tests.plan.labs import baseline, faults, hosts

RED = "red: {type: vrf, table: 10}"
E = "e: {switch: s, master: red, addresses: [10.0.0.1/24]}"


def test_what_a_vrf_has() -> None:
    """It has the kernel's MTU and no ARP; its members name it, wherever they stand in the file."""
    state = baseline(hosts(E, RED))
    vrf, member = state.link("A:red"), state.link("A:e")
    assert (vrf.mtu, vrf.arp, vrf.argv) == (65575, False, ("type", "vrf", "table", "10"))
    assert (member.master, member.member, member.domain) == ("A:red", "part", "A:red")


def test_a_bridge_can_be_a_member() -> None:
    """VRFs are made before whatever may be in them."""
    assert baseline(hosts("br: {type: bridge, master: red}", RED)).link("A:br").domain == "A:red"


def test_an_address_is_of_one_vrf() -> None:
    """The same address may be in two VRFs, each with a gateway of its own, and not twice in one."""
    blue = "blue: {type: vrf, table: 20}"
    other = "f: {switch: s, master: blue, addresses: [10.0.0.1/24], duplicate: true}"
    routes = "\n    routes: [{to: default, via: 10.0.0.9, table: 10}, {to: default, via: 10.0.0.9, table: 20}]"
    state = baseline(hosts(RED, blue, E, other) + routes)
    assert [(one.table, one.oif) for one in state.namespace("A").routes] == [(10, "e"), (20, "f")]
    [fault] = faults(hosts(RED, E, other.replace("blue", "red")))
    assert "A:f has the address 10.0.0.1 at A:e, too" in fault


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (("red: {type: vrf}",), "A:red has no table (EINVAL); add 'table: 10'"),
        (("red: {type: vrf, table: 254}",), "main is the namespace's own table; any other number"),
        ((RED, "b: {type: vrf, table: 10}"), "A:red has the table 10: both would be one"),
        ((RED, "b: {type: vrf, table: 20, master: red}"), "a VRF can't be a member of anything (EINVAL)"),
        ((RED, "m: {type: macvlan, parent: red, mode: bridge}"), "A:red is vrf, on which no macvlan can sit (EINVAL)"),
        ((RED, "v: {type: vlan, parent: red, id: 5}"), "A:red is vrf, which takes no vlan interfaces (EOPNOTSUPP)"),
        (("br: {type: bridge}", "red: {type: vrf, table: 10, master: br}"), "a VRF can't be a member of anything"),
        (("red: {type: vrf, table: 10, mtu: 1000}",), "1000 bytes are too few for a VRF (EINVAL); at least 1280"),
        ((RED, "e: {switch: s, master: red, own_port: {hairpin: true}}"), "A:e is no port, but a part of"),
        (("red: {type: vrf, table: 10, arp: true}",), "no rule for 'arp' of a VRF; give them to its members"),
    ],
)  # fmt: skip
def test_what_cannot_be(lines: tuple[str, ...], fault: str) -> None:
    """What the kernel refuses, or nobody knows, is a fault of the file that says what would help."""
    assert any(fault in one for one in faults(hosts(*lines))), faults(hosts(*lines))


@pytest.mark.parametrize(
    ("route", "fault"),
    [
        ("{to: default, via: 10.0.0.9}", "10.0.0.9 is on no network of A, so it can be no gateway"),
        ("{to: 10.0.0.0/24, dev: e, table: 10}", "A:e brings a route to 10.0.0.0/24 by its address"),
        ("{to: 10.0.0.1/32, dev: e, table: 10}", "A:e brings a route to 10.0.0.1/32 by its address"),
    ],
)
def test_a_route_is_of_a_table(route: str, fault: str) -> None:
    """A gateway is looked for in the route's own table; a VRF's has the routes of its addresses, local ones too."""
    assert any(fault in one for one in faults(hosts(RED, E) + f"\n    routes: [{route}]"))


@pytest.mark.parametrize(
    ("route", "fault"),
    [
        ("{to: 10.9.0.0/16, dev: f, src: 10.0.0.1}", "10.0.0.1 is an address of A:e, which isn't"),
        ("{to: 10.9.0.0/16, dev: e, table: 10, src: 10.0.2.1}", ""),
        ("{to: 'fd09::/64', dev: e, src: 'fd02::1'}", "fd02::1 is an address of A:f, which isn't"),
        ("{to: 'fd09::/64', dev: e, table: 10, src: 'fd02::1'}", "fd02::1 is an address of A:f, which isn't"),
        ("{to: 'fd09::/64', dev: red, src: 'fd01::1'}", ""),
    ],
)
def test_a_source_is_of_the_interfaces_vrf(route: str, fault: str) -> None:
    """With IPv4 it may be in no VRF instead; with IPv6 the interface counts, not the table (ipv6_chk_addr)."""
    both = "addresses: [10.0.0.1/24, 'fd01::1/64']"
    lines = (RED, f"e: {{switch: s, master: red, {both}}}", "f: {switch: s, addresses: [10.0.2.1/24, 'fd02::1/64']}")
    text = hosts(*lines) + f"\n    routes: [{route}]"
    if fault:
        assert fault in faults(text)[0]
    else:
        assert baseline(text).namespace("A").routes


def test_it_goes_after_its_members() -> None:
    """A VRF with members can't be deleted."""
    step = "\nsteps: [{name: one, delete: [A:red]}]"
    assert any("A:red still has members; delete them first: A:e" in one for one in faults(hosts(RED, E) + step))


def test_a_gateway_is_found_in_the_routes_own_table() -> None:
    """A route of a VRF's table that leads to it is none to a route of table main (fib_check_nh: ENETUNREACH)."""
    routes = "    routes: [{to: 10.1.0.9/32, dev: e, table: 10}, {to: 10.2.0.0/16, via: 10.1.0.9"
    assert "10.1.0.9 is on no network of A" in faults(hosts(RED, E) + routes + "}]")[0]
    state = baseline(hosts(RED, E) + routes + ", table: 10}]")
    assert [route.oif for route in state.namespace("A").routes] == ["e", "e"]


def test_a_gateway_behind_another_is_none_in_any_table() -> None:
    """IPv6 refuses a gateway for which the route's own table, and main, have no route that leads to a link."""
    six = E.replace("10.0.0.1/24", '"fd00::1/64"')
    behind = '{to: "fd00::c/128", via: "fd00::9", table: 10}'
    second = '{to: "fd01::/64", via: "fd00::c", table: 10}'
    [fault] = faults(hosts(RED, six) + f"\n    routes: [{behind}, {second}]")
    assert "a route before this one has fd00::c somewhere else than on a link" in fault
    assert baseline(hosts(RED, six) + f"\n    routes: [{second}, {behind}]").namespace("A").routes
