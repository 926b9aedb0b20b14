"""The labs in which rules decide what becomes of a probe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from netlab import plan
from netlab.contract.kernels import NEWEST, Version
from netlab.contract.types import Neighbor, State
from tests.model.lab import Lab
from tests.model.test_same_namespace import demo
from tests.nftables.rulesets import topology

H, X = "h:eth0", "x:eth0"
P, C, B = "A:eth0", "A:c", "B:eth0"
C1, C2, D = "h/c1:eth0", "h/c2:eth0", "h:d0"


def two(*, x: dict[str, Any] | None = None, **port: Any) -> Lab:
    """h and x on one switch; h's port has options."""
    lab = Lab().veth(H, "10.0.0.1/24", "fd00::1/64", port=port)
    return lab.veth(X, "10.0.0.2/24", "fd00::2/64", **(x or {}))


def proxied(option: str) -> Lab:
    """h and x, both of which the switch knows; h's port has an option by which it answers for others."""
    lab = two(**{option: True})
    macs = {link.id: link.mac for link in lab.links if link.id in (H, X)}
    known = (Neighbor("10.0.0.1", macs[H]), Neighbor("10.0.0.2", macs[X]))
    lab.change("lan", neighbors=known)
    for end in (H, X):
        port = next(link for link in lab.links if link.id == end).port
        lab.change(end, port=replace(port, fdb=(macs[end],)))
    return lab


def mistaken() -> Lab:
    """The same with neigh_suppress at h's port, and the switch takes x for the one that has h's address."""
    lab = proxied("neigh_suppress")
    mac = next(link.mac for link in lab.links if link.id == X)
    return lab.change("lan", neighbors=(Neighbor("10.0.0.1", mac or ""),))


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


def second_router() -> Lab:
    """Two routers share the address by which r1 sends what is for b: one sends it back, the other, later heard, on."""
    lab = Lab().veth("a:eth0", "fd00::1/64").veth("b:eth0", "fd09::1/64").veth("r1:eth0", "fd00::11/64")
    lab.veth("other:eth0", "fd00::12/64", "fd09::3/64").veth("back:eth0", "fd00::12/64")
    for router in ("r1", "back", "other"):
        lab.sysctl(router, "all/forwarding", 1, family=6)
    for host, to, gate in (("a", "fd09", "fd00::11"), ("r1", "fd09", "fd00::12"), ("back", "fd09", "fd00::11"),
                           ("b", "fd00", "fd09::3")):  # fmt: skip
        lab.route(host, f"{to}::/64", via=gate)
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


def in_groups(one: str, other: str) -> Lab:
    """h and x with an end of a VXLAN each, in these groups."""
    return tunnel().change("h:v", group=one, remotes=()).change("x:v", group=other, remotes=())


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


def answered_elsewhere() -> Lab:
    """B holds the child's MAC for the parent's address: the answer enters by the child."""
    lab = demo(arp_ignore=1)
    mac = next(link.mac for link in lab.links if link.id == C)
    return lab.change(B, neighbors=(Neighbor("10.0.0.149", mac or ""),))
