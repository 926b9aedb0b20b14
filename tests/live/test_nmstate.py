"""`netlab import nmstate`: a state of nmstate is the machine that it describes."""

from __future__ import annotations

import pytest
import yaml

from netlab import live
from netlab.spec import TopologyError
from tests.live import imported
from tests.live.test_mutated import ends_well

SAID = """\
dns-resolver: {config: {server: [192.0.2.1]}}
interfaces:
- name: eth0
  type: ethernet
  state: up
  ethtool: {feature: {}}
  ipv4: {enabled: true, dhcp: false, address: [{ip: 192.168.26.2, prefix-length: 24}]}
  ipv6: {enabled: false}
- name: mv0
  type: mac-vlan
  mac-address: 02:00:00:00:00:0A
  mac-vlan: {base-iface: eth0, mode: bridge, promiscuous: true}
  ipv4: {enabled: true, address: [{ip: 192.168.27.3, prefix-length: 24}]}
- name: tap0
  type: mac-vtap
  mac-vtap: {base-iface: eth0, mode: private, promiscuous: false}
- name: bond0
  type: bond
  link-aggregation: {mode: active-backup, port: [eth1, eth2], options: {miimon: 140, primary: eth1, lacp_rate: slow}}
  ipv4: {enabled: true, dhcp: true}
- name: bond0.7
  type: vlan
  vlan: {base-iface: bond0, id: 7}
  ipv6: {enabled: true, address: [{ip: "fd00:7::1", prefix-length: 64}, {ip: "fe80::7", prefix-length: 64}]}
- name: br0
  type: linux-bridge
  bridge:
    options: {stp: {enabled: false}, mac-ageing-time: 60, group-forward-mask: 8}
    port: [{name: eth3, stp-hairpin-mode: true, vlan: {mode: trunk}}]
- name: vx
  type: vxlan
  vxlan: {base-iface: eth0, id: 9, remote: 192.168.26.9, destination-port: 8472}
- name: ovs0
  type: ovs-bridge
- name: old
  type: dummy
  state: absent
- {name: lo, type: loopback, state: up, mtu: 65536,
   ipv4: {enabled: true, address: [{ip: 127.0.0.1, prefix-length: 8}, {ip: 10.255.0.1, prefix-length: 32}]}}
- {name: d0, type: dummy, state: up, colour: red}
routes:
  config:
  - {destination: 0.0.0.0/0, next-hop-address: 192.168.26.1, next-hop-interface: eth0, table-id: 254, metric: 100}
  - {destination: 10.5.0.0/16, next-hop-address: 10.77.0.1, next-hop-interface: eth0}
  - {destination: 10.6.0.0/16, next-hop-interface: ovs0}
route-rules: {config: [{ip-from: 10.0.0.0/8, route-table: 7}]}
"""
LEFT = [
    "dns-resolver",
    "interfaces[0].ethtool",
    "interfaces[0].ipv6",
    "interfaces[3].link-aggregation.options.lacp_rate",
    "interfaces[3].ipv4.dhcp",
    "interfaces[4].ipv6.address[1]",
    "interfaces[5].bridge.options.group-forward-mask",
    "interfaces[5].bridge.port[0].vlan",
    "interfaces[7]",
    "interfaces[8]",
    "interfaces[9].ipv4.address[0]",
    "interfaces[9].mtu",
    "interfaces[10].colour",
    "routes.config[1]",
    "routes.config[2]",
    "route-rules",
    # Of the interface itself, which netlab has no key for.
    "host:tap0",
]


def test_every_type_and_its_letters() -> None:
    """A macvlan and a macvtap of eth0, a bond with a VLAN, a bridge and a vxlan; the gateway is reached."""
    lab = imported.of("nmstate", SAID)
    own = lab.draft.hosts["host"].interfaces
    assert own["mv0"] == {"type": "macvlan", "parent": "eth0", "mode": "bridge", "mac": "02:00:00:00:00:0a",
                          "addresses": ["192.168.27.3/24"]}  # fmt: skip
    assert own["tap0"] == {"type": "macvtap", "parent": "eth0", "mode": "private"}
    assert (own["eth1"]["master"], own["eth2"]["master"], own["bond0"]["primary"]) == ("bond0", "bond0", "eth1")
    assert own["bond0.7"] == {"type": "vlan", "parent": "bond0", "id": "7", "addresses": ["fd00:7::1/64"]}
    assert (own["eth3"]["master"], own["eth3"]["own_port"]) == ("br0", {"hairpin": "on"})
    assert (own["vx"]["dstport"], own["vx"]["dev"], own["vx"]["mtu"]) == ("8472", "eth0", "1450")
    assert lab.draft.hosts["host"].routes == [{"to": "default", "via": "192.168.26.1", "dev": "eth0", "metric": "100"}]
    assert lab.letter("host", "gateway", "icmp") == "R"


def test_what_is_left_out_is_counted() -> None:
    """Interfaces and routes of the state are in the topology, or among what was left out; nothing else is."""
    lab = imported.of("nmstate", SAID)
    assert sorted(one.path for one in lab.draft.left) == sorted(LEFT)
    plain = yaml.safe_load(SAID)
    lost = [f"interfaces[{i}]" in LEFT for i in range(len(plain["interfaces"]))]
    # The members of the bond and of the bridge are only named there.
    assert len(lab.draft.hosts["host"].interfaces) == lost.count(False) + len(("eth1", "eth2", "eth3"))
    assert [one.path for one in lab.draft.left if one.unknown] == ["interfaces[10].colour"]


def test_a_policy_of_kubernetes() -> None:
    """What is below spec.desiredState is the state."""
    said = {"kind": "NodeNetworkConfigurationPolicy", "spec": {"desiredState": yaml.safe_load(SAID)}}
    assert imported.of("nmstate", said).draft.hosts["host"].interfaces.keys() >= {"mv0", "bond0.7", "d0"}


ONE = "interfaces: [{name: a, %s}]"
WRONG = {
    "nothing": ("", "there is nothing in it"),
    "another file": ("network: {}", "'interfaces' is missing"),
    "no name": ("interfaces: [{type: dummy}]", "said.yaml:1:14: 'name' is missing"),
    "no list": ("interfaces: {a: {}}", "interfaces: must be a list"),
    "no mac-vlan": (ONE % "type: mac-vlan", "'mac-vlan' is missing"),
    "no base": (ONE % "type: mac-vlan, mac-vlan: {mode: bridge}", "'base-iface' is missing"),
    "a mode": (ONE % "type: mac-vlan, mac-vlan: {mode: bridgy, base-iface: b}", "did you mean 'bridge'?"),
    "a VLAN": (ONE % "type: vlan, vlan: {base-iface: b, id: 4095}", "4095 is out of range"),
    "an address": (ONE % "type: dummy, ipv4: {address: [{ip: 10.0.0.300, prefix-length: 24}]}", "ip: '10.0.0.300'"),
    "a length": (ONE % "type: dummy, ipv4: {address: [{ip: 10.0.0.3}]}", "'ip' and 'prefix-length'"),
    "a long length": (ONE % "type: dummy, ipv4: {address: [{ip: 10.0.0.3, prefix-length: 64}]}", "10.0.0.3/64"),
    "twice": ("interfaces: [{name: a, type: dummy}, {name: a, type: dummy}]", "a is described twice"),
    "a route": (ONE % "type: dummy" + "\nroutes: {config: [{destination: 10.0.0.0/8}]}", "said.yaml:2:19: a route has"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong(name: str) -> None:
    """What is wrong is told with its place, and the command would end with 2."""
    text, said = WRONG[name]
    with pytest.raises(TopologyError) as caught:
        live.read("nmstate", text, "said.yaml")
    assert said in str(caught.value)
    assert str(caught.value).startswith("said.yaml:")
    assert caught.value.exit_code == 2


def test_defaults_of_networkmanager() -> None:
    """A bond that isn't watched by ARP looks at its carriers each 100 ms; a tunnel has the kernel's port."""
    said = """\
interfaces:
- {name: b0, type: bond, link-aggregation: {mode: active-backup, port: [eth1]}}
- {name: b1, type: bond, link-aggregation: {mode: active-backup, options: {arp_interval: 50, arp_ip_target: 10.0.0.1}}}
- {name: vx, type: vxlan, vxlan: {base-iface: eth0, id: 9, remote: 192.168.26.9}}
"""
    own = imported.of("nmstate", said).draft.hosts["host"].interfaces
    assert (own["b0"]["miimon"], own["b1"].get("miimon"), own["vx"]["dstport"]) == ("100", None, "8472")


def test_whatever_is_changed_ends_well() -> None:
    """Values become others, or are gone: a file that loads, or faults with their places."""
    ends_well("nmstate", SAID)
