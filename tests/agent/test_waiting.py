"""Where frames wait that no fence crosses: an answer that comes late makes no negative."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from netlab.client import Agent
from netlab.plan import from_file
from tests.agent.conftest import DEMO, Built

#: A takes B to be on its link, and R, which stands between them, answers in B's place.
PROXY = """
switches: {lan: {}, far: {}}
hosts:
  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.1.1/16, "fd00::1:1/64"]}}}
  R:
    sysctls: {net.ipv4.ip_forward: 1, net.ipv6.conf.all.forwarding: 1, net.ipv4.conf.all.proxy_arp: 1,
              net.ipv6.conf.all.proxy_ndp: 1}
    interfaces:
      eth0: {switch: lan, addresses: [10.0.1.254/24, "fd00::1:ff/112"]}
      eth1: {switch: far, addresses: [10.0.2.254/24, "fd00::2:ff/112"]}
  B:
    interfaces: {eth0: {switch: far, addresses: [10.0.2.2/24, "fd00::2:2/112"]}}
    routes: [{to: default, via: 10.0.2.254}, {to: "fd00::/64", via: "fd00::2:ff"}]
"""
#: 100 s: no answer comes while anybody looks.
SLOW = PROXY.replace("proxy_arp: 1,", "proxy_arp: 1, net.ipv4.neigh.eth0.proxy_delay: 10000,")
#: Its link-local addresses are tentative at first, and until then it can't ask for whom it forwards to.
DAD = """
switches: {left: {}, right: {}}
hosts:
  R:
    sysctls: {net.ipv6.conf.all.forwarding: 1, net.ipv6.conf.all.accept_dad: 1, net.ipv6.conf.default.accept_dad: 1}
    interfaces:
      eth0: {switch: left, addresses: ["fd01::1/64"]}
      eth1: {switch: right, addresses: ["fd02::1/64"]}
  A: {interfaces: {eth0: {switch: left, addresses: ["fd01::2/64"]}}, routes: [{to: "::/0", via: "fd01::1"}]}
  B: {interfaces: {eth0: {switch: right, addresses: ["fd02::2/64"]}}, routes: [{to: "::/0", via: "fd02::1"}]}
"""
LATE = """
switches: {lan: {}}
hosts:
  A:
    sysctls: {net.ipv4.neigh.eth0.app_solicit: 1, net.ipv6.neigh.eth0.app_solicit: 1}
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24, "fd00::1/64"]}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24, "fd00::2/64"]}}}
"""
LIMIT = "limit: {rate: 10mbit, burst: 1600, queue: 64k, kind: %s}"


def test_a_proxy_answers_at_once(build: Callable[[str], Built]) -> None:
    """A router's answers in another's place arrive among the probe's own rounds, not up to 0.8 s later."""
    built = build(PROXY)
    assert [built.letter("icmp", "A:eth0", "B:eth0") for _ in range(3)] == ["R"] * 3
    built.run("R", "ip", "-6", "neigh", "add", "proxy", "fd00::2:2", "dev", "eth0")
    assert [built.letter("icmp6", "A:eth0", "B:eth0") for _ in range(3)] == ["R"] * 3


@pytest.mark.parametrize("by", ["file", "hand"])
def test_a_proxy_that_is_told_to_wait_makes_silence_no_proof(build: Callable[[str], Built], by: str) -> None:
    """Where a proxy's answers are delayed, by the file or within the lab, a negative is inconclusive, and says why."""
    built = build(SLOW if by == "file" else PROXY)
    if by == "hand":
        built.run("R", "sysctl", "-qw", "net.ipv4.neigh.eth0.proxy_delay=10000")
    assert built.letter("icmp", "A:eth0", "B:eth0") == "?"
    assert "R:eth0 may answer for others" in built.evidence("icmp", "A:eth0", "B:eth0")["reason"]


def test_duplicate_detection_is_waited_for(build: Callable[[str], Built]) -> None:
    """A router whose link-local addresses are looked for twice forwards at once: nothing is probed before it can."""
    built = build(DAD)
    assert not built.built.unsettled
    assert [built.letter("icmp6", *pair) for pair in (("A:eth0", "B:eth0"), ("B:eth0", "A:eth0"))] == ["R", "R"]
    assert "tentative" not in built.run("R", "ip", "-6", "address", "show")


def test_duplicate_detection_that_takes_too_long_is_not_settled(build: Callable[[str], Built]) -> None:
    """Where the file has an address looked for a minute long, the links that have it are told not to have settled."""
    slow = "{net.ipv6.conf.default.dad_transmits: 60, net.ipv6.conf.default.router_solicitation_delay: 0, "
    built = build(DAD.replace("sysctls: {", f"sysctls: {slow}", 1))
    assert set(built.built.unsettled) == {"R:eth0", "R:eth1"}


@pytest.mark.parametrize("by", ["file", "hand"])
def test_a_neighbour_that_is_asked_for_late_makes_silence_no_proof(build: Callable[[str], Built], by: str) -> None:
    """Where A asks for its neighbours a second late, its negatives are inconclusive, and say why; ping waits for it."""
    built = build(LATE if by == "file" else LATE.replace("app_solicit: 1", "app_solicit: 0"))
    if by == "hand":
        built.run("A", "sysctl", "-qw", "net.ipv4.neigh.eth0.app_solicit=1", "net.ipv6.neigh.eth0.app_solicit=1")
    for layer in ("icmp", "icmp6", "tcp", "udp"):
        assert built.letter(layer, "A:eth0", "B:eth0") == "?", layer
        assert "A:eth0 asks for its neighbours late" in built.evidence(layer, "A:eth0", "B:eth0")["reason"]
    assert built.letter("arp", "A:eth0", "B:eth0") == "R"
    built.run("A", "ping", "-c", "1", "-W", "10", "10.0.0.2")


def test_packets_that_change_their_cpu_make_silence_no_proof(build: Callable[[str], Built]) -> None:
    """Rounds are behind what each CPU has queued: where the file has packets handed on, a negative is inconclusive."""
    steered = DEMO.replace("  B: {", "  B: {sysctls: {net.core.rps_default_mask: 1}, ")
    built = build(steered)
    assert built.letter("icmp", "A:eth0", "A:child") == "?"
    assert "rps_default_mask" in built.evidence("icmp", "A:eth0", "A:child")["reason"]
    assert built.letter("icmp", "A:eth0", "B:eth0") == "R"


def test_a_link_that_gets_ipv6_later_answers_at_once_too(agent: Agent) -> None:
    """With an MTU too small for IPv6 an interface has no such table; once it grows its proxy delay is 0 as well."""
    text = PROXY.replace(', "fd00::1:ff/112"]', "], mtu: 1000") + "steps: [{name: s, set: {R:eth0: {mtu: 1500}}}]\n"
    plan = from_file(text, "test.yaml")
    with agent.lab(plan) as lab:
        for step in plan.steps:
            lab.enter(step).result()
        with lab.spawn("R", ["ip", "ntable", "show", "dev", "eth0", "name", "ndisc_cache"]) as process:
            said, _ = process.communicate(timeout=60)
    assert b"proxy_delay 0" in said


@pytest.mark.parametrize("layer", ["broadcast", "arp", "icmp", "udp", "tcp"])
def test_a_queueing_discipline_set_by_hand_makes_silence_no_proof(build: Callable[[str], Built], layer: str) -> None:
    """What a process inside has put into a slow bucket may still come: inconclusive, with the interface's name."""
    built = build(DEMO)
    # Controls are taken once: by now both ends are proved alive.
    assert built.letter(layer, "A:eth0", "B:eth0") == "R"
    built.run("A", "tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "8bit", "burst", "1600", "limit", "64k")
    # The bucket is full at first: one frame empties it, and the other waits before all that follow.
    with built.lab.socket("A", socket.AF_PACKET, socket.SOCK_RAW) as sock:
        for _ in range(2):
            sock.sendto(bytes(1514), ("eth0", 0))
    assert built.letter(layer, "A:eth0", "B:eth0") == "?"
    assert "A:eth0 has a queueing discipline of its own (tbf)" in (built.evidence(layer, "A:eth0", "B:eth0")["reason"])
    built.run("A", "tc", "qdisc", "del", "dev", "eth0", "root")
    assert built.letter(layer, "A:eth0", "B:eth0") == "R"


@pytest.mark.parametrize("kind", ["tbf", "htb"])
def test_what_the_plan_has_is_no_stranger(build: Callable[[str], Built], kind: str) -> None:
    """After a process was inside, the limits of the plan itself and the kernel's own disciplines leave proofs whole."""
    text = DEMO.replace(
        "{switch: lan, addresses: [192.168.26.149", f"{{{LIMIT % kind}, switch: lan, addresses: [192.168.26.149"
    )
    built = build(text)
    for ns in ("A", "A/c1", "B", "lan"):
        built.run(ns, "true")
    assert built.letter("icmp", "A:eth0", "A:child") == "U"
