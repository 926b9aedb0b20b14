"""TCP and UDP over IPv6, with plain sockets and ping as witnesses."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable

import pytest

from netlab import chosen
from netlab.model import predict
from netlab.plan import from_file
from tests.agent.conftest import Built

#: How long a witness waits for silence, and for an answer, in seconds.
SILENCE, PATIENCE = 2.0, 20.0
KINDS = {"tcp6": socket.SOCK_STREAM, "udp6": socket.SOCK_DGRAM}

#: h's first wire leads elsewhere, and both are in x's subnet.
TWO_WAYS = """
switches: {s1: {}, s2: {}}
hosts:
  h:
    interfaces:
      eth0: {switch: s1, addresses: ["fd00::1/64"]}
      eth1: {switch: s2, addresses: ["fd00::3/64"]}
  x: {interfaces: {eth0: {switch: s2, addresses: ["fd00::9/64"]}}}
"""
#: A router between two subnets, two hosts that share an address, hosts without a way there or back.
ROUTED = """
switches: {s1: {}, s2: {}}
hosts:
  h: {interfaces: {eth0: {switch: s1, duplicate: true, addresses: ["fd00::1/64"]}}}
  g: {interfaces: {eth0: {switch: s1, duplicate: true, addresses: ["fd00::1/64"]}}}
  x: {interfaces: {eth0: {switch: s1, addresses: ["fd00::9/64"]}}}
  z: {interfaces: {eth0: {switch: s1, addresses: ["fd00::a/64"]}}, routes: [{to: "::/0", via: "fd00::fe"}]}
  r:
    sysctls: {net.ipv6.conf.all.forwarding: 1}
    interfaces:
      eth0: {switch: s1, addresses: ["fd00::fe/64"]}
      eth1: {switch: s2, addresses: ["fd02::fe/64"]}
  y: {interfaces: {eth0: {switch: s2, addresses: ["fd02::1/64"]}}, routes: [{to: "::/0", via: "fd02::fe"}]}
"""


@pytest.mark.parametrize(("addresses", "runs"), [("10.0.0.{}/24", False), ("fd00::{}/64", True)])
def test_layers_run_where_two_endpoints_have_addresses(addresses: str, runs: bool) -> None:
    """By default tcp6 and udp6 are probed of a topology with IPv6, and cost one without nothing."""
    hosts = "".join(
        f"  {name}: {{interfaces: {{eth0: {{switch: lan, addresses: ['{addresses.format(k)}']}}}}}}\n"
        for k, name in enumerate("AB", 1)
    )
    plan = from_file(f"switches: {{lan: {{}}}}\nhosts:\n{hosts}", "test.yaml")
    assert ({"tcp6", "udp6"} <= {*chosen.layers(plan, plan.steps[0], ())}) is runs


def witness(built: Built, layer: str, source: str, destination: str, expected: str) -> str:
    """What plain sockets see from cold, bound as the probes' are: ``answered``, ``silence``, or the errno's name."""
    patience = SILENCE if expected == "silence" else PATIENCE
    state = built.plan.steps[0].state
    here, there = (state.endpoints[state.index[name]] for name in (source, destination))
    assert here.v6 is not None
    assert there.v6 is not None
    built.run(here.namespace, "ip", "-6", "neigh", "flush", "all")
    with (
        built.lab.socket(there.namespace, socket.AF_INET6, KINDS[layer]) as server,
        built.lab.socket(here.namespace, socket.AF_INET6, KINDS[layer]) as client,
    ):
        server.bind((there.v6.ip, 0))
        server.settimeout(patience)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, here.ifname.encode())
        client.bind((here.v6.ip, 0))
        client.settimeout(patience)
        try:
            if layer == "tcp6":
                server.listen()
                client.connect(server.getsockname())
            else:
                client.sendto(b"?", server.getsockname())
                server.sendto(b"!", server.recvfrom(1)[1])
                client.recv(1)
        except TimeoutError:
            return "silence"
        except OSError as error:
            return errno.errorcode[error.errno or 0]
    return "answered"


def proved(built: Built, layer: str, source: str, destination: str) -> str:
    """The letter of a pair, probed again where a busy machine has lost frames, which proves nothing."""
    tries = (built.letter(layer, source, destination) for _ in range(10))
    return next((letter for letter in tries if letter != "?"), "?")


@pytest.mark.parametrize("layer", ["tcp6", "udp6"])
def test_a_server_answers_by_its_routes_alone(build: Callable[[str], Built], layer: str) -> None:
    """A ping is answered by the interface that it came in by, a connection and a datagram by the first route: lost."""
    built = build(TWO_WAYS)
    assert proved(built, "icmp6", "x:eth0", "h:eth1") == "R"
    assert "1 received" in built.run("x", "ping", "-6", "-c", "1", "-W", "4", "-I", "eth0", "fd00::3")
    assert proved(built, layer, "x:eth0", "h:eth1") == "U"
    evidence = built.evidence(layer, "x:eth0", "h:eth1")
    assert (evidence["entered"], evidence["reason"]) == (["h:eth1"], "reply-lost")
    assert witness(built, layer, "x:eth0", "h:eth1", "silence") == "silence"
    assert proved(built, layer, "h:eth1", "x:eth0") == "R"
    assert witness(built, layer, "h:eth1", "x:eth0", "answered") == "answered"


@pytest.mark.parametrize(
    ("source", "destination", "letter", "tcp", "udp"),
    [
        ("z:eth0", "y:eth0", "R", "answered", "answered"),
        ("y:eth0", "z:eth0", "R", "answered", "answered"),
        ("z:eth0", "r:eth1", "A", "answered", "answered"),
        ("x:eth0", "y:eth0", "U", "ENETUNREACH", "ENETUNREACH"),
        # The server's answer to the datagram is refused at once, of the SYN-ACK nobody hears.
        ("y:eth0", "x:eth0", "U", "silence", "ENETUNREACH"),
        # Both who have the address answer for it, g before h: its port is the newer.
        ("x:eth0", "h:eth0", "U", "ECONNREFUSED", "silence"),
    ],
)
def test_plain_sockets_say_the_same(
    build: Callable[[str], Built], source: str, destination: str, letter: str, tcp: str, udp: str
) -> None:
    """Through a router, refused, without a way there or back: letter, model and kernel's errno are what sockets see."""
    built = build(ROUTED)
    state = built.plan.steps[0].state
    i, j = state.index[source], state.index[destination]
    for layer, said in (("tcp6", tcp), ("udp6", udp)):
        assert predict(state, (layer,)).letters[layer][i][j] == letter
        assert proved(built, layer, source, destination) == letter
        assert witness(built, layer, source, destination, said) == said
    reason = built.evidence("tcp6", source, destination).get("reason")
    assert reason == {"answered": None, "silence": "reply-lost", "ECONNREFUSED": "refused"}.get(tcp, tcp)
