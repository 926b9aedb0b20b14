"""A run on two machines: the same verdicts as in namespaces, and afterwards the machines are as they were."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from netlab.contract.types import asks_host
from tests.hosts.conftest import SSH, Done, World

pytestmark = pytest.mark.xdist_group("hosts")


def record(world: World, *argv: str) -> tuple[Done, dict[str, Any]]:
    """A run's record, and how the command ended."""
    done = world.netlab("run", *argv, "--json", "record.json", "--no-report", "-q")
    path = world.folder / "record.json"
    assert path.exists(), done.stderr
    found = json.loads(path.read_text())
    path.unlink()
    return done, found


def layers(found: dict[str, Any]) -> dict[str, Any]:
    """The verdicts of the baseline, layer by layer, as (row, column) to verdict."""
    [step] = found["steps"]
    return {name: layer["verdict"] for name, layer in step["layers"].items()}


def test_demo_passes_and_leaves_no_trace(world: World) -> None:
    """The demo passes on two machines, and their links, addresses, routes, neighbours and sysctls are as before."""
    before = world.snapshot()
    done = world.netlab("run", "demo.yaml", "--on", str(world.hosts()))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 fail, 0 inconclusive" in done.stdout
    world.as_before(before)


def test_verdicts_are_those_of_namespaces(world: World) -> None:
    """The record of two machines has the same verdict in every cell as the one of namespaces, and says where it ran.

    Machines have routes of their own: host questions are left out there, and a note says so.
    """
    _, there = record(world, "demo.yaml", "--on", str(world.hosts()))
    _, here = record(world, "demo.yaml")
    assert there["substrate"] == "hosts"
    assert here["substrate"] == "netns"
    assert set(there["machine"]["machines"]) == {"A", "B"}
    assert there["endpoints"][3]["mac"] == "52:54:00:26:00:02"
    assert layers(there) == {name: rows for name, rows in layers(here).items() if not asks_host(name)}
    assert any("its first interface is asked" in warning for warning in there["topology"]["warnings"])


def test_servers_of_earlier_waves(world: World) -> None:
    """A server that an earlier wave has closed is opened again for the next: TCP by itself passes as among others."""
    done, found = record(world, "demo.yaml", "--on", str(world.hosts()), "-l", "tcp,tcp6,udp,udp6")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "refused" not in json.dumps(found["steps"][0]["layers"])


def test_claims_of_the_shipped_demo(world: World) -> None:
    """The demo that ships confirms and refutes on two machines what it does in namespaces."""
    done = world.netlab("run", "bridge-two-node.yaml", "--on", str(world.hosts()), "--no-report")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "claim 24: " in done.stdout
    assert "refuted: B:ens160 → A:ens160.1 (icmp)" in done.stdout


def test_model_knows_the_machines_sysctls(world: World) -> None:
    """With arp_ignore=1 on A's machine B reaches the child itself, as predicted; the sysctl is still 1 afterwards."""
    path = "net.ipv4.conf.all.arp_ignore"
    world.must("sysctl", "-qw", f"{path}=1", machine="a")
    try:
        done, found = record(world, "demo.yaml", "--on", str(world.hosts()), "-l", "arp,icmp")
        assert world.must("sysctl", "-n", path, machine="a").strip() == "1"
    finally:
        world.must("sysctl", "-qw", f"{path}=0", machine="a")
    assert done.returncode == 0, done.stdout + done.stderr
    assert found["steps"][0]["layers"]["icmp"]["observed"][3][1] == "R"


def test_what_was_there_stays(world: World) -> None:
    """An address, a route and neighbour entries that the NIC had are there afterwards, though the lab used them."""
    world.must("ip", "address", "add", "192.168.26.149/24", "dev", "eth1", machine="a")
    world.must("ip", "address", "add", "192.168.26.200/24", "dev", "eth1", machine="a")
    world.must("ip", "route", "add", "198.51.100.0/24", "via", "192.168.26.106", "dev", "eth1", machine="a")
    neigh = ("ip", "neigh", "add", "192.168.26.106", "lladdr", "52:54:00:26:00:02", "dev", "eth1", "nud", "stale")
    world.must(*neigh, machine="a")
    world.must("ip", "neigh", "add", "192.168.26.9", "lladdr", "02:00:00:00:00:09", "dev", "eth1", machine="a")
    before = world.snapshot()
    try:
        done = world.netlab("run", "demo.yaml", "--on", str(world.hosts()), "-l", "icmp,icmp-static")
        assert done.returncode == 0, done.stdout + done.stderr
        world.as_before(before)
    finally:
        world.must("ip", "route", "del", "198.51.100.0/24", machine="a")
        world.must("ip", "address", "flush", "dev", "eth1", "scope", "global", machine="a")
        world.must("ip", "neigh", "flush", "nud", "all", "dev", "eth1", machine="a")


def test_nic_that_was_down_is_down_again(world: World) -> None:
    """A NIC that was down is brought up for the lab and taken down afterwards."""
    world.must("ip", "link", "set", "dev", "eth1", "down", machine="b")
    before = world.snapshot()
    try:
        done = world.netlab("run", "demo.yaml", "--on", str(world.hosts()), "-l", "icmp")
        assert done.returncode == 0, done.stdout + done.stderr
        world.as_before(before)
    finally:
        world.must("ip", "link", "set", "dev", "eth1", "up", machine="b")
        world.settle()


STEPS = """
name: steps
switches: {lan: {}}
hosts:
  A:
    interfaces: {eth0: {switch: lan, addresses: [192.168.26.1/24]}}
    containers: {c: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: vepa, addresses: [192.168.26.11/24]}}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [192.168.26.2/24]}}}
steps:
  - name: static
    set: {"B:eth0": {neighbors: {192.168.26.11: A/c:eth0}, addresses: [192.168.26.2/24, 192.168.26.3/24]}}
  - name: reflecting
    set: {"A:eth0": {port: {hairpin: true}}}
    expect: [{"A:eth0 -> A/c:eth0": reachable}]
  - name: gone
    delete: [A/c:eth0]
"""


def test_steps_change_what_is_ours(world: World) -> None:
    """Addresses and neighbours follow the steps; an option of a switch port is predicted as an ordinary one's."""
    (world.folder / "steps.yaml").write_text(STEPS)
    before = world.snapshot()
    done, found = record(world, "steps.yaml", "--on", str(world.hosts()), "-l", "icmp,unicast")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [step["name"] for step in found["steps"]] == ["baseline", "static", "reflecting", "gone"]
    warnings = "\n".join(found["topology"]["warnings"])
    assert "the options of the port of A:eth0 are the real switch's" in warnings
    assert "reflecting: 1 expectations depend on options of switch ports" in warnings
    world.as_before(before)


MEASURES = """
name: measures
switches: {lan: {}}
hosts:
  A:
    interfaces: {eth0: {switch: lan, addresses: [192.168.26.1/24]}}
    containers: {c: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [192.168.26.11/24]}}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [192.168.26.2/24]}}}
throughput:
  - {pairs: [A -> B], bytes: 1M}
latency:
  - {pairs: [A/c -> B, A -> A/c], count: 20}
"""


def test_measurements_across_machines(world: World) -> None:
    """Throughput and latency are measured with one end on each machine; a pair that has no way is not measured."""
    (world.folder / "measures.yaml").write_text(MEASURES)
    before = world.snapshot()
    _, found = record(world, "measures.yaml", "--on", str(world.hosts()), "-l", "icmp")
    [throughput] = found["throughput"]
    assert (throughput["src"], throughput["dst"], throughput["status"]) == ("A:eth0", "B:eth0", "ok")
    assert throughput["value"] > 0
    assert [one["status"] for one in found["latency"]] == ["ok", "unreachable"]
    world.as_before(before)


@pytest.mark.parametrize(
    ("host", "change", "says"),
    [
        ("A", {"python": "/nowhere/python3"}, "A (root@10.99.1.2): there is no /nowhere/python3"),
        ("B", {"python": "/usr/bin/python3"}, "B (root@10.99.2.2): its /usr/bin/python3 has no netlab"),
        ("A", {"nic": "eth7"}, "A (root@10.99.1.2): there is no NIC 'eth7'"),
        ("A", {"options": [*SSH, "-i", "/dev/null"]}, "A (root@10.99.1.2): ssh may not log in"),
        ("B", {"options": [*SSH, "-p", "1"]}, "B (root@10.99.2.2): ssh can't reach it"),
        ("B", {"ssh": "root@machine.invalid"}, "B (root@machine.invalid): ssh can't reach it"),
        ("A", {"nic": "eth0"}, "A (root@10.99.1.2): eth0 (A:ens160) carries the ssh session"),
    ],
)
def test_what_a_machine_lacks(world: World, host: str, change: dict[str, Any], says: str) -> None:
    """Whatever a machine lacks is said in one line with what fixes it, exit code 3, and nothing was changed."""
    before = world.snapshot()
    done = world.netlab("run", "demo.yaml", "--on", str(world.hosts(**{host: change})))
    assert done.returncode == 3
    first, fix = done.stderr.strip().splitlines()
    assert first.startswith(f"netlab: {says}")
    assert fix.startswith("  ")
    world.as_before(before)


def test_nobody_is_asked_for_a_password(world: World) -> None:
    """Where only a password would do nobody is asked for one, nor any program that may know it: one line, exit 3."""
    asked = world.folder / "asked"
    program = world.folder / "askpass"
    program.write_text(f"#!/bin/sh\ntouch {asked}\necho wrong\n")
    program.chmod(0o755)
    hosts = world.hosts(A={"options": [*SSH, "-o", "PreferredAuthentications=password", "-o", "BatchMode=no"]})
    env = {"SSH_ASKPASS": str(program), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0"}
    done = world.run(world.command, "run", "demo.yaml", "--on", str(hosts), env=env)
    assert done.returncode == 3
    assert done.stderr.splitlines()[0].startswith("netlab: A (root@10.99.1.2): ssh may not log in (")
    assert len(done.stderr.splitlines()) == 2
    assert not asked.exists()


def test_management_nic_if_told(world: World) -> None:
    """--allow-management-nic takes the NIC of the ssh session, and the session outlives it."""
    before = world.snapshot()
    hosts = world.hosts(A={"nic": "eth0"})
    done = world.netlab("run", "demo.yaml", "--on", str(hosts), "--allow-management-nic", "-l", "unicast")
    # A's NIC is on another wire than B's: what isn't heard can't be proved, as no control gets through either.
    assert done.returncode == 4, done.stdout + done.stderr
    world.as_before(before)


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--on", "A=root@host1"], "isn't HOST=USER@MACHINE:NIC"),
        (["--on", "A=root@host1:eth1"], "no machine is given for B"),
        (["--on", "nowhere.yaml"], "nowhere.yaml: No such file or directory"),
        (["--on", "hosts.yaml", "--vagrant"], "give one"),
        (["--allow-management-nic"], "goes with --on"),
    ],
)
def test_wrong_command_lines(world: World, argv: list[str], says: str) -> None:
    """What can't be meant is said in a line, exit code 2."""
    world.hosts()
    done = world.netlab("run", "demo.yaml", *argv)
    assert done.returncode == 2
    assert says in done.stderr


def test_one_netlab_at_a_time(world: World) -> None:
    """A second run on the same machines says who is in the way, exit code 3; the first passes all the same."""
    hosts = str(world.hosts())
    with world.start("run", "demo.yaml", "--on", hosts, "--no-report") as first:
        world.trigger("frames", 20)
        first.send_signal(signal.SIGSTOP)
        second = world.netlab("run", "demo.yaml", "--on", hosts)
        first.send_signal(signal.SIGCONT)
        _, said = first.communicate(timeout=60)
    assert first.returncode == 0, said
    assert second.returncode == 3
    assert "another netlab is using it" in second.stderr
