"""Labs with VRFs, as a file has them: two tenants with the same network, and routes between VRFs."""

from __future__ import annotations

from netlab.contract.types import State
from tests.model.scene_labs import Text

#: A host with two VRFs and a wire in each, and one in none. Red and blue have the same network and the same addresses.
TENANTS = """
switches: {s1: {}, s2: {}, s3: {}}
hosts:
  h:
    SYSCTLS
    interfaces:
      red: {type: vrf, table: 10, addresses: [10.9.0.1/32]}
      blue: {type: vrf, table: 20}
      eth1: {switch: s1, master: red, addresses: [10.0.0.1/24, "fd00::1/64"], duplicate: true}
      eth2: {switch: s2, master: blue, addresses: [10.0.0.1/24, "fd00::1/64"], duplicate: true}
      eth3: {switch: s3, addresses: [10.0.3.1/24]}
    routes: [ROUTES]
  r: {interfaces: {eth0: {switch: s1, addresses: [10.0.0.2/24, "fd00::2/64"]}}, routes: [{to: default, via: 10.0.0.1}]}
  b: {interfaces: {eth0: {switch: s2, addresses: [10.0.0.3/24, "fd00::3/64"]}}, routes: [{to: default, via: 10.0.0.1}]}
  o: {interfaces: {eth0: {switch: s3, addresses: [10.0.3.2/24]}}, routes: [{to: default, via: 10.0.3.1}]}
"""
R, B, OUT = "r:eth0", "b:eth0", "o:eth0"
#: Red is reached from the host's own table, by the wire itself; blue by the VRF.
LEAKS = "{to: 10.0.0.2/32, dev: eth1}, {to: 10.0.0.3/32, dev: blue}, {to: 10.0.3.0/24, dev: eth3, table: 20}"


def tenants(routes: str = "", sysctls: str = "net.ipv4.ip_forward: 1") -> Text:
    """The two tenants, with routes between them or out."""
    return Text(TENANTS.replace("ROUTES", routes).replace("SYSCTLS", f"sysctls: {{{sysctls}}}"))


def leaking() -> Text:
    """What is in the host's own table, and in blue, reach each other."""
    return tenants(LEAKS)


def circling() -> Text:
    """Two VRFs that each send what is for one address to the other."""
    return tenants("{to: 10.0.3.2/32, dev: blue, table: 10}, {to: 10.0.3.2/32, dev: red, table: 20}")


def child() -> Text:
    """A container of the host has an ipvlan child in l3s on the wire in red."""
    containers = "containers: {c: {interfaces: {i: {type: ipvlan, parent: eth1, mode: l3s, addresses: [10.0.0.9/24]}}}}"
    return Text(tenants().text.replace("    interfaces:\n", f"    {containers}\n    interfaces:\n", 1))


def state(routes: str = "", sysctls: str = "net.ipv4.ip_forward: 1") -> State:
    """The state of `tenants`."""
    return tenants(routes, sysctls).state()


VRFS = {
    "ipvlan/l3s-parent-in-vrf": (child, "icmp-static", R, "h/c:i"),
    "vrf/ip-packets-only": (tenants, "broadcast", "h:red", R),
    "vrf/sent-by-its-table": (leaking, "icmp", OUT, B),
    "vrf/socket-of-another-domain": (leaking, "host:tcp", "h", R),
    "vrf/looked-up-in-its-table": (tenants, "icmp", R, "h:eth1"),
    "vrf/route-to-itself": (circling, "icmp", "h:red", OUT),
}
