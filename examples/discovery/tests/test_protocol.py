"""The protocol, spoken by the test itself with sockets that are inside of the lab."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest
from conftest import Running
from discovery import PORT, message, parse

import netlab

pytestmark = pytest.mark.topology(
    netlab.Topology("bench")
    .switch("lan")
    .host("dut")
    .interface("eth0", switch="lan", addresses="10.1.0.1/24")
    .host("bench")
    .interface("eth0", switch="lan", addresses="10.1.0.2/24")
)
Start = Callable[[str], Running]


@pytest.fixture
def bench(lab: netlab.Lab) -> socket.socket:
    """A datagram socket on the bench's address."""
    sock = lab["bench"].socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    sock.bind(("0.0.0.0", PORT))
    return sock


def test_it_greets_and_answers(start: Start, bench: socket.socket) -> None:
    """The first thing on the wire is a greeting; a greeting is answered to its sender."""
    dut = start("dut")
    data, sender = bench.recvfrom(2048)
    assert (parse(data), sender) == (("hello", "dut"), ("10.1.0.1", PORT))
    bench.sendto(message("hello", "bench"), sender)
    assert parse(bench.recv(2048)) == ("answer", "dut")
    assert dut.says() == "found bench 10.1.0.2"


@pytest.mark.parametrize("junk", [b"", b"{", b"null", b'{"discovery": 1}', b"\xff" * 1400, message("bye", "nobody")])
def test_junk_is_ignored(start: Start, bench: socket.socket, junk: bytes) -> None:
    """Whatever else comes in changes nothing: the next greeting is answered as ever."""
    dut = start("dut")
    bench.sendto(junk, ("10.1.0.1", PORT))
    bench.sendto(message("hello", "bench"), ("10.1.0.1", PORT))
    assert dut.says() == "found bench 10.1.0.2"


def test_a_hundred_greetings(lab: netlab.Lab, start: Start) -> None:
    """A hundred neighbours, played by asyncio, are all found."""
    dut = start("dut")

    async def greet() -> None:
        loop = asyncio.get_running_loop()
        sock = lab["bench"].socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        for number in range(100):
            await loop.sock_sendto(sock, message("hello", f"n{number}"), ("10.1.0.1", PORT))

    asyncio.run(greet())
    assert {dut.says().split()[1] for _ in range(100)} == {f"n{number}" for number in range(100)}
