"""A lab that has settled says nothing by itself: nobody learns from what no probe has caused."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable

import pytest
from scapy.layers.inet import IP
from scapy.layers.l2 import Ether

from netlab.client import Agent
from netlab.plan import from_file
from tests.agent.conftest import Built

KERNEL = tuple(map(int, re.findall(r"\d+", os.uname().release)[:2]))
#: Where the rtnl lock is held again and again, for each bridge that goes waits for all CPUs under it.
BUSY = """
name: busy
hosts: {X: {interfaces: {br0: {type: bridge}}}}
"""
HOLD = "while ip link add name hold type bridge && ip link delete hold; do echo again; done"
GROWING = """
name: growing
switches: {lan: {}}
hosts:
  A: {interfaces: {eth0: {switch: lan, addresses: ["fd00::1/64"]}}}
  B: {interfaces: {eth0: {switch: lan, addresses: ["fd00::2/64"]}}}
steps:
  - name: children
    add:
      hosts:
        A:
          interfaces: {m0: {type: macvlan, parent: eth0, addresses: ["fd00::3/64"]}}
          containers:
            c1: {interfaces: {m1: {type: macvlan, parent: eth0, mode: vepa, addresses: ["fd00::4/64"]}}}
            c2: {interfaces: {m2: {type: macvlan, parent: eth0, mode: bridge, addresses: ["fd00::5/64"]}}}
"""


LOCKED = """
name: locked
switches: {lan: {}}
hosts:
  A:
    interfaces:
      br0: {type: bridge, addresses: [10.0.0.2/24]}
      m3: {type: macvlan, parent: br0, mode: bridge, addresses: [10.0.0.4/24]}
    containers:
      d2:
        interfaces:
          eth0:
            bridge: br0
            addresses: [10.0.0.3/24]
            port: {locked: true, learning: false, fdb: ["A/d2:eth0"]}
"""


def sent(run: Callable[..., str], namespace: str) -> int:
    """How many ICMPv6 messages a namespace has sent: reports of multicast groups among them."""
    lines = dict(line.split() for line in run(namespace, "cat", "/proc/thread-self/net/snmp6").splitlines())
    return int(lines["Icmp6OutMsgs"])


@pytest.mark.skipif(KERNEL < (6, 9), reason="before Linux 6.9 nothing is worked off on demand (rtnl_getlink)")
def test_no_news_of_a_carrier_are_left(agent: Agent) -> None:
    """Where the kernel is made to work off what is pending for a link of a settled lab, nobody reports a group anew."""
    plan = from_file(GROWING, "growing.yaml")
    links = [("A", "eth0"), ("A", "m0"), ("A/c1", "m1"), ("A/c2", "m2"), ("B", "eth0")]
    busy = from_file(BUSY, "busy.yaml")
    with agent.lab(busy) as other:
        other.enter(busy.steps[0]).result()
        with other.spawn("X", ["sh", "-c", HOLD]) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"again\n"
            for _ in range(6):
                with agent.lab(plan) as lab:
                    [built, *_] = [Built(lab, plan, lab.enter(step).result()) for step in plan.steps]
                    before = {ns: sent(built.run, ns) for ns, _ in links}
                    for ns, name in links:
                        # One link by its name, unlike all of them, has linkwatch run for it (rtnl_getlink).
                        built.run(ns, "ip", "link", "show", "dev", name)
                    assert {ns: sent(built.run, ns) for ns, _ in links} == before
            assert holder.returncode is None


SNOOPING = """
name: snooping
switches: {lan: {}}
hosts:
  A:
    interfaces:
      br0: {type: bridge, mcast_snooping: true, addresses: [10.0.0.1/24]}
      eth0: {switch: lan, master: br0}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
"""
#: IPv4's number of the protocol.
IGMP = 2
JOIN = """
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    sock.setsockopt(0, socket.IP_ADD_MEMBERSHIP, socket.inet_aton("239.1.2.3") + socket.inet_aton("10.0.0.1"))
    print("joined", flush=True)
    sys.stdin.read()
"""


def test_a_bridge_that_snoops_reports_no_group_of_its_own(build: Callable[[str], Built]) -> None:
    """The first report of a host with a bridge names the one group that a process there has joined, and no other."""
    built = build(SNOOPING)
    with built.lab.socket("B", socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800)) as sock:
        sock.settimeout(60)
        with built.lab.spawn("A", ["python3", "-c", JOIN]) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"joined\n"
            report = b""
            while not report:
                packet = Ether(sock.recv(2048))[IP]
                report = bytes(packet.payload) if packet.proto == IGMP else b""
    # RFC 2236, 2: a report of version 2, of one group.
    assert report[0] == 0x16
    assert socket.inet_ntoa(report[4:8]) == "239.1.2.3"


def test_a_fence_in_the_name_of_one_that_a_locked_port_admits(build: Callable[[str], Built]) -> None:
    """A child's broadcast queue is waited for where every port of its bridge is locked: what is heard late is heard."""
    lab = build(LOCKED)
    assert not [note for note in lab.probe("broadcast").notes if "no fence" in note]
    assert [lab.letter(layer, "A/d2:eth0", "A:m3") for layer in ("broadcast", "arp") * 10] == ["R"] * 20


GROUPED = """
name: grouped
switches: {s: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: s, addresses: [10.0.0.1/24]}
      vx0: {type: vxlan, id: 42, dev: eth0, group: 239.1.1.1, addresses: [10.42.0.1/24]}
  B: {interfaces: {eth0: {switch: s}}}
"""


def test_a_tunnel_has_reported_its_group_when_the_lab_stands(build: Callable[[str], Built]) -> None:
    """Its interface is a member, and no timer runs after which it would report that (once more)."""
    built = build(GROUPED)
    with built.lab.spawn("A", ["cat", "/proc/net/igmp"]) as process:
        assert process.stdout is not None
        lines = process.stdout.read().decode().split("\n")
    [member] = [line.split() for line in lines if line.split()[:1] == ["010101EF"]]
    assert member[2].startswith("0:")
