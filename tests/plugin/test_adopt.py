"""What programs change in a lab is news: the model reasons about it, and no step fails on it."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

import netlab
from netlab import Lab
from netlab.errors import UsageError

THREE = """\
name: three
switches: {lan: {}}
hosts:
  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
  C: {interfaces: {eth0: {switch: lan}}}
steps:
  - name: later
    set: {B:eth0: {mtu: 1400}}
"""
three = pytest.mark.topology(THREE)


def ip(lab: Lab, host: str, words: str) -> None:
    """Run ip(8) in a host."""
    lab[host].run("ip", *words.split())


def agree(lab: Lab, *, unknown: int = 0) -> None:
    """Model and kernel agree on every pair of hosts, but for so many that the model says nothing of."""
    record = lab.hosts().record
    assert record["summary"]["fail"] == record["summary"]["inconclusive"] == 0, str(lab.hosts())
    assert record["summary"]["skip"] == unknown


@three
def test_a_lease(lab: Lab) -> None:
    """An address that a program has set is an endpoint; by the next question all know it, and no step fails on it."""
    ip(lab, "C", "address add 10.0.0.3/24 dev eth0")
    lab.must_reach("C", "B")
    lab.must_reach("A", "C:eth0")
    assert lab["C"].ip == "10.0.0.3"
    agree(lab)
    lab["B"].interface("eth0").set(mtu=1400)
    lab["C"].interface("eth0").set(mtu=1400)
    agree(lab)


@three
def test_an_address_that_moves(lab: Lab) -> None:
    """Whoever has an address now is reached by it; when nobody has it, nobody is."""
    for host in ("A", "B"):
        ip(lab, host, "address add 10.0.0.100/32 dev eth0")
        lab.must_reach("B" if host == "A" else "A", "10.0.0.100")
        ip(lab, host, "address delete 10.0.0.100/32 dev eth0")
    lab.must_not_reach("A", "10.0.0.100")
    agree(lab)


@three
def test_a_step_of_another_host(lab: Lab) -> None:
    """A step verifies what it changes: an address that a program has set elsewhere, or on the same interface, stays."""
    ip(lab, "A", "address add 10.0.0.100/32 dev eth0")
    lab.step("later")
    lab["A"].interface("eth0").set(mtu=1400)
    assert "10.0.0.100/32" in lab["A"].run("ip", "-o", "address").stdout
    lab.must_reach("B", "10.0.0.100")


def test_a_step_without_adoption(lab_factory: Callable[..., Lab]) -> None:
    """The agent itself takes what the step doesn't change for a program's, notes it, and refuses nothing."""
    with lab_factory(THREE) as lab:
        ip(lab, "A", "address add 10.0.0.100/32 dev eth0")
        observed = lab.handle.enter(
            lab.blueprint.planner(lab.handle.agent.kernel).step(lab.blueprint.steps["later"]).steps[-1]
        ).result()
        assert any("changed by a program: A:eth0: its addresses is" in note for note in observed.notes)


@three
def test_links_routes_rules_sysctls(lab: Lab) -> None:
    """A macvlan, routes, rules, a static neighbour and sysctls that programs have made are the model's, too."""
    ip(lab, "B", "link add v1 link eth0 type macvlan mode private")
    ip(lab, "B", "link set v1 address 00:00:5e:00:01:33 up")
    ip(lab, "B", "address add 10.0.0.77/24 dev v1")
    ip(lab, "B", "address add 10.1.0.2/24 dev eth0")
    ip(lab, "C", "address add 10.1.0.3/24 dev eth0")
    ip(lab, "C", "route add 10.0.0.0/24 via 10.1.0.2 metric 20")
    ip(lab, "A", "route add 10.1.0.0/24 via 10.0.0.2 table 100")
    ip(lab, "A", "rule add to 10.1.0.0/24 table 100")
    ip(lab, "A", "neighbor add 10.0.0.2 lladdr 02:00:00:00:00:99 dev eth0 nud permanent")
    lab["B"].run("sysctl", "-w", "net.ipv4.ip_forward=1", "net.ipv4.conf.v1.arp_ignore=1")
    adopted = lab.adopt()
    assert "B:v1: made by a program" in str(adopted)
    assert adopted.unknown == {}
    lab.must_not_reach("A", "C")
    ip(lab, "A", "neighbor delete 10.0.0.2 dev eth0")
    lab.must_reach("A", "C")
    agree(lab)
    ip(lab, "B", "link delete v1")
    agree(lab)
    assert not lab.adopt()
    # The topology has it all: a lab that is built from it is the same.
    assert "10.1.0.3/24" in lab.topology


@three
@pytest.mark.skipif(shutil.which("nft") is None, reason="nft is not installed")
def test_nftables(lab: Lab) -> None:
    """Rules that a program has loaded are the model's; those it can't read make it say nothing."""
    lab["A"].run("nft", "add table ip f; add chain ip f i { type filter hook input priority 0; }")
    lab["A"].run("nft", "add rule ip f i ip saddr 10.0.0.2 icmp type echo-request drop")
    lab.must_not_reach("B", "A")
    agree(lab)
    lab["A"].run("nft", "flush", "ruleset")
    lab.must_reach("B", "A")


@three
def test_what_no_topology_says(lab: Lab) -> None:
    """What can't be said is listed, and the pairs that it touches are only observed; the others aren't."""
    ip(lab, "C", "address add 10.0.0.3/24 dev eth0")
    ip(lab, "B", "rule add ipproto udp table 100")
    adopted = lab.adopt("B")
    assert list(adopted.unknown or {}) == ["B"]
    assert "B: unknown to the model: rule 32765: ipproto" in str(adopted)
    assert "10.0.0.3" not in str(adopted)
    lab.must_reach("A", "C")
    assert lab.predicted["icmp", "A:eth0", "B:eth0"] == "?"
    assert lab.predicted["icmp", "A:eth0", "C:eth0"] == "R"
    agree(lab, unknown=5)
    ip(lab, "B", "rule delete ipproto udp table 100")
    agree(lab)


@three
def test_a_link_that_is_gone(lab: Lab) -> None:
    """An interface that a program has deleted is none any more: at once, and steps go on."""
    ip(lab, "B", "link delete eth0")
    ip(lab, "C", "address add 10.0.0.3/24 dev eth0")
    lab.must_reach("A", "C")
    with pytest.raises(netlab.TopologyError):
        lab.must_reach("A", "B:eth0")
    agree(lab)


@three
def test_reset(lab: Lab) -> None:
    """A reset takes the lab back to its baseline, or to a step: what programs have made is gone, they ended."""
    asleep = lab["A"].popen("sleep", "1000")
    ip(lab, "C", "address add 10.0.0.3/24 dev eth0")
    lab.must_reach("A", "C")
    lab.reset("later")
    assert asleep.wait(60) == -9
    assert lab.current.name == "later"
    assert "10.0.0.3" not in lab["C"].run("ip", "address").stdout
    lab.must_reach("A", "B")
    with pytest.raises(UsageError, match="did you mean"):
        lab.reset("latter")
    lab.reset()
    assert lab.current.name == "baseline"
    lab.step("later")
