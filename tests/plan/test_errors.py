"""What is wrong with a topology as a whole: each with its place, and what would be right."""

from __future__ import annotations

import pytest

from netlab.plan import resolve
from netlab.spec import TopologyError, load
from tests.plan.labs import TWO, faults, plan

#: One switch, a host, and room for interfaces in it: the first of them is on line 5.
HOST = "switches: {s: }\nhosts:\n  A:\n    interfaces:\n"


def hosts(*interfaces: str) -> str:
    """A host A with these interfaces, one a line from line 5 on."""
    return HOST + "".join(f"      {interface}\n" for interface in interfaces)


def step(*lines: str) -> str:
    """Two hosts, and one step of these lines; the first of them is line 14."""
    return TWO + "steps:\n  - name: s\n" + "".join(f"    {line}\n" for line in lines)


def expect(*lines: str) -> str:
    """Two hosts, and these expectations, one a line from line 13 on."""
    return TWO + "expect:\n" + "".join(f"  - {line}\n" for line in lines)


@pytest.fixture(autouse=True)
def _hosts_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netlab.plan.expect.HOST_QUESTIONS", True)


CASES: list[tuple[str, str]] = [
    # --- hosts, switches, kinds
    ("hosts: {}\n", "f:1:1: there is no host; name one below 'hosts:'"),
    (
        "switches: {A: }\nhosts: {A: }\n",
        "f:2:9: there is a switch 'A' already (line 1); hosts and switches share one space of names, replicas included",
    ),
    (
        "hosts:\n  w: {replicas: 2}\n  w-2: {}\n",
        "f:3:3: there is a host 'w-2' already (line 2); hosts and switches share one space of names, replicas included",
    ),
    (
        "hosts:\n  w: {replicas: 1000000}\n",
        "f:2:3: the lab would have more than 4000 namespaces, interfaces and further addresses;"
        " fewer replicas or addresses",
    ),
    (hosts("e: {switch: t}"), "f:5:19: no switch 't'; switches: s"),
    (
        hosts("e: {}"),
        "f:5:7: A:e is neither plugged into a switch nor of a type; add 'switch: …', or 'type: macvlan' "
        "and 'parent: …'",
    ),
    (
        hosts("e: {switch: s}", "x: {parent: e}"),
        "f:6:7: A:x is neither plugged into a switch nor of a type; add 'type: macvlan'",
    ),
    (hosts("e: {type: macvaln, parent: e}"), "f:5:17: no link kind 'macvaln'; did you mean 'macvlan'?"),
    (hosts("e: {type: wifi}"), "f:5:17: no link kind 'wifi'; known: bridge, veth, macvlan, macvtap"),
    (hosts("e: {type: veth}"), "f:5:7: A:e names no switch; add 'switch: …'"),
    (hosts("x: {type: macvlan}"), "f:5:7: A:x names no parent; add 'parent: …'"),
    (hosts("e: {switch: s, mode: bridge}"), "f:5:22: 'mode' means nothing on a veth; it belongs to macvlan, macvtap"),
    (
        hosts("e: {switch: s}", "x: {type: macvlan, parent: e, port: {hairpin: on}}"),
        "f:6:37: 'port' means nothing on a macvlan; it belongs to veth",
    ),
    # --- parents
    (
        hosts("ens160: {switch: s}", "ens160.1: {type: macvlan, parent: ens161}"),
        "f:6:41: no interface 'ens161' in A; did you mean 'ens160'?",
    ),
    (
        hosts("ens160: {switch: s}", "x: {type: macvlan, parent: ens16}"),
        "f:6:34: no interface 'ens16' in A; did you mean 'ens160'?",
    ),
    (
        TWO.replace(
            "c1: {interfaces: {eth0: {type: macvlan, parent: eth0",
            "c1: {interfaces: {eth0: {type: macvlan, parent: B:eth0",
        ),
        "f:7:55: 'B:eth0' is not an interface of A; a child sits on its own host; interfaces of A: eth0",
    ),
    (hosts("x: {type: macvlan, parent: x}"), "f:5:34: A:x cannot be its own parent"),
    (
        hosts("e: {switch: s}", "x: {type: macvlan, parent: y}", "y: {type: macvlan, parent: x}"),
        "f:6:34: the parents of A:x go round in a circle\nf:7:34: the parents of A:y go round in a circle",
    ),
    (
        hosts("e: {switch: s}", "x: {type: macvlan, parent: e}", "y: {type: macvlan, parent: x}")
        + "expect:\n  - A:x: {refused: EINVAL}\n",
        "f:7:34: A:x is expected to be refused, so it cannot be a parent",
    ),
    # --- addresses and MACs
    (
        hosts("e: {switch: s, addresses: [10.0.0.1/24]}", "f: {switch: s, addresses: [10.0.0.1/16]}"),
        "f:6:34: A:f has the address 10.0.0.1 at A:e, too; an address can be in a namespace only once",
    ),
    (
        hosts("e: {switch: s, addresses: [10.0.0.1/24, 10.0.0.1/24]}"),
        "f:5:47: A:e has the address 10.0.0.1 twice; an address can be in a namespace only once",
    ),
    (
        "switches: {s: }\nhosts:\n  w: {replicas: 9, interfaces: {e: {switch: s, addresses: [10.0.0.7/29]}}}\n",
        "f:3:60: 10.0.0.7 is the broadcast address of 10.0.0.0/29",
    ),
    (
        "switches: {s: }\nhosts:\n  w: {replicas: 9, interfaces: {e: {switch: s, addresses: [10.0.0.1/29]}}}\n",
        "f:3:60: 10.0.0.1/29 and 6 more leaves the prefix 10.0.0.0/29; fewer replicas, or a shorter prefix",
    ),
    (
        "switches: {s: }\nhosts:\n  w: {replicas: 3, interfaces: {e: {switch: s, addresses: [10.0.0.1/24]}}}\n"
        "  B: {interfaces: {e: {switch: s, addresses: [10.0.0.3/24]}}}\n",
        "f:4:47: the address 10.0.0.3 of B:e is that of w-3:e, too; a larger 'step', or addresses further apart",
    ),
    (
        hosts("e: {switch: s, mac: 01:00:5e:00:00:01}"),
        "f:5:27: 01:00:5e:00:00:01 is a multicast MAC; the first byte of a MAC is even, as in 02:…",
    ),
    (
        hosts("e: {switch: s, mac: ff:ff:ff:ff:ff:ff}"),
        "f:5:27: ff:ff:ff:ff:ff:ff is a multicast MAC; the first byte of a MAC is even, as in 02:…",
    ),
    (
        hosts("e: {switch: s, mac: 00:00:00:00:00:00}"),
        "f:5:27: 00:00:00:00:00:00 is no MAC of an interface; as in 02:00:00:00:00:01",
    ),
    (
        hosts("e: {switch: s, neighbors: {10.0.0.2: B:e}}"),
        "f:5:44: no interface 'B:e'; did you mean 'A:e'?",
    ),
    (
        hosts("e: {switch: s, neighbors: {10.0.0.2: A:f}}", "f: {switch: s, mac: auto}"),
        "f:5:44: the MAC of A:f is left to the kernel; give it one, without 'auto'",
    ),
    (
        hosts("e: {switch: s, neighbors: {fd00::2: 02:00:00:00:00:02}}"),
        "f:5:34: A:e has no IPv6 address, so it can have no neighbour fd00::2; give it one",
    ),
    (
        hosts("e: {switch: s, mtu: 1000, addresses: [fd00::1/64]}"),
        "f:5:27: IPv6 needs an MTU of at least 1280, not 1000",
    ),
    (
        hosts("e: {switch: s, mtu: 1000}", "x: {type: macvlan, parent: e, addresses: [fd00::1/64]}"),
        "f:6:48: IPv6 needs an MTU of at least 1280, A:x has 1000",
    ),
    (
        hosts("e: {switch: s, addresses: [10.0.0.1/30]}", "x: {switch: s, addresses: [10.0.0.3/24, 10.0.0.7/24]}"),
        "f:6:47: 10.0.0.7 has 10.0.0.3 as its primary address, a broadcast address of A; the kernel takes no packet for"
        " it; give it first, or another prefix",
    ),
    (
        hosts("e: {switch: s}", "x: {type: macvlan, parent: e, allowed_macs: [A:e]}"),
        "f:6:51: 'allowed_macs' belong to source mode; add 'mode: source'",
    ),
    # --- ports
    (
        hosts("e: {switch: s, port: {attached: off, hairpin: on}}"),
        "f:5:22: the port of A:e is not attached, so it has no options; leave them out",
    ),
    (
        hosts("e: {switch: s, port: {up: off, state: listening}}"),
        "f:5:45: the port of A:e has no carrier, so its state cannot be set to 'listening'",
    ),
    # --- switches
    ("switches:\n  s: {links: [t]}\nhosts: {A: }\n", "f:2:15: no switch 't'; switches: s"),
    ("switches:\n  s: {links: [s]}\nhosts: {A: }\n", "f:2:15: s cannot be linked to itself"),
    (
        "switches:\n  s: {links: [t]}\n  t: {links: [s]}\nhosts: {A: }\n",
        "f:3:15: t and s are linked already; one link between two switches, given at one of them",
    ),
    (
        "switches:\n  s: {stp: on}\n  t: {links: [s]}\n  u: {links: [s, t]}\nhosts: {A: }\n",
        "f:4:18: the link between u and t closes a loop of switches; remove it, or give 'stp: true' to t, u",
    ),
    (
        "switches:\n  s: {stp: on}\n  t: {stp: on, links: [s]}\n  u: {stp: on, links: [s, t]}\nhosts: {A: }\n"
        "steps: [{name: x, set: {t: {stp: off}}}]\n",
        "f:4:27: the link between u and t closes a loop of switches; remove it, or give 'stp: true' to t",
    ),
    # --- sysctls and routing
    (
        TWO.replace("  B:\n", "  B:\n    sysctls: {net.ipv4.conf.eth1.rp_filter: 1}\n"),
        "f:10:15: no interface 'eth1' in B; did you mean 'eth0'?",
    ),
    (
        TWO.replace("  B:\n", "  B:\n    sysctls: {net.ipv4.ip_forward: 1, net.ipv4.conf.all.forwarding: 0}\n"),
        "f:10:5: net.ipv4.ip_forward and net.ipv4.conf.all.forwarding are one and the same; give one",
    ),
    (
        TWO.replace("  B:\n", "  B:\n    sysctls: {net.ipv6.conf.all.disable_ipv6: 1}\n"),
        "f:12:38: IPv6 is disabled for B:eth0 by its sysctls; leave 'disable_ipv6' out",
    ),
    (
        TWO.replace("  B:\n", "  B:\n    sysctls: {net.ipv4.conf.eth0.rp_filter: 7}\n"),
        "f:10:45: '7' is not a value of net.ipv4.conf.eth0.rp_filter; 0 or 1 or 2",
    ),
    (
        TWO.replace("  B:\n", "  B:\n    sysctls: {net.netfilter.nf_hooks_lwtunnel: 1}\n"),
        "f:10:15: 'net.netfilter.nf_hooks_lwtunnel' belongs to the whole machine, although every namespace shows it;"
        " once it is 1 it stays so until the machine is restarted: leave it out",
    ),
    (
        step("set: {A: {sysctls: {net.ipv4.ip_forward: yes}}}"),
        "f:14:46: 'yes' is not a value of net.ipv4.ip_forward; 0 or 1",
    ),
    (
        TWO.replace("  B:\n", "  B:\n    routes: [{to: 1.2.3.4, via: 9.9.9.9}]\n"),
        "f:10:33: 9.9.9.9 is on no network of B, so it can be no gateway; its networks are 10.0.0.0/24 (eth0)",
    ),
    (
        TWO.replace("  B:\n", "  B:\n    routes: [{to: 1.2.3.4, via: 10.0.0.255}]\n"),
        "f:10:33: 10.0.0.255 is the broadcast address of 10.0.0.0/24 (eth0); a gateway is a single machine",
    ),
    (
        TWO.replace("  B:\n", "  B:\n    routes: [{to: default, via: fd55::1}]\n"),
        "f:10:33: fd55::1 is on no network of B, so it can be no gateway; its networks are fd00::/64 (eth0)",
    ),
    (
        TWO.replace("  A:\n", "  A:\n    routes: [{to: default, via: fd00::1}]\n"),
        "f:4:33: fd00::1 is on no network of A, so it can be no gateway; A has no IPv6 address on a link that is up",
    ),
    (
        TWO.replace("  B:\n", "  B:\n    routes: [{to: default, via: fd00::2}]\n"),
        "f:10:33: fd00::2 is an address of B itself; a gateway is another machine",
    ),
    (
        TWO.replace("  B:\n", "  B:\n    routes: [{to: default, via: fe80::1}]\n"),
        "f:10:33: fe80::1 is a link-local address, of whatever interface; add 'dev: …'",
    ),
    (
        step("set: {B:eth0: {state: down}, B: {routes: [{to: 1.2.3.4, via: 10.0.0.1}]}}"),
        "f:14:66: 10.0.0.1 is on no network of B, so it can be no gateway; B has no IPv4 address on a link that is up",
    ),
    (
        TWO.replace("  B:\n", "  B:\n    routes: [{to: 10.9.0.0/16}]\n"),
        "f:10:14: the route to 10.9.0.0/16 has neither via nor dev",
    ),
    (
        TWO.replace("  B:\n", "  B:\n    routes: [{to: 10.9.0.0/16, via: fd00::1}]\n"),
        "f:10:37: fd00::1 and 10.9.0.0/16 are of different families",
    ),
    (
        TWO.replace("  B:\n", "  B:\n    routes: [{to: default, via: 10.0.0.1}, {to: 0.0.0.0/0, dev: eth0}]\n"),
        "f:10:49: a second route to 0.0.0.0/0 in one table; keep one, or give it a metric, or a table and a rule",
    ),
    (
        TWO.replace("  B:\n", "  B:\n    routes: [{to: 'fd09:0::/64', dev: eth0}, {to: 'fd09::/64', via: fd00::1}]\n"),
        "f:10:51: a second route to fd09::/64 in one table; keep one, or give it a metric, or a table and a rule",
    ),
    (
        TWO.replace("  B:\n", "  B:\n    routes: [{to: 10.0.0.0/24, via: 10.0.0.1}]\n"),
        "f:10:19: B:eth0 brings a route to 10.0.0.0/24 by its address; leave it out, or give it a metric",
    ),
    (
        step("set: {B: {routes: [{to: 10.9.0.0/16, via: 10.0.0.1}, {to: 10.9.0.0/16, dev: eth0}]}}"),
        "f:14:63: a second route to 10.9.0.0/16 in one table; keep one, or give it a metric, or a table and a rule",
    ),
    (
        TWO.replace("  B:\n", "  B:\n    rules: [{table: 9, priority: 5}, {table: 9, priority: 5}]\n"),
        "f:10:38: the same rule a second time; leave it out",
    ),
    (
        TWO.replace("  B:\n", "  B:\n    routes: [{to: 10.9.0.0/16, dev: eht0}]\n"),
        "f:10:37: no interface 'eht0' in B; did you mean 'eth0'?",
    ),
    (
        TWO.replace("  B:\n", "  B:\n    rules: [{from: 10.0.0.1, to: fd00::/64, table: 7}]\n"),
        "f:10:13: the rule mixes IPv4 and IPv6; one rule for each",
    ),
    (
        TWO.replace("  B:\n", "  B:\n    rules: [{iif: eht0, table: 7}]\n"),
        "f:10:19: no interface 'eht0' in B; did you mean 'eth0'?",
    ),
    # --- steps
    (step("delete: [A:eth1]"), "f:14:14: no interface 'A:eth1' at this point; did you mean 'A:eth0'?"),
    (step("delete: [C]"), "f:14:14: no host, container or switch 'C' at this point; known: lan, A, A/c1, A/c2, B"),
    (
        step("delete: [lan]"),
        "f:14:14: lan is a switch; interfaces, containers and hosts can be deleted; 'set: {state: down}' stops it",
    ),
    (
        step("delete: [A:eth0]", "set: {A/c1:eth0: {mtu: 1400}}"),
        "f:15:11: no interface 'A/c1:eth0' at this point; did you mean 'B:eth0'?",
    ),
    (
        step("set: {A: {mtu: 1400}}"),
        "f:14:15: 'mtu' cannot be set on a host; these can: nftables, routes, rules, sysctls",
    ),
    (
        step("set: {lan: {hairpin: on}}"),
        "f:14:17: unknown key 'hairpin'; known: stp, fdb_max_learned, ageing_time, mcast_snooping, state, mac, mtu, "
        "addresses, neighbors, port, mode, allowed_macs, nodst, bcqueuelen, duplicate, limit, routes, rules, sysctls",
    ),
    (step("set: {A/c1:eth0: {port: {hairpin: on}}}"), "f:14:23: 'port' cannot be set on a macvlan"),
    (step("set: {A:eth0: {mac: auto}}"), "f:14:25: 'auto' is for a new interface; give the MAC that it is to have"),
    (step("set: {A:eth0: {mac: 01:00:00:00:00:00}}"), "f:14:25: 01:00:00:00:00:00 is a multicast MAC"),
    (
        step("set: {A/c1:eth0: {allowed_macs: [B:eth0]}}"),
        "f:14:23: 'allowed_macs' belong to source mode; add 'mode: source'",
    ),
    (
        step("set: {A: {sysctls: {net.ipv4.conf.eth1.rp_filter: 1}}}"),
        "f:14:25: no interface 'eth1' in A; did you mean 'eth0'?",
    ),
    (
        step("add: {hosts: {A: {interfaces: {eth0: {switch: lan}}}}}"),
        "f:14:36: there is an interface A:eth0 already; delete it first",
    ),
    (
        step("add: {hosts: {A: {routes: []}}}"),
        "f:14:23: A exists already; 'set:' changes its routes, rules and nftables",
    ),
    (
        step("add: {hosts: {A: {sysctls: {net.ipv4.ip_forward: 1}}}}"),
        "f:14:33: A exists already; 'set:' changes its sysctls",
    ),
    (
        step(
            "set: {A:eth0: {addresses: [10.0.0.2/24]}}",
            "add: {hosts: {A: {interfaces: {e: {switch: lan, addresses: [10.0.0.2/24]}}}}}",
        ),
        "f:15:65: A:e has the address 10.0.0.2 at A:eth0, too; an address can be in a namespace only once",
    ),
    (
        TWO + "steps:\n  - name: baseline\n",
        "f:13:11: a step cannot be called 'baseline'; that is the state before the first step",
    ),
    (TWO + "steps:\n  - name: s\n  - name: s\n", "f:14:11: there is a step 's' already; names of steps are unique"),
    # --- expectations
    (expect("A -> C: reachable"), "f:13:5: no host 'C'; there are: A, A/c1, A/c2, B"),
    (expect("A/c3 -> B: reachable"), "f:13:5: no container 'c3' in A; containers: c1, c2"),
    (expect("A:eht0 -> B: reachable"), "f:13:5: no interface 'eht0' in A; did you mean 'eth0'?"),
    (expect("lan -> B: reachable"), "f:13:5: lan is a switch, which has no endpoints; name an interface of a host"),
    (expect("web-* -> B: reachable"), "f:13:5: 'web-*' matches nothing; there are: A, A/c1, A/c2, B, lan"),
    (expect("A -> A: reachable"), "f:13:5: A is paired with itself; an expectation is about two endpoints"),
    (expect("A -> A:eth?: reachable"), "f:13:5: A is paired with itself; an expectation is about two endpoints"),
    (expect("A:eth0 -> A: reachable"), "f:13:5: A:eth0 is paired with itself; an expectation is about two endpoints"),
    (
        expect("10.0.0.2 -> A: reachable"),
        "f:13:5: 10.0.0.2 is an address, which stands on the right of a pair only; "
        "write B for a program there, or B:eth0 for its interface",
    ),
    (
        expect("A <-> 10.0.0.9: reachable"),
        "f:13:5: 10.0.0.9 is an address, which stands on the right of a pair only; name a host or an interface",
    ),
    (expect("fd00::1 -> A: reachable"), "f:13:5: fd00::1 is an address, which stands on the right of a pair only"),
    (expect("A -> 10.0.0.2/24: reachable"), "f:13:5: 10.0.0.2/24 has a prefix length; write 10.0.0.2"),
    (expect("A -> fd00::1/64: reachable"), "f:13:5: fd00::1/64 has a prefix length; write fd00::1"),
    (expect("A -> 224.0.0.1: reachable"), "f:13:5: 224.0.0.1 is not the address of one interface"),
    (expect("A -> 127.0.0.1: reachable"), "f:13:5: 127.0.0.1 is not the address of one interface"),
    (expect("A -> fe80::1: reachable"), "f:13:5: fe80::1 is link-local, so it means nothing without an interface"),
    (
        expect("A:eth0 -> 10.0.0.9: unreachable"),
        "f:13:5: no interface has 10.0.0.9, so only a host can ask for it; "
        "name one alone, without its interface: A -> 10.0.0.9 [icmp]",
    ),
    (expect("A -> 10.0.0.9 [arp]: unreachable"), "f:13:5: no interface has 10.0.0.9, so only a host can ask for it"),
    (expect("A -> fd00::1 [icmp]: reachable"), "f:13:5: fd00::1 has no IPv4 address, so icmp says nothing of it"),
    (expect("A -> fd00::1: reachable"), "f:13:5: A and fd00::1 have no addresses of one family"),
    (
        expect("A -> B [icmp6]: reachable"),
        "f:13:5: A has no IPv6 address, so icmp6 says nothing of it; leave the layer out",
    ),
    (
        expect("A:eth0@10.0.0.9 -> B: reachable"),
        "f:13:5: 'A:eth0@10.0.0.9' is not a further address of A:eth0; its only endpoint is A:eth0",
    ),
    (
        expect("A -> B: reachable", "A <-> any: unreachable"),
        "f:14:5: contradicts line 13 (A -> B: reachable) on A -> B:eth0 [icmp]; "
        "remove one of them, or name its endpoints or layers",
    ),
    (
        expect("A -> B: through-interface", "A -> B: address-only"),
        "f:14:5: contradicts line 13 (A -> B: through-interface) on A -> B:eth0 [icmp]",
    ),
    (
        expect("A -> B [arp]: on-wire", "A -> B [arp]: not-on-wire"),
        "f:14:5: contradicts line 13 (A -> B [arp]: on-wire)",
    ),
    (
        expect("A [broadcast]: {heard-only-by: [B]}", "A [broadcast]: {heard-by: [A/c1]}"),
        "f:14:5: contradicts line 13 (A [broadcast]: {heard-only-by: [B]}) on who hears A:eth0",
    ),
    (
        expect("A:eth0: {mtu: 1500}", "A: {mtu: 1400}"),
        "f:14:5: contradicts line 13 (A:eth0: {mtu: 1500}) on mtu of A:eth0",
    ),
    (expect("any [broadcast]: {heard-by: [B]}"), "f:13:5: 'any' is a pattern; name one endpoint here, as in A:ens160"),
    (
        expect("A [broadcast]: {heard-by: [port(A/c1)]}"),
        "f:13:32: A/c1:eth0 is not plugged into a switch, so it has no port; name its parent",
    ),
    (expect("A: {mdoe: vepa}"), "f:13:15: 'mdoe' is not read back from a link; did you mean 'mode'?"),
    (
        expect("A: {mode: brigde}"),
        "f:13:15: 'brigde' is not one of bridge, vepa, private, passthru, source; did you mean 'bridge'?",
    ),
    (expect("A: {mac: =A:eht0}"), "f:13:14: no interface 'A:eht0'; did you mean 'A:eth0'?"),
    (expect("A: {mtu: [1, 2]}"), "f:13:14: 'mtu' has one value; leave the brackets out"),
    (expect("port(A): {mode: vepa}"), "f:13:21: 'mode' is not read back from a port"),
    (
        expect("A/c1:eth0: {refused: EINVAL}", "A/c1 -> B: reachable"),
        "f:14:5: A/c1 has no interface with an address; give it one, so that a program there can ask",
    ),
    (
        expect("A/c1:eth0: {refused: EINVAL}", "A/c1 -> B [arp]: reachable"),
        "f:14:5: A/c1 has no interface with an address; name one: A/c1:…",
    ),
    (
        expect("A/c1:eth0: {refused: EINVAL}", "A/c1:eth0 -> B: reachable"),
        "f:14:5: A/c1:eth0 is expected to be refused, so it is no endpoint",
    ),
    (
        expect("A/c1:eth0: {refused: EINVAL}", "A/c1:eth0: {refused: EBUSY}"),
        "f:14:5: A/c1:eth0 is refused twice (first in line 13); remove one",
    ),
    (
        expect("A/c1:eth1: {refused: EINVAL}"),
        "f:13:5: this step neither makes nor sets an interface 'A/c1:eth1'; did you mean 'A/c1:eth0'?",
    ),
    (expect("A/c9:eth0: {refused: EINVAL}"), "f:13:5: this step neither makes nor sets an interface 'A/c9:eth0'"),
    (
        step("expect: [{A:eth0: {refused: EINVAL}}]"),
        "f:14:15: this step neither makes nor sets an interface 'A:eth0'; add it, or 'set:' something on it",
    ),
    (
        TWO + "claim: {number: 1, says: x, test: {later: [A -> B: reachable]}}\n",
        "f:12:36: no step 'later'; steps: baseline",
    ),
    (TWO + "claim: {number: 1, says: x, test: yes}\n", "f:12:35: a claim's test is a list of expectations"),
]


@pytest.mark.parametrize(("text", "message"), CASES, ids=[message[:60] for _, message in CASES])
def test_one_fault(text: str, message: str) -> None:
    """A topology with one fault gets one message: its place, what is wrong, what would be right."""
    found = faults(text)
    assert len(found) == len(message.splitlines()), found
    assert "\n".join(found).startswith(message)


def test_faults_of_values_and_of_meaning_come_together() -> None:
    """A value that is wrong doesn't hide a reference that is, nor make up faults that follow from it."""
    text = """\
switches: {s: }
hosts:
  A:
    interfaces:
      e: {switch: s, adresses: [10.0.0.1/24]}
      l o: {switch: s}
      x: {type: macvlan, parent: f, mtu: 1}
  B:
    interfaces: {e: {switch: t, addresses: [10.0.0.2/24]}}
expect:
  - A -> B: reachable
  - A:l o -> B: reachable
  - A:x -> C: reachable
"""
    assert [message.partition("; ")[0] for message in faults(text)] == [
        "f:5:22: unknown key 'adresses'",
        "f:6:7: ' ' cannot stand in the name 'l o'",
        "f:7:34: no interface 'f' in A",
        "f:7:42: 1 is out of range",
        "f:9:30: no switch 't'",
        "f:12:9: 'A:l o -> B' is not an expectation",
        "f:13:5: no host 'C'",
    ]


def test_what_follows_from_a_fault_is_not_reported() -> None:
    """A misspelt key takes an address away, but that the host has none is no fault of its own."""
    text = TWO.replace("eth0: {switch: lan, addresses: [10.0.0.1/24]}", "eth0: {switch: lan, adresses: [10.0.0.1/24]}")
    assert [message.partition("; ")[0] for message in faults(text + "expect:\n  - A -> B: reachable\n")] == [
        "f:5:27: unknown key 'adresses'"
    ]


def test_every_mistake_comes_in_one_go() -> None:
    """Neither a key given twice, nor a wrong address or outcome hides what has nothing to do with it."""
    text = """\
switches: {s: , s: }
hosts:
  A:
    routes: [{to: default}]
    interfaces: {e: {switch: s, addresses: [10.0.0.1/24], mtu: 1500, mtu: 1400}}
  B:
    interfaces: {e: {switch: s, addresses: [10.0.0.2/24]}}
  C:
    interfaces: {e: {switch: s, addresses: [10.0.0.3/244]}}
expect:
  - any -> web-*: reachable
  - A -> B [ndp]: reachable
  - A -> B: reachabel
  - A -> C: reachable
compare:
  - {faster: {metric: cpu}, than: {pair: A -> B, metric: pcu}}
"""
    assert [message.partition("; ")[0] for message in faults(text)] == [
        "f:1:17: 's' is given twice (first in line 1)",
        "f:4:14: the route to default has neither via nor dev",
        "f:5:70: 'mtu' is given twice (first in line 5)",
        "f:9:45: '10.0.0.3/244' is not an IP address with its prefix length",
        "f:11:5: 'web-*' matches nothing",
        "f:12:5: A:e has no IPv6 address, so ndp says nothing of it",
        "f:13:13: 'reachabel' is not an outcome",
        "f:16:5: 'name' and 'by' are missing",
        "f:16:14: 'pair' is missing",
        "f:16:58: metric: 'pcu' is none of throughput, cpu, latency",
    ]


def test_what_a_key_given_twice_leaves_out_is_not_missed() -> None:
    """The second mention of a section is not looked at, and what it holds is no unknown name elsewhere."""
    text = "hosts:\n  A: {interfaces: {}}\n  A: {interfaces: {e: {type: bridge}}}\nexpect: [A:e -> A: reachable]\n"
    assert faults(text) == ["f:3:3: 'A' is given twice (first in line 2); remove one of them"]


@pytest.mark.parametrize("kind", ["ipvlan, mode: l2", "vlan, id: 7", "vxlan, id: 42, remote: 10.0.0.1"])
def test_kinds_to_come_are_said_once(kind: str) -> None:
    """A kind of link that isn't supported is one fault; its own keys, and who refers to it, are none."""
    name = kind.partition(",")[0]
    text = hosts(f"x: {{type: {kind}, parent: e}}", "e: {switch: s}") + "expect:\n  - A:x -> A:e: reachable\n"
    assert faults(text) == [f"f:5:17: {name} isn't supported yet; veth, macvlan, macvtap, bridge and dummy are"]


@pytest.mark.parametrize(
    "routes",
    [
        "{to: default, via: 10.0.0.2}",  # IPv4 takes its own address
        "{to: 9.9.9.9, dev: eth0}, {to: default, via: 9.9.9.9}",
        "{to: 9.9.9.9, dev: eth0, table: 7}, {to: default, via: 9.9.9.9, table: 7}",
        "{to: default, via: fe80::1, dev: eth0}",
    ],
)
def test_gateways_that_the_kernel_takes(routes: str) -> None:
    """A gateway that a route without one leads to is no mistake."""
    made = plan(TWO.replace("  B:\n", f"  B:\n    routes: [{routes}]\n"))
    assert len(made.steps[0].state.namespace("B").routes) == routes.count("to:")


def test_replicas_say_their_fault_once() -> None:
    """A thousand replicas with the same fault are one line."""
    text = "hosts: {w: {replicas: 1000, interfaces: {e: {switch: s}}}}\n"
    assert faults(text) == ["f:1:54: no switch 's'"]


def test_hostile_sizes_are_refused() -> None:
    """Few lines that mean millions of pairs or thousands of large states are refused before they cost memory."""
    wires = ", ".join(f"{name}: {{switch: s}}" for name in "efgh")
    many = f"switches: {{s: }}\nhosts: {{w: {{replicas: 700, interfaces: {{{wires}}}}}}}\n"
    pairs = many + "expect:\n" + "  - any -> any [unicast]: reachable\n" * 20
    assert faults(pairs) == ["f:4:5: the expectations mean more than 4000000 pairs; fewer or narrower ones"]
    states = many + "steps:\n" + "".join(f"  - name: s{n}\n" for n in range(200))
    assert faults(states) == ["f:4:5: too many steps for a lab of this size; fewer of either"]
    lots = ", ".join(f"10.{n // 250}.{n % 250}.1/8" for n in range(4000))
    text = f"switches: {{lan: {{}}}}\nhosts:\n  A: {{interfaces: {{eth0: {{switch: lan, addresses: [{lots}]}}}}}}"
    assert faults(text) == [
        "f:3:3: the lab would have more than 4000 namespaces, interfaces and further addresses;"
        " fewer replicas or addresses"
    ]
    routes = ", ".join(f"{{to: 10.{n // 250}.{n % 250}.0/24, dev: eth0}}" for n in range(2000))
    host = f"{{replicas: 60, interfaces: {{eth0: {{switch: lan}}}}, routes: [{routes}]}}"
    assert faults(f"switches: {{lan: {{}}}}\nhosts:\n  A: {host}") == [
        "f:3:3: the lab would have more than 100000 addresses, routes, rules and neighbors; fewer of them, or replicas"
    ]


def test_resolve_alone_reports_faults_of_meaning() -> None:
    """A spec that loads can still fail to resolve, and the error has the places."""
    spec = load(hosts("e: {switch: t}"), "f")
    with pytest.raises(TopologyError, match=r"^f:5:19: no switch 't'"):
        resolve(spec)


@pytest.mark.parametrize(
    ("interface", "warnings"),
    [
        ("e: {switch: s, addresses: [10.0.0.1/24]}", 1),
        ("e: {switch: s, addresses: [10.0.0.1/24], duplicate: true}", 0),
        ("e: {switch: t, addresses: [10.0.0.1/24]}", 0),
        ("e: {switch: s, addresses: [10.0.0.3/24]}", 0),
    ],
)
def test_an_address_twice_on_one_network_is_a_warning(interface: str, warnings: int) -> None:
    """Two hosts of one network with the same address are odd, unless the file says that it is meant."""
    text = (
        "switches: {s: , t: }\nhosts:\n  A: {interfaces: {e: {switch: s, addresses: [10.0.0.1/24]}}}\n"
        f"  B: {{interfaces: {{{interface}}}}}\n"
    )
    made = plan(text)
    assert len(made.warnings) == warnings
    for warning in made.warnings:
        assert warning.startswith("f:4:47: B:e and A:e have the same address 10.0.0.1")


def test_an_address_may_move_in_a_step() -> None:
    """An address that one host gives up in a step can be another's then."""
    made = plan(step("set:", "  A:eth0: {addresses: []}", "  B:eth0: {addresses: [10.0.0.1/24]}"))
    assert made.warnings == ()
    assert [len(made.steps[1].state.link(name).addresses) for name in ("A:eth0", "B:eth0")] == [0, 1]
