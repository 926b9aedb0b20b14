"""`doctor --on`: what the machines lack, and what the network between them filters, found out with real frames."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.hosts.conftest import World

pytestmark = pytest.mark.xdist_group("hosts")


def findings(world: World, **changes: dict[str, Any]) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and what was found by name."""
    done = world.netlab("doctor", "--json", "--on", str(world.hosts(**changes)))
    assert done.stdout, done.stderr
    return done.returncode, {one["name"]: one for one in json.loads(done.stdout)}


def test_two_good_machines(world: World) -> None:
    """Both machines are fit, frames for and from a child's MAC arrive, and nothing is left behind."""
    before = world.snapshot()
    code, found = findings(world)
    assert code == 0
    assert {name for name, one in found.items() if not one["ok"]} <= {"A: iperf3", "B: iperf3"}
    assert found["A: NIC"]["detail"].startswith("eth1, 52:54:00:26:00:01, carries")
    assert found["A: frames of B for a child's MAC"]["ok"]
    assert found["B: frames of a child to A"]["ok"]
    world.as_before(before)


def test_filtered_macs(world: World) -> None:
    """Where B's port admits one MAC only, what a child of B sends is lost, and doctor says whose setting fixes it."""
    ip = ("ip", "link", "set", "dev")
    world.must(*ip, "br0", "type", "bridge", "fdb_flush", machine="lan")
    world.must(*ip, "pb", "type", "bridge_slave", "learning", "off", "locked", "on", machine="lan")
    world.must("bridge", "fdb", "replace", "52:54:00:26:00:02", "dev", "pb", "master", "static", machine="lan")
    try:
        code, found = findings(world)
    finally:
        world.must("bridge", "fdb", "del", "52:54:00:26:00:02", "dev", "pb", "master", machine="lan")
        world.must(*ip, "pb", "type", "bridge_slave", "learning", "on", "locked", "off", machine="lan")
    assert code == 3
    lost = found["B: frames of a child to A"]
    assert (lost["ok"], lost["detail"]) == (False, "don't arrive (not-delivered)")
    assert lost["fix"]
    assert found["A: frames of a child to B"]["ok"]


def test_what_one_machine_lacks(world: World) -> None:
    """A machine without netlab and one whose NIC carries the session are named, each with what fixes it."""
    code, found = findings(world, A={"python": "/usr/bin/python3"}, B={"nic": "eth0"})
    assert code == 3
    assert found["A: agent"]["detail"] == "its /usr/bin/python3 has no netlab"
    assert "pip install netns-lab" in found["A: agent"]["fix"]
    assert found["B: NIC"]["detail"] == "eth0 (B:nic) carries the ssh session"
