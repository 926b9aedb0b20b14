"""For each rule that decides what becomes of a probe, a lab in which it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from netlab import plan
from netlab.contract.kernels import NEWEST, Version
from netlab.contract.types import Neighbor, State
from tests.model.lab import Lab
from tests.model.members import BONDS
from tests.model.test_routing import routed
from tests.model.test_same_namespace import demo
from tests.model.test_source_mode import lab as sourced
from tests.nftables.rulesets import BRIDGED, DOCKER, FILTERS, HOST, ROUTER, TRANSLATIONS, topology

H, X = "h:eth0", "x:eth0"
C1, C2, D = "h/c1:eth0", "h/c2:eth0", "h:d0"


def two(*, x: dict[str, Any] | None = None, **port: Any) -> Lab:
    """h and x on one switch; h's port has options."""
    lab = Lab().veth(H, "10.0.0.1/24", "fd00::1/64", port=port)
    return lab.veth(X, "10.0.0.2/24", "fd00::2/64", **(x or {}))


def two_nics() -> Lab:
    """h with two interfaces on one switch."""
    return Lab().veth(H, "10.0.0.1/24").veth("h:eth1", "10.0.0.2/24")


def children(mode: str, hairpin: bool = True, **options: Any) -> Lab:
    """h with two children of a mode, and x."""
    lab = two(hairpin=hairpin)
    for k in (1, 2) if mode != "passthru" else (1,):
        lab.child(f"h/c{k}:eth0", H, mode, f"10.0.0.{10 + k}/24", f"fd00::{10 + k}/64", **options)
    return lab


def switch(**options: Any) -> Lab:
    """h and x on a switch with options."""
    return Lab(**options).veth(H, "10.0.0.1/24").veth(X, "10.0.0.2/24")


def twins(family: int = 4) -> Lab:
    """h and g share an address, and x."""
    address = "10.0.0.1/24" if family == 4 else "fd00::1/64"
    return Lab().veth(H, address).veth("g:eth0", address).veth(X, "10.0.0.2/24" if family == 4 else "fd00::2/64")


def circle() -> Lab:
    """Two routers that send what is for b to each other."""
    lab = Lab().veth("a:eth0", "10.0.0.1/24", "fd00::1/64").veth("b:eth0", "10.9.0.1/24", "fd09::1/64")
    for k in (1, 2):
        lab.veth(f"r{k}:eth0", f"10.0.0.{10 + k}/24", f"fd00::{10 + k}/64").sysctl(f"r{k}", "/ip_forward", 1)
        lab.sysctl(f"r{k}", "all/forwarding", 1, family=6)
    for host, gate in (("a", 11), ("r1", 12), ("r2", 11)):
        lab.route(host, "10.9.0.0/24", via=f"10.0.0.{gate}").route(host, "fd09::/64", via=f"fd00::{gate}")
    return lab


def astray() -> Lab:
    """The router by which a sends what is for b knows no route to it."""
    lab = Lab().veth("a:eth0", "10.0.0.1/24").veth("b:eth0", "10.9.0.1/24").veth("r:eth0", "10.0.0.254/24")
    return lab.sysctl("r", "/ip_forward", 1).route("a", "10.9.0.0/24", via="10.0.0.254")


def same_mac() -> Lab:
    """Two hosts, a child of each, and both children with one MAC."""
    lab = two()
    for k, parent in enumerate((H, X), 1):
        host = parent.partition(":")[0]
        lab.child(f"{host}/c1:eth0", parent, "bridge", f"10.0.0.{10 + k}/24", mac="02:00:00:00:00:07")
    return lab


def without_arp() -> Lab:
    """h asks nobody for a MAC, and hears no question."""
    return two().change(H, arp=False)


def on_a_dummy() -> Lab:
    """Two children of a dummy of h."""
    lab = Lab().dummy(D, "10.0.0.1/24").child(C1, D, "bridge", "10.0.0.11/24")
    return lab.child(C2, D, "bridge", "10.0.0.12/24")


def ipvlans(mode: str, flag: str = "bridge", hairpin: bool = False) -> Callable[[], Lab]:
    """Two ipvlan children of h; x, with a static entry in l3."""

    def made() -> Lab:
        lab = two(hairpin=hairpin).ipvlan(C1, H, mode, flag, "10.0.0.11/24")
        return lab.ipvlan(C2, H, mode, flag, "10.0.0.12/24")

    return made


def tunnel(entry: str = "", back: str = "10.0.0.1", **options: Any) -> Lab:
    """h and x with an end of a VXLAN each."""
    lab = two()
    mac = {"entries": (("02:00:00:00:00:77", entry),), "mac": "02:00:00:00:00:66"} if entry else {}
    lab.vxlan("h:v", H, "10.9.0.1/24", **{"remotes": ("10.0.0.2",), **options, **mac})
    x: dict[str, Any] = {"mac": "02:00:00:00:00:77"} if entry else {}
    return lab.vxlan("x:v", X, "10.9.0.2/24", remotes=(back,) if back else (), **x)


def unnumbered() -> Lab:
    """h has an end of a VXLAN, and no address."""
    return tunnel().change(H, addresses=()).change("h:v", addresses=())


def tunnel_to_itself() -> Lab:
    """A route of h leads what is for x into the tunnel to x."""
    lab = Lab().veth(H, "10.0.0.1/24").vxlan("h:v", "h:v", "10.0.0.3/24", remotes=("10.0.0.2",))
    return lab.veth(X, "10.0.0.2/24")


def echoed() -> Lab:
    """x has the MAC of h's end of the VXLAN behind its own end, on a bridge."""
    return tunnel().change("x:v", mac="02:00:00:00:00:66").change("h:v", mac="02:00:00:00:00:66")


def ipvlan_beside() -> Lab:
    """An l3 child in its parent's namespace, of which no other interface has IPv6; and x."""
    lab = Lab().veth(H, "10.0.0.1/24").ipvlan("h:i", H, "l3", "bridge", "10.0.0.11/24", "fd00::11/64")
    return lab.veth(X, "10.0.0.2/24", "fd00::2/64")


def isolated() -> Lab:
    """Both ports isolated."""
    return two(x={"port": {"isolated": True}}, isolated=True)


def ways(type: str = "unicast") -> Lab:
    """h asks for x by a route of a type, and the other wire of h is another subnet."""
    lab = Lab("s1", "s2").veth(H, "10.0.0.1/24", "fd00::1/64", switch="s1").veth("h:eth1", "10.1.0.1/24", switch="s2")
    lab.veth(X, "10.0.0.2/24", "fd00::2/64", switch="s1")
    via = {} if type != "unicast" else {"dev": "eth0"}
    return lab.route("h", "10.0.0.2/32", type=type, **via).route("h", "fd00::2/128", type=type, **via)


def two_hops() -> Lab:
    """a has two next hops to x, which is asked by one interface of it or by the other."""
    lab = Lab("s1", "s2").veth("a:eth0", "10.0.0.1/24", switch="s1").veth("a:eth1", "10.1.0.1/24", switch="s2")
    lab.veth(X, "10.0.0.2/24", "10.9.0.1/32", switch="s1").veth("x:eth1", "10.1.0.2/24", switch="s2")
    return lab.target("10.9.0.1").route("a", "10.9.0.1/32", hops=("10.0.0.2", "10.1.0.2"))


def by_source() -> Lab:
    """A rule of h for packets from its own address, of which a program knows only at connect()'s second look."""
    return two().rule("h", table=7, priority=100, src="10.0.0.1/32").route("h", "10.0.0.2/32", type="prohibit", table=7)


def redirected() -> Lab:
    """a reaches b by a router on their own link."""
    lab = Lab().veth("a:eth0", "10.0.0.1/24").veth("b:eth0", "10.0.1.1/16").veth("r:eth0", "10.0.0.2/16")
    return lab.sysctl("r", "/ip_forward", 1).route("a", "10.0.1.0/24", via="10.0.0.2")


def trunk() -> Lab:
    """A small MTU between two switches."""
    lab = Lab("s1", "s2").trunk("s2", "s1", mtu=1300).veth(H, "10.0.0.1/24", switch="s1")
    return lab.veth(X, "10.0.0.2/24", switch="s2")


def other_subnet() -> Lab:
    """h and x in different subnets of one wire."""
    lab = Lab().veth(H, "10.1.0.1/24", "fd01::1/64").veth(X, "10.2.0.1/24", "fd02::1/64")
    return lab.route("x", "10.1.0.0/24", dev="eth0")


def both_wires() -> Lab:
    """h with two wires, in one subnet."""
    lab = Lab().veth(H, "10.0.0.1/24", "fd00::1/64").veth("h:eth1", "10.0.0.2/24", "fd00::3/64")
    return lab.veth(X, "10.0.0.9/24", "fd00::9/64")


def one_prefix_on_two_wires() -> Lab:
    """a reaches x by a router that has two wires in their subnet, of which the first leads elsewhere."""
    lab = Lab("s1", "s2").veth("a:eth0", "fd00::1/64", switch="s2").veth(X, "fd00::2/64", switch="s2")
    lab.veth("r:eth0", "fd00::3/64", switch="s1").veth("r:eth1", "fd00::4/64", switch="s2")
    return lab.sysctl("r", "all/forwarding", 1, family=6).route("a", "fd00::2/128", via="fd00::4")


def broadcast_address() -> Lab:
    """x has an address that is the broadcast address of h's subnet."""
    return Lab().veth(H, "10.0.0.1/30").veth(X, "10.0.0.3/24")


def own_mac() -> Lab:
    """x has the MAC of the switch."""
    lab = two()
    return lab.change(X, mac=lab.links[0].mac)


def without_ipv6() -> Lab:
    """A parent without IPv6, and a child with it."""
    lab = Lab().veth(H, "10.0.0.1/24").child(C1, H, "bridge", "fd00::11/64")
    return lab.veth(X, "10.0.0.2/24", "fd00::2/64")


def silent() -> Lab:
    """x answers no ping."""
    return two().sysctl("x", "/icmp_echo_ignore_all", 1).sysctl("x", "/icmp/echo_ignore_all", 1, family=6)


def fixed() -> Lab:
    """h knows x's MAC for good."""
    lab = two()
    mac = next(link.mac for link in lab.links if link.id == X)
    lab = Lab().veth(H, "10.0.0.1/24", neighbors=[("10.0.0.2", mac)])
    return lab.veth(X, "10.0.0.2/24", mac=mac)


class Text:
    """A lab as a file has it."""

    def __init__(self, text: str, step: int = 0, kernel: tuple[int, int] = NEWEST) -> None:
        self.text = text
        self.step = step
        self.kernel = Version(*kernel)

    def state(self) -> State:
        """The state of its baseline, or of a step."""
        return plan.from_file(self.text, "t", self.kernel).steps[self.step].state


def bridged() -> Text:
    """A host with a bridge: two containers and a macvlan child on it, and the host's own wire as a port."""
    return Text(
        """
switches: {lan: {}}
hosts:
  h:
    interfaces:
      br0: {type: bridge, addresses: [10.0.0.1/24]}
      eth0: {switch: lan, master: br0}
    containers:
      c1: {interfaces: {eth0: {bridge: br0, addresses: [10.0.0.11/24]}}}
      c2: {interfaces: {eth0: {bridge: br0, addresses: [10.0.0.12/24]}}}
      m1: {interfaces: {eth0: {type: macvlan, parent: br0, mode: bridge, addresses: [10.0.0.13/24]}}}
      v1: {interfaces: {eth0: {peer: "h/v2:eth0", addresses: [10.0.0.14/24]}}}
      v2: {interfaces: {eth0: {peer: "h/v1:eth0", addresses: [10.0.0.15/24]}}}
  x: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
"""
    )


def parent_down(kernel: tuple[int, int] = NEWEST) -> Text:
    """Two ipvlan children whose parent is set down."""
    return Text(
        """
switches: {lan: {}}
hosts:
  h:
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}
    containers:
      c1: {interfaces: {eth0: {type: ipvlan, mode: l2, parent: eth0, addresses: [10.0.0.11/24]}}}
      c2: {interfaces: {eth0: {type: ipvlan, mode: l2, parent: eth0, addresses: [10.0.0.12/24]}}}
steps: [{name: down, set: {"h:eth0": {state: down}}}, {name: up, set: {"h:eth0": {state: up}}}]
""",
        1,
        kernel,
    )


def vm_behind() -> Text:
    """A container on a bridge whose way out is a macvlan child."""
    lab = bridged()
    lab.text = lab.text.replace("master: br0}", "addresses: [10.0.0.3/24]}").replace(
        "    containers:", "      out: {type: macvlan, parent: eth0, mode: bridge, master: br0}\n    containers:"
    )
    return lab


def tagging() -> Text:
    """A host with two vlan interfaces, beside one with one of them and one with none, on a VLAN-unaware switch."""
    return Text(
        """
switches: {lan: {}}
hosts:
  h:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.1/24]}
      v10: {type: vlan, parent: eth0, id: 10, addresses: [10.0.10.1/24]}
  x:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.2/24]}
      v10: {type: vlan, parent: eth0, id: 10, addresses: [10.0.10.2/24]}
  y: {interfaces: {eth0: {switch: lan, addresses: [10.0.10.3/24]}}}
"""
    )


def aware() -> Text:
    """A VLAN-aware switch: two access ports of VLAN 10, one of VLAN 20, and two that only take tags."""
    return Text(
        """
switches: {lan: {vlan_filtering: true}}
hosts:
  h: {interfaces: {eth0: {switch: lan, port: {pvid: 10}, addresses: [10.0.0.1/24]}}}
  x: {interfaces: {eth0: {switch: lan, port: {pvid: 10}, addresses: [10.0.0.2/24]}}}
  y: {interfaces: {eth0: {switch: lan, port: {pvid: 20}, addresses: [10.0.0.3/24]}}}
  t:
    interfaces:
      eth0: {switch: lan, port: {pvid: 0, tagged: [10]}, addresses: [10.0.0.4/24]}
      v10: {type: vlan, parent: eth0, id: 10, addresses: [10.0.0.5/24]}
      v20: {type: vlan, parent: eth0, id: 20, addresses: [10.0.0.6/24]}
"""
    )


def filtered(base: str, host: str, ruleset: str) -> Text:
    """A lab of the tests of rulesets, with one of them."""
    return Text(topology(base, host, {"filtered": ruleset}), step=1)


def port_named() -> Text:
    """A container that has the MAC of the bridge's own wire."""
    lab = bridged()
    lab.text = lab.text.replace("master: br0", "master: br0, mac: 02:00:00:00:00:07").replace(
        "bridge: br0, addresses: [10.0.0.12/24]", "bridge: br0, addresses: [10.0.0.12/24], mac: 02:00:00:00:00:07"
    )
    return lab


P, C, B = "A:eth0", "A:c", "B:eth0"
#: Each rule's lab, layer, source and destination.
SCENES: dict[str, tuple[Callable[[], Lab | Text], str, str, str]] = {
    **BONDS,
    "bridge/own-interface": (bridged, "icmp", "h/c1:eth0", "h:br0"),
    "bridge/own-mac-from-above": (bridged, "unicast", "h/m1:eth0", "h:br0"),
    "bridge/port-hears-nothing": (bridged, "broadcast", "x:eth0", "h:eth0"),
    "bridge/port-mac-from-above": (port_named, "unicast", "h:br0", "h/c2:eth0"),
    "bridge/promiscuous-with-children": (bridged, "icmp", "x:eth0", "h/m1:eth0"),
    "macvlan/only-passthru-feeds-a-bridge": (vm_behind, "icmp", "x:eth0", "h/c1:eth0"),
    "vlan/demux-by-tag": (tagging, "icmp", "h:v10", "x:v10"),
    "vlan/tags-what-it-sends": (tagging, "unicast", "h:v10", "x:v10"),
    "vlan/no-child-for-the-tag": (tagging, "broadcast", "h:v10", "y:eth0"),
    "bridge/vlan-by-pvid": (aware, "icmp", "h:eth0", "x:eth0"),
    "bridge/vlan-ends-here": (aware, "broadcast", "h:eth0", "y:eth0"),
    "bridge/vlan-leaves-tagged": (aware, "icmp", "h:eth0", "t:v10"),
    "bridge/vlan-not-admitted": (aware, "broadcast", "t:v20", "y:eth0"),
    "bridge/vlan-untagged-refused": (aware, "broadcast", "t:eth0", "h:eth0"),
    "veth/other-end": (bridged, "icmp", "h/v1:eth0", "h/v2:eth0"),
    "arp/announce": (lambda: demo("P", arp_ignore=1), "icmp", "B:eth0", "A:c"),
    "arp/answers": (two, "arp", H, X),
    "arp/any-interface-answers": (demo, "icmp", B, C),
    "arp/arp-filter": (lambda: demo("C", arp_filter=1, arp_ignore=1), "arp", B, P),
    "arp/arp-ignore": (lambda: two().sysctl("x", "all/arp_ignore", 8), "arp", H, X),
    "arp/arp-off": (without_arp, "icmp", X, H),
    "arp/asker-refused": (lambda: demo(hairpin=True), "icmp", P, C),
    "arp/not-here": (lambda: children("vepa"), "icmp", X, C1),
    "bridge/bcast-flood-off": (lambda: two(bcast_flood=False), "icmp", X, H),
    "bridge/fdb-max-learned": (lambda: switch(fdb_max_learned=1), "icmp", H, X),
    "bridge/flood-off": (lambda: two(flood=False), "unicast", X, H),
    "bridge/hairpin": (lambda: children("vepa"), "icmp", C1, C2),
    "bridge/learned": (two, "icmp", H, X),
    "bridge/mcast-flood-off": (lambda: two(mcast_flood=False), "icmp6", X, H),
    "bridge/no-reflection": (lambda: children("vepa", False), "icmp", C1, C2),
    "bridge/own-mac": (own_mac, "unicast", H, X),
    "bridge/port-detached": (lambda: two(attached=False), "broadcast", H, X),
    "bridge/port-isolated": (isolated, "icmp", H, X),
    "bridge/port-locked": (lambda: two(locked=True), "broadcast", H, X),
    "bridge/port-mtu": (trunk, "icmp/1400", H, X),
    "bridge/port-state-egress": (lambda: two(state="listening"), "broadcast", X, H),
    "bridge/port-state-ingress": (lambda: two(state="learning"), "broadcast", H, X),
    "bridge/switch-down": (lambda: switch(up=False), "broadcast", H, X),
    "dummy/swallows": (on_a_dummy, "icmp", C1, D),
    "icmp/echo-ignore-all": (silent, "icmp", H, X),
    "icmp6/echo-ignore-all": (silent, "icmp6", H, X),
    "icmp6/reply-prefers-ingress": (both_wires, "icmp6", X, "h:eth1"),
    "ip/answer-to-broadcast-address": (broadcast_address, "icmp", X, H),
    "ip/bound-means-on-link": (other_subnet, "icmp", H, X),
    "ip/delivered": (two, "icmp", H, X),
    "ip/forwarded": (routed, "icmp", "a:eth0", "b:eth0"),
    "ip/fragmentation-needed": (lambda: routed(mtu=1400), "icmp/1450", "a:eth0", "b:eth0"),
    "ip/local-source-refused": (lambda: demo(hairpin=True), "icmp", C, P),
    "ip/message-too-long": (two, "icmp/1501", H, X),
    "ip/not-forwarding": (lambda: routed(False), "icmp", "a:eth0", "b:eth0"),
    "ip/own-address-by-loopback": (lambda: demo(hairpin=True, accept_local=1, arp_ignore=1), "icmp", C, P),
    "ip/redirect": (redirected, "icmp", "a:eth0", "b:eth0"),
    "ip/rp-filter": (lambda: demo("P", rp_filter=1), "icmp", C, B),
    "ip/rp-filter-no-way-back": (
        lambda: Lab().veth(H, "10.1.0.1/24").veth(X, "10.2.0.1/24").sysctl("x", "all/rp_filter", 2),
        "icmp", H, X,
    ),
    "ip/ttl-exceeded": (circle, "icmp", "a:eth0", "b:eth0"),
    "ip/unreachable": (astray, "icmp", "a:eth0", "b:eth0"),
    "ip/broadcast-address": (broadcast_address, "host:icmp", "h", X),
    "ip/multipath": (two_hops, "host:icmp", "a", X + "@10.9.0.1"),
    "ip/source-of-interface": (ways, "host:icmp", "h", X),
    "ip/source-of-route": (two, "host:icmp", "h", X),
    "tcp/connect-looks-twice": (by_source, "host:tcp", "h", X),
    "route/blackhole": (lambda: ways("blackhole"), "host:icmp", "h", X),
    "route/prohibit": (lambda: ways("prohibit"), "host:icmp6", "h", X),
    "route/unreachable": (lambda: ways("unreachable"), "host:tcp", "h", X),
    "ipv6/source-address": (two, "host:udp6", "h", X),
    "ip/no-route-back": (lambda: Lab().veth(H, "10.1.0.1/24").veth(X, "10.2.0.1/24"), "icmp", H, X),
    "ipv6/no-route-back": (lambda: other_subnet().route("h", "fd02::/64", dev="eth0"), "icmp6", H, X),
    "multicast/joined": (two, "mcast", H, X),
    "multicast/source-refused": (two_nics, "mcast", H, "h:eth1"),
    "neigh/another-machine-answers": (twins, "icmp", X, H),
    "ipv6/delivered": (two, "icmp6", H, X),
    "ipv6/disabled": (without_ipv6, "ndp", X, C1),
    "ipv6/forwarding-prefers-ingress": (one_prefix_on_two_wires, "icmp6", "a:eth0", X),
    "ipv6/forwarded": (routed, "icmp6", "a:eth0", "b:eth0"),
    "ipv6/hop-limit": (circle, "icmp6", "a:eth0", "b:eth0"),
    "ipv6/message-too-long": (two, "icmp6/1501", H, X),
    "ipv6/not-forwarding": (lambda: routed(False), "icmp6", "a:eth0", "b:eth0"),
    "ipv6/own-address-by-loopback": (both_wires, "icmp6", H, "h:eth1"),
    "ipv6/packet-too-big": (lambda: routed(mtu=1400), "icmp6/1450", "a:eth0", "b:eth0"),
    "ipv6/unreachable": (other_subnet, "icmp6", H, X),
    "link/down": (lambda: two(x={"up": False}), "icmp", H, X),
    "bridge/same-mac-twice": (
        lambda: two().change(X, mac="02:00:00:00:00:09").change(H, mac="02:00:00:00:00:09"), "icmp", H, X,
    ),
    "ipvlan/forward-mtu": (lambda: ipvlans("l2")().change(C2, mtu=1400), "icmp/1450", C1, C2),
    "ipvlan/l2-bridge-direct": (ipvlans("l2"), "icmp", C1, C2),
    "ipvlan/l2-child-to-parent-oneway": (ipvlans("l2"), "icmp-static", C1, H),
    "ipvlan/l2-mcast-external": (ipvlans("l2"), "broadcast", X, C1),
    "ipvlan/l2-mcast-fanout": (ipvlans("l2"), "broadcast", C1, C2),
    "ipvlan/l2-mcast-reflected": (ipvlans("l2", hairpin=True), "icmp", C1, H),
    "ipvlan/l2-private-drop": (ipvlans("l2", "private"), "icmp-static", C1, C2),
    "ipvlan/l2-wire": (ipvlans("l2"), "icmp", C1, X),
    "ipvlan/l3-bridge-direct": (ipvlans("l3"), "icmp", C1, C2),
    "ipvlan/l3-dead-loop": (ipvlan_beside, "icmp6", "h:i", X),
    "ipvlan/l3-no-broadcast": (ipvlans("l3"), "broadcast", C1, X),
    "ipvlan/l3-parent-routes": (ipvlans("l3"), "icmp", C1, X),
    "ipvlan/l3-private-drop": (ipvlans("l3", "private"), "icmp", C1, C2),
    "ipvlan/l3s-parent-hooks": (ipvlans("l3s"), "icmp-static", X, C1),
    "ipvlan/parent-down-stops-children": (parent_down, "icmp", C1, C2),
    "ipvlan/parent-down-unnoticed": (lambda: parent_down((6, 9)), "icmp", C1, C2),
    "ipvlan/rx-by-ip": (ipvlans("l2"), "icmp", X, C1),
    "link/apart": (lambda: Lab("s1", "s2").veth(H, switch="s1").veth(X, switch="s2"), "broadcast", H, X),
    "link/no-carrier": (lambda: two(up=False), "icmp", H, X),
    "macvlan/bcqueuelen-zero": (lambda: children("bridge", bcqueuelen=0), "icmp", X, C1),
    "macvlan/bridge-multicast-reflected": (
        lambda: children("bridge").child("h/v:eth0", H, "vepa", "10.0.0.20/24").kernel(7, 1), "broadcast", C1,
        "h/v:eth0",
    ),
    "macvlan/bridge-multicast-reflected-to-all": (lambda: children("bridge").kernel(7, 2), "broadcast", C1, C2),
    "macvlan/bridge-sibling-multicast": (lambda: children("bridge"), "broadcast", C1, C2),
    "macvlan/bridge-sibling-unicast": (lambda: children("bridge"), "unicast", C1, C2),
    "macvlan/broadcast-queue-races": (demo, "icmp", B, P),
    "macvlan/child-tx-skips-parent": (lambda: children("bridge", False), "icmp", C1, H),
    "macvlan/child-tx-wire-only": (lambda: children("vepa"), "icmp", C1, C2),
    "macvlan/demux-by-mac": (lambda: children("private"), "unicast", X, C1),
    "macvlan/outside-multicast": (lambda: children("private"), "broadcast", X, C1),
    "macvlan/own-multicast-comes-back-alone": (lambda: children("private"), "icmp", C1, C2),
    "macvlan/parent-tx-skips-children": (lambda: children("bridge", False), "icmp", H, C1),
    "macvlan/passthru-down-consumes": (lambda: children("passthru", up=False), "unicast", X, H),
    "macvlan/passthru-takes-unicast": (lambda: children("passthru"), "unicast", X, H),
    "macvlan/private-drops-sibling-multicast": (
        lambda: children("bridge").child("h/p:eth0", H, "private", "10.0.0.20/24"), "broadcast", C1, "h/p:eth0",
    ),
    "macvlan/sender-gets-no-copy": (lambda: same_mac().kernel(7, 1), "icmp", C1, "x/c1:eth0"),
    "macvlan/source-copy": (sourced, "unicast", "x1:eth0", "h/s1:eth0"),
    "macvlan/source-nodst-consumes": (lambda: sourced(nodst=True), "unicast", "x1:eth0", H),
    "macvlan/source-not-by-mac": (sourced, "unicast", "x2:eth0", "h/s1:eth0"),
    "macvlan/source-not-listed": (sourced, "broadcast", "x2:eth0", "h/s1:eth0"),
    "macvlan/unknown-mac-to-parent": (
        lambda: children("bridge").change(C1, up=False), "unicast", X, C1,
    ),
    "macvlan/vepa-multicast-reflected": (lambda: children("vepa"), "broadcast", C1, C2),
    "nd/answers": (two, "ndp", H, X),
    "nd/asks-by-own-address": (
        # The longer prefix takes h's answer another way, where its address is not at home.
        lambda: both_wires().route("h", "fd00::9/128", dev="eth0"), "icmp6", X, "h:eth1",
    ),
    "nd/last-advertisement-wins": (lambda: twins(6), "icmp6", X, H),
    "nd/own-addresses-only": (both_wires, "ndp", X, "h:eth1"),
    "nd/unresolved": (two, "icmp6", H, X),
    "neigh/first-reply-wins": (demo, "icmp", B, C),
    "neigh/no-arp": (without_arp, "icmp", H, X),
    "neigh/permanent": (fixed, "icmp", H, X),
    "neigh/request-overrides": (lambda: demo("C", arp_ignore=1), "udp", B, P),
    "neigh/unresolved": (two, "icmp", H, X),
    "socket/answered": (two, "icmp", H, X),
    "socket/bound-to-another-interface": (lambda: answered_elsewhere(), "icmp", "A:eth0", B),
    "stack/other-host": (sourced, "icmp", "h/s1:eth0", "x2:eth0"),
    "nft/dropped": (lambda: filtered(HOST, "B", FILTERS["icmp"]), "icmp", "A:eth0", "B:eth0"),
    "nft/rejected": (lambda: filtered(HOST, "B", FILTERS["rejects"]), "tcp", "A:eth0", "B:eth0"),
    "nft/translated": (lambda: filtered(ROUTER, "R", TRANSLATIONS["dnat"]), "icmp", "B:eth0", "R:up"),
    "nft/masqueraded": (lambda: filtered(ROUTER, "R", TRANSLATIONS["masquerade"]), "icmp", "A:eth0", "C:eth0"),
    "bridge/nf-call-iptables": (
        lambda: filtered(DOCKER, "h", BRIDGED["within the bridge"]), "icmp", "h/c1:eth0", "h/c2:eth0",
    ),
    "tcp/own-mac-only": (
        lambda: two().change(H, neighbors=(Neighbor("10.0.0.2", "ff:ff:ff:ff:ff:ff"),)), "tcp", H, X,
    ),
    "tcp/refused": (twins, "tcp", X, H),
    "vxlan/arrives": (tunnel, "icmp", "h:v", "x:v"),
    "vxlan/by-entry": (lambda: tunnel(back=""), "icmp", "h:v", "x:v"),
    "vxlan/circular-route": (tunnel_to_itself, "broadcast", "h:v", X),
    "vxlan/no-remote": (lambda: tunnel(back=""), "broadcast", "x:v", "h:v"),
    "vxlan/no-source-address": (unnumbered, "broadcast", "h:v", "x:v"),
    "vxlan/no-way-to-remote": (lambda: tunnel().change(H, up=False), "broadcast", "h:v", "x:v"),
    "vxlan/nobody-listens": (lambda: tunnel().change("x:v", up=False), "broadcast", "h:v", "x:v"),
    "vxlan/own-mac-comes-back": (echoed, "broadcast", "h:v", "x:v"),
    "vxlan/static-entry-elsewhere": (lambda: tunnel("10.0.0.9"), "broadcast", "x:v", "h:v"),
    "vxlan/to-all-remotes": (tunnel, "broadcast", "h:v", "x:v"),
}  # fmt: skip


def answered_elsewhere() -> Lab:
    """B holds the child's MAC for the parent's address: the answer enters by the child."""
    lab = demo(arp_ignore=1)
    mac = next(link.mac for link in lab.links if link.id == C)
    return lab.change(B, neighbors=(Neighbor("10.0.0.149", mac or ""),))
