"""Routing: bird and FRR tell each other their networks by OSPF and BGP; the model follows the routes that they set."""

from __future__ import annotations

import time

import pytest

#: Two clients, and a router before each; the routers know each other's networks by a protocol alone.
ROUTERS = """
private: true
switches: {left: {}, middle: {}, right: {}}
hosts:
  client1: {interfaces: {eth0: {switch: left, addresses: [10.1.0.2/24]}}, routes: [{to: default, via: 10.1.0.1}]}
  A:
    sysctls: {net.ipv4.ip_forward: 1}
    interfaces:
      eth0: {switch: left, addresses: [10.1.0.1/24]}
      eth1: {switch: middle, addresses: [10.0.0.1/24]}
  B:
    sysctls: {net.ipv4.ip_forward: 1}
    interfaces:
      eth0: {switch: right, addresses: [10.2.0.1/24]}
      eth1: {switch: middle, addresses: [10.0.0.2/24]}
  client2: {interfaces: {eth0: {switch: right, addresses: [10.2.0.2/24]}}, routes: [{to: default, via: 10.2.0.1}]}
"""

BIRD = """
log stderr all;
router id 10.0.0.NUMBER;
protocol device { scan time 1; }
protocol direct { ipv4; }
protocol kernel { ipv4 { export all; }; }
"""
OSPF = """
protocol ospf v2 one {
  ipv4 { export all; };
  area 0 { interface "eth1" { hello 1; dead 4; type pointopoint; }; interface "eth0" { stub; }; };
}
"""
BGP = """
protocol bgp one {
  local 10.0.0.NUMBER as 6500NUMBER;
  neighbor 10.0.0.OTHER as 6500OTHER;
  connect delay time 1;
  connect retry time 1;
  ipv4 { import all; export all; };
}
"""


def learned(lab, prefix, host, timeout=30):
    """Wait until a host has a route."""
    until = time.monotonic() + timeout
    while not lab[host].run("ip", "route", "show", prefix).stdout:
        assert time.monotonic() < until, f"{host} has no route to {prefix}"


@pytest.mark.parametrize("protocol", [OSPF, BGP], ids=["ospf", "bgp"])
@pytest.mark.topology(ROUTERS)
def test_bird(lab, needs, other_users, protocol):
    """The clients reach each other when the routers have told each other, and no longer when one has stopped."""
    needs("bird")
    lab.must_not_reach("client1", "client2")
    birds = []
    for host, number, other in (("A", "1", "2"), ("B", "2", "1")):
        text = (BIRD + protocol).replace("NUMBER", number).replace("OTHER", other)
        lab[host].write("/etc/bird/bird.conf", text)
        lab[host].run("install", "-d", "-o", "bird", "-g", "bird", "/run/bird")
        birds.append(lab[host].daemon("bird", "-f", "-u", "bird", "-g", "bird", ready="Started"))
    learned(lab, "10.2.0.0/24", "A")
    learned(lab, "10.1.0.0/24", "B")
    lab.must_reach("client1", "client2")
    record = lab.hosts().record
    assert record["summary"]["fail"] == record["summary"]["skip"] == 0
    birds[0].stop()
    lab.must_not_reach("client1", "client2")


FRR = """
hostname HOST
interface eth1
 ip ospf hello-interval 1
 ip ospf dead-interval 4
 ip ospf network point-to-point
router ospf
 network 10.0.0.0/8 area 0
"""


@pytest.mark.topology(ROUTERS)
def test_frr(lab, needs, other_users):
    """The same with FRR's zebra and ospfd, which change to the user frr; vtysh gives them frr.conf."""
    needs("zebra", "ospfd", "vtysh")
    for host in "AB":
        lab[host].write("/etc/frr/frr.conf", FRR.replace("HOST", host), owner="frr:frr")
        lab[host].run("install", "-d", "-o", "frr", "-g", "frr", "/run/frr", "/var/tmp/frr")
        lab[host].daemon("/usr/lib/frr/zebra", "--log", "stdout", port=2601)
        lab[host].daemon("/usr/lib/frr/ospfd", "--log", "stdout", port=2604)
        lab[host].run("vtysh", "-b")
    learned(lab, "10.2.0.0/24", "A")
    learned(lab, "10.1.0.0/24", "B")
    lab.must_reach("client1", "client2")
    record = lab.hosts().record
    assert record["summary"]["fail"] == record["summary"]["skip"] == 0
