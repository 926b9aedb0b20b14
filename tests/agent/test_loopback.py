"""Addresses at lo: built, read back, asked for, and predicted as the kernel has it."""

from __future__ import annotations

import json
import os

import pytest
import yaml

from netlab import Lab
from netlab.plan import from_file
from tests.live.roundtrip import compare
from tests.plugin.test_adopt import agree, ip

ROUTERS = """\
name: routers
switches: {lan: {}, bare: {}}
hosts:
  R1:
    interfaces:
      lo: {addresses: [10.255.0.1/32, fd00:ff::1/128]}
      eth0: {switch: lan, addresses: [10.0.0.1/24, fd00::1/64]}
    routes: [{to: 10.255.0.2/32, via: 10.0.0.2, src: 10.255.0.1}, {to: fd00:ff::/64, via: fd00::2}]
  R2:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.2/24, fd00::2/64]}
      lo: {addresses: [10.255.0.2/32, fd00:ff::2/128, 10.0.0.100/32]}
      eth1: {switch: bare}
    routes: [{to: 10.255.0.1/32, via: 10.0.0.1}, {to: fd00:ff::/64, via: fd00::1}, {to: 10.3.0.0/24, dev: eth1}]
  C:
    interfaces: {eth0: {switch: bare, addresses: [10.3.0.3/24]}}
    routes: [{to: 10.255.0.2/32, dev: eth0}]
"""
routers = pytest.mark.topology(ROUTERS)


@routers
def test_routers(lab: Lab) -> None:
    """Each is reached by the address of its lo; the kernel has it where the plan says, and chooses it as a source."""
    for name, other in (("R1", "10.255.0.2"), ("R2", "10.255.0.1")):
        lab.must_reach(name, other)
    lab.must_reach("R1", "fd00:ff::2")
    shown = json.loads(lab["R2"].run("ip", "-j", "address", "show", "dev", "lo").stdout)
    local = {one["local"] for one in shown[0]["addr_info"]}
    assert local == {"127.0.0.1", "10.255.0.2", "10.0.0.100", "fd00:ff::2", "::1"}
    assert " src 10.255.0.1 " in lab["R1"].run("ip", "route", "get", "10.255.0.2").stdout
    agree(lab)


@routers
def test_a_host_without_an_address_on_the_wire_sends_from_it(lab: Lab) -> None:
    """Out of an interface that has none a program sends from lo, which comes first (inet_select_addr)."""
    assert " src 10.255.0.2 " in lab["R2"].run("ip", "route", "get", "10.3.0.3").stdout
    lab.must_reach("R2", "C:eth0")
    assert lab.predicted["icmp", "R2", "C:eth0"] == "R"


@routers
def test_whether_it_answers_arp(lab: Lab) -> None:
    """With arp_ignore=0 the interface on the wire answers for it, with 1 nobody does."""
    lab.expect("R1:eth0 -> R2:lo@10.0.0.100 [arp]: address-only")
    lab["R2"].run("sysctl", "-w", "net.ipv4.conf.eth0.arp_ignore=1")
    lab.must_not_reach("R1", "10.0.0.100")
    lab.expect("R1:eth0 -> R2:lo@10.0.0.100 [arp]: unreachable")
    agree(lab)


@pytest.mark.topology(
    ROUTERS.replace("      lo: {addresses: [10.255.0.1/32, fd00:ff::1/128]}\n", "").replace(", src: 10.255.0.1", "")
)
def test_what_programs_put_there(lab: Lab) -> None:
    """An address that a program puts at lo is an endpoint, with or without others there; a subnet is beyond a file."""
    ip(lab, "R1", "address add 10.255.0.1/32 dev lo")
    ip(lab, "R2", "address add 10.255.0.9/32 dev lo")
    ip(lab, "R2", "address delete 10.0.0.100/32 dev lo")
    adopted = lab.adopt()
    assert adopted.unknown == {}
    assert "R1:lo: made by a program" in str(adopted)
    ip(lab, "R1", "route add 10.255.0.9/32 via 10.0.0.2 src 10.255.0.1")
    lab.must_reach("R1", "10.255.0.9")
    lab.must_not_reach("R1", "10.0.0.100")
    agree(lab)
    [added] = [step["add"] for step in yaml.safe_load(lab.topology)["steps"] if "add" in step]
    assert added["hosts"]["R1"]["interfaces"] == {"lo": {"addresses": ["10.255.0.1/32"]}}
    ip(lab, "R1", "address delete 10.255.0.1/32 dev lo")
    lab.must_not_reach("R2", "10.255.0.1")
    ip(lab, "R1", "address add 10.9.0.1/24 dev lo")
    assert lab.adopt("R1").unknown == {"R1": "lo has 10.9.0.1/24"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into the namespaces of others")
def test_import_reads_it_back() -> None:
    """What was built is read from outside with lo as in the file, and predicted the same."""
    [found] = compare(from_file(ROUTERS, "routers.yaml"))
    assert (found.differences, found.left) == ([], [])
    hosts = yaml.safe_load(found.text)["hosts"]
    assert ["10.255.0.2/32", "10.0.0.100/32", "fd00:ff::2/128"] in [
        host["interfaces"].get("lo", {}).get("addresses") for host in hosts.values()
    ]
