"""Programs that make the macvlan themselves: systemd-networkd in a host, and netavark (podman) in a container of it.
The model goes by what they have made.
"""

from __future__ import annotations

import json

import pytest

MODES = ["bridge", "private", "vepa"]
LAN = """
switches: {lan: {}}
hosts:
  A: {interfaces: {eth0: {switch: lan}}, containers: {c1: {}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
"""

NETWORKD = {
    "mv0.netdev": "[NetDev]\nName=mv0\nKind=macvlan\n[MACVLAN]\nMode=MODE\n",
    "eth0.network": "[Match]\nName=eth0\n[Network]\nMACVLAN=mv0\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n",
    "mv0.network": "[Match]\nName=mv0\n[Network]\nAddress=10.0.0.1/24\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n",
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.topology(f"private: true\n{LAN}")
def test_networkd(lab, needs, other_users, mode):
    """It makes the child and gives it its address; B reaches that, and host A itself doesn't by its parent."""
    needs("/lib/systemd/systemd-networkd")
    for name, text in NETWORKD.items():
        lab["A"].write(f"/run/systemd/network/{name}", text.replace("MODE", mode))
    lab["A"].run("install", "-d", "-o", "systemd-network", "-g", "systemd-network", "/run/systemd/netif")
    for name in ("leases", "links", "lldp"):
        folder = f"/run/systemd/netif/{name}"
        lab["A"].run("install", "-d", "-o", "systemd-network", "-g", "systemd-network", folder)
    # A /sys that can be written to makes it wait for udev, which isn't running.
    lab["A"].run("mount", "-o", "remount,bind,ro", "/sys")
    env = {"PATH": "/usr/sbin:/usr/bin", "SYSTEMD_LOG_LEVEL": "debug"}
    lab["A"].daemon("/lib/systemd/systemd-networkd", env=env, ready="mv0: State changed: configuring -> configured")
    lab.must_reach("B", "10.0.0.1")
    lab.must_reach("A:mv0", "B")
    assert f"mode: {mode}" in lab.topology
    record = lab.hosts().record
    assert record["summary"]["fail"] == record["summary"]["skip"] == 0


def network(mode):
    """What podman tells netavark of a container and its network."""
    return {
        "container_id": "c1",
        "container_name": "c1",
        "networks": {"lan": {"interface_name": "eth0", "static_ips": ["10.0.0.1"]}},
        "network_info": {
            "lan": {
                "name": "lan",
                "id": "1" * 64,
                "driver": "macvlan",
                "network_interface": "eth0",
                "subnets": [{"subnet": "10.0.0.0/24", "gateway": "10.0.0.254"}],
                "ipv6_enabled": False,
                "internal": False,
                "dns_enabled": False,
                "options": {"mode": mode},
                "ipam_options": {"driver": "host-local"},
            }
        },
    }


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.topology(LAN)
def test_netavark(lab, needs, tmp_path, mode):
    """It makes the child in host A and puts it into the container, with address and default route; and takes it away.

    Hosts that aren't private share their processes: so A finds the container's namespace by one of them.
    """
    needs("/usr/lib/podman/netavark", "iptables")
    config = tmp_path / "c1.json"
    config.write_text(json.dumps(network(mode)))
    inside = lab["A/c1"].popen("sleep", "1000")
    netavark = ["/usr/lib/podman/netavark", "--config", str(tmp_path), "-f", str(config)]
    made = json.loads(lab["A"].run(*netavark, "setup", f"/proc/{inside.pid}/ns/net").stdout)
    lab.must_reach("B", "A/c1")
    lab.must_reach("A/c1", "B")
    assert lab["A/c1"].interface("eth0").mac == made["lan"]["interfaces"]["eth0"]["mac_address"]
    assert f"mode: {mode}" in lab.topology
    record = lab.hosts().record
    assert record["summary"]["fail"] == record["summary"]["skip"] == 0
    lab["A"].run(*netavark, "teardown", f"/proc/{inside.pid}/ns/net")
    lab.must_not_reach("B", "10.0.0.1")
