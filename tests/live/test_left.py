"""Nothing of a description gets lost: each value of it is in the file, decides something, or is told to be left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.live import imported
from tests.live.samples import COMPOSE, HOST_LOCAL, bridge, conflist, container, docker, ipam, podman

#: Keys whose value is not written down as it stands: it decides how things are written.
DECIDE = {
    "Driver": "kind of link",
    "driver": "kind of link",
    "type": "kind of link",
    "Internal": "default route, rules",
    "internal": "default route, rules",
    "Subnet": "prefix lengths, rules",
    "subnet": "prefix lengths, rules",
    "ipnet": "address and length",
    "enable_icc": "rules",
    "hairpinMode": "port",
    "promiscMode": "promisc",
    "portIsolation": "port",
    "promisc": "promisc",
    "isGateway": "address of the bridge",
    "isDefaultGateway": "default route",
    "ipMasq": "rules",
    "dst": "default route",
    "rangeStart": "addresses that are assumed",
    "rangeEnd": "addresses that are assumed",
    "ip_range": "addresses that are assumed",
    "scale": "how many",
    "ConfigOnly": "a template",
    "no_default_route": "default route",
    "isolate": "rules",
    "sysctl": "sysctls",
}

SAMPLES: dict[str, tuple[str, Any]] = {
    "docker macvlan": ("docker", [docker(), docker("six", "overlay"), docker("tpl", ConfigOnly=True)]),
    "docker aux": (
        "docker",
        docker(
            Bogus={"deep": [1, {"er": 2}]},
            IPAM=ipam({"Subnet": "10.0.0.0/24", "Gateway": "10.0.0.1", "AuxiliaryAddresses": {"nas": "10.0.0.7"}}),
            Containers={"a" * 64: container("a", "10.0.0.9/24") | {"Unheard": "of"}},
        ),
    ),
    "docker dummy": ("docker", docker(Options={"com.docker.network.driver.mtu": "1400"})),
    "docker bridge": (
        "docker",
        [
            bridge(
                Options={
                    "com.docker.network.bridge.name": "mybr0",
                    "com.docker.network.bridge.enable_icc": "false",
                    "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",
                    "com.docker.network.bridge.gateway_mode_ipv4": "routed",
                    "com.docker.network.driver.mtu": "9000",
                }
            )
        ],
    ),
    "compose": ("docker", COMPOSE),
    "podman": ("podman", [podman(options={"mode": "vepa", "mtu": "1400", "bclim": "3", "x": "y"})]),
    "podman bridge": (
        "podman",
        podman(
            driver="bridge", options={"isolate": "true", "vlan": "7", "metric": "3"}, network_dns_servers=["1.1.1.1"]
        ),
    ),
    "cni bridge": (
        "cni",
        conflist(
            {
                "type": "bridge",
                "bridge": "cni7",
                "isDefaultGateway": True,
                "hairpinMode": True,
                "vlan": 5,
                "macspoofchk": True,
                "ipam": HOST_LOCAL,
                "dns": {"nameservers": ["10.1.1.1"]},
                "strange": [],
            },
            {"type": "tuning", "mtu": 1400, "promisc": True, "sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1"}},
            {"type": "portmap", "capabilities": {"portMappings": True}, "snat": True},
            {"type": "vlan", "master": "eth0", "vlanId": 5},
        ),
    ),
    "cni macvlan": (
        "cni",
        {
            "name": "m",
            "type": "macvlan",
            "master": "ens1",
            "mode": "bridge",
            "bcqueuelen": 500,
            "ipam": {"type": "dhcp"},
        },
    ),
}


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """All values that are neither lists nor mappings, and those that are empty."""
    if isinstance(value, dict) and value:
        for key, child in value.items():
            yield from leaves(child, (*path, str(key)))
    elif isinstance(value, list) and value:
        for i, child in enumerate(value):
            yield from leaves(child, (*path, f"[{i}]"))
    else:
        yield path, value


def shown(path: tuple[str, ...]) -> str:
    """A path as the import tells it."""
    return ".".join(re.sub("^([0-9a-f]{12})[0-9a-f]{28,}$", r"\1…", one) for one in path).replace(".[", "[")


@pytest.mark.parametrize("name", SAMPLES)
def test_every_value_is_used_or_told(name: str) -> None:
    """Each value that another parser finds is in the file, or of a key that decides, or below one that is left out."""
    form, said = SAMPLES[name]
    lab = imported.of(form, said)
    plain = yaml.safe_load(said) if isinstance(said, str) else said
    left = [one.path for one in lab.draft.left]
    lost = []
    for path, value in leaves(plain):
        told = any(shown(path[: i + 1]) in left for i in range(len(path)))
        written = str(value).partition("/")[0].removesuffix(".IFNAME") in lab.text
        nothing = value in (None, "", False) or value in ({}, [])
        if not (told or written or nothing or DECIDE.keys() & {path[-1], path[-1].rpartition(".")[2]}):
            lost.append(shown(path))
    assert lost == []


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_left_out_is_in_the_file(name: str) -> None:
    """Each reason stands in a comment of the file, with the key, or how often the key was there."""
    form, said = SAMPLES[name]
    lab = imported.of(form, said)
    comments = " ".join(line.lstrip("# ") for line in lab.text.splitlines() if line.startswith("#"))
    for one in lab.draft.left:
        assert one.why in comments
        assert one.path in comments or f"{one.pattern} (" in comments


def test_unknown_keys_are_told_with_a_suggestion() -> None:
    """A key that netlab doesn't know is named, with its place and the known one that is near."""
    said = docker(Options={"parent": "eth0", "macvlan_mod": "private"})
    (one,) = [one for one in imported.of("docker", said).draft.left if one.unknown]
    assert one.path == "Options.macvlan_mod"
    assert "did you mean 'macvlan_mode'?" in one.why
    assert one.where.line > 1
