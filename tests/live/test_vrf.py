"""VRFs, and addresses at lo, in all formats that have them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from netlab import live
from netlab.spec import TopologyError
from tests.live import imported
from tests.live.test_mutated import ends_well
from tests.live.test_networkd import unread

FILES = Path(__file__).parent / "files"
NETWORKD = """\
# /etc/systemd/network/10-blue.netdev
[NetDev]
Name=blue
Kind=vrf
[VRF]
Table=20
# /etc/systemd/network/20-eth0.network
[Match]
Name=eth0
[Network]
VRF=blue
Address=10.0.0.1/24
Gateway=10.0.0.9
# /etc/systemd/network/30-blue.network
[Match]
Name=blue
[Route]
Destination=10.5.0.0/16
Gateway=10.0.0.5
[Route]
Destination=10.6.0.0/16
Type=unreachable
[Route]
Destination=fd00:5::/64
Gateway=fd00::5
[Network]
Address=fd00::1/64
# /etc/systemd/network/40-lo.network
[Match]
Type=loopback
[Link]
MTUBytes=9000
[Network]
Address=10.255.0.1/32
Address=127.0.0.2/8
[Route]
Destination=10.7.0.0/16
Type=blackhole
"""


def _own(form: str, text: str) -> tuple[dict[str, Any], list[Any], list[str]]:
    """The machine's interfaces and routes, and the paths of what was left out."""
    draft = imported.of(form, text).draft
    return draft.hosts["host"].interfaces, draft.hosts["host"].routes, [one.path for one in draft.left]


def test_networkd() -> None:
    """A VRF, its member, their routes in its table; a route by it leaves by the member that leads to its gateway."""
    own, routes, left = _own("networkd", NETWORKD)
    assert own["blue"] == {"type": "vrf", "table": "20", "addresses": ["fd00::1/64"]}
    assert own["eth0"] == {"switch": "lan", "addresses": ["10.0.0.1/24"], "master": "blue"}
    assert own["lo"] == {"addresses": ["10.255.0.1/32"]}
    assert {"to": "default", "via": "10.0.0.9", "dev": "eth0", "table": "20"} in routes
    assert {"to": "10.5.0.0/16", "via": "10.0.0.5", "dev": "eth0", "table": "20"} in routes
    assert {"to": "10.6.0.0/16", "type": "unreachable", "table": "20"} in routes
    assert {"to": "10.7.0.0/16", "type": "blackhole"} in routes
    assert [path.removeprefix("/etc/systemd/network/") for path in left] == [
        "30-blue.network.Route[2]",
        "40-lo.network.Link",
        "40-lo.network.Network.Address[1]",
    ]
    assert len(routes) == NETWORKD.count("[Route]") + NETWORKD.count("Gateway=10.0.0.9") - 1


def test_netplan() -> None:
    """Two VRFs whose members have one subnet are on two networks; each has its routes in its own table."""
    own, routes, left = _own("netplan", (FILES / "netplan-vrf.yaml").read_text())
    assert (own["blue"], own["red"]["table"]) == ({"type": "vrf", "table": "20"}, "30")
    assert (own["ens3"]["master"], own["ens4"]["master"], own["ens5"].get("master")) == ("blue", "red", None)
    assert own["ens3"]["switch"] != own["ens4"]["switch"]
    assert own["lo"] == {"addresses": ["10.255.0.1/32", "fd00:255::1/128"]}
    assert routes == [
        {"to": "10.6.0.0/16", "type": "unreachable", "table": "30"},
        {"to": "10.5.0.0/16", "via": "10.0.0.5", "dev": "ens3", "table": "20"},
        {"to": "default", "via": "10.0.0.9", "dev": "ens3", "table": "20"},
    ]
    assert left == ["network.vrfs.red.routes[1]", "network.vrfs.red.routing-policy"]


def test_nmstate() -> None:
    """Members by ports and by their controller; a route is in the table that it names, by number or by its VRF."""
    own, routes, left = _own("nmstate", (FILES / "nmstate-vrf.yaml").read_text())
    assert own["vrf0"] == {"type": "vrf", "table": "100", "mtu": "9000"}
    assert (own["eth1"]["master"], own["eth2"]["master"]) == ("vrf0", "vrf0")
    assert own["lo"] == {"addresses": ["10.255.0.1/32"]}
    assert routes == [
        {"to": "198.51.100.0/24", "type": "blackhole", "table": "100"},
        {"to": "203.0.113.0/24", "type": "prohibit"},
        {"to": "10.77.0.0/16", "via": "10.0.0.9", "dev": "eth1", "table": "100", "metric": "7"},
    ]
    assert set(left) == {"interfaces[0].mtu", "interfaces[0].ipv4.address[0]", "interfaces[0].ipv6.address[0]",
                         "interfaces[3].min-mtu"}  # fmt: skip


def test_ip() -> None:
    """What ip prints of a VRF, its member, the rule that comes with it, and an address at lo."""
    flags = ["UP", "LOWER_UP"]
    said = [
        {"ifindex": 1, "ifname": "lo", "flags": ["LOOPBACK", *flags], "mtu": 65536, "link_type": "loopback"},
        {"ifindex": 2, "ifname": "blue", "flags": ["NOARP", "MASTER", *flags], "mtu": 65575, "link_type": "ether",
         "linkinfo": {"info_kind": "vrf", "info_data": {"table": 20}}},
        {"ifindex": 11, "ifname": "eth0", "flags": ["BROADCAST", "MULTICAST", *flags], "mtu": 1500, "master": "blue",
         "link_type": "ether", "linkinfo": {"info_slave_kind": "vrf", "info_slave_data": {"table": 20}}},
        {"ifname": "lo", "addr_info": [{"local": "127.0.0.1", "prefixlen": 8}, {"local": "10.9.9.9", "prefixlen": 32}]},
        {"ifname": "eth0", "addr_info": [{"local": "10.0.0.1", "prefixlen": 24}]},
        {"type": "unicast", "dst": "default", "gateway": "10.0.0.9", "dev": "eth0", "table": "20", "flags": []},
        {"type": "unicast", "dst": "10.0.0.0/24", "dev": "eth0", "table": "20", "protocol": "kernel", "flags": []},
        {"priority": 0, "src": "all", "table": "local"},
        {"priority": 1000, "src": "all", "l3mdev": None},
        {"priority": 32766, "src": "all", "table": "main"},
        {"priority": 32767, "src": "all", "table": "default"},
    ]  # fmt: skip
    draft = live.draft(live.read("ip", json.dumps(said), "said.json"), "host")
    own = draft.hosts["host"]
    assert own.interfaces["blue"] == {"type": "vrf", "table": "20"}
    assert own.interfaces["eth0"] == {"switch": "lan", "addresses": ["10.0.0.1/24"], "master": "blue"}
    assert own.interfaces["lo"] == {"addresses": ["10.9.9.9/32"]}
    assert (own.routes, own.rules) == ([{"to": "default", "via": "10.0.0.9", "dev": "eth0", "table": "20"}], [])
    assert [one.why for one in draft.left if one.loses and "sysctls" not in one.why] == []


NETPLAN = "network: {ethernets: {eth0: {}, lo: {%s}}, vrfs: {blue: {%s}}%s}"
NMSTATE = "interfaces: [{name: vrf0, type: vrf, vrf: {%s}}, {name: lo%s}]"
NETDEV = "[NetDev]\nName=blue\nKind=vrf\n"
WRONG = {
    "networkd, no table": ("networkd", NETDEV, "blue is a VRF without [VRF] Table="),
    "networkd, a table": ("networkd", f"{NETDEV}[VRF]\nTable=none\n", "said:5:7: Table: 'none'"),
    "networkd, no such VRF": ("networkd", "[Match]\nName=eth0\n[Network]\nVRF=blu\n", "said:4:5: no device 'blu'"),
    "networkd, on lo": (
        "networkd",
        "# /a.netdev\n[NetDev]\nName=v\nKind=vlan\n[VLAN]\nId=7\n# /lo.network\n[Match]\nName=lo\n[Network]\nVLAN=v\n",
        "v can't sit on lo",
    ),
    "netplan, no table": ("netplan", NETPLAN % ("", "interfaces: [eth0]", ""), "a VRF needs a 'table'"),
    "netplan, a table": ("netplan", NETPLAN % ("", "table: main", ""), "table: 'main' is not a whole number"),
    "netplan, no such member": ("netplan", NETPLAN % ("", "table: 2, interfaces: [eth9]", ""), "no device 'eth9'"),
    "netplan, lo in it": ("netplan", NETPLAN % ("", "table: 2, interfaces: [lo]", ""), "lo can't be a member of blue"),
    "netplan, a VLAN on lo": (
        "netplan",
        NETPLAN % ("", "table: 2", ", vlans: {v: {id: 3, link: lo}}"),
        "v can't sit on lo",
    ),
    "netplan, of two": (
        "netplan",
        NETPLAN % ("", "table: 2, interfaces: [eth0]", ", bridges: {b: {interfaces: [eth0]}}"),
        "eth0 is a member of",
    ),
    "netplan, an address of lo": ("netplan", NETPLAN % ("addresses: [1.2.3.4/33]", "table: 2", ""), "'1.2.3.4/33'"),
    "nmstate, nothing": ("nmstate", "interfaces: [{name: v, type: vrf}]", "'vrf' is missing"),
    "nmstate, no table": ("nmstate", NMSTATE % ("port: [a]", ""), "'route-table-id' is missing"),
    "nmstate, another lo": ("nmstate", "interfaces: [{name: a, type: loopback}]", "a is of type loopback"),
    "nmstate, lo of another type": ("nmstate", NMSTATE % ("route-table-id: 2", ", type: dummy"), "lo is of type dummy"),
    "nmstate, no such VRF": (
        "nmstate",
        NMSTATE % ("route-table-id: 2", "")
        + "\nroutes: {config: [{destination: 10.0.0.0/8, route-type: blackhole, vrf-name: vrf}]}",
        "said:2:78: no VRF 'vrf' is described; did you mean 'vrf0'?",
    ),
    "nmstate, two tables": (
        "nmstate",
        NMSTATE % ("route-table-id: 2", "")
        + "\nroutes: {config: [{destination: 10.0.0.0/8, route-type: blackhole, vrf-name: vrf0, table-id: 3}]}",
        "the table of vrf0 isn't 3",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong(name: str) -> None:
    """What is wrong is told with its place, and the command would end with 2."""
    form, text, said = WRONG[name]
    with pytest.raises(TopologyError) as caught:
        live.read(form, text, "said")
    assert said in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("form", ["netplan", "nmstate"])
def test_whatever_is_changed_ends_well(form: str) -> None:
    """Values become others, or are gone: a file that loads, or faults with their places."""
    ends_well(form, (FILES / f"{form}-vrf.yaml").read_text())


def test_whatever_is_changed_of_units_ends_well() -> None:
    """Lines become others, or are gone: a file that loads, or faults with their places."""
    dice = random.Random("vrf")
    lines = NETWORKD.split("\n")
    for _ in range(150):
        changed = list(lines)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(changed))
            key = changed[at].partition("=")[0]
            changed[at] = dice.choice(["", f"{key}=", f"{key}=lo", f"{key}=-1", f"{key}=blue", dice.choice(lines)])
        fault = unread("\n".join(changed))
        assert fault.startswith(("", "said:", "/etc/systemd/network/")[bool(fault) :]), fault
