"""Routes in the plan: what a file can say, what the kernel would refuse, and what it forgets in steps."""

from __future__ import annotations

import pytest

from netlab.contract.kernels import Version
from netlab.contract.types import Nexthop, Route, Rule
from tests.plan.labs import faults, plan

HEAD = """\
switches: {left: {}, right: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: left, addresses: [10.0.1.2/24, 10.0.1.3/24, "fd01::2/64", "fd01::3/64"]}
      eth1: {switch: right, addresses: [10.0.2.2/24, "fd02::2/64"]}
      down: {switch: right, state: down, addresses: [10.0.3.2/24]}
"""


def lab(*routes: str, steps: str = "") -> str:
    """A host with two interfaces that are up and one that is down, and routes."""
    return HEAD + "    routes:\n" + "".join(f"      - {route}\n" for route in routes) + steps


def routes(text: str, step: int = 0, kernel: Version | None = None) -> tuple[Route, ...]:
    return plan(text, kernel).steps[step].state.namespace("A").routes


def test_whatever_iproute2_takes_is_taken() -> None:
    """Metric, source, type, onlink, next hops: each as given, with the interface that it leads out of."""
    given = (
        "{to: default, via: 10.0.1.1, metric: 100, src: 10.0.1.3}",
        "{to: default, src: fd01::3, via: fd01::1, metric: 1024}",
        "{to: 10.9.0.0/16, type: blackhole, metric: 0}",
        "{to: 10.6.0.0/16, via: 192.168.9.9, dev: eth1, onlink: true}",
        "{to: 10.5.0.0/16, nexthops: [{via: 10.0.1.1}, {via: 10.0.2.1, weight: 3}, {dev: eth1}]}",
    )
    hops = (Nexthop("10.0.1.1"), Nexthop("10.0.2.1", weight=3), Nexthop(dev="eth1"))
    made = routes(lab(*given))
    assert made == (
        Route("0.0.0.0/0", "10.0.1.1", metric=100, src="10.0.1.3"),
        Route("::/0", "fd01::1", src="fd01::3"),
        Route("10.9.0.0/16", type="blackhole"),
        Route("10.6.0.0/16", "192.168.9.9", "eth1", onlink=True),
        Route("10.5.0.0/16", nexthops=hops),
    )
    assert [[way.oif for way in one.ways] for one in made] == [
        ["eth0"],
        ["eth0"],
        [],
        ["eth1"],
        ["eth0", "eth1", "eth1"],
    ]


def test_a_rule_may_ask_for_a_mark() -> None:
    """A mark without a mask means all of its bits; both are decimal or hexadecimal."""
    text = HEAD + "    rules: [{fwmark: 0x1/0xff, table: 9}, {fwmark: 7, table: 9, family: 6}]\n"
    assert plan(text).steps[0].state.namespace("A").rules == (
        Rule(9, 32765, fwmark=(1, 255)),
        Rule(9, 32765, 6, fwmark=(7, 0xFFFFFFFF)),
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("{to: 10.9.0.0/16, type: blackhole, via: 10.0.1.1}", "9:44: a route of type blackhole leads nowhere, so"),
        ("{to: 10.9.0.0/16, type: prohibit, src: 10.0.1.2}", "9:43: a route of type prohibit leads nowhere, so"),
        ("{to: 10.9.0.0/16, type: blackole}", "9:33: 'blackole' is not a type of route; did you mean 'blackhole'?"),
        ("{to: default, via: 10.0.9.1}", "9:28: 10.0.9.1 is on no network of A, so it can be no gateway"),
        ("{to: default, via: 10.0.9.1, dev: eth0}", "9:28: 10.0.9.1 is on no network of A:eth0, so it can be no gateway"
         "; its networks are 10.0.1.0/24 (eth0), 10.0.2.0/24 (eth1); or say onlink: true"),
        ("{to: default, via: 10.0.9.1, onlink: true}", "9:38: 'onlink' is of a gateway, and says on which interface's"),
        ("{to: default, via: 10.0.1.255, dev: eth0, onlink: on}", "9:28: 10.0.1.255 is the broadcast address of"),
        ("{to: default, via: 10.0.1.2, dev: eth0, onlink: on}", "9:28: 10.0.1.2 is an address of A itself"),
        ("{to: default, via: 10.0.2.2, dev: eth0, onlink: on}", "9:28: 10.0.2.2 is an address of A itself"),
        ("{to: default, via: fd02::9, dev: eth0, onlink: on}", "9:28: fd02::9 is on the network fd02::/64 of eth1"),
        ("{to: 10.9.0.0/16, dev: down}", "9:32: A:down is down, so no route leads out of it; bring it up first"),
        ("{to: 10.9.0.0/16, dev: eth0, src: 10.0.1.9}", "9:43: 10.0.1.9 is no address of A, so nothing"
         " can be sent from it; it has 10.0.1.2, 10.0.1.3, 10.0.2.2, 10.0.3.2"),
        ("{to: 10.9.0.0/16, dev: eth0, src: 'fd01::2'}", "9:43: fd01::2 and 10.9.0.0/16 are of different families"),
        ("{to: 10.9.0.0/16, via: 10.0.1.1, nexthops: [{dev: eth0}]}", "9:27: each of the 'nexthops' has its own 'via'"),
        ("{to: 10.9.0.0/16, nexthops: [{weight: 2}]}", "9:38: a next hop needs 'via' or 'dev'"),
        ("{to: 'fd09::/64', nexthops: [{dev: eth0}]}", "9:38: a next hop needs a gateway with IPv6"),
        ("{to: 'fd09::/64', nexthops: [{via: fd01::9}, {via: fd01::9, weight: 2}]}", "9:27: one of them is there"),
        ("{to: 'fd09::/64', nexthops: [{via: fd01::9}, {via: fd01::9, dev: eth0}]}", "9:27: one of them is there"),
        ("{to: 10.9.0.0/16, nexthops: [{via: 10.0.1.9}, {via: 10.0.9.9}]}", "9:61: 10.0.9.9 is on no network of A"),
        ("{to: 10.9.0.0/16, nexthops: [{via: 10.0.1.9, weight: 257}]}", "9:62: 257 is out of range; 1 to 256"),
        ("{to: 10.0.1.0/24, via: 10.0.1.9}", "9:14: A:eth0 brings a route to 10.0.1.0/24 by its address; leave it out"),
        ("{to: 'fd01::/64', via: fd01::9, metric: 256}", "9:14: A:eth0 brings a route to fd01::/64 by its address"),
    ],
)  # fmt: skip
def test_what_the_kernel_would_refuse_is_an_error(given: str, message: str) -> None:
    """Each mistake is told at its own place, with what would fix it."""
    [first, *others] = faults(lab(given))
    assert first.startswith(f"f:{message}")
    assert not others


def test_a_metric_makes_another_route() -> None:
    """One prefix may have a route for each metric; the usual one is a metric, too."""
    one, two = "{to: 10.9.0.0/16, via: 10.0.1.1}", "{to: 10.9.0.0/16, via: 10.0.2.1, metric: 5}"
    assert len(routes(lab(one, two))) == 2
    assert faults(lab(one, two, two))[0].startswith("f:11:14: a second route to 10.9.0.0/16 in one table; keep one")
    six = "{to: 'fd09::/64', via: fd01::1}", "{to: 'fd09::/64', type: unreachable, metric: 1024}"
    assert faults(lab(*six))[0].startswith("f:10:14: a second route to fd09::/64")


def test_a_gateway_is_found_by_a_route_before_it() -> None:
    """A route to the gateway's network must come first, as the kernel is asked for one after the other."""
    direct, by = "{to: 172.16.0.0/16, dev: eth1}", "{to: 10.9.0.0/16, via: 172.16.0.1}"
    assert routes(lab(direct, by))[1].oif == "eth1"
    assert faults(lab(by, direct))[0].startswith("f:9:32: 172.16.0.1 is on no network of A")


def test_ipv6_finds_no_gateway_behind_another_route() -> None:
    """A route before that drops packets, or has a gateway, is in the way of an IPv6 gateway, unless dev is named."""
    by = "{to: 'fd09::/64', via: fd01::9}"
    for first in ("{to: 'fd01::9/128', type: unreachable}", "{to: 'fd01::/96', via: fd02::9, metric: 5}"):
        assert faults(lab(first, by))[0].startswith("f:10:32: a route before this one has fd01::9 somewhere else")
        assert len(routes(lab(by, first))) == 2
        assert len(routes(lab(first, by.replace("}", ", dev: eth0}")))) == 2
    again = "{to: 'fd08::/64', via: fd01::9, dev: eth0}"
    assert faults(lab("{to: 'fd01::/96', via: fd01::8, metric: 5}", again))[0].startswith("f:10:32: a route before")
    assert len(routes(lab("{to: 10.0.1.9/32, type: unreachable}", "{to: 10.9.0.0/16, via: 10.0.1.9}"))) == 2


STEPS = """\
steps:
  - {name: down, set: {A:eth1: {state: down}}}
  - {name: up, set: {A:eth1: {state: up, addresses: [10.0.2.2/24, "fd02::2/64"]}}}
  - {name: bare, set: {A:eth1: {addresses: []}}}
  - {name: dressed, set: {A:eth1: {addresses: [10.0.2.2/24]}}}
  - {name: deleted, delete: [A:eth1]}
"""


def test_a_next_hop_comes_back_and_other_routes_do_not() -> None:
    """A next hop is left out while its interface is down or bare; with the interface an IPv4 route goes as a whole."""
    given = (
        "{to: 10.9.0.0/16, via: 10.0.2.1}",
        "{to: 10.5.0.0/16, nexthops: [{via: 10.0.1.1}, {via: 10.0.2.1}]}",
        "{to: 'fd05::/64', nexthops: [{via: fd01::1}, {via: fd02::1}]}",
    )
    seen = [
        [(one.to, [way.oif for way in one.ways]) for one in routes(lab(*given, steps=STEPS), step)] for step in range(6)
    ]
    four, six = "10.5.0.0/16", "fd05::/64"
    both, one = ["eth0", "eth1"], ["eth0", None]
    assert seen[0] == [("10.9.0.0/16", ["eth1"]), (four, both), (six, both)]
    assert seen[1] == [(four, one), (six, one)]
    assert seen[2] == [(four, both), (six, both)]
    assert seen[3] == [(four, one), (six, both)]
    assert seen[4] == [(four, both), (six, both)]
    assert seen[5] == [(six, ["eth0"])]


@pytest.mark.parametrize(("kernel", "source"), [((6, 5), "fd01::3"), ((6, 6), None)])
def test_a_route_goes_with_its_source(kernel: tuple[int, int], source: str | None) -> None:
    """An IPv4 route of table main goes, an IPv6 route loses its source: before 6.6 one by that interface alone."""
    given = (
        "{to: 10.9.0.0/16, via: 10.0.2.1, src: 10.0.1.3}",
        "{to: 10.9.0.0/16, via: 10.0.2.1, src: 10.0.1.3, table: 7}",
        "{to: 10.8.0.0/16, via: 10.0.2.1, src: 10.0.1.2}",
        "{to: 'fd09::/64', via: fd01::1, src: fd01::3}",
        "{to: 'fd08::/64', via: fd02::1, src: fd01::3}",
    )
    text = lab(*given, steps='steps: [{name: s, set: {A:eth0: {addresses: [10.0.1.2/24, "fd01::2/64"]}}}]\n')
    left = [(one.to, one.table, one.src) for one in routes(text, 1, Version(*kernel))]
    assert left == [
        ("10.9.0.0/16", 7, "10.0.1.3"),
        ("10.8.0.0/16", 254, "10.0.1.2"),
        ("fd09::/64", 254, None),
        ("fd08::/64", 254, source),
    ]


def test_an_address_that_was_a_broadcast_address_first_is_no_source() -> None:
    """What the kernel takes for a broadcast address can't be a route's source (fib_valid_prefsrc): an error there."""
    text = """
hosts:
  A:
    interfaces:
      d1: {type: dummy, addresses: [10.0.0.6/30]}
      d2: {type: dummy, addresses: [10.0.0.7/24]}
    routes: [{to: 10.9.0.0/16, dev: d2, src: 10.0.0.7}]
"""
    [told] = faults(text)
    assert told.startswith("f:7:46: 10.0.0.7 was a broadcast address before it was one of A's, and is no source")
    assert plan(text.replace("/30", "/28")).steps[0].state.namespace("A").routes
