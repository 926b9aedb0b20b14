"""What keeps a probe from being sent makes no answer."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import socket
import struct
from pathlib import Path

import pytest

from netlab.agent.probe.lab_view import Pair
from netlab.agent.probe.mmsg import Datagrams
from netlab.agent.probe.two_threads import from_two
from netlab.client import Agent
from netlab.client.errors import LabError
from netlab.plan import from_file
from tests.agent.conftest import Built

FOUR = "switches: {lan: {}}\nhosts:\n" + "".join(
    f"  h{k}: {{interfaces: {{eth0: {{switch: lan, addresses: [10.0.0.{k}/24, 'fd00::{k}/64']}}}}}}\n"
    for k in range(1, 5)
)
PAIRS = [(i, 0) for i in range(9)]


@pytest.mark.parametrize("bad", [3, 4])
def test_a_half_that_breaks_off_is_heard_of(bad: int) -> None:
    """Whatever is raised while the one half or the other is sent reaches the caller, and ends only that half."""
    sent = []

    def send(pair: Pair) -> None:
        if pair[0] == bad:
            raise ZeroDivisionError
        sent.append(pair[0])

    with pytest.raises(ZeroDivisionError):
        from_two(send, PAIRS)
    assert sorted(sent) == [number for number in range(9) if number % 2 != bad % 2 or number < bad]


def test_two_halves_are_the_whole() -> None:
    """Every pair is sent, once."""
    sent: list[Pair] = []
    from_two(sent.append, PAIRS)
    assert sorted(sent) == PAIRS


@pytest.mark.parametrize("layer", ["udp", "tcp", "udp6", "tcp6"])
def test_a_lack_of_descriptors_is_no_answer(layer: str) -> None:
    """However few descriptors the agent has left, no pair gets a wrong letter: R or ?, or the whole probe fails."""
    plan = from_file(FOUR, "test.yaml")
    with Agent.start() as agent, agent.lab(plan) as lab:
        built = Built(lab, plan, lab.enter(plan.steps[0]).result())
        right = "".join(built.probe(layer).rows)
        pid = int(Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text())
        used = max(map(int, os.listdir(f"/proc/{pid}/fd"))) + 1
        _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        found = ""
        for left in range(1, 26, 2):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + left, hard))
            with contextlib.suppress(LabError):
                found += "".join(built.probe(layer).rows)
    assert set(right) == {".", "R"}
    assert set(found) <= {".", "R", "?"}
    # A server that can't accept a connection fails the whole probe.
    assert layer.startswith("tcp") or "?" in found
    # What a failed probe had opened is closed again.
    assert found.endswith(right)


def test_datagrams_tell_what_was_refused() -> None:
    """Of five datagrams two go where their source may not: these are named with the kernel's errno, three arrive."""
    kind = (socket.AF_INET, socket.SOCK_DGRAM)
    with socket.socket(*kind) as server, socket.socket(*kind) as client:
        server.bind(("127.0.0.1", 0))
        # What has the loopback's address as its source can't leave the machine (ip_route_output_key_hash_rcu).
        client.bind(("127.0.0.1", 0))
        good, bad = (
            struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", server.getsockname()[1], socket.inet_aton(ip))
            for ip in ("127.0.0.1", "192.0.2.1")
        )
        datagrams = Datagrams(client.fileno(), [b"%d" % k for k in range(5)], [good, bad, good, bad, good])
        refused = datagrams.send()
        server.settimeout(60)
        got = [server.recv(16) for _ in range(3)]
    assert {k: error.errno for k, error in refused.items()} == {1: errno.EINVAL, 3: errno.EINVAL}
    assert got == [b"0", b"2", b"4"]
