"""`netlab import live`: what the kernel says of machines that were made with ip(8)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from netlab import plan, spec
from tests.live.world import MACVLAN, World, world


@pytest.fixture
def machine() -> Iterator[World]:
    """A machine of its own."""
    with world() as made:
        yield made


def test_a_macvlan_container_and_its_host(machine: World) -> None:
    """The machine, its container, the bridge as a switch and the other machine: with their addresses and MACs."""
    machine.ip(MACVLAN)
    done = machine.netlab("import", "live", netns="machine")
    assert done.stderr == ""
    state = plan.resolve(spec.load(done.stdout, "live.yaml")).steps[0].state
    assert {endpoint.id for endpoint in state.endpoints} == {"host:eth0", "host/web:eth0", "far:eth0"}
    assert [namespace.id for namespace in state.namespaces if namespace.kind == "switch"] == ["lan"]
    shown = machine.run("ip", "-n", "web", "-br", "link", "show", "dev", "eth0").stdout.split()[2]
    child = state.link("host/web:eth0")
    assert (child.mac, child.effective_mode, child.lower) == (shown, "bridge", "host:eth0")
    assert [str(one) for one in child.addresses] == ["192.168.26.11/24"]


def test_reading_changes_nothing(machine: World) -> None:
    """Links, addresses, routes, rules and neighbours are as before: nothing is made, and nothing sent."""
    machine.ip(MACVLAN)
    shown = (
        "for n in machine web far lan; do for what in '-d link' address '-s link' neigh; do ip -n $n $what; done; done"
    )
    settle = "for n in machine web far lan; do ip netns exec $n sysctl -qw net.ipv6.conf.all.disable_ipv6=1; done"
    machine.run("sh", "-c", settle)

    def now() -> str:
        return re.sub(r"\w+_timer +\S+", "", machine.run("sh", "-c", shown).stdout)

    before = now()
    machine.netlab("import", "live", "--all", netns="machine")
    assert now() == before
