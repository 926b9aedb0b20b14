"""Descriptions that are wrong: each fault with its place, and nothing is written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netlab.spec import TopologyError
from tests.live import imported
from tests.live.samples import HOST_LOCAL, conflist, container, docker, ipam, podman

LAN = "networks: {lan: {driver: macvlan, driver_opts: {parent: eth0}, ipam: {config: [{subnet: 10.0.0.0/24}]}}}\n"

WRONG: dict[str, tuple[str, Any, str]] = {
    "nothing": ("docker", "", "there is nothing in it"),
    "no such network": ("docker", [], "an empty list"),
    "not JSON": ("docker", '[{"Name": "a",\n  "Driver" }', "said.json:3:1: not YAML"),
    "another thing": ("docker", {"Foo": 1}, "a network has a 'Driver'"),
    "a text": ("docker", "hello", "this is not what"),
    "a network that is a text": ("docker", ["lan"], "must be a mapping"),
    "no driver": ("docker", [{"Name": "lan"}], "'Driver' is missing"),
    "no name": ("docker", [{"Driver": "macvlan"}], "'Name' is missing"),
    "no subnet": ("docker", docker(IPAM=ipam({"Gateway": "10.0.0.1"})), "'Subnet' is missing"),
    "a subnet with bits of a host": ("docker", docker(IPAM=ipam({"Subnet": "10.0.0.1/24"})), "write 10.0.0.0/24"),
    "a gateway elsewhere": (
        "docker",
        docker(IPAM=ipam({"Subnet": "10.0.0.0/24", "Gateway": "10.0.1.1"})),
        "the gateway 10.0.1.1 is not in 10.0.0.0/24",
    ),
    "a mode": ("docker", docker(Options={"parent": "eth0", "macvlan_mode": "brige"}), "did you mean 'bridge'?"),
    "a parent": ("docker", docker(Options={"parent": "eth0 "}), "parent: ' ' cannot stand"),
    "a MAC": ("docker", docker(Containers={"a": container("a", "192.168.26.9/24", mac="02:42")}), "is not a MAC"),
    "an address": ("docker", docker(Containers={"a": container("a", "192.168.26.9")}), "lacks its prefix length"),
    "a key twice": (
        "docker",
        '{"Name": "a", "Driver": "bridge",\n "Name": "b"}',
        "said.json:2:2: 'Name' is given twice",
    ),
    "nothing that can be expressed": ("docker", docker("o", "overlay"), "the network o: overlay networks"),
    "a range beyond the subnet": (
        "docker",
        LAN.replace("}]}}}", ", ip_range: 10.0.1.0/25}]}}}") + "services: {}\n",
        "10.0.1.0/25 is not within 10.0.0.0/24",
    ),
    "a subnet of groups": ("docker", docker(IPAM=ipam({"Subnet": "224.0.0.0/24"})), "is no subnet for hosts"),
    "a variable": ("docker", LAN.replace("eth0", "'${NIC}'") + "services: {}\n", "'docker compose config' fills"),
    "a network that is not there": ("docker", LAN + "services: {a: {networks: [lam]}}\n", "did you mean 'lan'?"),
    "a fixed address elsewhere": (
        "docker",
        LAN + "services: {a: {networks: {lan: {ipv4_address: 10.0.1.2}}}}\n",
        "said.json:2:47: 10.0.1.2 is in no subnet of lan; 10.0.0.0/24",
    ),
    "Docker's for podman": ("podman", [docker()], "this is Docker's output: netlab import docker"),
    "a mode of podman": ("podman", podman(options={"mode": "source"}), "no macvlan mode 'source'"),
    "a route without a gateway": ("podman", podman(routes=[{"destination": "10.9.0.0/16"}]), "a route needs"),
    "no plugin": ("cni", {"name": "x"}, "a list of 'plugins'"),
    "an empty list of plugins": ("cni", {"name": "x", "plugins": []}, "must be a list|no plugins"),
    "a plugin without type": ("cni", conflist({"master": "eth0"}), "'type' is missing"),
    "a CNI network without name": ("cni", {"type": "bridge"}, "'name' is missing"),
    "a range elsewhere": (
        "cni",
        conflist({"type": "ptp", "ipam": {"type": "host-local", "subnet": "10.0.0.0/24", "rangeStart": "10.0.1.1"}}),
        "10.0.1.1 is not in 10.0.0.0/24",
    ),
    "host-local without a subnet": ("cni", conflist({"type": "ptp", "ipam": {"type": "host-local"}}), "'subnet' or"),
    "only plugins that can't be expressed": (
        "cni",
        conflist({"type": "vlan", "ipam": HOST_LOCAL}),
        "be expressed",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_with_its_place(name: str) -> None:
    """The error names the file, line and column, and what is wrong; the command would exit with 2."""
    form, said, expected = WRONG[name]
    with pytest.raises(TopologyError) as caught:
        imported.of(form, said)
    text = str(caught.value)
    assert any(one in text for one in expected.split("|"))
    assert text.startswith("said.json:")
    assert caught.value.exit_code == 2


def test_all_faults_come_at_once() -> None:
    """Two faults in different places are two lines, in the order of the text."""
    said = docker(
        IPAM=ipam({"Subnet": "10.0.0.0/33"}), Containers={"a": container("a", "10.0.0.2/24", mac="x")}, Options={}
    )
    with pytest.raises(TopologyError) as caught:
        imported.of("docker", said)
    first, second = str(caught.value).splitlines()
    assert "10.0.0.0/33" in first
    assert "'x' is not a MAC" in second


def test_json_with_tabs_is_read() -> None:
    """JSON that is indented with tabs is JSON."""
    assert imported.of("docker", json.dumps([docker()], indent="\t")).letter("host", "host/web") == "U"
