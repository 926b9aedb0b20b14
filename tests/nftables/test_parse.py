"""What the model reads in a ruleset, against what nft itself lists of it."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from typing import Any

import pytest

from netlab.client import Agent
from netlab.model.netfilter.parse import read
from netlab.model.netfilter.ruleset import (
    Chain,
    Expression,
    Match,
    Nat,
    NotUnderstood,
    Reject,
    SetMark,
    Verdict,
    VerdictMap,
)  # fmt: skip
from netlab.plan import from_file
from tests.nftables.rulesets import ALL, quoted

#: Rules of all sorts that the model reads, and some that it doesn't.
SORTS = """
define ssh = { 22, 2222 }
define host = 10.0.0.9
table inet sorts {
  set ports {
    type inet_service
    flags interval
    elements = { 22, 40000-50000,
                 60000 }
  }
  set nets { typeof ip saddr; flags interval; elements = { 10.0.0.0/24, 10.1.0.1-10.1.0.9 }; }
  counter seen { }
  chain web { tcp dport $ssh accept; }
  chain in {   # a comment
    type filter hook input priority filter - 5; policy drop;
    ip saddr { 10.0.0.0/24, 10.1.0.1-10.1.0.9 } ct state established,related accept
    ip saddr != 10.0.0.0/24 ip daddr $host ct state != new \\
      drop
    ip saddr @nets ip protocol udp drop
    ip6 nexthdr udp drop
    iifname "eth*" meta l4proto { tcp, udp } th dport @ports counter name seen log prefix "x; y" level info jump web
    iif lo accept
    iifname { eth0, "eth1" } meta mark 0x10-0x1f accept
    ct state vmap { established : accept, new : jump web }
    tcp dport vmap { 22 : accept, 80-90 : drop }
    icmpv6 type { nd-neighbor-solicit, echo-request } meta mark set 0x10 accept
    icmp type != echo-request meta nfproto ipv4 meta nftrace set 1
    tcp dport 80 reject with tcp reset
    udp dport > 1023 reject with icmpx admin-prohibited
    udp sport <= 1023 reject
    ether saddr 02:00:00:00:00:01 ip protocol != tcp drop comment "quiet"
    limit rate 1/second accept
    ip saddr & 255.0.0.0 == 10.0.0.0 drop
    ip saddr . tcp dport { 10.0.0.1 . 22 } drop
    tcp flags syn drop
    ip ttl < 5 drop
    ct mark 1 drop
    meta mark & 0xff == 1 drop
    meta mark set meta mark or 1
    goto web
  }
  chain pre {
    type nat hook prerouting priority dstnat;
    ip daddr 10.0.0.1 tcp dport 80 dnat ip to 10.0.0.2:8080
    ip6 daddr fd00::1 tcp dport 80 dnat ip6 to [fd00::2]:80
    meta l4proto tcp dnat ip6 to fd00::3
    tcp dport 81 dnat to :82
    oifname "x" tcp dport 1-10 redirect to :3128
    redirect
  }
  chain post {
    type nat hook postrouting priority srcnat + 1;
    ip saddr 10.0.0.0/8 snat ip to 192.0.2.1 persistent
    masquerade random
  }
}
table bridge br {
  chain f {
    type filter hook forward priority -200;
    ether type arp accept
    meta protocol ip6 ether daddr ff:ff:ff:ff:ff:ff drop
    vlan id 5 drop
  }
}
"""


@pytest.fixture(scope="module")
def agent() -> Iterator[Agent]:
    """An agent of this module."""
    with Agent.start() as agent:
        yield agent


def listed(agent: Agent, text: str) -> dict[str, Any]:
    """What nft lists after it has loaded a ruleset, by chain: its base, and its rules."""
    topology = f"""
switches: {{lan: {{}}}}
hosts:
  A: {{interfaces: {{{", ".join(f"{name}: {{switch: lan}}" for name in ("eth0", "m", "dn", "up", "alt", "docker0"))}}},
      nftables: {quoted(text)}}}
"""
    plan = from_file(topology, "t")
    with agent.lab(plan) as lab:
        lab.enter(plan.steps[0]).result()
        with lab.spawn("A", ["nft", "-j", "list", "ruleset"]) as process:
            out, _ = process.communicate(timeout=60)
    found: dict[str, Any] = {}
    items = json.loads(out)["nftables"]
    sets = {one["set"]["name"]: one["set"].get("elem", []) for one in items if "set" in one}
    for item in items:
        if chain := item.get("chain"):
            base = tuple(chain[key] for key in ("type", "hook", "prio", "policy")) if "hook" in chain else None
            found[f"{chain['family']} {chain['table']}/{chain['name']}"] = (base, [])
        elif rule := item.get("rule"):
            found[f"{rule['family']} {rule['table']}/{rule['chain']}"][1].append(
                [_told(one, sets) for one in rule["expr"]]
            )
    return found


def _told(item: dict[str, Any], sets: dict[str, Any]) -> Any:
    """An expression of nft's JSON, as `_read` writes ours; None where nothing depends on it."""
    [(kind, what)] = item.items()
    if kind in ("counter", "log") or (kind == "mangle" and what["key"] == {"meta": {"key": "nftrace"}}):
        return None
    if kind in ("accept", "drop", "return", "continue"):
        return (kind, "")
    if kind in ("jump", "goto"):
        return (kind, what["target"])
    if kind == "reject":
        return ("reject", bool(what) and what.get("type") == "tcp reset")
    if kind == "mangle" and what["key"] == {"meta": {"key": "mark"}} and isinstance(what["value"], int):
        return ("mark", what["value"])
    if kind in ("snat", "dnat", "masquerade", "redirect"):
        what = what or {}
        return (kind, what.get("addr"), what.get("port"))
    if kind == "match" and (field := _field(what["left"])):
        values = _values(what["right"], sets)
        if field == "icmpv6 type":
            # Their names are those of ICMP.
            values = [value if value[0] not in (0, 8) else (129 - (value[0] > 0),) * 2 for value in values]
        return ("match", field, what["op"], sorted(values))
    if kind == "vmap" and (field := _field(what["key"])):
        cases = ((_values(key, sets), _told(value, sets)) for key, value in what["data"]["set"])
        return ("vmap", field, sorted(cases))
    return "?"


def _field(left: dict[str, Any]) -> str | None:
    if "payload" in left and "field" in left["payload"]:
        return f"{left['payload']['protocol']} {left['payload']['field']}"
    if "meta" in left:
        key = left["meta"]["key"]
        return key if key in ("iif", "oif", "iifname", "oifname") else f"meta {key}"
    if "fib" in left and left["fib"]["result"] == "type":
        [flag] = left["fib"]["flags"] if isinstance(left["fib"]["flags"], list) else [left["fib"]["flags"]]
        return f"fib {flag} type"
    return f"ct {left['ct']['key']}" if "ct" in left else None


def _values(right: Any, sets: dict[str, Any]) -> list[Any]:
    """Intervals of numbers, or names, in order."""
    if isinstance(right, str) and right.startswith("@"):
        return _values(sets[right[1:]], sets)
    if isinstance(right, dict) and "set" in right:
        return _values(right["set"], sets)
    if isinstance(right, list):
        return sorted(value for one in right for value in _values(one, sets))
    if isinstance(right, dict) and "range" in right:
        [low], [high] = (_values(one, sets) for one in right["range"])
        return [(low[0], high[0])]
    if isinstance(right, dict) and "prefix" in right:
        network = ipaddress.ip_network(f"{right['prefix']['addr']}/{right['prefix']['len']}")
        return [(int(network[0]), int(network[-1]))]
    number = _number(right)
    return [right if number is None else (number, number)]


#: What nft lists by name.
_NAMES = {"established": 2, "related": 4, "new": 8, "invalid": 1, "untracked": 64, "ip": 0x800, "ip6": 0x86DD,
          "arp": 0x806, "ipv4": 2, "ipv6": 10, "echo-request": 8, "echo-reply": 0, "nd-neighbor-solicit": 135,
          "nd-neighbor-advert": 136, "icmp": 1, "tcp": 6, "udp": 17, "ipv6-icmp": 58, "local": 2}  # fmt: skip


_TCP = ("match", "meta l4proto", "==", [(6, 6)])


def _number(value: Any) -> int | None:
    if isinstance(value, int):
        return value
    for known in (lambda text: int(ipaddress.ip_address(text)), lambda text: int(text, 0), _NAMES.__getitem__):
        try:
            return int(known(value))
        except (ValueError, KeyError):
            continue
    parts = value.split(":")
    return int("".join(parts), 16) if len(parts) == 6 else None


def _read(expression: Expression) -> Any:
    """An expression of ours, to compare."""
    match expression:
        case Match():
            return ("match", expression.field, "!=" if expression.negated else "==", sorted(expression.values))
        case VerdictMap():
            cases = sorted((sorted(one.values), _read(verdict)) for one, verdict in expression.cases)
            return ("vmap", expression.cases[0][0].field, cases)
        case Verdict():
            return (expression.kind, expression.chain)
        case Reject():
            return ("reject", expression.reset)
        case SetMark():
            return ("mark", expression.mark)
        case Nat():
            make = ipaddress.IPv6Address if expression.family == 6 else ipaddress.IPv4Address
            address = None if expression.address is None else str(make(expression.address))
            return (expression.kind, address, expression.port)
        case NotUnderstood():
            return "?"


def alike(ours: Any, theirs: Any) -> bool:
    """Whether the two say the same; a comparison is an interval to us."""
    if ours == theirs:
        return True
    if ours[0] != "match" or theirs[0] != "match" or ours[1] != theirs[1]:
        return False
    _, field, operator, values = theirs
    if operator == "in":
        return bool(ours[2:] == ("==", values))
    [(number, _)], top = values, 0xFFFF if "port" in field else 0xFFFFFFFF
    wanted = {">": (number + 1, top), ">=": (number, top), "<": (0, number - 1), "<=": (0, number)}
    return bool(ours[2:] == ("==", [wanted.get(operator)]))


def base(chain: Chain) -> Any:
    """Where a chain is attached."""
    found = chain.base
    return found and (found.type, found.hook, found.priority, found.policy)


@pytest.mark.parametrize("name", ["all sorts", *ALL])
def test_nft_lists_what_the_model_has_read(agent: Agent, name: str) -> None:
    """Chains, their hooks, priorities and policies, and each expression up to what isn't understood are the same."""
    text = SORTS if name == "all sorts" else ALL[name]
    ours = {str(chain): chain for table in read(text).tables.values() for chain in table.chains.values()}
    theirs = listed(agent, text)
    assert {one: base(chain) for one, chain in ours.items()} == {one: chain[0] for one, chain in theirs.items()}
    for one, chain in ours.items():
        rules = [[expression for expression in rule if expression is not None] for rule in theirs[one][1]]
        assert len(chain.rules) == len(rules)
        for rule, other in zip(chain.rules, rules, strict=True):
            expressions = [_read(expression) for expression in rule.expressions]
            if ("reject", True) in expressions:
                # It goes without saying.
                expressions, other = ([one for one in each if one != _TCP] for each in (expressions, other))
            if "?" in expressions:
                place = expressions.index("?")
                assert "?" in other or len(other) > place, rule.text
                expressions, other = expressions[:place], other[:place]
            assert len(expressions) == len(other), (rule.text, other)
            for mine, nfts in zip(expressions, other, strict=True):
                assert alike(mine, nfts), (rule.text, mine, nfts)


def test_rules_of_these_sorts_are_understood() -> None:
    """The model understands a rule wherever its language is simple."""
    found = read(SORTS)
    rules = [rule for table in found.tables.values() for chain in table.chains.values() for rule in chain.rules]
    unknown = [rule.text for rule in rules if any(isinstance(one, NotUnderstood) for one in rule.expressions)]
    assert not found.unread
    assert unknown == [
        "limit rate 1/second accept", "ip saddr & 255.0.0.0 == 10.0.0.0 drop",
        "ip saddr . tcp dport { 10.0.0.1 . 22 } drop", "tcp flags syn drop", "ip ttl < 5 drop", "ct mark 1 drop",
        "meta mark & 0xff == 1 drop", "meta mark set meta mark or 1", "vlan id 5 drop",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["table ip t {", "include \"other.nft\"", "table ip t { chain c { type filter hook ingress priority 0; } }", "}",
     "delete table ip t", "table ip t { flags dormant; }", "add rule ip t c accept", "define a = $b", "table ip t }",
     "table netdev t { chain c { type filter hook ingress device \"eth0\" priority 0; } }"],
)  # fmt: skip
def test_nothing_is_said_of_other_texts(text: str) -> None:
    """A ruleset of which not even the chains are understood says nothing, and says so."""
    assert read(text).unfollowed == {0, 4, 6}
