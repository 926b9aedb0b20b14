"""``netlab import cni``: containers are assumed, their network is that of the configuration."""

from __future__ import annotations

from typing import Any

import pytest

from tests.live import imported
from tests.live.samples import HOST_LOCAL, conflist


def bridge(**more: Any) -> dict[str, Any]:
    """The bridge plugin."""
    return {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": True, "ipam": HOST_LOCAL} | more


def test_a_macvlan_of_cni() -> None:
    """Pods of a node reach each other and the gateway; the node doesn't reach them."""
    lab = imported.of("cni", conflist({"type": "macvlan", "master": "eth0", "mode": "bridge", "ipam": HOST_LOCAL}))
    assert lab.letter("host", "host/pod-1") == "U"
    assert lab.letter("host/pod-1", "host/pod-2") == lab.letter("host/pod-1", "gateway") == "R"
    assert "10.22.0.50/16" in lab.text


def test_one_plugin_without_a_list() -> None:
    """A .conf file, with one plugin at the top, is read, too; its master is assumed where none is named."""
    lab = imported.of("cni", {"cniVersion": "0.3.1", "name": "m", "type": "macvlan", "ipam": HOST_LOCAL})
    assert any("the master is called eth0" in one for one in lab.draft.assumed)
    assert lab.letter("host", "host/pod-1") == "U"


def test_a_bridge_of_cni() -> None:
    """Pods reach each other and the node."""
    lab = imported.of("cni", conflist(bridge()))
    pairs = [("host/pod-1", "host/pod-2"), ("host", "host/pod-1"), ("host/pod-1", "host")]
    assert [lab.letter(*pair) for pair in pairs] == ["R", "R", "R"]


def test_isolated_ports() -> None:
    """With `portIsolation` pods reach the node only."""
    lab = imported.of("cni", conflist(bridge(portIsolation=True)))
    assert lab.letter("host/pod-1", "host/pod-2") == "U"
    assert lab.letter("host/pod-1", "host") == "R"


def test_a_bridge_that_is_no_gateway() -> None:
    """Without `isGateway` nobody has the gateway's address, and the file says so."""
    lab = imported.of("cni", conflist(bridge(isGateway=False)))
    assert "nobody has the gateway 10.22.0.1 of pods: isGateway is off" in lab.draft.assumed
    assert "cni0: {type: bridge}" in lab.text
    assert lab.letter("host/pod-1", "host/pod-2") == "R"


def test_ptp() -> None:
    """Each pod has a wire to the node; by the node pods reach each other."""
    lab = imported.of("cni", conflist({"type": "ptp", "ipam": HOST_LOCAL}))
    assert lab.letter("host/pod-1", "host/pod-2") == lab.letter("host", "host/pod-2") == "R"
    assert lab.letter("host/pod-1:eth0", "host/pod-2:eth0", "arp") == "."


def test_tuning_is_chained() -> None:
    """Sysctls, MTU and flags of `tuning` are the pods'; a MAC only the first pod's."""
    tuning = {
        "type": "tuning",
        "sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1", "kernel.shm": "1"},
        "mtu": 1400,
        "promisc": True,
        "allmulti": True,
        "mac": "c2:b0:57:49:47:f1",
    }
    lab = imported.of("cni", conflist(bridge(), tuning))
    assert lab.text.count("sysctls: {net.ipv4.conf.eth0.arp_filter: 1}") == 2
    assert lab.text.count("mtu: 1400, promisc: on, allmulticast: on") == 2
    assert lab.text.count("c2:b0:57:49:47:f1") == 1
    assert lab.left("kernel.shm")


def test_static_addresses() -> None:
    """There is one pod where one address is given."""
    ipam = {
        "type": "static",
        "addresses": [{"address": "10.1.0.9/24", "gateway": "10.1.0.1"}, {"address": "fd01::9/64"}],
        "routes": [{"dst": "10.9.0.0/16", "gw": "10.1.0.2"}, {"dst": "::/0"}],
    }
    lab = imported.of("cni", conflist({"type": "macvlan", "master": "eth0", "ipam": ipam}))
    assert "host/pod-1:eth0" in lab.endpoints()
    assert "host/pod-2:eth0" not in lab.endpoints()
    assert "{to: 10.9.0.0/16, via: 10.1.0.2, dev: eth0}" in lab.text
    assert lab.left("routes[1]") == ["no gateway leads to ::/0"]


def test_dhcp_gets_a_subnet_for_documentation() -> None:
    """Which addresses a DHCP server gives can't be known: 192.0.2.0/24 is assumed, and told."""
    lab = imported.of("cni", conflist({"type": "macvlan", "ipam": {"type": "dhcp"}}))
    assert any("pods has the subnet 192.0.2.0/24" in one for one in lab.draft.assumed)
    assert lab.letter("host/pod-1", "gateway") == "R"


@pytest.mark.parametrize(("mode", "letter"), [("l2", "R"), ("l3", "R")])
def test_ipvlan(mode: str, letter: str) -> None:
    """Pods of an ipvlan reach each other, in either mode; the host that has the parent reaches none of them in l2."""
    lab = imported.of("cni", {"name": "i", "type": "ipvlan", "master": "eth0", "mode": mode, "ipam": HOST_LOCAL})
    assert lab.letter("host/pod-1", "host/pod-2") == letter
    assert lab.letter("host", "host/pod-1") == "U"


@pytest.mark.parametrize("kind", ["portmap", "vlan", "host-device", "vrf", "sbr", "calico"])
def test_other_plugins_are_left_out_with_a_warning(kind: str) -> None:
    """A plugin that can't be expressed is told, with all that it has, beside the one that can."""
    lab = imported.of("cni", conflist(bridge(), {"type": kind, "master": "eth0"}))
    assert [one.loses for one in lab.draft.left if one.path == "plugins[1]"] == [True]
