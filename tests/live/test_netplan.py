"""`netlab import netplan`: a file of netplan is the machine that it describes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from netlab import live
from netlab.spec import TopologyError
from tests.live import imported
from tests.live.test_mutated import ends_well

SAID = """\
network:
  version: 2
  renderer: networkd
  ethernets:
    eth0: {}
    eth1: {wakeonlan: true}
    port:
      match: {macaddress: "02:00:00:00:00:05", driver: e1000e}
      set-name: lan2
      dhcp4: yes
    eth3:
      addresses: [10.3.0.1/24, "fd00:3::1/64", fe80::3/64, {10.3.0.9/24: {label: "eth3:0"}}]
      gateway4: 10.3.0.254
      mtu: 9000
      routes:
        - {to: 10.4.0.0/16, via: 10.3.0.7, metric: 50}
        - {to: default, via: 10.77.0.1, metric: 9}
        - {to: "::/0", via: "fd00:3::ff"}
      routing-policy: [{from: 10.9.9.9, table: 7}]
      frobnicate: 1
  bonds:
    bond0:
      interfaces: [eth0, eth1]
      parameters: {mode: active-backup, mii-monitor-interval: 100, primary: eth1, lacp-rate: fast}
  vlans:
    v7: {id: 7, link: bond0, addresses: [10.7.0.1/24]}
  bridges:
    br0:
      interfaces: [port]
      addresses: [10.8.0.1/24]
      parameters: {stp: false, ageing-time: 60, forward-delay: 4}
  dummy-devices:
    d0: {addresses: [10.6.0.1/32]}
  tunnels:
    vx: {mode: vxlan, id: 9, link: eth3, remote: 10.3.0.7}
    gre1: {mode: gre, local: 10.3.0.1, remote: 10.3.0.7}
  wifis:
    wlan0: {access-points: {home: {}}}
"""
#: Every path of the file that is not taken over, without `network.` before it.
LEFT = [
    "ethernets.eth1.wakeonlan",
    "ethernets.port.match.driver",
    "ethernets.port.dhcp4",
    "ethernets.eth3.addresses[2]",
    "ethernets.eth3.addresses[3]",
    "ethernets.eth3.routes[1]",
    "ethernets.eth3.routing-policy",
    "ethernets.eth3.frobnicate",
    "bonds.bond0.parameters.lacp-rate",
    "bridges.br0.parameters.forward-delay",
    "tunnels.gre1",
    "wifis",
]


def test_every_kind_and_its_letters() -> None:
    """NICs, a bond with a VLAN, a bridge, a dummy and a vxlan; the machine reaches its gateway and its own VLAN."""
    lab = imported.of("netplan", SAID)
    own = lab.draft.hosts["host"].interfaces
    assert (own["eth0"]["master"], own["eth1"]["master"]) == ("bond0", "bond0")
    assert (own["bond0"]["mode"], own["bond0"]["miimon"], own["bond0"]["primary"]) == ("active-backup", "100", "eth1")
    assert own["v7"] == {"type": "vlan", "parent": "bond0", "id": "7", "addresses": ["10.7.0.1/24"]}
    assert (own["lan2"]["mac"], own["lan2"]["master"]) == ("02:00:00:00:00:05", "br0")
    assert own["br0"] == {"type": "bridge", "ageing_time": "60", "mcast_snooping": "on", "addresses": ["10.8.0.1/24"]}
    assert own["eth3"]["addresses"] == ["10.3.0.1/24", "fd00:3::1/64"]
    assert own["vx"] == {"type": "vxlan", "id": "9", "dev": "eth3", "remote": ["10.3.0.7"], "dstport": "8472",
                         "mtu": "8950"}  # fmt: skip
    assert own["d0"] == {"type": "dummy", "addresses": ["10.6.0.1/32"]}
    routes = lab.draft.hosts["host"].routes
    assert {"to": "default", "via": "10.3.0.254", "dev": "eth3"} in routes
    assert {"to": "10.4.0.0/16", "via": "10.3.0.7", "dev": "eth3", "metric": "50"} in routes
    assert {"to": "default", "via": "fd00:3::ff", "dev": "eth3"} in routes
    assert lab.letter("host", "gateway", "icmp") == "R"


def test_what_is_left_out_is_counted() -> None:
    """Devices and addresses of the file are in the topology, or among what was left out; nothing else is."""
    lab = imported.of("netplan", SAID)
    told = [one.path.removeprefix("network.") for one in lab.draft.left]
    assert sorted(told) == sorted(LEFT)
    plain = yaml.safe_load(SAID)["network"]
    devices = sum(len(those) for those in plain.values() if isinstance(those, dict))
    assert len(lab.draft.hosts["host"].interfaces) == devices - sum(one in LEFT for one in ("tunnels.gre1", "wifis"))
    (unknown,) = [one for one in lab.draft.left if one.unknown]
    assert (unknown.path, unknown.where.line) == ("network.ethernets.eth3.frobnicate", 20)


#: Where a file says nothing: bridges with and without parameters, bonds, tunnels.
BARE = """\
network:
  version: 2
  ethernets: {eth0: {}, eth1: {}, eth2: {}, eth3: {}, eth4: {addresses: [10.0.0.1/24]}, eth5: {}}
  bridges:
    br0: {interfaces: [eth0], addresses: [10.1.0.1/24], macaddress: "02:00:00:00:00:01"}
    br1: {interfaces: [eth1], parameters: {forward-delay: 4}}
    br2: {interfaces: [eth5], parameters: {stp: false, ageing-time: 20}}
  bonds:
    bond0: {interfaces: [eth2], parameters: {mode: 802.3ad}}
    bond1: {interfaces: [eth3], mtu: 1400, parameters: {mode: active-backup, mii-monitor-interval: 200}}
  vlans:
    vlan5: {id: 5, link: eth4, addresses: ["fd00:5::1/64"]}
  tunnels:
    vx0: {mode: vxlan, id: 5, remote: 10.0.0.2, local: 10.0.0.1, link: eth4}
"""
GENERATE = os.environ.get("NETPLAN_GENERATE", "/usr/libexec/netplan/generate")


def test_stp_is_as_the_renderer_has_it() -> None:
    """STP is on with parameters or NetworkManager, and else off; a bond in 802.3ad is looked at each 100 ms."""

    def stp(text: str) -> list[str]:
        own = imported.of("netplan", text).draft.hosts["host"].interfaces
        assert "miimon" not in own["bond0"]
        return [name for name in ("br0", "br1", "br2") if own[name].get("stp") == "on"]

    assert stp(BARE) == ["br1"]
    assert stp(BARE.replace("version: 2", "version: 2\n  renderer: NetworkManager")) == ["br0", "br1"]


@pytest.mark.skipif(not Path(GENERATE).exists(), reason="apt-get install netplan.io")
def test_what_netplan_generates_is_the_same(tmp_path: Path) -> None:
    """What netplan writes for networkd, imported, is the same machine as what its own file is."""
    folder = tmp_path / "etc/netplan"
    folder.mkdir(parents=True)
    (folder / "a.yaml").write_text(BARE)
    (folder / "a.yaml").chmod(0o600)
    subprocess.run([GENERATE, "--root-dir", str(tmp_path)], check=True, capture_output=True)
    files = [*(tmp_path / "run/systemd/network").glob("*.net*")]
    theirs = imported.of("networkd", "\n".join(f"# {file}\n{file.read_text()}" for file in files))
    ours = imported.of("netplan", BARE)
    assert len(files) > 10
    assert theirs.draft.hosts["host"].interfaces == ours.draft.hosts["host"].interfaces


ETH = "network: {version: 2, ethernets: {eth0: {%s}}%s}"
WRONG = {
    "nothing": ("", "there is nothing in it"),
    "another file": ("hosts: {}", "said.yaml:1:1: 'network' is missing"),
    "a list": ("[1]", "'network' is missing"),
    "an address": (ETH % ("addresses: [10.0.0.256/24]", ""), "said.yaml:1:54: addresses[0]: '10.0.0.256/24'"),
    "a version": ("network: {version: 1}", "version '1'"),
    "no list": (ETH % ("addresses: 10.0.0.1/24", ""), "addresses: must be a list"),
    "a VLAN on nothing": (ETH % ("", ", vlans: {v: {id: 3, link: eht0}}"), "no device 'eht0' is described"),
    "a VLAN without id": (ETH % ("", ", vlans: {v: {link: eth0}}"), "a VLAN needs 'id' and 'link'"),
    "two masters": (ETH % ("", ", bridges: {a: {interfaces: [eth0]}, b: {interfaces: [eth0]}}"), "of a already"),
    "a bond's mode": (ETH % ("", ", bonds: {b: {parameters: {mode: activ-backup}}}"), "did you mean 'active-backup'?"),
    "a route": (ETH % ("routes: [{via: 10.0.0.1}]", ""), "'to' is missing"),
    "a flag": (ETH % ("dhcp4: maybe", ""), "dhcp4: 'maybe' is neither true nor false"),
    "on itself": (ETH % ("", ", vlans: {v: {id: 3, link: v}}"), "v sits on itself"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong(name: str) -> None:
    """What is wrong is told with its place, and the command would end with 2."""
    text, said = WRONG[name]
    with pytest.raises(TopologyError) as caught:
        live.read("netplan", text, "said.yaml")
    assert said in str(caught.value)
    assert str(caught.value).startswith("said.yaml:1:")
    assert caught.value.exit_code == 2


def test_whatever_is_changed_ends_well() -> None:
    """Values become others, or are gone: a file that loads, or faults with their places."""
    ends_well("netplan", SAID)
