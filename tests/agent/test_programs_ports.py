"""Ports of the user's own programs, addresses that programs set, and what the kernel and filters say of a refusal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from netlab.contract.types import Target
from tests.agent.conftest import Built
from tests.agent.test_probe import needs_nft

TWO = """
name: two
switches: {lan: {}}
hosts:
  A:
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24, "fd00::1/64"]}}
    routes:
      - {to: 10.1.0.0/24, type: blackhole}
      - {to: 10.2.0.0/24, type: unreachable}
      - {to: 10.3.0.0/24, type: prohibit}
      - {to: "fd01::/64", type: blackhole}
      - {to: "fd02::/64", type: unreachable}
      - {to: "fd03::/64", type: prohibit}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24, "fd00::2/64"]}}}
"""
#: A server of a family and kind at a port; a third argument makes it answer datagrams. It says when it is ready.
SERVER = """
import socket, sys
family, kind = socket.AF_INET6 if sys.argv[1].endswith("6") else socket.AF_INET, sys.argv[1][:3]
sock = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
sock.bind(("", int(sys.argv[2])))
if kind == "tcp":
    sock.listen()
print("ready", flush=True)
while len(sys.argv) > 3:
    data, sender = sock.recvfrom(512)
    sock.sendto(data[:2] + b"\\x81\\x83" + data[4:], sender)
sys.stdin.read()
"""


@contextmanager
def serving(built: Built, *argv: str) -> Iterator[None]:
    """A server in B as long as this lasts."""
    with built.lab.spawn("B", [sys.executable, "-c", SERVER, *argv]) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield
        process.kill()


@pytest.mark.parametrize("layer", ["tcp", "tcp6", "udp", "udp6"])
@pytest.mark.parametrize("port", [53, 80])
def test_a_port_of_a_program(build: Callable[[str], Built], layer: str, port: int) -> None:
    """Reached while a program has the port, whoever asks; refused otherwise, and a datagram needs no answer."""
    built = build(TWO)
    asked = f"{layer}/{port}"
    for name, source in ((f"host:{asked}", "A"), (asked, "A:eth0")):
        assert built.letter(name, source, "B:eth0") == "U"
        assert built.evidence(name, source, "B:eth0")["reason"] == "refused"
    with serving(built, layer, str(port)):
        for name, source in ((f"host:{asked}", "A"), (asked, "A:eth0")):
            assert built.letter(name, source, "B:eth0") == "R"
            assert "answered" not in built.evidence(name, source, "B:eth0")


@pytest.mark.parametrize("layer", ["udp", "udp6"])
def test_an_answer_to_a_datagram_is_evidence(build: Callable[[str], Built], layer: str) -> None:
    """A program at port 53 that answers gets a DNS query, and the evidence holds that it has answered."""
    built = build(TWO)
    with serving(built, layer, "53", "answers"):
        assert built.letter(f"host:{layer}/53", "A", "B:eth0") == "R"
        # Nobody waits for a program's answer: where it comes late the query that came in is proof enough.
        deadline = time.monotonic() + 60
        while "answered" not in (seen := built.evidence(f"host:{layer}/53", "A", "B:eth0")):
            assert time.monotonic() < deadline
        assert seen["answered"] is True


def test_many_refusals_are_not_taken_for_silence(build: Callable[[str], Built]) -> None:
    """The kernel sends few refusals in a second (icmpv4_xrlim_allow): a closed port is never called reached."""
    built = build(TWO)
    pair = built.place("host:udp/80", "A", "B:eth0")
    for _ in range(12):
        seen = built.probe("host:udp/80", pairs=[pair])
        assert seen.rows[pair[0]][pair[1]] in "U?"


@pytest.mark.parametrize("layer", ["host:icmp", "host:udp", "host:tcp"])
def test_types_of_routes(build: Callable[[str], Built], layer: str) -> None:
    """Blackhole, unreachable, prohibit and no route at all: no packet leaves, and the errno says which it was."""
    built = build(TWO)
    state = built.plan.steps[0].state
    ips = ("10.1.0.1", "10.2.0.1", "10.3.0.1", "10.4.0.1")
    found = []
    for name, targets in ((layer, [Target(ip, 4) for ip in ips]),
                          (f"{layer}6", [Target(f"fd0{k}::1", 6) for k in (1, 2, 3, 4)])):  # fmt: skip
        column = len(state.endpoints)
        seen = built.probe(name, pairs=[(0, column + k) for k in range(4)], targets=targets)
        assert seen.rows[0][column:] == "UUUU"
        found.append([seen.evidence[f"0,{column + k}"]["reason"] for k in range(4)])
    assert found[0] == found[1] == ["EINVAL", "EHOSTUNREACH", "EACCES", "ENETUNREACH"]


def test_an_address_that_a_program_sets(build: Callable[[str], Built]) -> None:
    """Nobody has it in the plan; once a program has set it, it is reached by the interface that has it."""
    built = build(TWO)
    state = built.plan.steps[0].state
    column = len(state.endpoints)

    def letters() -> list[str]:
        layers = ("host:icmp", "host:tcp", "host:udp")
        seen = [built.probe(one, pairs=[(0, column)], targets=[Target("10.0.0.100", 4)]) for one in layers]
        return [one.rows[0][column] for one in seen]

    assert letters() == ["U", "U", "U"]
    built.run("B", "ip", "address", "add", "10.0.0.100/24", "dev", "eth0")
    assert letters() == ["R", "R", "R"]


@needs_nft
@pytest.mark.parametrize(
    ("where", "hook", "rule", "reason"),
    [
        ("A", "output", "drop", {"host:icmp": "EPERM", "host:udp": "EPERM", "host:tcp": "request-lost"}),
        ("B", "input", "drop", {"host:icmp": "reply-lost", "host:udp": "reply-lost", "host:tcp": "reply-lost"}),
        ("B", "input", "reject with icmp admin-prohibited", dict.fromkeys(["host:icmp", "host:udp"], "filtered")),
        ("B", "input", "reject", {"host:icmp": "filtered", "host:tcp": "filtered", "host:udp": "refused"}),
        ("B", "input", "meta l4proto tcp reject with tcp reset", {"host:tcp": "refused"}),
    ],
)  # fmt: skip
def test_a_filter_is_told(
    build: Callable[[str], Built], where: str, hook: str, rule: str, reason: dict[str, str]
) -> None:
    """What a filter drops at sending is the sender's errno; what it rejects comes back as an ICMP error."""
    built = build(TWO)
    chain = f"type filter hook {hook} priority 0;"
    built.run(where, "nft", f"add table ip t; add chain ip t c {{ {chain} }}; add rule ip t c {rule}")
    assert {layer: built.evidence(layer, "A", "B:eth0")["reason"] for layer in reason} == reason
