"""Every fix that `netlab why --live` prints is pasted on a machine that real tools made, which is then asked again."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import pytest

from netlab.client import Agent
from netlab.plan import from_file
from tests.live.pasted import tried
from tests.live.scenes import OTHERS, SCENES, TOOLS


@pytest.mark.parametrize("name", SCENES)
def test_what_is_printed_helps(name: str) -> None:
    """Each fix pasted as it is printed: the same question then has the letter that was promised, and a plain ping or
    connection gets through; its other lines take it back."""
    assert tried(SCENES[name]) == []


@pytest.mark.skipif(bool(os.getuid()), reason="the tools want root")
@pytest.mark.parametrize("program", TOOLS, ids=lambda path: path.rpartition("/")[2])
def test_pods_of_other_tools(program: str) -> None:
    """The same for a macvlan pod that a CNI plugin made, and for one of podman's netavark."""
    if not os.access(program, os.X_OK):
        pytest.skip("apt-get install containernetworking-plugins netavark")
    assert tried(TOOLS[program]) == []


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", OTHERS)
def test_kinds_that_only_a_guest_has(guest: Callable[[str], Agent], name: str) -> None:
    """The same for bonds, vlan and ipvlan interfaces on 6.12, on a machine within a guest."""
    agent = guest("6.12")
    plan = from_file("name: one\nhosts: {A: {}}\n", "one.yaml", agent.kernel)
    with agent.lab(plan) as lab:
        lab.enter(plan.steps[0]).result()
        with lab.spawn("A", [sys.executable, "-m", "tests.live.pasted", name]) as process:
            out, err = process.communicate(timeout=800)
    assert out.decode() == "all right\n", err
