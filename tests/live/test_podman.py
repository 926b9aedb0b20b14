"""``netlab import podman``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netlab import live
from tests.live import imported
from tests.live.samples import podman


def interfaces(name: str, address: str) -> dict[str, object]:
    """A container of a network."""
    return {"name": name, "interfaces": {"eth0": {"subnets": [{"ipnet": address}], "mac_address": ""}}}


def test_a_macvlan_of_podman() -> None:
    """The host doesn't reach its container, the gateway does."""
    lab = imported.of("podman", [podman()])
    assert lab.letter("host", "host/web") == "U"
    assert lab.letter("gateway", "host/web") == "R"
    assert 'mac: "6a:1b:2c:3d:4e:5f"' in lab.text


def test_a_macvlan_without_an_interface_sits_on_that_of_the_default_route() -> None:
    """Which that is can't be known: eth0 is assumed."""
    lab = imported.of("podman", [podman(network_interface="")])
    assert any("the parent of lan is called eth0" in one for one in lab.draft.assumed)


def test_bridges_of_podman_reach_each_other_unless_isolated() -> None:
    """netavark forwards between its bridges; `isolate` on both ends that."""

    def letter(**options: str) -> str:
        one = podman("a", "bridge", containers={"a" * 64: interfaces("one", "10.89.0.5/24")}, options=options)
        subnets = [{"subnet": "10.90.0.0/24", "gateway": "10.90.0.1"}]
        those = {"b" * 64: interfaces("two", "10.90.0.5/24")}
        two = podman("b", "bridge", network_interface="podman2", subnets=subnets, containers=those, options=options)
        return imported.of("podman", [one, two]).letter("host/one", "host/two", "icmp")

    assert letter() == "R"
    assert letter(isolate="true") == "U"


def test_routes_of_a_network() -> None:
    """A network's own routes are its containers'."""
    lab = imported.of("podman", [podman(routes=[{"destination": "10.9.0.0/16", "gateway": "10.89.0.2", "metric": 5}])])
    assert "{to: 10.9.0.0/16, via: 10.89.0.2, dev: eth0}" in lab.text


def test_dhcp_is_told() -> None:
    """Where addresses come by DHCP and none is shown, there are none in the file, and it says why."""
    said = podman(
        subnets=None, ipam_options={"driver": "dhcp"}, containers={"c" * 64: interfaces("web", "10.89.0.5/24")}
    )
    assert any("by DHCP" in one for one in imported.of("podman", [said]).draft.assumed)


def test_ipvlan() -> None:
    """An ipvlan of podman is one, in podman's default mode, with the parent's MAC."""
    lab = imported.of("podman", podman("i", "ipvlan", options={}))
    children = [link for link in lab.resolved.steps[0].state.links if link.kind == "ipvlan"]
    assert {link.effective_mode for link in children} == {"l2"}
    assert any("default mode: l2" in one for one in lab.draft.assumed)


def test_an_unknown_driver_is_left_out() -> None:
    """Beside a macvlan it is told with its place."""
    lab = imported.of("podman", [podman(), podman("i", "frob")])
    assert lab.left("[1]") == ["the network i: the driver 'frob' is not known to netlab"]


def test_the_limit_of_a_macvlan_is_taken_over() -> None:
    """bclim is that of each child."""
    lab = imported.of("podman", podman(options={"bclim": "-1"}))
    children = [link for link in lab.resolved.steps[0].state.links if link.kind == "macvlan"]
    assert {link.bclim for link in children} == {-1}


@pytest.mark.parametrize("name", ["netavark", "cni"])
def test_what_podman_itself_prints(name: str) -> None:
    """Recorded of podman 4.3: no key is unknown, nothing that decides is lost, each network is there, in its mode."""
    said = (Path(__file__).parent / f"recorded/podman-4.3-{name}.json").read_text()
    reading = live.read("podman", said, "recorded.json")
    assert [one.path for one in reading.left if one.unknown or one.loses] == []
    assert [one.name for one in reading.networks] == [one["name"] for one in json.loads(said)]
    modes = {one.name: one.mode for one in reading.networks if one.kind == "macvlan"}
    assert modes == (
        {"mv1": "bridge", "mvnop": "bridge"} if name == "netavark" else {"mvdhcp": "bridge", "mvi": "passthru"}
    )
