"""What people ask in public trackers, each as a small lab: the rule in the headline, and what is offered first."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from netlab.contract.kernels import Version

from .test_fixes import ask, siblings


class Case(NamedTuple):
    """Where it was asked, hosts that look so, the pair, the rule that decides, words of the first offer."""

    asked: str
    hosts: str
    pair: str
    rule: str
    offer: str
    layer: str | None = None
    #: Where the rule doesn't hold in all: a version in which it does.
    kernel: Version | None = None


#: A host with a macvlan container, and another host.
HOME = """\
  h:
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24], mac: "02:00:00:00:00:01"MORE}}
    containers:
      web: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: MODE, addresses: [10.0.0.2/24]}}}
      db: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: MODE, addresses: [10.0.0.3/24]}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.4/24]}}}
"""


def asked(hosts: str) -> str:
    """The file that has these hosts."""
    return f"name: asked\nswitches: {{lan: {{}}, inner: {{}}, net: {{}}}}\nhosts:\n{hosts}"


def home(mode: str = "bridge", more: str = "") -> str:
    return HOME.replace("MODE", mode).replace("MORE", more)


FORGED = ', port: {locked: on, learning: off, fdb: ["02:00:00:00:00:01"]}'
NO_PROMISC = ', port: {flood: off, learning: off, fdb: ["02:00:00:00:00:01"]}'
VIP = """\
  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}}
  lb:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.2/24]}
      vip: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.100/32]}
    sysctls: {net.ipv4.conf.all.rp_filter: 1, net.ipv4.conf.all.arp_ignore: 1}
"""
RACE = """\
  A:
    interfaces: {eth0: {switch: lan}, eth1: {switch: inner}}
    containers:
      web:
        interfaces:
          eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.2/24]}
          eth1: {type: macvlan, parent: eth1, mode: bridge, addresses: [172.17.0.2/16]}
        routes:
          - {to: default, via: 172.17.0.1, metric: 100}
          - {to: default, via: 10.0.0.254, metric: 200}
  D: {interfaces: {eth0: {switch: inner, addresses: [172.17.0.1/16]}}}
  R:
    sysctls: {net.ipv4.ip_forward: 1}
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.254/24]}, eth1: {switch: net, addresses: [192.0.2.1/24]}}
  S: {interfaces: {eth0: {switch: net, addresses: [192.0.2.2/24]}}, routes: [{to: default, via: 192.0.2.1}]}
"""
SAME_MAC = """\
  n1: {interfaces: {eth0: {switch: lan, mac: "02:00:00:00:00:07", addresses: [10.0.0.1/24]}}}
  n2: {interfaces: {eth0: {switch: lan, mac: "02:00:00:00:00:07", addresses: [10.0.0.2/24]}}}
"""
SAME_MAC_PODS = """\
  n1:
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}
    containers: {a: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, MAC, addresses: [10.0.0.3/24]}}}}
  n2:
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}
    containers: {a: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, MAC, addresses: [10.0.0.4/24]}}}}
""".replace("MAC", 'mac: "02:00:00:00:00:07"')
TWO_NICS = """\
  A:
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}, eth1: {switch: lan, addresses: [10.0.0.3/24]}}
    sysctls: {net.ipv4.conf.all.rp_filter: 1, net.ipv4.conf.all.arp_ignore: 1}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
"""
TABLE = """\
  A:
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}, eth1: {switch: net, addresses: [10.0.1.1/24]}}
    routes: [{to: 10.0.0.0/24, dev: eth1, table: 7}]
    rules: [{to: 10.0.0.0/24, table: 7}]
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
"""
HOLE = """\
  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}, routes: [{to: 10.0.0.2/32, type: TYPE}]}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
"""
NO_ROUTE = """\
  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}}
  R:
    sysctls: {net.ipv4.ip_forward: 1}
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.254/24]}, eth1: {switch: net, addresses: [192.0.2.1/24]}}
  S: {interfaces: {eth0: {switch: net, addresses: [192.0.2.2/24]}}, routes: [{to: default, via: 192.0.2.1}]}
"""
#: Docker filters what bridges only pass on.
BRIDGE_NF = """\
  h:
    interfaces:
      br0: {type: bridge}
      br1: {type: bridge}
    containers:
      vm1: {interfaces: {eth0: {bridge: br0, addresses: [10.0.0.1/24]}}}
      vm2: {interfaces: {eth0: {bridge: br0, addresses: [10.0.0.2/24]}}}
    sysctls: {net.bridge.bridge-nf-call-iptables: 1}
    nftables: |
      table ip filter {
        chain FORWARD {
          type filter hook forward priority filter; policy drop;
          iifname "docker0" accept
        }
      }
"""
CLOSED = """\
  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}}
  B:
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}
    nftables: |
      table inet filter {
        chain input {
          type filter hook input priority filter; policy drop;
          ct state established,related accept
          tcp dport 22 accept
        }
      }
"""
RULED = """\
  A:
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}
    nftables: |
      table ip t {
        chain out {
          type filter hook output priority 0;
          ip daddr   10.0.0.2 drop; tcp dport 80 reject
        }
      }
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
"""
BEHIND = """\
  h:
    interfaces:
      eth0: {switch: lan}
      br0: {type: bridge}
      out: {type: macvlan, parent: eth0, mode: bridge, master: br0}
    containers: {vm: {interfaces: {eth0: {bridge: br0, addresses: [10.0.0.2/24]}}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.4/24]}}}
"""
NOARP = home().replace("addresses: [10.0.0.2/24]", "addresses: [10.0.0.2/24], arp: off")
SKIPS, NO_CARRIER = "macvlan/parent-tx-skips-children", "link/no-carrier"
CASES = (
    Case("moby/libnetwork#1915", home(), "h h/web", SKIPS, "give h a macvlan child of its own (a shim)"),
    Case("docker/docs#22607", home(), "h/web h", "macvlan/child-tx-skips-parent", "give h a macvlan child of its own"),
    Case("docker/docs#16360", home(), "h h/web", SKIPS, "give h a macvlan child of its own (a shim)", "tcp/80"),
    Case("docker/docs#15855", home(more=FORGED), "h/web B", "bridge/port-locked", "let the locked switch port of h"),
    Case("multus-cni#660", home(more=NO_PROMISC), "B h/web", "bridge/flood-off", "set learning on at the switch port"),
    Case("kube-vip#1170", VIP, "A 10.0.0.100", "ip/rp-filter", "set rp_filter=2 in lb"),
    Case("keepalived#620", TWO_NICS, "B 10.0.0.3", "ip/rp-filter", "set rp_filter=2 in A"),
    Case("moby/moby#49593", home(more=", state: down"), "h/web B", NO_CARRIER, "bring up h:eth0"),
    Case("netavark#1008", home(), "h h/web", SKIPS, "give h a macvlan child of its own", "broadcast"),
    Case("plugins#250", SAME_MAC, "n1 n2", "bridge/same-mac-twice", "give n2:eth0 a MAC of its own"),
    Case(
        "moby/moby#47211",
        SAME_MAC_PODS,
        "n1/a n2/a",
        "macvlan/sender-gets-no-copy",
        "give n2/a:eth0 a MAC of",
        kernel=Version(7, 0),
    ),
    Case("containerlab#1814", BEHIND, "h/vm B", "macvlan/only-passthru-feeds-a-bridge", "make h:out anew, in passthru"),
    Case("pipework#239", home("vepa"), "h/web h/db", "bridge/no-reflection", "set h/web:eth0 and h/db:eth0 to bridge"),
    Case("moby/moby#50929", RACE, "A/web S", "ip/not-forwarding", "let the route default via 10.0.0.254 metric 200"),
    Case("moby/moby#48365", BRIDGE_NF, "h/vm1 h/vm2", "nft/dropped", "set bridge-nf-call-iptables=0 in h"),
    Case("a firewall", CLOSED, "A B", "nft/dropped", "let inet filter/input in B pass: icmp type"),
    Case("a port", CLOSED, "A B", "nft/dropped", "let inet filter/input in B pass: tcp dport 80 accept", "tcp/80"),
    Case("a rule", RULED, "A B", "nft/dropped", "take away the rule 'ip daddr 10.0.0.2 drop' of ip t/out in A"),
    Case("systemd#4870", NOARP, "B h/web", "arp/arp-off", "switch arp on at h/web:eth0"),
    Case("systemd#4870", NOARP, "h/web B", "neigh/no-arp", "switch arp on at h/web:eth0"),
    Case("two tables", TABLE, "A B", "neigh/unresolved", "take away the rule priority 32765 to 10.0.0.0/24 table 7"),
    Case("no route", NO_ROUTE, "A S", "ip/unreachable", "add routes through R: A by 10.0.0.254"),
    *(
        Case(kind, HOLE.replace("TYPE", kind), "A B", f"route/{kind}", f"take away the route {kind} 10.0.0.2/32 in A")
        for kind in ("blackhole", "unreachable", "prohibit")
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.asked)
def test_a_question(case: Case) -> None:
    """The headline is the cause that people found in the end, and the first offer is their cure."""
    told = ask(asked(case.hosts), *case.pair.split(), case.kernel, **({"layer": case.layer} if case.layer else {}))
    assert (told.letter, told.rule) == ("U", case.rule)
    assert told.fixes[0].title.startswith(case.offer)
    assert told.fixes[0].letter in "RAB"


@pytest.mark.parametrize(
    ("hosts", "pair", "sentence"),
    [
        (RACE, "A/web S", "routing sends it out of eth1: route default"),
        (TABLE, "A B", "routing sends it out of eth1: route 10.0.0.0/24"),
        (HOLE.replace("TYPE", "prohibit"), "A B", "a route of the type prohibit holds the destination"),
    ],
)
def test_what_an_interface_alone_would_find(hosts: str, pair: str, sentence: str) -> None:
    """Where a program that binds itself finds another answer, one sentence says so, and why."""
    told = ask(asked(hosts), *pair.split())
    assert told.difference[0].startswith(f"`ping -I eth0` works, plain `ping` fails, because {sentence}")


def test_what_an_interface_alone_would_find_with_ipv6() -> None:
    """The sentence says by which route an IPv6 packet goes instead, as of IPv4."""
    hosts = TABLE.replace("10.0.0.", "fd00::").replace("10.0.1.", "fd01::").replace("fd00::0/24", "fd00::/64")
    told = ask(asked(hosts.replace("/24", "/64")), "A", "B")
    because = "routing sends it out of eth1: route fd00::/64"
    assert told.difference[0].startswith(f"`ping -6 -I eth0` works, plain `ping -6` fails, because {because}")


def test_one_answer_needs_no_sentence() -> None:
    """Where bound and unbound agree, nothing is said of it."""
    assert ask(siblings("vepa"), "A/web", "A/db").difference == ()
