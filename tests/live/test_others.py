"""Networks that others made, imported and predicted: plain pings in the original agree, pair by pair."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from netlab import model, plan, spec
from tests.live import imported
from tests.live.world import World, world

CNI = os.environ.get("CNI_PATH", "/usr/lib/cni")


@pytest.fixture
def machine() -> Iterator[World]:
    """A machine of its own, with folders of its own for what tools remember."""
    with world() as made:
        for folder in ("/var/lib", "/run/lock"):
            made.run("mount", "-t", "tmpfs", "none", folder)
        yield made


def agrees(machine: World, netns: str) -> list[str]:
    """Import what is connected to a namespace, and ping each address from each namespace: where the two differ."""
    text = machine.netlab("import", "live", "--all", "--host", "this", netns=netns).stdout
    state = plan.resolve(spec.load(text, "live.yaml")).steps[0].state
    names = machine.run("ip", "-o", "netns", "list").stdout.split("\n")
    known = {line.split()[0] for line in names if line}
    prediction = model.predict(state, ("host:icmp",))
    differ = []
    asked = 0
    for i, asker in enumerate(state.askers):
        name = netns if asker.id == "this" else asker.id.rpartition("/")[2]
        for j, endpoint in enumerate(state.endpoints):
            letter = prediction.letters["host:icmp"][i][j]
            if name not in known or endpoint.v4 is None or letter == "?":
                continue
            asked += 1
            expected = letter in "RAB"
            answered = machine.pings(name, endpoint.v4.ip, expected)
            if answered != expected:
                differ.append(f"{name} -> {endpoint.id}: predicted {letter}, ping says {answered}")
    assert asked >= len(known)
    return differ


ROUTED = """
netns add r
netns add a
netns add b
netns add c
-n r link set lo up
-n a link set lo up
-n b link set lo up
-n c link set lo up
-n r link add la type veth peer name eth0 netns a
-n r link add lb type veth peer name eth0 netns b
-n r link add br0 type bridge
-n r link add lc type veth peer name eth0 netns c
-n r link set lc master br0
-n r address add 10.1.0.1/24 dev la
-n r address add 10.2.0.1/24 dev lb
-n r address add 10.3.0.1/24 dev br0
-n a address add 10.1.0.2/24 dev eth0
-n b address add 10.2.0.2/24 dev eth0
-n c address add 10.3.0.2/24 dev eth0
-n r link set la up
-n r link set lb up
-n r link set lc up
-n r link set br0 up
-n a link set eth0 up
-n b link set eth0 up
-n c link set eth0 up
-n a route add default via 10.1.0.1
-n b route add 10.1.0.0/24 via 10.2.0.1
-n c route add default via 10.3.0.1 src 10.3.0.2 metric 50
-n c rule add to 10.2.0.0/24 lookup 77
-n c route add blackhole default table 77
"""


def test_a_router_of_ip_commands(machine: World) -> None:
    """A router with wires and a bridge, routes, a rule and a blackhole."""
    machine.ip(ROUTED)
    machine.sh("sysctl -qw net.ipv4.ip_forward=1", "r")
    assert agrees(machine, "r") == []
    machine.sh("nft add table ip f", "r")
    machine.sh("nft add chain ip f forward '{ type filter hook forward priority 0; policy accept; }'", "r")
    machine.sh("nft add rule ip f forward ip saddr 10.3.0.0/24 ip daddr 10.1.0.0/24 drop", "r")
    machine.sh("sysctl -qw net.ipv4.icmp_echo_ignore_all=1", "b")
    assert agrees(machine, "a") == []


NETWORKS = {
    "bridge": {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": False, "hairpinMode": True},
    "ptp": {"type": "ptp"},
    "macvlan": {"type": "macvlan", "master": "eth0", "mode": "bridge"},
    "vepa": {"type": "macvlan", "master": "eth0"},
}


@pytest.mark.skipif(not Path(CNI, "bridge").exists(), reason="apt-get install containernetworking-plugins")
@pytest.mark.parametrize("name", NETWORKS)
def test_cni_plugins(machine: World, name: str) -> None:
    """Two pods of a CNI plugin, their node, and another machine at its switch."""
    machine.ip("netns add node\nnetns add p1\nnetns add p2\nnetns add far")
    machine.ip("-n node link add eth0 type veth peer name eth0 netns far")
    for netns, ip in (("node", "10.9.0.1/24"), ("far", "10.9.0.2/24")):
        machine.sh(f"ip address add {ip} dev eth0; ip link set eth0 up; ip link set lo up", netns)
    subnet = "10.9.0.0/24" if "macvlan" in NETWORKS[name]["type"] else "10.88.0.0/24"
    ipam = {"type": "host-local", "ranges": [[{"subnet": subnet, "rangeStart": subnet.replace("0/24", "40")}]]}
    conf = {"cniVersion": "0.4.0", "name": name, **NETWORKS[name], "ipam": {**ipam, "routes": [{"dst": "0.0.0.0/0"}]}}
    for pod in ("p1", "p2"):
        machine.sh("ip link set lo up", pod)
        environment = f"CNI_COMMAND=ADD CNI_CONTAINERID={pod} CNI_NETNS=/run/netns/{pod} CNI_IFNAME=eth0 CNI_PATH={CNI}"
        machine.sh(f"echo '{json.dumps(conf)}' | {environment} {CNI}/{conf['type']} >/dev/null", "node")
    assert agrees(machine, "node") == []


NETWORKD = "/lib/systemd/systemd-networkd"


@pytest.mark.skipif(not Path(NETWORKD).exists() or bool(os.getuid()), reason="apt-get install systemd, and root")
def test_systemd_networkd(machine: World) -> None:
    """A macvlan shim and a bridge, made by systemd-networkd of its own files."""
    if shutil.which("setpriv") is None:
        pytest.skip("apt-get install util-linux")
    machine.ip("netns add node\nnetns add far\n-n node link set lo up\n-n far link set lo up")
    machine.ip("-n node link add eth0 type veth peer name eth0 netns far")
    machine.sh("ip address add 10.9.0.2/24 dev eth0; ip link set eth0 up", "far")
    files = {
        "10-shim.netdev": "[NetDev]\nName=shim\nKind=macvlan\n[MACVLAN]\nMode=bridge\n",
        "10-br.netdev": "[NetDev]\nName=br0\nKind=bridge\n",
        "20-eth0.network": "[Match]\nName=eth0\n[Network]\nAddress=10.9.0.1/24\nMACVLAN=shim\nIPv6AcceptRA=no\n",
        "30-shim.network": "[Match]\nName=shim\n[Network]\nAddress=10.9.0.9/32\nIPv6AcceptRA=no\n",
        "30-br.network": "[Match]\nName=br0\n[Network]\nAddress=10.5.0.1/24\nConfigureWithoutCarrier=yes\n",
    }
    for folder in ("/run", "/etc/systemd/network"):
        machine.run("mkdir", "-p", folder)
    machine.run("mount", "-t", "tmpfs", "none", "/etc/systemd/network")
    for name, text in files.items():
        machine.run("sh", "-c", f"printf '{text}' > /etc/systemd/network/{name}".replace("\n", "\\n"))
    # Where /sys can't be written to, it doesn't wait for udev. What it writes is in a mount of its own.
    wait = (
        "mkdir -p /run/systemd && mount -t tmpfs -o mode=755 none /run/systemd;"
        " mkdir -p /run/systemd/netif/links /run/systemd/netif/leases;"
        f" mount -o remount,ro /sys; {NETWORKD} >/run/systemd/log 2>&1 & trap 'kill $!' EXIT;"
        " for i in $(seq 300); do"
        " ip -br a | grep -q 10.9.0.9 && ip -br a | grep -q 10.5.0.1 && exit 0; read -t 0.1 _ || :; done"
        " < /dev/zero; cat /run/systemd/log; exit 1"
    )
    done = machine.run("ip", "netns", "exec", "node", "bash", "-c", wait, ok=False)
    if done.returncode:
        pytest.skip(f"systemd-networkd doesn't run here: {done.stdout.strip().splitlines()[-1:]}")
    text = machine.netlab("import", "live", netns="node").stdout
    for part in (
        "shim: {type: macvlan, parent: eth0, mode: bridge",
        "10.9.0.9/32",
        "br0: {type: bridge",
        "10.5.0.1/24",
    ):
        assert part in text
    assert agrees(machine, "node") == []


NETAVARK = os.environ.get("NETAVARK", "/usr/lib/podman/netavark")
RECORDED = Path(__file__).parent / "recorded"
#: Pod → network, and an address of each of its subnets; the last is IPv4.
PODS = {
    "p1": ("br1", "10.89.5.11"),
    "p3": ("br2", "10.89.6.13"),
    "p4": ("br3", "fd00:5::14", "10.89.0.14"),
    "p5": ("mv1", "192.168.5.15"),
    "p6": ("mv1", "192.168.5.16"),
}


@pytest.mark.skipif(not Path(NETAVARK).exists(), reason="apt-get install netavark")
def test_netavark(machine: World) -> None:
    """Networks as `podman network create` describes them, made by netavark: the import of the machine and the import
    of podman's own words say both what ping says."""
    machine.ip("netns add node\nnetns add far\n-n node link set lo up")
    machine.ip("-n node link add eth0 type veth peer name eth0 netns far")
    machine.sh("ip address add 192.168.5.254/24 dev eth0; ip link set eth0 up", "node")
    machine.sh("ip link set lo up; ip address add 192.168.5.1/24 dev eth0; ip link set eth0 up", "far")
    networks = {one["name"]: one for one in json.loads((RECORDED / "podman-4.3-netavark.json").read_text())}
    for pod, (name, *ips) in PODS.items():
        machine.ip(f"netns add {pod}\n-n {pod} link set lo up")
        network = networks[name] | {"dns_enabled": False}
        asked = {
            "container_id": pod * 32,
            "container_name": pod,
            "networks": {name: {"interface_name": "eth0", "static_ips": ips}},
            "network_info": {name: network},
        }
        command = f"echo '{json.dumps(asked)}' | {NETAVARK} --config /run/lock setup /run/netns/{pod}"
        made = json.loads(machine.run("ip", "netns", "exec", "node", "sh", "-ec", command).stdout)
        networks[name].setdefault("containers", {})[pod * 32] = {"name": pod, "interfaces": made[name]["interfaces"]}
    assert agrees(machine, "node") == []
    lab = imported.of("podman", [one for one in networks.values() if "containers" in one])
    names = {pod: f"host/{pod}" for pod in PODS} | {"node": "host", "far": "gateway"}
    for netns, asker in names.items():
        for pod, (*_, ip) in PODS.items():
            letter = lab.letter(asker, f"host/{pod}", "icmp")
            assert machine.pings(netns, ip, letter in "RAB") is (letter in "RAB"), f"{netns} -> {pod}: {letter}"
