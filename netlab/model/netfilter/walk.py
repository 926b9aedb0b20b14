"""A packet's way through a chain (nft_do_chain)."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import NamedTuple

from netlab.contract.dataclass import dataclass
from netlab.model.netfilter.ruleset import (
    Chain,
    Interval,
    Match,
    Nat,
    NotUnderstood,
    Reject,
    Rule,
    SetMark,
    Values,
    Verdict,
    VerdictMap,
)
from netlab.model.netfilter.values import LOCAL, OTHER, PROTOCOLS
from netlab.model.sim import Unknown

#: Ethernet types and NFPROTO_* by address family.
_LOOPBACK = 127
_ETHER = {4: (0x0800, 2), 6: (0x86DD, 10)}


@dataclass(slots=True)
class View:
    """What rules may ask of a packet at a hook. Numbers are intervals: one that isn't known is wide.

    ``protocol`` is the transport's; ``types`` that of an ICMP message; ``state`` a bit of `values.STATES`. A bridge's
    frames have MACs, and no address family where they are none of IP.
    """

    ns: str
    iif: str
    oif: str
    family: int = 0
    src: int = 0
    dst: int = 0
    protocol: int = 0
    types: Interval | None = None
    ports: tuple[Interval, Interval] | None = None
    state: Interval = (1, 1)
    mark: int = 0
    ether: int = 0
    macs: tuple[Interval, Interval] | None = None
    #: The IPv4 addresses of the namespace.
    owned: Set[int] = frozenset()


def _four(view: View, number: int) -> Interval | None:
    return (number, number) if view.family == 4 else None


def _six(view: View, number: int) -> Interval | None:
    return (number, number) if view.family == 6 else None


def _type(view: View, number: int) -> Interval:
    """The type of an address: of IPv4 whether it is the namespace's own (inet_dev_addr_type)."""
    if view.family != 4:
        return 0, 255
    return (LOCAL, LOCAL) if number in view.owned or number >> 24 == _LOOPBACK else (OTHER, OTHER)


def _port(place: int, protocol: int) -> Callable[[View], Interval | None]:
    return lambda view: view.ports[place] if view.ports and protocol == view.protocol else None


def _transport(place: int) -> Callable[[View], Interval | None]:
    """The words where TCP and UDP have ports; in their place ICMP has type and code, and a checksum."""

    def found(view: View) -> Interval | None:
        if view.types is not None:
            return (view.types[0] << 8,) * 2 if place == 0 else (0, 0xFFFF)
        return view.ports[place] if view.ports else None

    return found


#: Each field's value; None where the packet has no such field, and no rule matches that asks for it (NFT_BREAK).
_VALUES: dict[str, Callable[[View], Interval | str | None]] = {
    "ip saddr": lambda view: _four(view, view.src),
    "ip daddr": lambda view: _four(view, view.dst),
    "ip6 saddr": lambda view: _six(view, view.src),
    "ip6 daddr": lambda view: _six(view, view.dst),
    "ip protocol": lambda view: _four(view, view.protocol),
    "ip6 nexthdr": lambda view: _six(view, view.protocol),
    "meta l4proto": lambda view: (view.protocol, view.protocol) if view.family else None,
    "icmp type": lambda view: view.types if view.family == 4 else None,
    "icmpv6 type": lambda view: view.types if view.family == 6 else None,
    "tcp sport": _port(0, 6), "tcp dport": _port(1, 6), "udp sport": _port(0, 17), "udp dport": _port(1, 17),
    "th sport": _transport(0), "th dport": _transport(1),
    "iif": lambda view: view.iif, "iifname": lambda view: view.iif,
    "oif": lambda view: view.oif, "oifname": lambda view: view.oif,
    "ct state": lambda view: view.state,
    "meta mark": lambda view: (view.mark, view.mark),
    "fib saddr type": lambda view: _type(view, view.src), "fib daddr type": lambda view: _type(view, view.dst),
    "meta nfproto": lambda view: (_ETHER[view.family][1],) * 2 if not view.macs else (7, 7),
    "meta protocol": lambda view: (view.ether, view.ether), "ether type": lambda view: (view.ether, view.ether),
    "ether saddr": lambda view: view.macs[0] if view.macs else (0, (1 << 48) - 1),
    "ether daddr": lambda view: view.macs[1] if view.macs else (0, (1 << 48) - 1),
}  # fmt: skip


class End(NamedTuple):
    """Where a walk ended: by a rule's verdict, reject or translation; ``rule`` is None for the chain's policy."""

    what: Verdict | Reject | Nat
    chain: Chain
    rule: Rule | None


def walk(chain: Chain, view: View) -> End:
    """What a base chain does with a packet. Raises `Unknown` where that depends on what isn't understood."""
    assert chain.base is not None
    return _through(chain, view) or End(Verdict(chain.base.policy), chain, None)


def _through(chain: Chain, view: View) -> End | None:
    """The end that a packet comes to in a chain; None where the chain says nothing, or to return."""
    for rule in chain.rules:
        verdict = _applied(rule, view)
        if verdict is None:
            continue
        if isinstance(verdict, Verdict) and verdict.kind in ("return", "goto", "jump", "continue"):
            if verdict.kind == "return":
                return None
            if verdict.kind == "continue":
                continue
            if verdict.chain not in chain.table.chains:
                raise _unknown(view, rule)
            end = _through(chain.table.chains[verdict.chain], view)
            if end is not None or verdict.kind == "goto":
                return end
            continue
        return End(verdict, chain, rule)
    return None


def _applied(rule: Rule, view: View) -> Verdict | Reject | Nat | None:
    """What a rule does with a packet; None where it goes on."""
    for expression in rule.expressions:
        if isinstance(expression, Match):
            if not _matched(expression, view, rule):
                return None
        elif isinstance(expression, SetMark):
            view.mark = expression.mark
        elif isinstance(expression, NotUnderstood):
            raise _unknown(view, rule)
        elif isinstance(expression, VerdictMap):
            for match, verdict in expression.cases:
                if _matched(match, view, rule):
                    return verdict
            return None
        elif not _concerns(expression, view):
            return None
        else:
            return expression
    return None


def _concerns(action: Verdict | Reject | Nat, view: View) -> bool:
    """Whether an action is for a packet's family and protocol, which it needn't say (nft adds these matches)."""
    if isinstance(action, Reject) and action.reset and view.protocol != PROTOCOLS["tcp"]:
        return False
    return isinstance(action, Verdict) or action.family in (0, view.family)


def _matched(match: Match, view: View, rule: Rule) -> bool:
    found = matches(match, view)
    if found is None:
        raise Unknown(f"{view.ns}: the packet's {match.field} isn't known, which nftables asks for: {rule.text}")
    return found


def _unknown(view: View, rule: Rule) -> Unknown:
    return Unknown(f"{view.ns}: nftables rule not understood: {rule.text}")


def matches(match: Match, view: View) -> bool | None:
    """Whether a packet has what a rule asks for; None where that isn't known."""
    value = _VALUES[match.field](view)
    if value is None:
        return False
    found = _named(value, match.values) if isinstance(value, str) else _among(value, match.values)
    return found if found is None or not match.negated else not found


def _named(name: str, values: Values) -> bool:
    for value in values:
        assert isinstance(value, str)
        if name == value or (value.endswith("*") and name.startswith(value[:-1])):
            return True
    return False


def _among(value: Interval, values: Values) -> bool | None:
    """Whether a number that lies in an interval is one of the values."""
    low, high = value
    touched = False
    for one in values:
        assert not isinstance(one, str)
        if one[0] <= low and high <= one[1]:
            return True
        touched = touched or (one[0] <= high and low <= one[1])
    return None if touched else False
