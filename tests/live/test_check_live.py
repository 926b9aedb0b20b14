"""`netlab check --live`: each rule finds its mistake on a machine made with ip(8), and nothing once it is mended."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.live.world import MACVLAN, World, world

#: What is done wrong, in which namespace; the rule, the severity and the place that must be told.
MISTAKES = {
    "address": (("far", "ip address add 192.168.26.10/24 dev eth0"), ("duplicate-address", "error", "far:eth0")),
    "mac": (
        ("far", "ip link set dev eth0 down; ip link set dev eth0 address 02:00:00:00:00:77 up"),
        ("duplicate-mac", "error", "host/web:eth0"),
    ),
    "vepa": (("web", "ip link set dev eth0 type macvlan mode vepa"), ("vepa-no-hairpin", "warning", "lan:p0")),
    "mtu": (("machine", "ip link set dev eth0 mtu 1400"), ("mtu", "warning", "host:eth0")),
    "port's mtu": (
        ("machine", "ip link set dev eth0 mtu 9000; ip -n lan link set dev p0 mtu 9000"),
        ("mtu", "warning", "lan:p1"),
    ),
    "parent": (("machine", "ip link set dev eth0 down"), ("parent-down", "error", "host/web:eth0")),
    "port": (("lan", "ip link set dev p1 down"), ("port-down", "warning", "lan:p1")),
    "arp": (("web", "ip link set dev eth0 arp off"), ("no-arp", "warning", "host/web:eth0")),
    "gateway": (("web", "ip route add default via 192.168.26.20"), ("no-forwarding", "warning", "far:eth0")),
    "defaults": (
        ("far", "ip route add default via 192.168.26.10; ip route append default via 192.168.26.11"),
        ("default-routes", "warning", "far"),
    ),
    "vip": (
        (
            "machine",
            "ip link add link eth0 name vip type macvlan mode bridge; ip address add 192.168.26.9/32 dev vip;"
            " sysctl -qw net.ipv4.conf.vip.rp_filter=1; ip link set dev vip up",
        ),
        ("rp-filter", "warning", "host:vip"),
    ),
}


@pytest.fixture
def machine() -> Iterator[World]:
    """A machine with a macvlan container, on which nothing is wrong."""
    with world() as made:
        made.ip(MACVLAN)
        made.sh("ip link set dev eth0 address 02:00:00:00:00:77", "web")
        yield made


def found(machine: World) -> list[tuple[str, str, str]]:
    """Rule, severity and place of each fault; the exit code must fit."""
    done = machine.netlab("check", "--live", "--json", netns="machine", ok=False)
    faults = json.loads(done.stdout)["faults"]
    assert done.returncode == (1 if any(one["severity"] != "note" for one in faults) else 0)
    return [(one["rule"], one["severity"], one["place"]) for one in faults]


NOTE = ("no-shim", "note", "host:eth0")


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake(machine: World, name: str) -> None:
    """The mistake is told with its place."""
    (netns, mistake), fault = MISTAKES[name]
    machine.sh(mistake, netns)
    assert fault in found(machine)


def test_nothing_is_wrong(machine: World) -> None:
    """Where nobody made a mistake, it is noted that the host can't reach its child, and no more."""
    assert found(machine) == [NOTE]


def test_what_mends_is_printed_to_be_pasted(machine: World) -> None:
    """Each fault is a line with its rule; behind it stands where, and what fixes it: pasted, it is gone."""
    machine.sh("ip link set dev p1 down", "lan")
    done = machine.netlab("check", "--live", netns="machine", ok=False)
    assert "lan:p1: warning: is a port of br0, and down [port-down]" in done.stdout
    where, command = done.stdout.partition("[port-down]\n")[2].splitlines()[:2]
    assert where == "  in the namespace lan (ip netns exec lan sh):"
    machine.sh(command, "lan")
    assert found(machine) == [NOTE]


def test_the_firewall_of_bridges(machine: World) -> None:
    """A bridge with two ports whose frames pass a chain that drops by policy."""
    machine.sh("ip link set dev p1 down; ip link set dev p1 up; nft add table ip filter", "lan")
    machine.sh("nft add chain ip filter forward '{ type filter hook forward priority 0; policy drop; }'", "lan")
    if machine.run(
        "ip", "netns", "exec", "lan", "sysctl", "-n", "net.bridge.bridge-nf-call-iptables", ok=False
    ).returncode:
        pytest.skip("modprobe br_netfilter")
    assert ("bridge-nf-call", "warning", "lan:br0") in found(machine)


def test_the_drawing(machine: World) -> None:
    """`graph --live` draws the machine; a FILE beside --live is refused."""
    drawn = machine.netlab("graph", "--live", "-f", "mermaid", netns="machine").stdout
    assert "192.168.26.11/24" in drawn
    for command in ("graph", "check"):
        assert machine.netlab(command, "--live", "file.yaml", ok=False).returncode == 2
        assert machine.netlab(command, ok=False).returncode == 2
