"""`netlab import live`: what the kernel says of machines that were made with ip(8)."""

from __future__ import annotations

import ipaddress
import os
import re
import sys
from collections.abc import Iterator

import pytest

from netlab import model, plan, spec
from netlab.live.machine import bonds, settings, spaces
from netlab.live.machine.settings import OF_INTERFACE
from netlab.live.machine.values import Device, Space
from tests.live.world import MACVLAN, ROOT, World, world


@pytest.fixture
def machine() -> Iterator[World]:
    """A machine of its own."""
    with world() as made:
        yield made


def test_a_macvlan_container_and_its_host(machine: World) -> None:
    """The machine, its container, the bridge as a switch and the other machine: with their addresses and MACs."""
    machine.ip(MACVLAN)
    done = machine.netlab("import", "live", netns="machine")
    # What an ordinary user may not read of the machine that the test runs on is told.
    assert [line for line in done.stderr.splitlines() if not line.endswith("Permission denied")] == []
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


def test_anonymized(machine: World) -> None:
    """No name, address or MAC of the machine is in the file, and its answers are those of the machine."""
    machine.ip(MACVLAN)
    machine.sh("ip link set dev eth0 down; ip link set dev eth0 name secret0 up", "far")
    machine.sh("ip route add 10.77.0.0/16 via 192.168.26.20", "machine")
    macs = re.findall(r"link/ether (\S+)", machine.run("ip", "-n", "web", "link").stdout)
    text = machine.netlab("import", "live", "--anonymize", netns="machine").stdout
    for own in ("192.168", "10.77", "secret0", "web:", "lan:", "far:", *macs):
        assert own not in text.partition("switches:")[2], own
    resolved = plan.resolve(spec.load(text, "anonymous.yaml"))
    state = resolved.steps[0].state
    addresses = [str(one) for link in state.links for one in link.addresses]
    assert len({ipaddress.ip_interface(one).network for one in addresses}) == 1
    assert [one.rpartition(".")[2] for one in sorted(addresses)] == ["10/24", "11/24", "20/24"]
    plain = plan.resolve(spec.load(machine.netlab("import", "live", netns="machine").stdout, "live.yaml"))
    letters = [model.predict(one.steps[0].state, ("icmp",)).letters["icmp"] for one in (resolved, plain)]
    assert letters[0] == letters[1]


def test_options_of_ports(machine: World) -> None:
    """A port with an address has its options as its own; a plain one has them at the other end of its wire."""
    machine.ip("netns add h\nnetns add c\nnetns add d\n-n h link add br0 type bridge\n-n h link set br0 up")
    for name, netns in (("v0", "c"), ("v1", "d")):
        machine.ip(f"-n h link add {name} type veth peer name eth0 netns {netns}\n-n h link set {name} master br0 up")
        machine.ip(f"-n {netns} link set eth0 up")
        machine.run("bridge", "-n", "h", "link", "set", "dev", name, "hairpin", "on")
    machine.ip("-n h address add 10.7.0.1/24 dev v0")
    text = machine.netlab("import", "live", netns="h").stdout
    state = plan.resolve(spec.load(text, "live.yaml")).steps[0].state
    told = {plug.place.id: plug.port for link in state.links for plug in link.plugs}
    assert sorted(told) == ["host:v0", "port(host/d:eth0)"]
    assert all(port is not None and port.hairpin for port in told.values())


def test_sysctls_of_interfaces(machine: World) -> None:
    """Each sysctl of an interface that netlink tells is what its file in /proc/sys has, with a value of its own."""
    machine.ip("netns add h\n-n h link add v0 type veth peer name v1")
    paths = [one.format("v0") for one in OF_INTERFACE]
    write = "for p in {}; do [ ! -e /proc/sys/$p ] || echo $((! $(cat /proc/sys/$p))) > /proc/sys/$p; done"
    read = "for p in {}; do [ ! -e /proc/sys/$p ] || echo $p $(cat /proc/sys/$p); done"
    machine.sh(write.format(" ".join(paths)), "h")
    witness = machine.run("ip", "netns", "exec", "h", "sh", "-c", read.format(" ".join(paths))).stdout
    script = (
        "from netlab.live import machine; home = next(one for one in machine.read(machine.Chosen()).spaces if one.home)"
        "\nfor device in home.devices:\n  if device.name == 'v0':\n    for one in device.conf.items(): print(*one)"
    )
    told = machine.run("ip", "netns", "exec", "h", sys.executable, "-c", script, cwd=ROOT).stdout
    assert sorted(told.splitlines()) == sorted(witness.splitlines())
    assert len(witness.splitlines()) > 10


def test_addresses_in_the_order_in_which_they_were_given(machine: World) -> None:
    """The first is the first of the file, of IPv6 too, which the kernel lists the other way round."""
    machine.ip("netns add h\n-n h link add v0 type veth peer name v1\n-n h link set v0 up\n-n h link set v1 up")
    for one in ("10.7.0.1/24", "10.7.0.2/24", "fd00::1/64", "fd00::2/64", "fd00::3/64"):
        machine.ip(f"-n h address add {one} dev v0" + " nodad" * (":" in one))
    text = machine.netlab("import", "live", netns="h").stdout
    assert 'addresses: [10.7.0.1/24, 10.7.0.2/24, "fd00::1/64", "fd00::2/64", "fd00::3/64"]' in text


def test_routes_and_rules_keep_their_family_and_mark(machine: World) -> None:
    """A default route of IPv6 by an interface alone is one of IPv6; a rule for mark 0 keeps its mask."""
    machine.ip("netns add h\n-n h link add v0 type veth peer name v1\n-n h link set v0 up\n-n h link set v1 up")
    machine.ip("-n h address add fd00::1/64 dev v0 nodad\n-n h -6 route add default dev v0")
    machine.ip("-n h rule add to 10.0.1.0/24 fwmark 0/0xff lookup 100 priority 200")
    text = machine.netlab("import", "live", netns="h").stdout
    assert '{to: "::/0", dev: v0}' in text
    assert "fwmark: 0x0/0xff" in text


def test_a_route_of_another_metric_beside_a_connected_one(machine: World) -> None:
    """Beside the connected route one to the same network is written with its metric and source; alone it stands for
    the connected one."""
    machine.ip("netns add h\n-n h link add v0 type veth peer name v1\n-n h link set v0 up\n-n h link set v1 up")
    machine.ip("-n h address add fd00::1/64 dev v0 nodad\n-n h address add fd00::2/128 dev v0 nodad")
    machine.ip("-n h -6 route add fd00::/64 dev v0 metric 100 src fd00::2")
    machine.ip("-n h address add 10.7.0.1/24 dev v0 noprefixroute\n-n h route add 10.7.0.0/24 dev v0 metric 100")
    text = machine.netlab("import", "live", netns="h").stdout
    assert '{to: "fd00::/64", dev: v0, metric: 100, src: "fd00::2"}' in text
    assert "to: 10.7.0.0/24" not in text


def test_a_namespace_that_has_its_lo_alone(machine: World) -> None:
    """With addresses of its own there it is in the file, as a host; without, it isn't."""
    machine.ip("netns add vip\nnetns add bare\n-n vip link set lo up\n-n vip address add 10.255.0.1/32 dev lo")
    text = machine.netlab("import", "live", "--all", ok=False).stdout
    state = plan.resolve(spec.load(text, "live.yaml")).steps[0].state
    assert [endpoint.id for endpoint in state.endpoints] == ["vip:lo"]
    assert "bare" not in text.partition("hosts:")[2]


def test_a_sysctl_of_the_namespace_is_written_where_it_is_not_the_kernels_own() -> None:
    """Of those that a new namespace has on, too: what was turned off is written, what wasn't is not."""
    own = {"net/ipv4/igmp_max_memberships": "20", "net/ipv4/raw_l3mdev_accept": "1", "net/ipv4/tcp_l3mdev_accept": "0"}
    assert list(settings.namespace(own, bridges=False)) == []
    set_ = {path: {"20": "0", "1": "0", "0": "1"}[value] for path, value in own.items()}
    assert dict(settings.namespace(set_, bridges=False)) == set_


def test_a_bond_that_was_up_before_is_told() -> None:
    """Down, and in 802.3ad with a carrier, or with one by a member that has none, it is what no file can say."""
    (told,) = bonds.lost(_bonded("802.3ad", carrier=True), _bonded("802.3ad", carrier=True).devices[0])
    assert told.startswith("down, it takes its members for what they were")
    for mode, carrier, lost in (("802.3ad", False, 0), ("active-backup", True, 1), ("active-backup", False, 0)):
        space = _bonded(mode, carrier=carrier)
        assert len(bonds.lost(space, space.devices[0])) == lost


def _bonded(mode: str, carrier: bool) -> Space:
    """A bond that is down, with a member that has no carrier."""
    bond = Device(index=2, name="bond0", kind="bond", up=False, carrier=carrier, data={"mode": mode, "miimon": 100})
    return Space(key="", devices=(bond, Device(index=3, name="eth0", carrier=False, master=2)))


def test_what_goes_while_it_is_looked_for_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads, children and descriptors that are gone when they are looked at; a process that isn't there is told."""
    listed = os.listdir
    monkeypatch.setattr(spaces.os, "listdir", lambda path: [*listed(path), "999999999"])
    monkeypatch.setattr(spaces.Path, "read_text", lambda path: "999999999" if path.name == "children" else "")
    assert [one.held for one in spaces.find(os.getpid()).found.values() if one.home] == [True]
    with pytest.raises(FileNotFoundError):
        spaces.find(999999999)


def test_link_local_routes_are_no_loss(machine: World) -> None:
    """That a port and its bridge both have fe80::/64, in whatever order, is not told: nobody asks by it alone."""
    machine.ip("netns add h\n-n h link add br0 type bridge\n-n h link add v0 type veth peer name v1")
    machine.ip("-n h link set v0 master br0 up\n-n h link set v1 up\n-n h link set br0 up")
    machine.ip("-n h address add fe80::1/64 dev v0 nodad\n-n h address add fe80::2/64 dev br0 nodad")
    assert "stands before" not in machine.netlab("import", "live", netns="h").stderr
