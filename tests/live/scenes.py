"""Machines on which something is in the way, made with the system's own tools, and the fixes that must be told."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

from tests.live.world import MACVLAN

#: The namespace that plays the machine itself.
HOME = "machine"


@dataclass(frozen=True)
class Scene:
    """What is done on a machine ``base`` (lines of ip(8)), what is asked of it, and words of fixes.

    ``witness``: whether a plain ping shows that something is wrong, before and after a fix; it doesn't where another
    one answers, or where what a fix has led to stays.
    """

    made: str
    asked: str
    fixes: tuple[str, ...]
    base: str = MACVLAN
    witness: bool = True


#: A machine, a router `r`, and `b` behind it.
ROUTED = """
netns add machine
netns add r
netns add b
-n machine link set lo up
-n r link set lo up
-n b link set lo up
-n r link add la type veth peer name eth0 netns machine
-n r link add lb type veth peer name eth0 netns b
-n r address add 10.1.0.1/24 dev la
-n r address add 10.2.0.1/24 dev lb
-n machine address add 10.1.0.2/24 dev eth0
-n b address add 10.2.0.2/24 dev eth0
-n r link set la up
-n r link set lb up
-n machine link set eth0 up
-n b link set eth0 up
"""
#: What is done to a machine at first, for several scenes.
_ROUTES = "ip -n machine route add default via 10.1.0.1; ip -n b route add default via 10.2.0.1; "
_FORWARD = "ip netns exec r sysctl -qw net.ipv4.ip_forward=1; "
_V6 = "".join(
    f"ip -n {netns} address add {ip}/64 dev eth0 nodad; "
    for netns, ip in (("machine", "fd00::10"), ("far", "fd00::20"), ("web", "fd00::11"))
)
_OWN_CHILD = (
    "ip -n machine link add link eth0 name m1 type macvlan mode bridge;"
    " ip -n machine address add 192.168.26.9/{} dev m1; ip -n machine link set m1 up"
)
_ANEW = (
    "ip -n web link del eth0; ip -n machine link add link eth0 name m0 netns web type macvlan mode {};"
    " ip -n web link set m0 name eth0; ip -n web address add 192.168.26.11/24 dev eth0; ip -n web link set eth0 up"
)
_SIBLING = (
    "ip netns add db; ip -n machine link add link eth0 name m1 netns db type macvlan mode {};"
    " ip -n db link set m1 name eth0; ip -n db address add 192.168.26.12/24 dev eth0; ip -n db link set eth0 up;"
    " ip -n web link set eth0 type macvlan mode {}"
)
_ADDRESS = "ip -n far address del 192.168.26.20/24 dev eth0; ip -n far address add {} dev eth0"
_SECOND_NIC = (
    "ip -n machine link add eth1 type veth peer name p2 netns lan; ip -n lan link set p2 master br0 up;"
    " ip -n machine address add 192.168.26.30/24 dev eth1; ip -n machine link set eth1 up"
)
_FILTERING = "ip -n lan link set br0 type bridge vlan_filtering 1; ip netns exec lan bridge vlan del vid 1 dev p1; "
_FLUSH = "; for p in p0 p1; do ip -n lan link set dev $p type bridge_slave fdb_flush; done"


def _sysctl(netns: str, *settings: str) -> str:
    return f"ip netns exec {netns} sysctl -qw {' '.join(settings)}; "


def _port(port: str, words: str) -> str:
    return f"ip netns exec lan bridge link set dev {port} {words}; "


def _nft(netns: str, text: str) -> str:
    return f"ip netns exec {netns} nft -f - <<'E'\n{text}\nE\n"


_CLOSED = "table inet f {\n chain in {\n type filter hook input priority 0; policy drop;\n tcp dport 22 accept\n }\n}"
_SHUT = f"{_CLOSED}\ntable inet g {{\n chain out {{\n type filter hook output priority 0; policy drop;\n }}\n}}"

SCENES = {
    # A parent and its children.
    "shim": Scene("", ". web", ("(a shim)", "hairpin on", "a second network")),
    "shim, IPv6": Scene(_V6, ". web -l icmp6", ("(a shim)", "hairpin on", "a second network")),
    "own child": Scene(_OWN_CHILD.format(32), ". web", ("a route to host/web by its own child m1", "is on the link")),
    "vepa": Scene("ip -n web link set eth0 type macvlan mode vepa", ". web", ("to bridge mode, give host",)),
    "passthru": Scene(_ANEW.format("passthru"), ". web", ("anew, in bridge mode, give host",)),
    "in one namespace": Scene(
        _OWN_CHILD.format(24), ".:eth0 .:m1",
        ("of its own, give host another child", "and let the switch reflect", "from its own addresses, and"),
    ),
    "who answers": Scene(
        _OWN_CHILD.format(24), "far .:m1", ("answer ARP only for its own", "into a namespace of its own", "by hand")
    ),
    "private siblings": Scene(_SIBLING.format("private", "private"), "web db", ("to bridge mode",)),
    "vepa siblings": Scene(_SIBLING.format("vepa", "vepa"), "web db", ("to bridge mode", "hairpin on")),
    "no queue": Scene(
        f"{_SIBLING.format('bridge', 'bridge')}; ip -n db link set eth0 type macvlan bcqueuelen 0;"
        " ip -n web link set eth0 type macvlan bcqueuelen 0",
        "far db",
        ("a broadcast queue",),
    ),
    "not on the list": Scene(
        "ip -n web link set eth0 type macvlan mode source macaddr add 02:00:00:00:00:01", "far web",
        ("let host/web:eth0 hear far:eth0", "to bridge mode"),
    ),
    "VM behind a child": Scene(
        "ip netns del web; ip netns add vm; ip -n machine link add br9 type bridge; ip -n machine link set br9 up;"
        " ip -n machine link add link eth0 name m1 type macvlan mode bridge; ip -n machine link set m1 master br9 up;"
        " ip -n machine link add tap9 type veth peer name eth0 netns vm; ip -n machine link set tap9 master br9 up;"
        " ip -n vm address add 192.168.26.30/24 dev eth0; ip -n vm link set eth0 up",
        "vm far", ("anew, in passthru mode",),
    ),
    # What is down, or closed.
    "child down": Scene("ip -n web link set eth0 down", "far web", ("bring up host/web:eth0",)),
    "port down": Scene("ip -n lan link set p1 down", ". far", ("bring up the switch port of far:eth0",)),
    "no master": Scene("ip -n lan link set p1 nomaster", ". far", ("port of far:eth0",)),
    "bridge down": Scene("ip -n lan link set br0 down", ". far", ("bring up lan",)),
    "port disabled": Scene(_port("p1", "state 0"), ". far", ("port of far:eth0",)),
    "all down": Scene(
        "ip -n lan link set p0 down; ip -n machine link set eth0 down; ip -n far link set eth0 down", ". far",
        ("bring up host:eth0",),
    ),
    "isolated": Scene(_port("p0", "isolated on") + _port("p1", "isolated on"), ". far", ("set isolated off",)),
    "no broadcasts": Scene(_port("p1", "bcast_flood off"), ". far", ("set bcast_flood on", "neighbours by hand")),
    "no groups": Scene(_V6 + _port("p1", "mcast_flood off"), ". far -l icmp6", ("set mcast_flood on",)),
    "locked": Scene(_port("p1", "locked on learning off") + _FLUSH[2:], ". far", ("admit", "set locked off")),
    "suppressed": Scene(
        _port("p1", "neigh_suppress on flood off bcast_flood off"), ". far", ("let lan know where host:eth0",)
    ),
    "proxy": Scene(
        "ip -n lan link set p1 type bridge_slave proxy_arp on bcast_flood off;"
        " ip -n lan neigh add 192.168.26.20 lladdr 02:00:00:00:00:99 dev br0",
        ". far", ("set proxy_arp off",),
    ),
    "no arp": Scene("ip -n far link set eth0 arp off", ". far", ("switch arp on",)),
    # VLANs, tunnels, sizes.
    "no remote": Scene(
        "".join(
            f"ip -n {netns} link add vx0 type vxlan id 7 dstport 4789 dev eth0;"
            f" ip -n {netns} address add {ip}/24 dev vx0; ip -n {netns} link set vx0 up; "
            for netns, ip in (("machine", "10.7.0.1"), ("far", "10.7.0.2"))
        ),
        ". far:vx0", ("with the other end as a remote",),
    ),
    "mtu": Scene(
        "ip -n machine link set eth0 mtu 9000; ip -n lan link set p0 mtu 9000", "machine far -l icmp/4000",
        ("raise the MTU",),
    ),
    # Addresses and routes.
    "no forwarding": Scene(_ROUTES, ". b", ("let host/r forward",), ROUTED),
    "no route": Scene(_FORWARD, ". b", ("add routes through host/r: host by 10.1.0.1, b by",), ROUTED),
    "neither": Scene("", ". b", ("forward packets, and add routes",), ROUTED),
    "another gateway": Scene(
        f"{_FORWARD}{_ROUTES}ip -n machine route replace default via 10.1.0.9", ". b", ("host by 10.1.0.1",), ROUTED
    ),
    "stray route": Scene(
        f"{_FORWARD}{_ROUTES}ip -n machine route add 10.2.0.0/24 dev eth0", ". b", ("take away the route 10.2",), ROUTED
    ),
    "blackhole by a rule": Scene(
        f"{_FORWARD}{_ROUTES}ip -n machine rule add to 10.2.0.0/24 lookup 77;"
        " ip -n machine route add blackhole default table 77",
        ". b", ("take away the rule", "take away the route blackhole"), ROUTED,
    ),
    "metrics": Scene(
        f"{_FORWARD}{_ROUTES}ip -n machine route del default; ip -n machine route add default via 10.1.0.1 metric 200;"
        " ip -n machine route add default via 10.1.0.9 metric 100",
        ". b", ("with the metric 99", "take away the route default via 10.1.0.9"), ROUTED,
    ),
    "prefix": Scene(_ADDRESS.format("192.168.26.21/30"), ". far", ("the prefix 192.168.26.21/24",)),
    "subnet": Scene(_ADDRESS.format("192.168.27.20/24"), ". far", ("into the subnet", "is on the link")),
    "one address": Scene(_ADDRESS.format("192.168.26.10/24"), ". far:eth0", ("an address of its own",), witness=False),
    "one MAC": Scene(
        "ip -n far link set eth0 address $(ip netns exec machine cat /sys/class/net/eth0/address)", ". far",
        ("a MAC of its own",),
    ),
    "two NICs": Scene(_SECOND_NIC, ".:eth0 .:eth1", ("accept packets from its own addresses",)),
    # The kernel's filters.
    "VIP": Scene(
        f"{_OWN_CHILD.format(32)}; "
        + _sysctl("machine", "net.ipv4.conf.m1.rp_filter=1", "net.ipv4.conf.all.arp_ignore=1"),
        "far 192.168.26.9", ("set rp_filter=2 in host", "set rp_filter=0"),
    ),
    "arp_ignore": Scene(
        _sysctl("far", "net.ipv4.conf.all.arp_ignore=8"), ". far", ("set arp_ignore=1", "set arp_ignore=0")
    ),
    "no echo": Scene(_sysctl("far", "net.ipv4.icmp_echo_ignore_all=1"), ". far", ("set icmp_echo_ignore_all=0",)),
    "no echo, IPv6": Scene(
        _V6 + _sysctl("far", "net.ipv6.icmp.echo_ignore_all=1"), ". far -l icmp6", ("set echo_ignore_all=0",)
    ),
    # nftables.
    "a rule": Scene(
        _nft("far", _CLOSED.replace("policy drop;", "ip saddr 192.168.26.10 counter drop")),
        ". far", ("take away the rule 'ip saddr 192.168.26.10 counter", "pass: icmp type"),
    ),
    "a policy": Scene(_nft("far", _CLOSED), ". far", ("let inet f/in in far pass: icmp type",)),
    "a policy, IPv6": Scene(_V6 + _nft("far", _CLOSED), ". far -l icmp6", ("pass: meta l4proto ipv6-icmp",)),
    "a policy, TCP": Scene(_nft("far", _SHUT), ". far -l tcp/7", ("pass: tcp dport 7 accept and ct state",)),
    "a router's policy": Scene(
        _ROUTES + _FORWARD + _nft("r", _CLOSED.replace("chain in", "chain on").replace("input", "forward")), ". b",
        ("let inet f/on in host/r pass: icmp type",), ROUTED,
    ),
}  # fmt: skip

_BOND = """
netns add machine
netns add lan
netns add far
-n lan link add br0 type bridge mcast_snooping 0
-n lan link set br0 up
-n machine link add bond0 type bond mode active-backup
-n machine link add w0 type veth peer name p0 netns lan
-n machine link add w1 type veth peer name p1 netns lan
-n far link add eth0 type veth peer name p2 netns lan
-n machine link set w0 master bond0
-n machine link set w1 master bond0
-n lan link set p0 master br0 up
-n lan link set p1 master br0 up
-n lan link set p2 master br0 up
-n machine link set bond0 type bond active_slave w0
-n machine address add 192.168.26.10/24 dev bond0
-n machine link set bond0 up
-n far address add 192.168.26.20/24 dev eth0
-n far link set eth0 up
"""
_TAGGED = "".join(
    f"ip -n {netns} link add link eth0 name eth0.10 type vlan id 10; ip -n {netns} address add {ip}/24 dev eth0.10;"
    f" ip -n {netns} link set eth0.10 up; "
    for netns, ip in (("machine", "10.10.0.1"), ("far", "10.10.0.2"))
)
_IPVLAN = (
    "ip -n web link del eth0; ip -n machine link add link eth0 name i0 netns web type ipvlan mode {};"
    " ip -n web link set i0 name eth0; ip -n web address add {}/24 dev eth0; ip -n web link set eth0 up"
)
#: Kinds of links that not every kernel has: for a guest.
OTHERS = {
    "ipvlan shim": Scene(_IPVLAN.format("l2", "192.168.26.11"), ". web", ("an ipvlan child of its own",)),
    "ipvlan l3": Scene(
        f"{_IPVLAN.format('l3', '10.7.0.5')}; ip -n web route add default dev eth0", "far web",
        ("a route to host/web by 192.168.26.10",),
    ),
    "bond": Scene("ip -n lan link set p0 down", ". far", ("look at its members (miimon)",), _BOND, witness=False),
    "another pvid": Scene(
        f"{_FILTERING}ip netns exec lan bridge vlan add vid 20 pvid untagged dev p1", ". far", ("its pvid",)
    ),
    "no pvid": Scene(_FILTERING, ". far", ("its pvid",)),
    "tags": Scene(
        f"{_TAGGED}ip -n lan link set br0 type bridge vlan_filtering 1;"
        " ip netns exec lan bridge vlan add vid 10 dev p0",
        ". far:eth0.10", ("carry VLAN 10 with a tag",),
    ),
}  # fmt: skip

CNI = f"{os.environ.get('CNI_PATH', '/usr/lib/cni')}/macvlan"
NETAVARK = os.environ.get("NETAVARK", "/usr/lib/podman/netavark")
_CNI = {
    "cniVersion": "0.4.0", "name": "lan", "type": "macvlan", "master": "eth0", "mode": "bridge",
    "ipam": {"type": "static", "addresses": [{"address": "192.168.26.40/24"}]},
}  # fmt: skip
_PODMAN = {
    "container_id": "a" * 32, "container_name": "pod",
    "networks": {"lan": {"interface_name": "eth0", "static_ips": ["192.168.26.40"]}},
    "network_info": {
        "lan": {
            "name": "lan", "id": "b" * 64, "driver": "macvlan", "network_interface": "eth0",
            "created": "2026-01-01T00:00:00Z",
            "subnets": [{"subnet": "192.168.26.0/24", "gateway": "192.168.26.20"}], "ipv6_enabled": False,
            "internal": False, "dns_enabled": False, "ipam_options": {"driver": "host-local"},
        }
    },
}  # fmt: skip
#: Program → a machine on which it has made a pod.
TOOLS = {
    CNI: Scene(
        f"ip netns add pod; echo '{json.dumps(_CNI)}' | CNI_COMMAND=ADD CNI_CONTAINERID=pod CNI_NETNS=/run/netns/pod"
        f" CNI_IFNAME=eth0 CNI_PATH={os.path.dirname(CNI)} ip netns exec machine {CNI} >/dev/null",
        ". pod", ("(a shim)", "hairpin on"),
    ),
    NETAVARK: Scene(
        "mount -t tmpfs none /run/lock; ip netns add pod; ip -n pod link set lo up;"
        f" echo '{json.dumps(_PODMAN)}' |"
        f" ip netns exec machine {NETAVARK} --config /run/lock setup /run/netns/pod >/dev/null",
        ". pod", ("(a shim)", "hairpin on"),
    ),
}  # fmt: skip
