"""``netlab import docker``: what the model says of networks that `docker network inspect` shows."""

from __future__ import annotations

import pytest

from tests.live import imported
from tests.live.samples import bridge, container, docker, ipam


def test_a_host_does_not_reach_its_macvlan_container_and_a_shim_helps() -> None:
    """`why host host/web` says U by the rule of the parent, and its first fix is the shim."""
    told = imported.of("docker", [docker()]).why("host", "host/web")
    assert (told.letter, told.rule) == ("U", "macvlan/parent-tx-skips-children")
    assert "shim" in told.fixes[0].title


def test_one_network_without_a_list_is_the_same() -> None:
    """`docker network inspect --format '{{json .}}'` prints one mapping: the same file comes out."""
    one, several = (imported.of("docker", said).text.partition("\nname: ")[2] for said in (docker(), [docker()]))
    assert one == several


def test_a_macvlan_container_reaches_what_is_on_the_wire() -> None:
    """The gateway and whoever has a reserved address are machines of their own, which the container reaches."""
    subnet = {"Subnet": "192.168.26.0/24", "Gateway": "192.168.26.1", "AuxiliaryAddresses": {"nas": "192.168.26.5"}}
    lab = imported.of("docker", [docker(IPAM=ipam(subnet))])
    assert {"gateway:eth0", "nas:eth0"} <= set(lab.endpoints())
    assert lab.letter("host/web", "gateway") == lab.letter("nas", "host/web") == lab.letter("host", "gateway") == "R"
    assert "assumed: has the reserved 192.168.26.5" in lab.text


def test_modes_are_taken_over() -> None:
    """Private children stay apart; bridged ones don't."""
    two = {"a" * 64: container("a", "192.168.26.10/24"), "b" * 64: container("b", "192.168.26.11/24")}
    letters = {
        mode: imported.of("docker", [docker(Containers=two, Options={"parent": "eth0", "macvlan_mode": mode})]).letter(
            "host/a", "host/b"
        )
        for mode in ("bridge", "private", "vepa")
    }
    assert letters == {"bridge": "R", "private": "U", "vepa": "U"}


def test_a_macvlan_without_a_parent_sits_on_a_dummy() -> None:
    """Its containers talk to each other alone, and a gateway is left out with a warning."""
    two = {"a" * 64: container("a", "192.168.26.10/24"), "b" * 64: container("b", "192.168.26.11/24")}
    lab = imported.of("docker", [docker(Containers=two, Options={})])
    assert lab.letter("host/a", "host/b") == "R"
    assert "type: dummy" in lab.text
    assert lab.left("Gateway") == ["there is no gateway beyond a dummy"]


def test_a_vlan_parent_is_a_wire_of_its_own() -> None:
    """`parent=eth0.50` is assumed to be VLAN 50, without an address of the host."""
    lab = imported.of("docker", [docker(Options={"parent": "eth0.50"})])
    assert "eth0.50: {switch: lan}" in lab.text
    assert any("VLAN 50 of eth0" in one for one in lab.draft.assumed)
    assert lab.letter("host/web", "gateway") == "R"


def test_two_parents_are_two_switches() -> None:
    """Networks on different parents don't meet."""
    other = docker(
        "other",
        IPAM=ipam({"Subnet": "10.1.0.0/24", "Gateway": "10.1.0.1"}),
        Containers={"d" * 64: container("db", "10.1.0.2/24")},
        Options={"parent": "eth1"},
    )
    lab = imported.of("docker", [docker(), other])
    assert set(lab.draft.switches) == {"lan-eth0", "lan-eth1"}
    assert lab.letter("host/web:eth0", "host/db:eth0", "broadcast") == "U"
    assert {"gateway:eth0", "gateway-2:eth0"} <= set(lab.endpoints())


def test_a_bridge_lets_its_containers_and_the_host_talk() -> None:
    """Containers of a bridge reach each other, the host, and are reached by it."""
    lab = imported.of("docker", [bridge()])
    pairs = [("host/back-1", "host/back-2"), ("host", "host/back-1"), ("host/back-1", "host")]
    assert [lab.letter(*pair) for pair in pairs] == ["R", "R", "R"]


def test_two_bridges_are_kept_apart() -> None:
    """Docker forwards nothing from one bridge to another."""
    lab = imported.of("docker", [bridge(), bridge("front", "172.19.0")])
    assert lab.letter("host/back-1", "host/front-1") == "U"
    assert lab.letter("host/back-1", "host/back-2") == "R"


def test_icc_off_keeps_containers_of_a_bridge_apart() -> None:
    """With `enable_icc=false` containers reach the host only."""
    lab = imported.of("docker", [bridge(Options={"com.docker.network.bridge.enable_icc": "false"})])
    assert lab.letter("host/back-1", "host/back-2") == "U"
    assert lab.letter("host/back-1", "host") == "R"


def test_an_internal_bridge_has_no_default_route() -> None:
    """Containers of an internal network have no default route, and no masquerading."""
    lab = imported.of("docker", [bridge(Internal=True)])
    assert "to: default" not in lab.text
    assert "masquerade" not in lab.text
    assert lab.letter("host", "host/back-1") == "R"


def test_masquerading_reaches_the_physical_network() -> None:
    """A container of a bridge reaches the gateway of the host's own network, though that knows no way back."""
    lab = imported.of("docker", [docker(), bridge()])
    assert "masquerade" in lab.text
    assert lab.letter("host/back-1", "gateway") == "R"
    assert lab.letter("gateway", "host/back-1") == "U"


def test_a_container_in_two_networks_has_two_interfaces() -> None:
    """It has one default route, by the first network by name, which is told."""
    shared = {"1" * 64: container("back-1", "192.168.26.130/24")}
    lab = imported.of("docker", [bridge(), docker(Containers=shared)])
    assert {"host/back-1:eth0", "host/back-1:eth1"} <= set(lab.endpoints())
    assert any("default route by back" in one for one in lab.draft.assumed)
    assert lab.text.count("to: default, via: 172.18.0.1") == 2


def test_ipv6_alone() -> None:
    """A network of IPv6 only gets routes and addresses of IPv6 only."""
    six = docker(
        IPAM=ipam({"Subnet": "fd00:26::/64", "Gateway": "fd00:26::1"}),
        Containers={"6" * 64: container("web", v6="fd00:26::10/64")},
    )
    lab = imported.of("docker", [six])
    assert lab.letter("host/web", "gateway", "icmp6") == "R"
    assert lab.letter("host", "host/web", "icmp6") == "U"


def test_an_ipv6_bridge_forwards() -> None:
    """A bridge with both families has sysctls and rules for both."""
    both = bridge(
        IPAM=ipam({"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1"}, {"Subnet": "fd18::/64", "Gateway": "fd18::1"}),
        Containers={
            "1" * 64: container("a", "172.18.0.2/16", "fd18::2/64"),
            "2" * 64: container("b", "172.18.0.3/16", "fd18::3/64"),
        },
    )
    lab = imported.of("docker", [both])
    assert "net.ipv6.conf.all.forwarding: 1" in lab.text
    assert [lab.letter("host/a", "host/b", layer) for layer in ("icmp", "icmp6")] == ["R", "R"]


@pytest.mark.parametrize(
    ("driver", "why"),
    [
        ("overlay", "can't be expressed"),
        ("host", "the host's namespace"),
        ("null", "no network"),
        ("weave", "known"),
    ],
)
def test_other_drivers_are_left_out_with_a_warning(driver: str, why: str) -> None:
    """Beside a network that can be expressed one that can't is left out, and that is told."""
    lab = imported.of("docker", [docker(), docker("x", driver)])
    (said,) = [one for one in lab.draft.left if one.loses and one.path == "[1]"]
    assert why in said.why
    assert "[1]: the network x: " in lab.text


def test_networks_that_nobody_uses_are_no_warning() -> None:
    """Each machine has the networks host and none: without containers they are left out with a note."""
    lab = imported.of(
        "docker", [docker(), docker("host", "host", Containers={}), docker("none", "null", Containers={})]
    )
    assert [one.path for one in lab.draft.left if one.why.startswith("the network")] == ["[1]", "[2]"]
    assert [one for one in lab.draft.left if one.loses] == []


def test_names_that_netlab_does_not_take_are_changed() -> None:
    """A container called `any` is called otherwise, and the file says so."""
    lab = imported.of("docker", [docker(Containers={"a" * 64: container("any", "192.168.26.10/24")})])
    assert "host/any-1:eth0" in lab.endpoints()
    assert any("'any' is called any-1" in one for one in lab.draft.assumed)


def test_without_a_gateway() -> None:
    """A macvlan without one has no default route, and that is told; a bridge's is the first address."""
    lab = imported.of("docker", [docker(IPAM=ipam({"Subnet": "192.168.26.0/24"}))])
    assert any("containers of lan have no default route" in one for one in lab.draft.assumed)
    assert lab.draft.hosts["host"].containers["web"].routes == []
    said = docker(Driver="bridge", Options={}, IPAM=ipam({"Subnet": "192.168.26.0/24"}))
    assert any("the gateway of lan is 192.168.26.1" in one for one in imported.of("docker", [said]).draft.assumed)


def test_the_host_may_have_any_name() -> None:
    """`--host` names the machine, also where a switch would have that name."""
    lab = imported.of("docker", [docker()], host="lan")
    assert lab.letter("lan", "lan/web") == "U"
    assert list(lab.draft.switches) == ["lan-2"]


def test_ipvlan_of_docker() -> None:
    """In l2 with the gateway as default route; in l3 without one, as Docker sets it; the flag is kept; no MAC."""
    own = {"Containers": {"a" * 64: container("a", "10.0.0.9/24"), "b" * 64: container("b", "10.0.0.10/24")}}
    net = {"IPAM": ipam({"Subnet": "10.0.0.0/24", "Gateway": "10.0.0.1"}), **own}
    lab = imported.of("docker", docker("i", "ipvlan", Options={"parent": "eth0", "ipvlan_flag": "private"}, **net))
    assert [lab.letter("host/a", "host/b"), lab.letter("host", "host/a")] == ["U", "U"]
    assert lab.draft.hosts["host"].containers["a"].routes == [{"to": "default", "via": "10.0.0.1"}]
    assert "mac" not in lab.draft.hosts["host"].containers["a"].interfaces["eth0"]
    routed = imported.of("docker", docker("i", "ipvlan", Options={"parent": "eth0", "ipvlan_mode": "l3"}, **net))
    assert routed.letter("host/a", "host/b") == "R"
    assert routed.draft.hosts["host"].containers["a"].routes == [{"to": "default", "dev": "eth0"}]
