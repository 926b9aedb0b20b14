"""mDNS: avahi on two hosts, each behind a macvlan of every mode, finds the other by name."""

from __future__ import annotations

import pytest

LAN = """
private: true
switches: {lan: {}}
hosts:
  A:
    interfaces: {eth0: {switch: lan}}
    containers: {a1: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: MODE, addresses: [10.0.0.1/24]}}}}
  B:
    interfaces: {eth0: {switch: lan}}
    containers: {b1: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: MODE, addresses: [10.0.0.2/24]}}}}
"""


@pytest.mark.parametrize("mode", ["bridge", "private", "vepa", "passthru"])
def test_names(lab_factory, needs, mode):
    """Each asks for the other's name, and gets its address."""
    needs("avahi-daemon", "dbus-daemon", "avahi-resolve")
    with lab_factory(LAN.replace("MODE", mode)) as lab:
        if lab["A/a1"].run("cat", "/proc/self/uid_map").stdout.split()[2:] == ["1"]:
            pytest.skip("its daemons change to another user, and this user has no range of users (netlab doctor)")
        for host in ("A/a1", "B/b1"):
            lab[host].run("mkdir", "-p", "/run/dbus")
            lab[host].daemon("dbus-daemon", "--system", "--nofork", "--nopidfile", "--print-address", ready="unix:path")
            lab[host].daemon("avahi-daemon", ready="Server startup complete")
        for host, other, address in (("A/a1", "b1", "10.0.0.2"), ("B/b1", "a1", "10.0.0.1")):
            assert lab[host].run("avahi-resolve", "-4", "-n", f"{other}.local").stdout.split() == [
                f"{other}.local",
                address,
            ]
