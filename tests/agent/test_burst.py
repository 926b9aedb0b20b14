"""What keeps a probe from being sent makes no answer."""

from __future__ import annotations

import contextlib
import os
import resource
from pathlib import Path

import pytest

from netlab.agent.probe.arena import Pair
from netlab.agent.probe.burst import send_from_two
from netlab.lab import Agent
from netlab.lab.errors import LabError
from netlab.plan import from_file
from tests.agent.conftest import Built

FOUR = "switches: {lan: {}}\nhosts:\n" + "".join(
    f"  h{k}: {{interfaces: {{eth0: {{switch: lan, addresses: [10.0.0.{k}/24]}}}}}}\n" for k in range(1, 5)
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
        send_from_two(send, PAIRS)
    assert sorted(sent) == [number for number in range(9) if number % 2 != bad % 2 or number < bad]


def test_two_halves_are_the_whole() -> None:
    """Every pair is sent, once."""
    sent: list[Pair] = []
    send_from_two(sent.append, PAIRS)
    assert sorted(sent) == PAIRS


@pytest.mark.parametrize("layer", ["udp", "tcp"])
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
    assert layer == "tcp" or "?" in found
    # What a failed probe had opened is closed again.
    assert found.endswith(right)
