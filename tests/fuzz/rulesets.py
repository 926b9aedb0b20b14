"""Small random rulesets of nftables: filters by what they see, marks, and a translation now and then."""

from __future__ import annotations

from tests.fuzz.lan import Lan

#: Hooks at which a chain filters, and how often one does.
HOOKS = {"prerouting": 1, "input": 4, "forward": 2, "output": 3, "postrouting": 1}


def ruleset(lan: Lan, namespace: str) -> str:
    """The text for a namespace: a table of one or two chains that filter; for IPv4, with one that translates."""
    family = lan.pick(("inet", "ip", "ip6", "bridge"), (5, 3, 2, 1))
    chains = []
    for number in range(lan.pick((1, 2), (3, 1))):
        hook = lan.pick(list(HOOKS), list(HOOKS.values()))
        policy = lan.pick(("accept", "drop"), (4, 1)) if family != "bridge" else "accept"
        rules = [_rule(lan, namespace, family, hook) for _ in range(lan.pick((1, 2, 3)))]
        chains.append((f"type filter hook {hook} priority {lan.pick((0, 0, 10))}; policy {policy};", number, rules))
    if family == "ip" and lan.chance(0.4):
        chains.append(_translation(lan, namespace))
    body = "".join(f"  chain c{k} {{\n    {head}\n{_lines(rules)}  }}\n" for head, k, rules in chains)
    return f"table {family} t {{\n{body}}}\n"


def _lines(rules: list[str]) -> str:
    return "".join(f"    {rule}\n" for rule in rules)


def _rule(lan: Lan, namespace: str, family: str, hook: str) -> str:
    """What a rule asks for, and its verdict."""
    asks = ["meta l4proto tcp", "meta l4proto udp"]
    further = ["meta mark 7"] + ["ct state new", "ct state established"] * (family != "bridge")
    ips = [ip for nic in lan.living() for ip in (*nic.ips(4), *nic.ips(6))]
    if family != "ip6":
        asks += ["icmp type echo-request", "icmp type echo-reply", "ip protocol icmp"]
        asks += [f"ip {side} {ip}" for ip in ips if ":" not in ip for side in ("saddr", "daddr")]
    if family in ("ip6", "inet"):
        asks += ["icmpv6 type echo-request", "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert }"]
        asks += [f"ip6 {side} {ip}" for ip in ips if ":" in ip for side in ("saddr", "daddr")]
    nics = [nic.name for nic in lan.inside(namespace)] or ["eth0"]
    if hook in ("prerouting", "input", "forward"):
        further += [f'iifname "{lan.pick(nics)}"', 'iifname "lo"']
    if hook in ("forward", "output", "postrouting"):
        further += [f'oifname "{lan.pick(nics)}"', 'oifname != "lo"']
    verdicts = ["drop", "accept", "counter drop", "meta mark set 7"]
    if hook in ("input", "forward", "output") and family != "bridge":
        verdicts += ["reject", "meta l4proto tcp reject with tcp reset"]
    # netlab proves nothing where a bridge drops its own frames, which are none of IP.
    parts = [lan.pick(asks)] * (family == "bridge" or lan.chance(0.7)) + [lan.pick(further)] * lan.chance(0.4)
    return " ".join([*parts, lan.pick(verdicts)])


def _translation(lan: Lan, namespace: str) -> tuple[str, str, list[str]]:
    """A chain of NAT, with one rule."""
    ips = [ip for nic in lan.living() for ip in nic.ips(4)] or ["10.0.0.77"]
    if lan.chance(0.5):
        out = lan.pick([nic.name for nic in lan.inside(namespace)] or ["eth0"])
        rule = lan.pick(("masquerade", f'oifname "{out}" masquerade', f"snat to {lan.pick(ips)}"))
        return "type nat hook postrouting priority 100;", "n", [rule]
    hook, priority = lan.pick((("prerouting", -100), ("output", -100)))
    rule = f"ip daddr {lan.pick(ips)} " + lan.pick((f"dnat to {lan.pick(ips)}", "redirect"))
    return f"type nat hook {hook} priority {priority};", "n", [rule]
