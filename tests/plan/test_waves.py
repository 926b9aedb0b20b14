"""Which probes go together: every pair once, and none where another could change its answer."""

from __future__ import annotations

from collections import Counter

import pytest

from netlab.contract import waves
from tests.plan.labs import baseline

#: Four hosts, one with a child; what is to be added to B's interface stands in for %s.
LAB = """\
switches: {lan: {}}
hosts:
  A:
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}
    containers: {c: {interfaces: {m: {type: macvlan, parent: eth0, addresses: [10.0.0.2/24]}}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.3/24]%s}}}
  C: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.4/24]}}}
  D: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.5/24]}}}
"""
PAIRS = [(i, j) for i in range(5) for j in range(5) if i != j]


def cut(more: str, layer: str, *, warms: bool = True) -> list[list[waves.Pair]]:
    """The waves of a layer in the lab; all its pairs are in one of them each."""
    found = list(waves.cut(baseline(LAB % more), layer, PAIRS, 0, warms=warms))
    assert Counter(pair for wave in found for pair in wave) == Counter(PAIRS)
    return found


@pytest.mark.parametrize("layer", ["unicast", "arp", "icmp", "icmp-static", "tcp"])
@pytest.mark.parametrize(
    "more", [", port: {flood: off}", ", port: {locked: on}", ", port: {fdb: ['02:00:00:00:00:77']}"]
)
def test_where_a_forwarding_table_decides(more: str, layer: str) -> None:
    """A namespace is in one pair of a wave at most, for an entry decides about its own MAC's frames alone."""
    found = cut(more, layer, warms=layer != "unicast")
    for wave in found:
        assert len({end for pair in wave for end in pair}) == 2 * len(wave)
    assert len(found) < len(PAIRS)


@pytest.mark.parametrize("layer", ["unicast", "icmp"])
def test_where_a_forwarding_table_has_little_room(layer: str) -> None:
    """With room for so many addresses only every probe is alone."""
    lab = baseline((LAB % "").replace("lan: {}", "lan: {fdb_max_learned: 2}"))
    found = list(waves.cut(lab, layer, PAIRS, 0, warms=layer != "unicast"))
    assert [len(wave) for wave in found] == [1] * len(PAIRS)


@pytest.mark.parametrize("layer", ["unicast", "arp", "icmp"])
def test_where_one_mac_lives_at_two_places(layer: str) -> None:
    """Both places count as one namespace, which is part of one pair of a wave at most, as is every other."""
    mac = ", mac: 02:00:00:00:00:0a"
    lab = baseline((LAB % mac).replace("[10.0.0.4/24]", f"[10.0.0.4/24]{mac}, duplicate: true"))
    ids = [endpoint.namespace.replace("C", "B") for endpoint in lab.endpoints]
    found = list(waves.cut(lab, layer, PAIRS, 0, warms=layer != "unicast"))
    assert Counter(pair for wave in found for pair in wave) == Counter(PAIRS)
    for wave in found:
        busy = [name for i, j in wave for name in {ids[i], ids[j]}]
        assert len(busy) == len(set(busy))
    assert len(found) < len(PAIRS)


@pytest.mark.parametrize("layer", ["unicast", "arp", "icmp"])
def test_where_a_child_has_its_parents_mac(layer: str) -> None:
    """A passthru child and its parent count as one namespace, which is part of one pair of a wave at most."""
    lab = baseline((LAB % "").replace("type: macvlan", "type: macvlan, mode: passthru"))
    ids = [endpoint.namespace.partition("/")[0] for endpoint in lab.endpoints]
    for wave in waves.cut(lab, layer, PAIRS, 0, warms=layer != "unicast"):
        busy = [name for i, j in wave for name in {ids[i], ids[j]}]
        assert len(busy) == len(set(busy))


def test_where_a_third_one_may_be_flooded() -> None:
    """Who has a neighbour entry of the file is alone where a passthru child may take what is sent by it."""
    lab = (LAB % ", neighbors: {10.0.0.5: 'A:eth0'}").replace("type: macvlan", "type: macvlan, mode: passthru")
    state = baseline(lab)
    b = state.index["B:eth0"]
    found = list(waves.cut(state, "icmp", PAIRS, 0, warms=True))
    assert all(len(wave) == 1 for wave in found if any(b in pair for pair in wave))
    assert max(map(len, found)) > 1


#: A router between two networks, with two hosts in each.
ROUTED = """\
switches: {left: {}, right: {}}
hosts:
  A: {interfaces: {eth0: {switch: left, addresses: [10.0.1.1/24]}}, routes: [{to: default, via: 10.0.1.254}]%s}
  B: {interfaces: {eth0: {switch: left, addresses: [10.0.1.2/24]}}, routes: [{to: default, via: 10.0.1.254}]}
  C: {interfaces: {eth0: {switch: right, addresses: [10.0.2.1/24]}}, routes: [{to: default, via: 10.0.2.254}]}
  D: {interfaces: {eth0: {switch: right, addresses: [10.0.2.2/24]}}, routes: [{to: default, via: 10.0.2.254}]}
  R:
    sysctls: {net.ipv4.ip_forward: 1%s}
    interfaces:
      eth0: {switch: left, addresses: [10.0.1.254/24]}
      eth1: {switch: right, addresses: [10.0.2.254/24]}
"""


def routed(host: str = "", router: str = "") -> set[waves.Pair]:
    """The pairs of hosts in the routed lab that are near; whatever isn't is alone in its wave."""
    state = baseline(ROUTED % (host, router))
    pairs = [(i, j) for i in range(6) for j in range(6) if i != j]
    near = set(filter(waves.near(state, "icmp"), pairs))
    for wave in waves.cut(state, "icmp", pairs, 0, warms=True):
        assert len(wave) == 1 or near >= set(wave)
    return {(i, j) for i, j in near if i < j < 4}


@pytest.mark.parametrize("layer", ["icmp", "tcp"])
def test_who_may_ask_in_another_addresses_name(layer: str) -> None:
    """By arp_announce, and with several addresses, he and whom he asks are in no other pair of a wave."""
    text = (LAB % "").replace(
        "[10.0.0.3/24]}}", "[10.0.0.3/24, 10.0.1.3/24]}}, sysctls: {net.ipv4.conf.all.arp_announce: 2}"
    )
    lab = baseline(text)
    asker = next(i for i, endpoint in enumerate(lab.endpoints) if endpoint.id == "B:eth0")
    pairs = [(i, j) for i in range(len(lab.endpoints)) for j in range(len(lab.endpoints)) if i != j]
    for wave in waves.cut(lab, layer, pairs, 0, warms=True):
        for pair in wave:
            others = {end for other in wave if other != pair for end in other}
            assert pair[0] != asker or not others & set(pair)


def test_who_goes_by_a_gateway() -> None:
    """Who is on the same network is near, unless a rule or a route as good goes elsewhere, or a proxy answers."""
    assert routed() == {(0, 1), (2, 3)}
    assert routed(router=", net.ipv4.conf.all.proxy_arp: 1") == set()
    assert routed(host=", rules: [{table: 7, priority: 5}]") == {(2, 3)}
    lab = ROUTED % ("", "")
    wrong = lab.replace("addresses: [10.0.1.2/24]", "addresses: [10.0.1.2/24], neighbors: {10.0.1.1: 'R:eth0'}")
    assert not waves.near(baseline(wrong), "icmp")((0, 1))
    nearer = lab.replace("routes: [{to: default, via: 10.0.1.254}]", "routes: [{to: 10.0.1.2/32, via: 10.0.1.254}]", 1)
    near = waves.near(baseline(nearer), "icmp")
    assert not near((0, 1))
    assert not near((1, 0))
    assert near((2, 3))


def test_where_no_forwarding_table_decides() -> None:
    """Frames that no neighbour table is asked for all go together; the others as their namespaces allow."""
    assert len(cut("", "unicast", warms=False)) == 1
    assert len(cut("", "arp")) == 1
    assert 1 < len(cut("", "icmp")) < len(PAIRS)
