"""Small rulesets, and the labs they are loaded in: a host, a router, and a host with a bridge."""

from __future__ import annotations


def table(family: str, *chains: tuple[str, ...], head: str = "") -> str:
    """A table with chains: of each what is in its first line (its name, or type, hook, priority, policy), its rules."""
    lines = [head, f"table {family} t {{"]
    for number, (first, *rules) in enumerate(chains):
        if " " in first:
            kind, hook, priority, *policy = first.split()
            base = f"type {kind} hook {hook} priority {priority}; policy {' '.join(policy) or 'accept'};"
            lines += [f"  chain c{number} {{", f"    {base}"]
        else:
            lines.append(f"  chain {first} {{")
        lines += [*(f"    {rule}" for rule in rules), "  }"]
    return "\n".join([*lines, "}"]).strip()


def topology(base: str, host: str, rulesets: dict[str, str]) -> str:
    """A lab in which one host gets a ruleset after the other."""
    lines = [base.strip(), "steps:"]
    for name, text in rulesets.items():
        lines += [f"  - name: {quoted(name)}", f"    set: {{{host}: {{nftables: {quoted(text)}}}}}"]
    return "\n".join(lines)


def quoted(text: str) -> str:
    """A text as a YAML scalar on one line."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


_KNOWN = "ct state established,related accept"
_ND = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept"
_OWN = "45067-46066"

HOST = """
switches: {lan: {}}
hosts:
  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24, "fd00::1/64"]}}}
  B:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.2/24, "fd00::2/64"]}
      m: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.3/24]}
"""
#: What B filters.
FILTERS = {
    "icmp": table("ip", ("filter input 0", "ip protocol icmp drop")),
    "stateful": table("inet", ("filter input filter drop", _KNOWN, f"tcp dport {_OWN} accept", _ND)),
    "no ND in": table("ip6", ("filter input 0 drop",)),
    "no ND out": table("ip6", ("filter output 0 drop", "meta l4proto tcp accept")),
    "asks for neighbours, answers none": table(
        "ip6", ("filter output 0", "ip6 daddr fd00::/64 meta l4proto icmpv6 drop"),
    ),
    "ND untracked": table("inet", ("filter prerouting 0", "ct state untracked drop")),
    "own addresses alone": table("ip", ("filter prerouting 0", "fib daddr type local meta l4proto icmp drop")),
    "out by address": table("inet", ("filter output 0", "ip daddr 10.0.0.1 drop")),
    "rejects": table(
        "inet", ("filter input 0", "meta l4proto tcp reject with tcp reset", f"udp dport {_OWN} reject",
                 "icmp type echo-request reject with icmp type admin-prohibited", "icmpv6 type echo-request reject"),
    ),
    "reject by family": table(
        "inet", ("filter input 0", "reject with icmpv6 type no-route", "reject with tcp reset"),
    ),
    "reject out": table("ip", ("filter output 0", "meta l4proto tcp reject with tcp reset", "reject")),
    "no way out at input": table("inet", ("filter input 0", 'oifname != "eth0" icmp type echo-request drop')),
    "no match at input": table("inet", ("filter input 0", 'oifname "eth0" icmp type echo-request drop')),
    "loopback": table("inet", ("filter input 0 drop", "iif lo accept")),
    "no loopback": table("ip", ("filter output 0", 'oifname "lo" drop')),
    "verdict map": table(
        "inet", ("filter input 0 drop", "ct state vmap { established : accept, related : accept, invalid : drop }"),
    ),
    "jumps": table(
        "inet", ("web", f"tcp dport {_OWN} accept"), ("end", "ip saddr 10.0.0.1 return", "drop"),
        ("filter input 0 drop", "meta nfproto ipv6 accept", "jump web", "ip protocol icmp goto end", "accept"),
    ),
    "goto ends": table("ip", ("far", "counter"), ("filter input 0", "ip protocol icmp goto far", "drop")),
    "return": table("ip", ("filter input 0 drop", "ip protocol icmp return", "accept")),
    "limit": table("inet", ("filter input 0", "limit rate 1/second accept", "drop")),
    "wildcard, before it is tracked": table(
        "inet", ("filter prerouting raw", 'iifname "eth*" ip saddr 10.0.0.1 drop', "ct state established drop"),
    ),
    "raw is invalid": table(
        "inet", ("filter prerouting raw", "ct state invalid drop"), ("filter input 0", "ct state new accept"),
    ),
    "two chains": table(
        "inet", ("filter input 0", "icmp type echo-request accept"), ("filter input 10", "icmp type echo-request drop"),
    ),
    "drop before accept": table(
        "inet", ("filter input 10", "accept"), ("filter input -10", "icmp type echo-request drop"),
    ),
    "sets": table(
        "ip", ("filter input 0 drop", "ip saddr { 10.0.0.0-10.0.0.1, 10.9.0.0/16 } ip protocol != { tcp, udp } accept",
               "ip saddr != 10.0.0.1 accept", "tcp dport @ports accept"),
    ).replace("table ip t {", "table ip t {\n  set ports { type inet_service; flags interval;"
              " elements = { 22, 40000-50000 }\n  }"),
    "variables": table(
        "inet", ("filter input 0", "ip saddr $friends ip protocol icmp drop", "tcp dport $ssh drop"),
        head="define ssh = { 22, 2222 }\ndefine friends = 10.0.0.0/25 # all\n",
    ),
    "counted and logged": table(
        "ip", ("filter input 0", 'ip protocol icmp counter log prefix "no ping: " level info drop comment "quiet"'),
    ),
    "commands": "add table ip t\nadd chain ip t c { type filter hook input priority 0; policy drop; }\n"
                "add rule ip t c ip protocol icmp drop\ninsert rule ip t c accept",
    "a port that is no one's": table("inet", ("filter input 0", "tcp dport { 22, 80 } drop", "udp dport < 1024 drop")),
    "MACs": table("ip", ("filter input 0", "ether saddr 02:00:00:00:00:99 drop")),
    "fragments of time": table("ip", ("filter input 0", "meta hour < 3 drop", "ip ttl 1 drop")),
    "output sees the marks": table(
        "inet", ("route output mangle", "meta l4proto icmp meta mark set 0x10"),
        ("filter output 0", "meta mark 16 drop"),
    ),
    "arp": table("arp", ("filter input 0",)),
    "untracked": table("ip", ("filter prerouting raw", "ip protocol icmp notrack")),
}  # fmt: skip

ROUTER = """
switches: {l: {}, m: {}}
hosts:
  A:
    interfaces: {eth0: {switch: l, addresses: [10.1.0.2/24, "fd01::2/64"]}}
    routes: [{to: default, via: 10.1.0.1}, {to: "::/0", via: "fd01::1"}]
  R:
    interfaces:
      dn: {switch: l, addresses: [10.1.0.1/24, "fd01::1/64"]}
      up: {switch: m, addresses: [10.2.0.1/24, "fd02::1/64"]}
    sysctls: {net.ipv4.ip_forward: 1, net.ipv6.conf.all.forwarding: 1}
  B:
    interfaces: {eth0: {switch: m, addresses: [10.2.0.2/24, "fd02::2/64"]}}
    routes: [{to: 10.1.0.0/24, via: 10.2.0.1}, {to: "fd01::/64", via: "fd02::1"}]
  C: {interfaces: {eth0: {switch: m, addresses: [10.2.0.3/24, "fd02::3/64"]}}}
"""
#: What R filters and translates.
TRANSLATIONS = {
    "masquerade": table("ip", ("nat postrouting srcnat", 'oifname "up" masquerade')),
    "masquerade both": table("inet", ("nat postrouting srcnat", "oif up masquerade")),
    "masquerade v6": table("ip6", ("nat postrouting srcnat", 'oifname "up" masquerade')),
    "snat": table("ip", ("nat postrouting srcnat", "ip saddr 10.1.0.0/24 snat to 10.2.0.1")),
    "snat to nobody": table("ip", ("nat postrouting srcnat", "ip saddr 10.1.0.0/24 snat to 10.2.0.77")),
    "dnat": table("ip", ("nat prerouting dstnat", 'iifname "up" ip daddr 10.2.0.1 dnat to 10.1.0.2')),
    "dnat to a port": table("ip", ("nat prerouting dstnat", f"ip daddr 10.2.0.1 tcp dport {_OWN} dnat to 10.1.0.2:80")),
    "dnat v6": table("ip6", ("nat prerouting dstnat", "ip6 daddr fd02::1 dnat to fd01::2")),
    "dnat and masquerade": table(
        "ip", ("nat prerouting dstnat", "ip daddr 10.2.0.1 dnat to 10.2.0.2"), ("nat postrouting srcnat", "masquerade"),
    ),
    "dnat back to where it came from": table("ip", ("nat prerouting dstnat", "ip daddr 10.2.0.1 dnat to 10.2.0.2")),
    "redirect": table("ip", ("nat prerouting dstnat", 'iifname "up" redirect')),
    "dnat of its own": table("ip", ("nat output -100", "ip daddr 10.1.0.2 dnat to 10.2.0.2")),
    "dnat of its own to itself": table("ip", ("nat output -100", "ip daddr 10.1.0.2 dnat to 10.2.0.1")),
    "snat at input": table("ip", ("nat input 100", "snat to 10.9.9.9")),
    "the newest first": table(
        "ip", ("nat prerouting dstnat", "ip daddr 10.2.0.1 dnat to 10.1.0.2"),
        ("nat prerouting dstnat", "ip daddr 10.2.0.1 dnat to 10.1.0.99"),
    ),
    "the newest first, the other way": table(
        "ip", ("nat prerouting dstnat", "ip daddr 10.2.0.1 dnat to 10.1.0.99"),
        ("nat prerouting dstnat", "ip daddr 10.2.0.1 dnat to 10.1.0.2"),
    ),
    "filter behind dnat": table(
        "ip", ("nat prerouting dstnat", "ip daddr 10.2.0.1 dnat to 10.1.0.2"),
        ("filter forward 0 drop", "ip daddr 10.1.0.2 ct state new accept", "ct state established accept"),
    ),
    "one way, stateful": table("inet", ("filter forward 0 drop", _KNOWN, 'iifname "dn" oifname "up" accept')),
    "one way, stateless": table("inet", ("filter forward 0", 'iifname "up" oifname "dn" drop')),
    "reject forward": table(
        "inet", ("filter forward 0", 'iifname "up" meta l4proto tcp reject with tcp reset', 'iifname "up" reject'),
    ),
    "postrouting": table("inet", ("filter postrouting 0", 'oifname "up" drop')),
    "output": table("inet", ("filter output 0", 'oifname "up" drop')),
    "marks": table(
        "inet", ("filter prerouting mangle", 'iifname "up" meta mark set 7'), ("filter forward 0", "meta mark 7 drop"),
    ),
    "invalid": table("inet", ("filter forward 0", "ct state invalid drop")),
}  # fmt: skip

#: R has other routes for what nftables marks, and B another wire.
MARKED = """
switches: {l: {}, m: {}, n: {}}
hosts:
  A:
    interfaces: {eth0: {switch: l, addresses: [10.1.0.2/24, "fd01::2/64"]}}
    routes: [{to: default, via: 10.1.0.1}, {to: "::/0", via: "fd01::1"}]
  R:
    interfaces:
      dn: {switch: l, addresses: [10.1.0.1/24, "fd01::1/64"]}
      up: {switch: m, addresses: [10.2.0.1/24, "fd02::1/64"]}
      alt: {switch: n, addresses: [10.3.0.1/24, "fd03::1/64"]}
    sysctls: {net.ipv4.ip_forward: 1, net.ipv6.conf.all.forwarding: 1}
    routes:
      - {to: 10.9.0.0/24, via: 10.2.0.2}
      - {to: 10.9.0.0/24, via: 10.3.0.2, table: 7}
      - {to: default, type: blackhole, table: 8}
      - {to: "fd09::/64", via: "fd02::2"}
      - {to: "fd09::/64", via: "fd03::2", table: 7}
    rules:
      - {fwmark: 7, table: 7, priority: 100}
      - {fwmark: 0x10/0x10, table: 8, priority: 90}
      - {fwmark: 7, table: 7, priority: 100, family: 6}
  B:
    interfaces:
      eth0: {switch: m, addresses: [10.2.0.2/24, "fd02::2/64"]}
      eth1: {switch: n, addresses: [10.3.0.2/24, "fd03::2/64", 10.9.0.1/24]}
      eth2: {switch: n, addresses: ["fd09::1/64"]}
    routes: [{to: 10.1.0.0/24, via: 10.2.0.1}, {to: "fd01::/64", via: "fd02::1"}]
"""
MARKS = {
    "marked on the way": table("inet", ("filter prerouting mangle", 'iifname "dn" meta mark set 7')),
    "marked, no way": table("inet", ("filter prerouting mangle", 'iifname "dn" meta l4proto tcp meta mark set 0x10')),
    "marked at output": table("inet", ("route output mangle", "meta mark set 7")),
    "marked at output, no way": table("inet", ("route output mangle", "meta l4proto { tcp, icmp } meta mark set 0x10")),
    "a filter's mark is too late": table("inet", ("filter output mangle", "meta mark set 0x10")),
    "marked and masqueraded": table(
        "inet", ("route output mangle", "meta mark set 7"), ("nat postrouting 100", "masquerade")
    ),
    "marked at forward": table("inet", ("filter forward mangle", "meta mark set 7")),
    "marked, and not": table(
        "inet", ("route output -300", "meta mark set 7"), ("route output -200", "meta mark set 0")
    ),
}

DOCKER = """
switches: {lan: {}}
hosts:
  h:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.1/24]}
      docker0: {type: bridge, addresses: [172.17.0.1/16, "fd17::1/64"]}
    sysctls:
      net.ipv4.ip_forward: 1
      net.bridge.bridge-nf-call-iptables: 1
      net.bridge.bridge-nf-call-ip6tables: 1
    containers:
      c1:
        interfaces: {eth0: {bridge: docker0, addresses: [172.17.0.2/16, "fd17::2/64"]}}
        routes: [{to: default, via: 172.17.0.1}]
      c2:
        interfaces: {eth0: {bridge: docker0, addresses: [172.17.0.3/16, "fd17::3/64"]}}
        routes: [{to: default, via: 172.17.0.1}]
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
"""
#: What h does with packets that its bridge passes on.
BRIDGED = {
    "as Docker does": table(
        "ip", ("filter forward 0 drop", _KNOWN, 'iifname "docker0" oifname "eth0" accept'),
        ("nat postrouting srcnat", 'ip saddr 172.17.0.0/16 oifname != "docker0" masquerade'),
    ),
    "as Docker itself writes it": table(
        "ip",
        ("DOCKER", 'iifname "docker0" counter return'),
        ("nat prerouting dstnat", "fib daddr type local counter jump DOCKER"),
        ("nat output -100", "ip daddr != 127.0.0.0/8 fib daddr type local counter jump DOCKER"),
        ("nat postrouting srcnat", 'oifname != "docker0" ip saddr 172.17.0.0/16 counter masquerade'),
        ("filter forward filter drop", _KNOWN, 'iifname "docker0" oifname != "docker0" accept',
         'iifname "docker0" oifname "docker0" accept'),
    ),
    "published, wherever it is asked for": table(
        "ip", ("nat prerouting dstnat", "fib daddr type local dnat to 172.17.0.2"),
    ),
    "from elsewhere alone": table("ip", ("filter output 0", "fib saddr type != local drop"),
                                  ("filter input 0", "fib saddr type local ip daddr 10.0.0.1 drop")),
    "within the bridge": table("ip", ("filter forward 0 drop", _KNOWN, 'iifname "docker0" oifname "docker0" accept')),
    "no v6": table("ip6", ("filter forward 0 drop",)),
    "no v6 but ND": table("ip6", ("filter forward 0 drop", _ND)),
    "prerouting": table("ip", ("filter prerouting 0", 'iifname "docker0" drop')),
    "reject": table("inet", ("filter forward 0", 'iifname "docker0" oifname "docker0" reject')),
    "postrouting": table("ip", ("filter postrouting 0", 'oifname "docker0" ip daddr 172.17.0.3 drop')),
    "input": table("inet", ("filter input 0", f'iifname "docker0" tcp dport {_OWN} drop')),
    "masquerade within": table("ip", ("nat postrouting srcnat", 'oifname "docker0" masquerade')),
    "dnat within": table("ip", ("nat prerouting dstnat", "ip daddr 172.17.0.3 dnat to 172.17.0.2")),
    "published": table("ip", ("nat prerouting dstnat", 'iifname "eth0" ip daddr 10.0.0.1 dnat to 172.17.0.2')),
    "bridge: nothing": table("bridge", ("filter forward 0 drop",)),
    "bridge: all but v4": table(
        "bridge", ("filter forward 0 drop", "ether type arp accept", "meta protocol ip6 accept"),
    ),
    "bridge: prerouting": table("bridge", ("filter prerouting 0", "ip saddr 172.17.0.2 icmp type echo-request drop")),
    "bridge: input": table("bridge", ("filter input 0", "ether type ip drop")),
    "bridge: output": table("bridge", ("filter output 0", "ip protocol icmp drop")),
    "bridge: postrouting": table("bridge", ("filter postrouting 0", "ip protocol icmp drop")),
    "bridge: broadcasts": table("bridge", ("filter forward 0", "ether daddr ff:ff:ff:ff:ff:ff drop")),
}  # fmt: skip

LABS = {
    "host": topology(HOST, "B", FILTERS),
    "router": topology(ROUTER, "R", TRANSLATIONS),
    "marks": topology(MARKED, "R", MARKS),
    "bridge": topology(DOCKER, "h", BRIDGED),
    "bridge without call": topology(DOCKER.replace("tables: 1", "tables: 0"), "h", BRIDGED),
}
ALL = {**FILTERS, **TRANSLATIONS, **MARKS, **BRIDGED}
