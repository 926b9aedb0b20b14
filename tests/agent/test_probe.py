"""What the probes find on the real kernel, and how far they can be trusted."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, repeat

import pytest

from netlab.agent.probe.lab_view import CLIENT_PORTS, LISTENER_PORTS
from netlab.client import Lab
from netlab.contract.types import LAYERS
from tests.agent.conftest import DEMO, Built
from tests.ordinary import needs_another_user

MIXED = """
name: mixed
switches: {lan: {}}
hosts:
  A:
    interfaces: {eth0: {switch: lan, port: {hairpin: true}, addresses: [10.7.0.1/24, "fd07::1/64"]}}
    containers:
      b: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.7.0.2/24, "fd07::2/64"]}}}
      v: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: vepa, addresses: [10.7.0.3/24, "fd07::3/64"]}}}
      p: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: private, addresses: [10.7.0.4/24, "fd07::4/64"]}}}
      q: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: private, addresses: [10.7.0.5/24, "fd07::5/64"]}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.7.0.6/24, "fd07::6/64"]}}}
"""
TABLES = {
    # kernel-facts: rows and columns A, A/b, A/v, A/p, A/q, B with hairpin on.
    "icmp": (".RRRRR", "R.RUUR", "RR.UUR", "UUU.UR", "UUUU.R", "RRRRR."),
    "icmp-static": (".RRRRR", "R.RRRR", "RR.RRR", "RRR.RR", "RRRR.R", "RRRRR."),
    "broadcast": (".RRRRR", "R.RUUR", "RR.UUR", "UUU.UR", "UUUU.R", "RRRRR."),
    "unicast": (".RRRRR", "R.RRRR", "RR.RRR", "RRR.RR", "RRRR.R", "RRRRR."),
}
HAS_NFT = shutil.which("nft") is not None
needs_nft = pytest.mark.skipif(not HAS_NFT, reason="nft is not installed (apt-get install nftables)")


def nft_chain(family: str, hook: str, rule: str) -> str:
    """An nftables table with one chain of one rule."""
    table = f"{family} t"
    return (
        f"add table {table}; add chain {table} c {{ type filter hook {hook} priority 0; }}; add rule {table} c {rule}"
    )


@pytest.mark.parametrize("layer", TABLES)
def test_modes_behind_a_hairpin_are_as_measured(build: Callable[[str], Built], layer: str) -> None:
    """Bridge, vepa and private children of one parent, and the parent, reach each other as the kernel facts say."""
    assert build(MIXED).probe(layer).rows == TABLES[layer]


def test_ipv6_is_as_ipv4(build: Callable[[str], Built]) -> None:
    """Neighbour discovery, ping, TCP and UDP over IPv6 give the same matrices as over IPv4."""
    built = build(MIXED)
    for layer in ("icmp6", "tcp6", "udp6"):
        assert built.probe(layer).rows == TABLES["icmp"], layer
    assert built.probe("icmp6-static").rows == TABLES["icmp-static"]
    assert built.probe("ndp").rows == built.probe("arp").rows


def test_groups_are_heard_as_broadcasts_are(build: Callable[[str], Built]) -> None:
    """Who has joined a group hears it where it hears a broadcast, over IPv4 and IPv6; on the wire it is seen alike."""
    built = build(MIXED)
    heard = built.probe("broadcast", wire=True)
    assert "R" in heard.rows[0]
    for layer in ("mcast", "mcast6"):
        seen = built.probe(layer, wire=True)
        assert (seen.rows, seen.wire) == (heard.rows, heard.wire), layer
        assert seen.heard == {}


def test_the_order_of_probes_changes_nothing(build: Callable[[str], Built]) -> None:
    """Every layer's matrix is the same whatever the seed that shuffles its pairs and cuts the waves."""
    built = build(MIXED)
    for layer in LAYERS:
        assert len({built.probe(layer, seed=seed).rows for seed in range(5)}) == 1, layer


def test_a_wave_finds_what_single_probes_find(build: Callable[[str], Built]) -> None:
    """Each pair probed by itself, from cold, has the letter that it got among others (but parent and child race)."""
    built = build(MIXED + DEMO.split("hosts:")[1].replace("  A:", "  C:").replace("  B:", "  D:"))
    endpoints = built.plan.steps[0].state.endpoints
    size = len(endpoints)
    racing = {j for j, endpoint in enumerate(endpoints) if endpoint.namespace == "C"}
    everyone = [(i, j) for i in range(size) for j in range(size) if i != j]

    def letters(rows: tuple[str, ...]) -> list[str]:
        return [rows[i][j] if rows[i][j] != "A" or j not in racing else "R" for i, j in everyone]

    for layer in ("arp", "icmp", "tcp", "tcp6", "udp", "udp6"):
        assert letters(built.probe(layer, pairs=everyone).rows) == letters(built.probe(layer).rows), layer


def test_the_parent_answers_for_its_child(demo: Built) -> None:
    """A ping of a child in its parent's namespace is answered by the parent: letter A, and the evidence names it."""
    assert demo.letter("icmp", "B:eth0", "A:child") == "A"
    assert demo.evidence("icmp", "B:eth0", "A:child")["entered"] == ["A:eth0"]
    assert demo.letter("icmp", "A:eth0", "A:child") == "U"
    assert demo.letter("icmp", "A:child", "B:eth0") == "R"


def test_both_answers_to_an_arp_request_are_kept(demo: Built) -> None:
    """Where parent and child both answer, the evidence of the pair holds both MACs, the parent's first."""
    links = demo.built.links
    answered = demo.evidence("arp", "B:eth0", "A:child")["answered_by"]
    assert answered == [links["A:eth0"]["mac"], links["A:child"]["mac"]]


def test_a_broadcast_is_heard_by_parents_children_and_wires(demo: Built) -> None:
    """Who hears is told for every interface of the lab and every switch port."""
    heard = demo.probe("broadcast").heard
    everyone_in_a = {"A:eth0", "A:child", "A/c1:eth0", "A/c2:eth0"}
    assert set(heard["B:eth0"]) == everyone_in_a | {"port(B:eth0)"}
    assert set(heard["A/c1:eth0"]) == {"A:child", "A/c2:eth0", "B:eth0", "port(A:eth0)"}


def test_siblings_stay_off_the_wire(demo: Built) -> None:
    """A unicast frame between bridge siblings is proved not to have come to the switch; one to another host has."""
    index = demo.plan.steps[0].state.index
    wire = demo.probe("unicast", wire=True).wire
    assert wire[index["A/c1:eth0"]][index["A/c2:eth0"]] == "0"
    assert wire[index["A/c1:eth0"]][index["B:eth0"]] == "1"
    ping = demo.probe("icmp", wire=True).wire
    assert ping[index["A/c1:eth0"]][index["A/c2:eth0"]] == "0"
    assert ping[index["A/c1:eth0"]][index["B:eth0"]] == "1"


def test_a_dead_end_is_known_dead(build: Callable[[str], Built]) -> None:
    """An interface that is down is unreachable for the reason that it was read back as down."""
    built = build(
        DEMO.replace(
            "eth0: {switch: lan, addresses: [192.168.26.106",
            "eth0: {state: down, switch: lan, addresses: [192.168.26.106",
        )
    )
    assert built.letter("unicast", "A:eth0", "B:eth0") == "U"
    assert built.evidence("unicast", "A:eth0", "B:eth0")["dead"] == "B:eth0 is down"
    assert built.evidence("icmp", "B:eth0", "A:eth0")["reason"] in ("ENETUNREACH", "ENETDOWN", "EHOSTUNREACH", "ENODEV")


def test_an_oversized_packet_with_df_is_refused_at_once(build: Callable[[str], Built]) -> None:
    """A ping of exactly the MTU passes, one byte more is EMSGSIZE."""
    built = build(MIXED)
    assert built.letter("icmp/1500", "A:eth0", "B:eth0") == "R"
    assert built.letter("icmp/1501", "A:eth0", "B:eth0") == "U"
    assert built.evidence("icmp/1501", "A:eth0", "B:eth0")["reason"] == "EMSGSIZE"
    assert built.letter("icmp6/1500", "A:eth0", "B:eth0") == "R"
    assert built.letter("icmp6/1501", "A:eth0", "B:eth0") == "U"


@needs_nft
def test_a_refused_connection_is_not_a_lost_one(demo: Built) -> None:
    """A reset by the destination's filter is U, reason refused, and touches no other layer."""
    demo.run("B", "nft", nft_chain("inet", "input", "tcp flags & (syn|ack) == syn reject with tcp reset"))
    for source, layer, other in (("A/c1:eth0", "tcp", "udp"), ("A:eth0", "tcp6", "udp6")):
        assert demo.letter(layer, source, "B:eth0") == "U"
        assert demo.evidence(layer, source, "B:eth0")["reason"] == "refused"
        assert demo.letter(other, source, "B:eth0") == "R"


@needs_nft
@pytest.mark.parametrize(
    ("rule", "layer", "reason"),
    [
        (nft_chain("ip", "input", "icmp type echo-request drop"), "icmp", "reply-lost"),
        (nft_chain("ip", "output", "icmp type echo-reply drop"), "icmp", "reply-lost"),
        (nft_chain("ip", "input", "udp dport 45067 drop"), "udp", "reply-lost"),
        (nft_chain("arp", "input", "arp operation request drop"), "icmp", "request-lost"),
    ],
    ids=("echo request", "echo reply", "datagram", "arp request"),
)  # fmt: skip
def test_dropped_frames_are_noticed(demo: Built, rule: str, layer: str, reason: str) -> None:
    """A filter that swallows a part of the exchange makes the pair unreachable, and the evidence tells which way."""
    assert demo.letter(layer, "A/c1:eth0", "B:eth0") == "R"
    demo.run("B", "nft", rule)
    assert demo.letter(layer, "A/c1:eth0", "B:eth0") == "U"
    assert demo.evidence(layer, "A/c1:eth0", "B:eth0")["reason"] == reason


@needs_nft
def test_silence_at_a_deaf_interface_proves_nothing(build: Callable[[str], Built]) -> None:
    """An interface that swallows everything fails its control: silence is inconclusive, even where U is expected."""
    built = build(MIXED.replace("hairpin: true", "hairpin: false"))
    hook = "type filter hook ingress device eth0 priority 0; policy drop;"
    deaf = f"add table netdev t; add chain netdev t c {{ {hook} }}"
    built.run("A/v", "nft", deaf)
    assert built.letter("icmp", "A/p:eth0", "A/v:eth0") == "?"
    assert "not seen to receive" in built.evidence("icmp", "A/p:eth0", "A/v:eth0")["reason"]
    assert built.letter("icmp", "B:eth0", "A/v:eth0") == "?"
    assert built.letter("icmp", "A/p:eth0", "A/q:eth0") == "U"


@contextmanager
def noise(lab: Lab, namespace: str, ifname: str) -> Iterator[None]:
    """Frames of an unknown protocol, broadcast without end: every parent that hears them counts drops."""
    code = f"""
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
s.bind(({ifname!r}, 0))
frame = b"\\xff" * 6 + b"\\x02" + b"\\0" * 5 + b"\\x99\\x99" + b"\\0" * 46
print("on", flush=True)
while True:
    s.send(frame)
"""
    with lab.spawn(namespace, [sys.executable, "-c", code]) as process:
        assert process.stdout.readline() == b"on\n"
        yield


def test_losses_make_a_negative_inconclusive(build: Callable[[str], Built]) -> None:
    """While a parent drops frames, no silence behind it counts; what is heard does, and afterwards silence, too."""
    built = build(MIXED.replace("hairpin: true", "hairpin: false"))
    assert built.letter("icmp", "A/p:eth0", "A/q:eth0") == "U"
    seen = set()
    with noise(built.lab, "B", "eth0"), noise(built.lab, "B", "eth0"):
        deadline = time.monotonic() + 60
        while "?" not in seen and time.monotonic() < deadline:
            seen.add(built.letter("icmp", "A/p:eth0", "A/q:eth0"))
        assert built.letter("icmp", "A/p:eth0", "B:eth0") == "R"
    assert "?" in seen
    assert seen <= {"?", "U"}
    assert built.letter("icmp", "A/p:eth0", "A/q:eth0") == "U"


def test_no_wrong_letter_while_the_processors_are_busy(build: Callable[[str], Built]) -> None:
    """With more busy processes than processors, and floods of frames besides, no letter is wrong (? is allowed)."""
    built = build(MIXED)
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    wrong, doubtful, seen = [], 0, 0
    try:
        with noise(built.lab, "B", "eth0"):
            for seed in range(2):
                for layer, table in TABLES.items():
                    for row, wanted in zip(built.probe(layer, seed=seed).rows, table, strict=True):
                        wrong += [(layer, row, wanted)] * any(
                            a not in (b, "?") for a, b in zip(row, wanted, strict=True)
                        )
                        doubtful += row.count("?")
                        seen += len(row)
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
    assert not wrong
    assert doubtful < seen / 2


def test_our_frames_are_what_scapy_says_they_are(demo: Built) -> None:
    """Every probe is a well-formed frame: scapy decodes the requests, and their checksums hold."""
    from scapy.layers.inet import ICMP, IP, TCP, UDP
    from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6
    from scapy.layers.l2 import ARP, Ether

    with demo.lab.socket("B", socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as tap:
        tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        tap.settimeout(5)
        for layer in ("unicast", "arp", "ndp", "icmp", "icmp6", "tcp", "tcp6", "udp", "udp6"):
            assert demo.letter(layer, "A:eth0", "B:eth0") == "R", layer
        tap.setblocking(False)
        packets = []
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            try:
                data, address = tap.recvfrom(2000)
            except BlockingIOError:
                break
            if address[2] != socket.PACKET_OUTGOING:
                packets.append(Ether(data))
    mac = demo.built.links["A:eth0"]["mac"]
    mine = [packet for packet in packets if packet.src == mac]
    assert any(packet.type == 0x88B5 and len(packet) == 60 for packet in mine)
    assert any(
        ARP in packet and (packet[ARP].op, packet[ARP].pdst, packet[ARP].hwsrc) == (1, "192.168.26.106", mac)
        for packet in mine
    )
    solicitation = next(packet for packet in mine if ICMPv6ND_NS in packet)
    assert solicitation[ICMPv6NDOptSrcLLAddr].lladdr == mac
    assert solicitation.dst == "33:33:ff:00:01:06"
    for kind in (ICMP, ICMPv6EchoRequest, ICMPv6ND_NS, TCP, UDP):
        packet = next(packet for packet in mine if kind in packet)
        network = packet[IPv6] if IPv6 in packet else packet[IP]
        rebuilt = type(network)(bytes(network))
        field = "cksum" if kind in (ICMPv6EchoRequest, ICMPv6ND_NS) else "chksum"
        if kind in (TCP, UDP):
            continue  # a veth leaves them to the receiver (CHECKSUM_PARTIAL)
        delattr(rebuilt[kind], field)
        assert getattr(type(network)(bytes(rebuilt))[kind], field) == getattr(network[kind], field), kind


@needs_another_user
def test_an_ordinary_user_sees_the_same(build: Callable[[str], Built]) -> None:
    """Without any privilege the same matrices come out, in a user namespace of the agent's own."""
    code = """
import sys
from netlab.client import Agent
from netlab.plan import from_file
with Agent.start() as agent:
    plan = from_file(sys.stdin.read(), "test.yaml")
    lab = agent.lab(plan)
    lab.enter(plan.steps[0]).result()
    for seen in lab.probe(["broadcast", "unicast", "icmp", "icmp-static"]).result():
        print(seen.layer, *seen.rows)
    print("rootless", agent.info()["rootless"])
"""
    done = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-c", code],
        input=MIXED, capture_output=True, text=True, check=False, cwd="/", timeout=60,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.getcwd(), "HOME": "/nonexistent"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert found.pop("rootless") == "True"
    assert {layer: tuple(rows.split()) for layer, rows in found.items()} == TABLES


def test_a_static_entry_is_where_the_plan_says_for_every_pair(build: Callable[[str], Built]) -> None:
    """A's port claims D's MAC: D is not reached by unicast, although D itself has been heard at its own port."""
    built = build(
        "switches: {lan: {}}\nhosts:\n"
        "  A: {interfaces: {eth0: {switch: lan, port: {fdb: ['D:eth0']}}}}\n"
        "  D: {interfaces: {eth0: {switch: lan}}}\n"
        "  E: {interfaces: {eth0: {switch: lan}}}\n"
    )
    assert built.probe("unicast").rows == (".UR", "R.R", "RU.")


def test_an_answer_by_another_holder_of_the_address_is_none(build: Callable[[str], Built]) -> None:
    """Two hosts have the same address: a ping answers itself by lo, and the other host is not reached."""
    built = build(
        "switches: {lan: {}}\nhosts:\n"
        "  A: {interfaces: {eth0: {switch: lan, duplicate: true, addresses: [10.7.0.1/24]}}}\n"
        "  B: {interfaces: {eth0: {switch: lan, addresses: [10.7.0.1/24]}, eth1: {switch: lan}}}\n"
    )
    for layer in ("icmp", "tcp", "udp"):
        assert built.letter(layer, "A:eth0", "B:eth0") == "U"
        assert built.letter(layer, "B:eth0", "A:eth0") == "U"
    assert built.evidence("icmp", "A:eth0", "B:eth0")["reason"] == "answered-by-a-stranger"


@pytest.mark.parametrize("layer", ["tcp", "tcp6"])
@pytest.mark.parametrize("wire", [False, True])
def test_a_connection_that_asks_for_ecn_is_seen(build: Callable[[str], Built], wire: bool, layer: str) -> None:
    """A SYN with the bits that ask for explicit congestion notification is a request like any other: R, on the wire."""
    built = build(DEMO.replace("  A:\n", "  A:\n    sysctls: {net.ipv4.tcp_ecn: 1}\n", 1))
    i, j = (built.plan.steps[0].state.index[name] for name in ("A:eth0", "B:eth0"))
    seen = built.probe(layer, pairs=[(i, j)], wire=wire)
    assert seen.rows[i][j] == "R"
    assert not wire or seen.wire[i][j] == "1"


def lan(hosts: int, first: str = "") -> str:
    """So many hosts on one switch, ``first`` added to the interface of the first."""
    lines = [
        f"  h{k}: {{interfaces: {{eth0: {{switch: lan, addresses: [10.8.0.{k}/24, 'fd08::{k}/64']{more}}}}}}}"
        for k, more in zip(range(1, hosts + 1), chain([first], repeat("")), strict=False)
    ]
    return "switches: {lan: {}}\nhosts:\n" + "\n".join(lines) + "\n"


@pytest.mark.parametrize("layer", ["icmp-static", "icmp6-static"])
def test_pings_that_leave_together(build: Callable[[str], Built], layer: str) -> None:
    """Of 132 pings at once each has its own answer: R, but U with the kernel's word from an interface that is down."""
    seen = build(lan(12, ", state: down")).probe(layer)
    alive = ["".join("." if i == j else "R" for j in range(1, 12)) for i in range(1, 12)]
    assert seen.rows == ("." + "U" * 11, *("U" + row for row in alive))
    assert {seen.evidence[f"0,{j}"]["reason"] for j in range(1, 12)} <= {"ENETUNREACH", "ENETDOWN", "EADDRNOTAVAIL"}
    assert {seen.evidence[f"{i},0"]["reason"] for i in range(1, 12)} == {"known-dead"}


def test_no_client_has_the_port_of_a_server() -> None:
    """A client never asks from a port at which servers listen: its request would be taken for an answer."""
    assert len(set(CLIENT_PORTS)) > 30000
    assert not set(CLIENT_PORTS) & set(LISTENER_PORTS)
