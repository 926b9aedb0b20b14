"""Who may have learned something: what the meters count, and that nobody is left out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6MLReport2,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_Redirect,
    ICMPv6PacketTooBig,
    IPv6,
    IPv6ExtHdrHopByHop,
)
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw

from netlab.agent.probe import cold, frames
from netlab.agent.probe.cache_state import CacheState, _Moved
from netlab.agent.probe.receivers import Receivers
from tests.agent.conftest import Built

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a namespace without the agent")

MACS = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}
GROUP = {"src": MACS["src"], "dst": "33:33:ff:00:00:02"}
ALL = {"src": MACS["src"], "dst": "ff:ff:ff:ff:ff:ff"}
FOUR = IP(src="10.0.0.1", dst="10.0.0.2")
SIX = IPv6(src="fd00::1", dst="fd00::2")
ABOUT = IP(src="10.0.0.2", dst="10.9.0.1") / UDP()

#: Each frame, and how often the meters count it that see it sent and received: moving, speaking, teaching.
COUNTED: dict[str, tuple[Packet, tuple[int, int, int]]] = {
    "arp request": (Ether(**ALL) / ARP(psrc="10.0.0.1", pdst="10.0.0.2"), (2, 1, 0)),
    "arp reply": (Ether(**MACS) / ARP(op=2, psrc="10.0.0.1", pdst="10.0.0.2"), (2, 1, 0)),
    "solicitation": (Ether(**GROUP) / SIX / ICMPv6ND_NS(tgt="fd00::2"), (2, 1, 0)),
    "advertisement": (Ether(**MACS) / SIX / ICMPv6ND_NA(tgt="fd00::1"), (2, 2, 0)),
    "listener report": (
        Ether(**GROUP) / IPv6(src="fe80::1", dst="ff02::16") / IPv6ExtHdrHopByHop() / ICMPv6MLReport2(), (2, 2, 0),
    ),
    "datagram": (Ether(**MACS) / FOUR / UDP(), (2, 2, 0)),
    "broadcast datagram": (Ether(**ALL) / FOUR / UDP(), (2, 2, 0)),
    "ping": (Ether(**MACS) / FOUR / ICMP(), (2, 2, 0)),
    "ping6": (Ether(**MACS) / SIX / ICMPv6EchoRequest(), (2, 2, 0)),
    "port unreachable": (Ether(**MACS) / FOUR / ICMP(type=3, code=3) / ABOUT, (2, 2, 0)),
    "fragmentation needed": (Ether(**MACS) / FOUR / ICMP(type=3, code=4, nexthopmtu=1400) / ABOUT, (2, 2, 2)),
    "redirect": (Ether(**MACS) / FOUR / ICMP(type=5, code=1, gw="10.0.0.9") / ABOUT, (2, 2, 2)),
    "packet too big": (Ether(**MACS) / SIX / ICMPv6PacketTooBig(mtu=1400) / SIX, (2, 2, 2)),
    "redirect6": (Ether(**MACS) / SIX / ICMPv6ND_Redirect(tgt="fe80::9", dst="fd00::2"), (2, 2, 2)),
    "a probe": (Ether(**MACS, type=frames.ETHERTYPE) / Raw(b"nlab"), (2, 0, 0)),
    "a fence": (Ether(src=frames.mac_text(frames.FENCE_SOURCE), dst=ALL["dst"], type=frames.ETHERTYPE) / Raw(b"nlab"),
                (0, 0, 0)),
}  # fmt: skip

WIRE = """
name: wire
hosts:
  A:
    interfaces: {w0: {peer: "A:w1"}, w1: {peer: "A:w0"}}
    sysctls: {net.ipv6.conf.all.disable_ipv6: 1, net.ipv6.conf.default.disable_ipv6: 1}
"""

#: Sends each frame, hears it at the other end, and prints what the meters have counted.
METERS = """
import json, socket, sys
from netlab.agent.probe import filters
from netlab.agent.probe.meter import Meter
def every():
    return socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
meters = [Meter(every(), program) for program in (filters.MOVING, filters.SPEAKING, filters.TEACHING)]
sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
near, far = sys.argv[2:]
receiver = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
receiver.bind((far, 3))
receiver.settimeout(60)
found = {}
for name, text in json.loads(sys.argv[1]).items():
    frame = bytes.fromhex(text)
    for meter in meters:
        meter.more()
    sender.sendto(frame, (near, 0))
    # Also by an interface whose receivers hear what is sent: it has come in once it isn't outgoing (4).
    while True:
        heard, place = receiver.recvfrom(2000)
        if heard == frame and place[2] != 4:
            break
    found[name] = [meter.more() for meter in meters]
print(json.dumps(found))
"""


def test_what_meters_count(build: Callable[[str], Built]) -> None:
    """Frames that scapy makes are counted as sent and as received, each kind by the meters that look for it."""
    built = build(WIRE)
    assert counts(built, "w0", "w1") == {name: expected for name, (_, expected) in COUNTED.items()}


def test_what_a_namespace_tells_itself(build: Callable[[str], Built]) -> None:
    """By the loopback interface the same frames move, but only what teaches counts: there are no neighbours there."""
    counted = counts(build(WIRE), "lo", "lo")
    assert counted == {name: (moving, teaching, teaching) for name, (_, (moving, _, teaching)) in COUNTED.items()}


def counts(built: Built, near: str, far: str) -> dict[str, tuple[int, ...]]:
    """What the meters count when each frame goes out of one interface and comes in at another."""
    texts = {name: bytes(frame).ljust(60, b"\0").hex() for name, (frame, _) in COUNTED.items()}
    counted = json.loads(built.run("A", sys.executable, "-c", METERS, json.dumps(texts), near, far))
    return {name: tuple(numbers) for name, numbers in counted.items()}


class Count:
    """A meter that has counted so many frames at each look."""

    def __init__(self, *counts: int) -> None:
        self.counts = list(counts)

    def more(self) -> int:
        """The next one."""
        return self.counts.pop(0)


def test_what_may_not_be_over_yet_comes_again() -> None:
    """At first anybody may have moved; then whoever has, and once more where it wasn't known to be over."""
    meters: Any = {"A": Count(0, 1, 0, 0, 1, 0), "B": Count(1, 0, 0, 0, 0, 0)}
    moved = _Moved(meters)
    settled = (False, False, True, True, True, True)
    assert [moved.take(over) for over in settled] == [{"A", "B"}, {"A", "B"}, {"A"}, set(), {"A"}, set()]


#: Probes a topology, and has iproute2 look after each flush whether anybody knows anything.
LOOKING = """
import json, sys
from netlab.agent import sysctl, system
system.unshare(system.CLONE_NEWNET | system.CLONE_NEWNS)
system.mount("none", "/", None, system.MS_REC | system.MS_PRIVATE)
from netlab.agent.lab import Lab
from netlab.agent.netns import Home
from netlab.agent.probe import cold
from netlab.agent.probe.engine import Prober
from netlab.agent.probe.fence import CpuFence
from netlab.agent.probe.cache_state import CacheState
from netlab.plan import from_file
Home.remember()
lab = Lab(sysctl.Sysctls(), lambda line: None)
known, flushes, asked = [], [], []
forget, flush = cold.flush_neighbors, CacheState.flush
def ip(ns, *arguments):
    return json.loads(ns.run(["ip", "-j", *arguments]).stdout or "[]")
def count(ns, family, **options):
    asked.append(ns.id)
    return forget(ns, family, **options)
def look(cache_state, let_out):
    flushes.append(flush(cache_state, let_out))
    for ns in hosts:
        lasting = {"PERMANENT", "NOARP"}
        known.extend([ns.id, entry] for entry in ip(ns, "neigh") if lasting.isdisjoint(entry["state"]))
        # One that was forgotten is still listed once it was looked up (rt_bind_exception), and says nothing.
        families = ("-4", "-6") if lab.state.routers else ()
        ways = [way for family in families for way in ip(ns, family, "route", "show", "cache")]
        known.extend([ns.id, way] for way in ways if way.get("metrics") or way["cache"])
    return flushes[-1]
cold.flush_neighbors, CacheState.flush = count, look
fence = CpuFence()
for step in from_file(sys.argv[1]).steps:
    lab.enter(step)
    hosts = [ns for ns in lab.namespaces.values() if ns.id not in lab.bridges]
    Prober(lab, lab.state, lab.read, fence, wire=False).probe(sys.argv[3:], int(sys.argv[2]))
late = [why for why in flushes if why]
lasting = [[ns.id, one["dst"]] for ns in hosts for one in ip(ns, "-4", "neigh") if "PERMANENT" in one["state"]]
print(json.dumps({"known": known, "lasting": lasting, "late": late,
    "flushes": len(flushes), "asked": len(asked), "hosts": len(hosts)}))
"""

ROUTED = """
name: routed
switches: {left: {}, right: {}}
hosts:
  A: {interfaces: {eth0: {switch: left, addresses: [10.0.0.1/24, "fd00:0::1/64"]}},
      routes: [{to: default, via: 10.0.0.2}, {to: "::/0", via: "fd00:0::2"}]}
  G: {interfaces: {eth0: {switch: left, addresses: [10.0.0.2/24, "fd00:0::2/64"]}},
      routes: [{to: default, via: 10.0.0.3}, {to: "::/0", via: "fd00:0::3"}],
      sysctls: {net.ipv4.ip_forward: 1, net.ipv6.conf.all.forwarding: 1}}
  R: {interfaces: {eth0: {switch: left, addresses: [10.0.0.3/24, "fd00:0::3/64"]},
                   eth1: {switch: right, mtu: 1400, addresses: [10.0.1.3/24, "fd00:1::3/64"]}},
      sysctls: {net.ipv4.ip_forward: 1, net.ipv6.conf.all.forwarding: 1}}
  B: {interfaces: {eth0: {switch: right, addresses: [10.0.1.1/24, "fd00:1::1/64"]}},
      routes: [{to: default, via: 10.0.1.3}, {to: "::/0", via: "fd00:1::3"}]}
  C: {interfaces: {eth0: {switch: right, addresses: [10.0.1.2/24, "fd00:1::2/64"]}},
      routes: [{to: default, via: 10.0.1.3}, {to: "::/0", via: "fd00:1::3"}]}
"""


#: Hosts that can't reach each other, and a step that takes away the addresses by which they tried.
RENAMED = """
name: renamed
switches: {left: {}, right: {}}
hosts:
  A: {interfaces: {eth0: {switch: left, addresses: [10.0.0.1/24, 10.0.9.1/30]}}}
  B: {interfaces: {eth0: {switch: right, addresses: [10.0.0.2/24, 10.0.8.1/30]}}}
steps:
- name: others
  set: {"A:eth0": {addresses: [10.0.0.11/24, 10.0.9.1/30]}, "B:eth0": {addresses: [10.0.0.12/24, 10.0.8.1/30]}}
"""


def looked(tmp_path: Path, topology: str, *layers: str, seed: int = 0) -> dict[str, Any]:
    """What iproute2 saw while the layers of a topology were probed."""
    file = tmp_path / "lab.yaml"
    file.write_text(topology)
    done = subprocess.run(
        [sys.executable, "-c", LOOKING, str(file), str(seed), *layers], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


@ROOT
def test_a_sender_who_has_lost_his_address(tmp_path: Path) -> None:
    """Nobody looks for him after the first flush of the step, though a packet of his was given up then."""
    # The order of this seed ends with B's, by the address that goes.
    seen = looked(tmp_path, RENAMED, "icmp", seed=2)
    assert (seen["known"], seen["late"]) == ([], [])


@ROOT
def test_nobody_is_left_out(tmp_path: Path) -> None:
    """Gateways, redirects, path MTUs: iproute2 finds no neighbour and no path after any flush, though few are asked."""
    seen = looked(tmp_path, ROUTED, "icmp", "icmp/1500", "icmp6", "icmp6/1500", "udp", "tcp6", "udp6", "arp", "ndp")
    assert (seen["known"], seen["late"]) == ([], [])
    assert seen["flushes"] < seen["asked"] < 0.7 * seen["flushes"] * seen["hosts"]


#: More hosts than are counted frame by frame. Some have two interfaces and three addresses, one is down.
CROWD = """
name: crowd
switches: {lan: {}}
hosts:
  one: {replicas: 13, interfaces: {eth0: {switch: lan, addresses: [10.0.4.1/16]}}}
  h:
    replicas: 2
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.1/16, 10.0.1.1/16]}
      eth0.1: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.2.1/16, "fd00::1/64"]}
  down: {interfaces: {eth0: {switch: lan, state: down, addresses: [10.0.3.1/16]}}}
  wise: {interfaces: {eth0: {switch: lan, addresses: [10.0.3.2/16], neighbors: {10.0.0.1: "02:00:00:00:00:01"}}}}
"""


@ROOT
def test_nobody_of_a_crowd_is_left_out(tmp_path: Path) -> None:
    """In a lab that is too large to count its frames each has forgotten those that it has met, by whichever address,
    though the kernel is not asked for all that it knows; what the file gives stays."""
    seen = looked(tmp_path, CROWD, "icmp", "host:udp", "arp")
    assert (seen["known"], seen["late"]) == ([], [])
    assert seen["asked"] < seen["flushes"] * seen["hosts"] / 3
    assert seen["lasting"] == [["wise", "10.0.0.1"]]


class Namespaces(dict[str, Any]):
    """Two hosts that were never let in to."""

    def __init__(self) -> None:
        super().__init__({ns_id: SimpleNamespace(id=ns_id, visited=False) for ns_id in ("A", "B")})


def test_a_flush_that_fails_leaves_nobody_out(demo: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is warm is asked, and no other; where a flush was given up in the middle, the next one asks everybody."""
    asked: list[str] = []
    refusals = iter([False, False, True])

    def forget(ns: Any, *_what: object, **_options: bool) -> bool:
        if next(refusals, False):
            raise OSError("the kernel is tired")
        asked.append(ns.id)
        return False

    monkeypatch.setattr(cold, "flush_neighbors", forget)
    monkeypatch.setattr(cold, "forget", forget)
    lab: Any = SimpleNamespace(namespaces=Namespaces(), bridges={}, state=None, read=demo.built.links)
    cache_state = CacheState(lab, demo.plan.steps[0].state, Receivers(lambda *_: None), metered=False)
    flush = partial(cache_state.flush, lambda: "")
    flush()
    assert asked == ["A", "B"]
    cache_state.warm({("A", "A")}, further=False, family=2)
    with pytest.raises(OSError, match="the kernel is tired"):
        flush()
    flush()
    assert asked[2:] == ["A", "B"]
    cache_state.warm({("B", "B")}, further=False, family=2)
    flush()
    assert asked[4:] == ["B"]
