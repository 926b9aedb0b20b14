"""`netlab import networkd`: .netdev and .network files are the machine that systemd-networkd would make of them."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from netlab import live, spec
from netlab.spec import TopologyError
from tests.cli.conftest import Netlab, netlab
from tests.live import imported

__all__ = ["netlab"]

SHIM = """\
# /etc/systemd/network/10-shim.netdev
[NetDev]
Name=shim
Kind=macvlan
[MACVLAN]
Mode=bridge
# /etc/systemd/network/10-pod.netdev
[NetDev]
Name=pod
Kind=macvlan
MACAddress=02:00:00:00:00:0a
[MACVLAN]
Mode=private
# /etc/systemd/network/20-nic.network
[Match]
Name=eth0
[Network]
Address=192.168.26.2/24
Gateway=192.168.26.1
MACVLAN=shim
MACVLAN=pod
# /etc/systemd/network/30-shim.network
[Match]
Name=shim
[Network]
Address=192.168.27.3/24
# /etc/systemd/network/30-pod.network
[Match]
Name=p*d
[Network]
Address=192.168.28.4/24
Address=fd00:28::4/64
"""

MANY = """\
# /etc/systemd/network/10-bond0.netdev
[NetDev]
Name=bond0
Kind=bond
MTUBytes=1400
[Bond]
Mode=active-backup
MIIMonitorSec=100ms
FailOverMACPolicy=active
LearnPacketIntervalSec=5
# /etc/systemd/network/10-br0.netdev
[NetDev]
Name=br0
Kind=bridge
[Bridge]
STP=no
AgeingTimeSec=60
VLANFiltering=yes
MulticastQuerier=yes
# /etc/systemd/network/10-vlan7.netdev
[NetDev]
Name=vlan7
Kind=vlan
[VLAN]
Id=7
GVRP=yes
# /etc/systemd/network/10-ipv.netdev
[NetDev]
Name=ipv
Kind=ipvlan
[IPVLAN]
Mode=L3S
Flags=vepa
# /etc/systemd/network/10-itap.netdev
[NetDev]
Name=itap
Kind=ipvtap
# /etc/systemd/network/10-mtap.netdev
[NetDev]
Name=mtap
Kind=macvtap
[MACVTAP]
Mode=source
SourceMACAddress=02-00-00-00-00-01 02:00:00:00:00:02
# /etc/systemd/network/10-dummy9.netdev
[NetDev]
Name=dummy9
Kind=dummy
Description=nothing
# /etc/systemd/network/10-vx.netdev
[NetDev]
Name=vx
Kind=vxlan
[VXLAN]
VNI=77
Remote=10.9.0.2
MacLearning=no
TTL=9
# /etc/systemd/network/10-wg.netdev
[NetDev]
Name=wg0
Kind=wireguard
# /etc/systemd/network/10-x.link
[Match]
OriginalName=*
[Link]
Name=lan0
# /etc/systemd/network/20-members.network
[Match]
Name=eth0 eth1
[Network]
Bond=bond0
# /etc/systemd/network/20-members.network.d/dropped.conf
[Network]
LLDP=yes
# /etc/systemd/network/30-bond0.network
[Match]
Name=bond0
[Link]
RequiredForOnline=no
[Network]
VLAN=vlan7
VXLAN=vx
Address=10.9.0.1/24
[Route]
Destination=10.10.0.0/16
Gateway=10.9.0.2
Metric=70
[Route]
Gateway=10.99.0.1
[RoutingPolicyRule]
From=10.9.0.7
[Neighbor]
Address=10.9.0.2
LinkLayerAddress=02:00:00:00:09:02
# /etc/systemd/network/30-eth2.network
[Match]
Name=eth2
[Network]
Bridge=br0
DHCP=yes
[Bridge]
HairPin=yes
Cost=9
[BridgeVLAN]
VLAN=7
# /etc/systemd/network/30-eth3.network
[Match]
Name=eth3
[Network]
IPVLAN=ipv
IPv4Forwarding=yes
Unheard=of
[Address]
Address=10.3.0.1/24
Label=x
# /etc/systemd/network/30-eth4.network
[Match]
PermanentMACAddress=02:00:00:00:00:04
Driver=e1000e
[Network]
MACVTAP=mtap
"""


def test_a_shim_and_a_private_pod() -> None:
    """Children of eth0 in bridge and private mode, the gateway and its switch; in the machine nobody asks a wire."""
    lab = imported.of("networkd", SHIM)
    own = lab.draft.hosts["host"].interfaces
    assert own["shim"] == {"type": "macvlan", "parent": "eth0", "mode": "bridge", "addresses": ["192.168.27.3/24"]}
    assert (own["pod"]["mac"], own["pod"]["mode"]) == ("02:00:00:00:00:0a", "private")
    assert own["pod"]["addresses"] == ["192.168.28.4/24", "fd00:28::4/64"]
    assert lab.draft.hosts["host"].routes == [{"to": "default", "via": "192.168.26.1", "dev": "eth0"}]
    assert lab.letter("host", "gateway", "icmp") == "R"
    # The gateway has no way to the pod's network.
    assert lab.letter("gateway", "host:pod", "icmp") == "U"


def test_every_kind() -> None:
    """A bond with its members, bridge, VLAN, ipvlan, ipvtap, macvtap, dummy and vxlan, with what the files say."""
    draft = imported.of("networkd", MANY).draft
    own = draft.hosts["host"].interfaces
    assert own["bond0"] == {"type": "bond", "mode": "active-backup", "miimon": "100", "fail_over_mac": "active",
                            "mtu": "1400", "addresses": ["10.9.0.1/24"],
                            "neighbors": {"10.9.0.2": "02:00:00:00:09:02"}}  # fmt: skip
    assert (own["eth0"]["master"], own["eth1"]["master"], own["eth1"]["mtu"]) == ("bond0", "bond0", "1400")
    assert own["vlan7"] == {"type": "vlan", "parent": "bond0", "id": "7"}
    assert own["vx"] == {
        "type": "vxlan",
        "id": "77",
        "dev": "bond0",
        "remote": ["10.9.0.2"],
        "dstport": "8472",
        "learning": "off",
        "mtu": "1350",
    }
    assert (own["ipv"]["mode"], own["ipv"]["flag"], own["ipv"]["parent"]) == ("l3s", "vepa", "eth3")
    assert own["mtap"]["allowed_macs"] == ["02:00:00:00:00:01", "02:00:00:00:00:02"]
    assert own["dummy9"] == {"type": "dummy"}
    assert (own["eth2"]["master"], own["eth2"]["own_port"]) == ("br0", {"hairpin": "on"})
    assert (own["br0"]["ageing_time"], own["br0"]["vlan_filtering"]) == ("60", "on")
    assert draft.hosts["host"].sysctls == {"net.ipv4.ip_forward": "1"}
    assert {"to": "10.10.0.0/16", "via": "10.9.0.2", "dev": "bond0", "metric": "70"} in draft.hosts["host"].routes


def test_every_line_is_used_or_told() -> None:
    """Each device, address, member and route of the files is in the topology, or is told; so is each key that isn't."""
    lab = imported.of("networkd", MANY)
    told = [one.path.removeprefix("/etc/systemd/network/") for one in lab.draft.left]
    assert sorted(told) == [
        "10-bond0.netdev.Bond.LearnPacketIntervalSec",
        "10-br0.netdev.Bridge.MulticastQuerier",
        "10-dummy9.netdev.NetDev.Description",
        "10-itap.netdev.NetDev",
        "10-vlan7.netdev.VLAN.GVRP",
        "10-vx.netdev.VXLAN.TTL",
        "10-wg.netdev",
        "10-x.link",
        "20-members.network.Network.LLDP",
        "30-bond0.network.Link.RequiredForOnline",
        "30-bond0.network.Route[1]",
        "30-bond0.network.RoutingPolicyRule",
        "30-eth2.network.Bridge.Cost",
        "30-eth2.network.BridgeVLAN",
        "30-eth2.network.Network.DHCP",
        "30-eth3.network.Address[0].Label",
        "30-eth3.network.Network.Unheard",
        "30-eth4.network.Match.Driver",
    ]
    devices = set(re.findall(r"^Name=(\w+)", MANY, re.M)) | {"eth1", "eth4"}
    assert devices - {"wg0", "itap", "lan0"} == set(lab.draft.hosts["host"].interfaces)
    (unknown,) = [one for one in lab.draft.left if one.path.endswith("Unheard")]
    assert unknown.unknown
    assert str(unknown.where) == "/etc/systemd/network/30-eth3.network:6:1"


WRONG = {
    "no key": ("[Match]\nName=eth0\nhello\n", "a.network:3:1: 'hello' is no 'Key=value'"),
    "before a section": ("Name=eth0\n", "a.network:1:1: 'Name=eth0' stands before any section"),
    "an open section": ("[Match\n", "a.network:1:1: '[Match' is no section"),
    "an address": (
        "[Match]\nName=eth0\n[Network]\nAddress=10.0.0.300/24\n",
        "a.network:4:9: Address[0]: '10.0.0.300/24'",
    ),
    "no such device": ("[Match]\nName=eth0\n[Network]\nMACVLAN=mv0\n", "a.network:4:9: no device 'mv0'"),
    "another kind": (
        "[Match]\nName=eth0\n[Network]\nBridge=eth0\n",
        "a.network:4:8: eth0 is a NIC",
    ),
    "a route to nowhere": ("[Match]\nName=eth0\n[Route]\nMetric=3\n", "a.network:3:1: a route needs"),
    "a flag": ("[Match]\nName=eth0\n[Link]\nARP=perhaps\n", "a.network:4:5: ARP: 'perhaps' is neither"),
    "a name": (
        "[Match]\nName=interface-much-too-long\n",
        "a.network:2:6: Name[0]: 'interface-much-too",
    ),
    "a mode": ("[NetDev]\nName=m\nKind=macvlan\n[MACVLAN]\nMode=brigde\n", "did you mean 'bridge'?"),
    "no kind": ("[NetDev]\nName=m\n", "'Kind=' is missing"),
    "two devices": ("[NetDev]\nName=m\nKind=dummy\n[NetDev]\nName=n\n", "a.network:5:1: Name= is given twice"),
    "no VLAN": ("[NetDev]\nName=v\nKind=vlan\n", "v is a VLAN without [VLAN] Id="),
    "nothing": ("", "there is nothing in it"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong(name: str) -> None:
    """What is wrong is told with the file, line and column of its own."""
    text, said = WRONG[name]
    with pytest.raises(TopologyError) as caught:
        live.read("networkd", text, "a.network")
    assert said in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_folder(netlab: Netlab, tmp_path: Path) -> None:
    """The files of a folder, and what is dropped into a unit's own, are read; places name the file itself."""
    folder = tmp_path / "network"
    (folder / "a.network.d").mkdir(parents=True)
    (folder / "a.network").write_text("[Match]\nName=eth0\n[Network]\nAddress=10.0.0.1/24\n")
    (folder / "a.network.d" / "b.conf").write_text("[Network]\nAddress=10.0.1.1/24\nStrange=1\n")
    done = netlab("import", "networkd", "network")
    assert done.returncode == 0
    assert "addresses: [10.0.0.1/24, 10.0.1.1/24]" in done.stdout
    assert "network/a.network.d/b.conf:3:1: warning: unknown" in done.stderr


def test_nothing_to_make(netlab: Netlab, tmp_path: Path) -> None:
    """Files of which nothing can be made, folders without files and other files end with 2, and say where."""
    (tmp_path / "m.netdev").write_text("[NetDev]\nName=m\nKind=macvlan\n")
    (tmp_path / "empty").mkdir()
    for name, said in (
        ("m.netdev", "m.netdev:1:1: m.netdev.NetDev: m: nothing says what it sits on"),
        ("empty", "empty: there is no .netdev or .network file in it"),
        ("none.network", "none.network"),
    ):
        done = netlab("import", "networkd", name)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr


def test_whatever_is_changed_ends_well() -> None:
    """Lines that are gone, moved or other than they were: a file that loads, or faults with their places."""
    dice = random.Random("networkd")
    lines = MANY.split("\n")
    for _ in range(200):
        changed = list(lines)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(changed))
            key = changed[at].partition("=")[0]
            changed[at] = dice.choice(["", f"{key}=", f"{key}=x", f"{key}=-1", f"{key}=eth0", dice.choice(lines)])
        text = "\n".join(changed)
        fault = unread(text)
        assert fault.startswith(("", "said:", "/etc/systemd/network/")[bool(fault) :]), f"{fault}\nof\n{text}"


def unread(text: str) -> str:
    """What is wrong with a text, or with the file that is made of it; empty where nothing is."""
    try:
        spec.load(live.write(live.draft(live.read("networkd", text, "said"), "host")), "written.yaml")
    except TopologyError as error:
        return str(error)
    return ""
