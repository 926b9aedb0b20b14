"""Which probes go together: every pair once, and none where another could change its answer."""

from __future__ import annotations

from collections import Counter

import pytest

from netlab.plan import waves
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
@pytest.mark.parametrize("text", [", mac: 02:00:00:00:00:0a", "limit"])
def test_where_stations_share_a_forwarding_table_entry(text: str, layer: str) -> None:
    """With one MAC at two places, or room for so many addresses only, every probe is alone."""
    lab = LAB % (text if text != "limit" else "")
    if text == "limit":
        lab = lab.replace("lan: {}", "lan: {fdb_max_learned: 2}")
    else:
        lab = lab.replace("[10.0.0.4/24]", "[10.0.0.4/24], mac: 02:00:00:00:00:0a, duplicate: true")
    found = list(waves.cut(baseline(lab), layer, PAIRS, 0, warms=layer != "unicast"))
    assert [len(wave) for wave in found] == [1] * len(PAIRS)


def test_where_no_forwarding_table_decides() -> None:
    """Frames that no neighbour table is asked for all go together; the others as their namespaces allow."""
    assert len(cut("", "unicast", warms=False)) == 1
    assert len(cut("", "arp")) == 1
    assert 1 < len(cut("", "icmp")) < len(PAIRS)
