"""Host questions: what a program gets that binds nothing, and which way its packets go."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from netlab.contract.types import HOST_LAYERS, Target, layer_family
from tests.agent.conftest import Built

#: h has two NICs and a shim, by which it reaches its own container; D's default route leads to h.
LAB = """
name: shim
switches: {lan: {}, back: {}}
hosts:
  h:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.1/24, "fd00::1/64"]}
      shim: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.11/32, "fd00::11/128"]}
      eth1: {switch: back, addresses: [10.0.1.1/24, "fd01::1/64"]}
    routes:
      - {to: 10.0.0.2/32, dev: shim}
      - {to: "fd00::2/128", dev: shim}
    containers:
      web: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.2/24, "fd00::2/64"]}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.3/24, "fd00::3/64"]}}}
  D:
    interfaces: {eth0: {switch: back, addresses: [10.0.1.4/24, "fd01::4/64"]}}
    routes: [{to: default, via: 10.0.1.1}, {to: default, via: "fd01::1"}]
"""
#: Who reaches h:eth0, h:shim, h:eth1, h/web:eth0, B:eth0 and D:eth0, whichever interface answers. Only D has a way to
#: the other network, up to h, which forwards nothing. Over IPv6 the shim doesn't answer for eth0's address.
REACHED = {
    4: {"h": "RRRRRR", "h/web": "RRURRU", "B": "RRURRU", "D": "RRRUUR"},
    6: {"h": "RRRRRR", "h/web": "URURRU", "B": "RRURRU", "D": "RRRUUR"},
}


@pytest.mark.parametrize("layer", HOST_LAYERS)
def test_routing_decides(build: Callable[[str], Built], layer: str) -> None:
    """A host reaches its own container by the shim, and other networks by the NIC that its routes name."""
    built = build(LAB)
    state = built.plan.steps[0].state
    seen = built.probe(layer)
    rows = {asker.id: row.replace("A", "R") for asker, row in zip(state.askers, seen.rows, strict=True)}
    assert rows == REACHED[layer_family(layer) or 0]
    ours, web = built.place(layer, "h", "h/web:eth0")
    assert seen.evidence[f"{ours},{web}"] == {
        "entered": ["h/web:eth0"],
        "source": "fd00::11" if layer.endswith("6") else "10.0.0.11",
    }


def test_bound_and_unbound_differ(build: Callable[[str], Built]) -> None:
    """Bound to the parent a ping of its child gets no answer, while a plain one goes by the shim."""
    built = build(LAB)
    assert built.letter("icmp", "h:eth0", "h/web:eth0") == "U"
    assert built.letter("host:icmp", "h", "h/web:eth0") == "R"


@pytest.mark.parametrize("layer", HOST_LAYERS)
def test_no_route_is_an_answer_of_its_own(build: Callable[[str], Built], layer: str) -> None:
    """Without a route the kernel says so, and no packet leaves; with one to a host that doesn't forward, it is lost."""
    built = build(LAB)
    assert built.evidence(layer, "B", "D:eth0") == {"reason": "ENETUNREACH"}
    assert built.evidence(layer, "D", "B:eth0")["reason"] == "request-lost"


def test_a_host_reaches_itself_without_a_frame(build: Callable[[str], Built]) -> None:
    """An address of its own namespace is answered by way of lo: letter A."""
    built = build(LAB)
    for layer in HOST_LAYERS:
        assert built.letter(layer, "B", "B:eth0") == "A"
        assert built.evidence(layer, "B", "B:eth0")["entered"] == ["lo"]


def test_an_address_that_the_caller_names(build: Callable[[str], Built]) -> None:
    """Targets of a request are its columns: the one that has the address answers, and of an unknown one nobody does."""
    built = build(LAB)
    state = built.plan.steps[0].state
    targets = (Target("10.0.0.3", 4, ("B:eth0",)), Target("10.0.0.100", 4))
    column = len(state.endpoints)
    for layer in ("host:icmp", "host:tcp", "host:udp"):
        pairs = [(state.row(layer, "h"), column), (state.row(layer, "h"), column + 1)]
        seen = built.probe(layer, pairs=pairs, targets=targets)
        assert seen.rows[0][column:] == "RU", layer
        assert len(built.probe(layer).rows[0]) == column, "only that request has them"


def test_the_order_of_host_questions_changes_nothing(build: Callable[[str], Built]) -> None:
    """Whatever the seed, and one by one, every pair has the same letter; but parent and shim race for their answers."""
    built = build(LAB)
    state = built.plan.steps[0].state
    for layer in ("host:icmp", "host:tcp6", "host:udp"):
        everyone = [(i, j) for i in range(len(state.askers)) for j in range(len(state.endpoints))]
        found = {tuple(row.replace("A", "R") for row in built.probe(layer, seed=seed).rows) for seed in range(3)}
        found.add(tuple(row.replace("A", "R") for row in built.probe(layer, pairs=everyone).rows))
        assert len(found) == 1, layer


#: What a program of nobody's making says of an address: connect to it, or send a datagram and wait for the echo.
ASK = """
import socket, sys
kind, ip, port, patience = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
sock.settimeout(patience)
try:
    if kind == "tcp":
        sock.connect((ip, port))
    else:
        sock.sendto(b"hello", (ip, port))
        sock.recv(64)
    print("R")
except OSError:
    print("U")
"""


def test_ping_of_the_system_agrees(build: Callable[[str], Built]) -> None:
    """Plain ping gets an answer where the host's letter is R or A, and ping -I where the interface's is."""
    built = build(LAB)
    state = built.plan.steps[0].state
    plain, bound = built.probe("host:icmp"), built.probe("icmp")

    def agrees(letter: str, source: str, *options: str) -> bool:
        # From cold, as the probes: what a neighbour learned from another ping may lead to another interface.
        for namespace in state.namespaces:
            if namespace.kind != "switch":
                built.run(namespace.id, "ip", "neigh", "flush", "all")
        expected = letter in "RA"
        with built.lab.spawn(source, ["ping", "-n", "-c1", f"-W{5 if expected else 0.5}", *options]) as process:
            process.communicate(timeout=60)
            return (process.returncode == 0) is expected

    for i, asker in enumerate(state.askers):
        for j, target in enumerate(state.endpoints):
            assert target.v4 is not None
            assert agrees(plain.rows[i][j], asker.id, target.v4.ip), (asker.id, target.id)
    for i, source in enumerate(state.endpoints):
        for j, target in enumerate(state.endpoints):
            assert target.v4 is not None
            if i != j and source.namespace != target.namespace:
                assert agrees(bound.rows[i][j], source.namespace, "-I", source.ifname, target.v4.ip)


def test_programs_of_the_system_agree(build: Callable[[str], Built]) -> None:
    """A program that connects, or sends a datagram, gets through to another program where the letter is R or A."""
    built = build(LAB)
    state = built.plan.steps[0].state
    server = "import socket, sys; s = socket.socket(); s.bind(('', 7)); s.listen(); print(flush=True); sys.stdin.read()"
    seen = built.probe("host:tcp")
    for j, target in enumerate(state.endpoints):
        assert target.v4 is not None
        with built.lab.spawn(target.namespace, [sys.executable, "-c", server]) as process:
            assert process.stdout is not None
            process.stdout.readline()
            for i, asker in enumerate(state.askers):
                expected = "R" if seen.rows[i][j] in "RA" else "U"
                asked = (sys.executable, "-c", ASK, "tcp", target.v4.ip, "7", "5" if expected == "R" else "0.5")
                assert built.run(asker.id, *asked).strip() == expected, (asker.id, target.id)
            process.kill()
