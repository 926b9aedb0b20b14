"""DHCP over macvlan: dnsmasq gives leases, udhcpc and dhclient take them; the lab knows the address at once."""

from __future__ import annotations

import pytest

import netlab

LAN = """
private: true
switches: {lan: {}}
hosts:
  A:
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}
    files: {/etc/dnsmasq.conf: "interface=eth0\\ndhcp-range=10.0.0.100,10.0.0.150,1h\\nport=0\\nlog-dhcp\\n"}
  B:
    interfaces: {eth0: {switch: lan}}
    containers:
      c1: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: MODE}}}
"""


@pytest.mark.parametrize("client", ["udhcpc", "dhclient"])
@pytest.mark.parametrize("mode", ["bridge", "private", "vepa", "passthru"])
def test_a_lease(lab_factory, needs, mode, client):
    """A container behind a macvlan of each mode gets an address, and reaches the server by it."""
    needs("dnsmasq", client)
    with lab_factory(LAN.replace("MODE", mode)) as lab:
        c1 = lab["B/c1"]
        if c1.run("cat", "/proc/self/uid_map").stdout.split()[2:] == ["1"]:
            pytest.skip("its daemons change to another user, and this user has no range of users (netlab doctor)")
        server = lab["A"].daemon("dnsmasq", "-k", port="udp/67")
        if client == "udhcpc":
            c1.run("udhcpc", "-i", "eth0", "-q", "-n", "-f")
        else:
            c1.run("dhclient", "-1", "-v", "eth0")
        lab.must_reach("B/c1", "A")
        assert c1.ip.startswith("10.0.0.1")
        assert lab["A"].run("cat", "/var/lib/misc/dnsmasq.leases").stdout.split()[2] == c1.ip
        assert server.running


@pytest.mark.topology(LAN.replace("MODE", "bridge"))
def test_without_a_server(lab, needs):
    """Without a server there is no lease, and the client says so."""
    needs("udhcpc")
    with pytest.raises(netlab.CommandFailed, match="no lease"):
        lab["B/c1"].run("udhcpc", "-i", "eth0", "-q", "-n", "-f", "-t", "1", "-T", "1")
