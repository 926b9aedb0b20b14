"""What is wrong with sysctls, routes, steps and expectations: each with its place, and what would be right."""

from __future__ import annotations

import pytest

from tests.plan.labs import TWO, expect, faults, step

CASES: list[tuple[str, str]] = [
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
        "f:14:15: 'mtu' cannot be set on a host; these can: files, nftables, programs, routes, rules, sysctls",
    ),
    (
        step("set: {lan: {hairpin: on}}"),
        "f:14:17: unknown key 'hairpin'; known: stp, fdb_max_learned, ageing_time, mcast_snooping, vlan_filtering, ",
    ),
    (step("set: {A/c1:eth0: {port: {hairpin: on}}}"), "f:14:23: 'port' cannot be set on a macvlan"),
    (step("set: {A/c1:eth0: {mode: l2}}"), "f:14:29: 'l2' is no mode of macvlan; these are: bridge, vepa, private, "),
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
        "f:14:23: A exists already; 'set:' changes its routes, rules, nftables and files",
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
    (expect("A -> fe80::1: reachable"), "f:13:5: fe80::1 is link-local: every link has such addresses; say by which"),
    (expect("A -> fe80::1%eth9: reachable"), "f:13:5: A has no interface 'eth9'; did you mean 'eth0'?"),
    (expect("A:eth0 -> fe80::1%eth0: reachable"), "f:13:5: fe80::1%eth0 is link-local: only a host can ask for it"),
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
        "f:13:15: 'brigde' is not one of bridge, vepa, private, passthru, source, l2, l3, l3s, "
        "balance-rr, active-backup, balance-xor, 802.3ad; did you mean 'bridge'?",
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
