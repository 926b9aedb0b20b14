"""A ruleset as values: tables, chains, and rules, which are expressions from left to right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import Literal

from netlab.contract.dataclass import dataclass
from netlab.model.packets import is_link_local

#: Numbers from the first to the last; a single one is an interval, too. Names stand for interfaces (``eth*``).
Interval = tuple[int, int]
Values = tuple[Interval | str, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """A field of the packet (``tcp dport``) has one of these values, or none of them."""

    field: str
    values: Values
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What ends a rule; ``chain`` is where ``jump`` and ``goto`` lead."""

    kind: Literal["accept", "drop", "continue", "return", "jump", "goto"]
    chain: str = ""


@dataclass(frozen=True, slots=True)
class VerdictMap:
    """``vmap``: the verdict depends on a field."""

    cases: tuple[tuple[Match, Verdict], ...]


@dataclass(frozen=True, slots=True)
class Reject:
    """The packet is dropped, and its sender told: by an ICMP error or, with ``reset``, by a TCP segment.

    So it is for TCP alone, and where the error is one of ICMP or ICMPv6, for a ``family`` alone.
    """

    reset: bool = False
    family: int = 0


@dataclass(frozen=True, slots=True)
class SetMark:
    """``meta mark set``."""

    mark: int


@dataclass(frozen=True, slots=True)
class Nat:
    """A connection is translated. Without ``address`` the kernel chooses it; without ``port`` that stays.

    ``family`` is that of the address, else 0.
    """

    kind: Literal["snat", "dnat", "masquerade", "redirect"]
    address: int | None = None
    port: int | None = None
    family: int = 0


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """The rest of a rule, of which nothing is known."""


Expression = Match | Verdict | VerdictMap | Reject | SetMark | Nat | NotUnderstood


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, and its text in the file."""

    text: str
    expressions: tuple[Expression, ...]


@dataclass(slots=True)
class Base:
    """Where a chain is attached. Of equal priorities the chain with the higher ``order`` comes first."""

    type: str
    hook: str
    priority: int
    order: int
    policy: Literal["accept", "drop"] = "accept"


@dataclass(slots=True)
class Chain:
    """A chain of a table."""

    name: str
    table: Table
    base: Base | None = None
    rules: list[Rule] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.table.family} {self.table.name}/{self.name}"


@dataclass(slots=True)
class Table:
    """A table of a family; a set is None where it isn't understood."""

    family: str
    name: str
    chains: dict[str, Chain] = field(default_factory=dict)
    sets: dict[str, Values | None] = field(default_factory=dict)


@dataclass(slots=True)
class Ruleset:
    """Everything that a namespace's text says; ``unread`` is why nothing can be said of it, else empty."""

    text: str = ""
    tables: dict[tuple[str, str], Table] = field(default_factory=dict)
    unread: str = ""

    def named(self) -> Iterator[tuple[str, Interval | str]]:
        """What rules name: the field (``ip saddr``) and the value; of a translation ``ip`` or ``ip6`` alone."""
        chains = (chain for table in self.tables.values() for chain in table.chains.values())
        for expression in (one for chain in chains for rule in chain.rules for one in rule.expressions):
            if isinstance(expression, Nat) and expression.address is not None:
                yield "ip6" if expression.family == 6 else "ip", (expression.address, expression.address)
            maps = expression.cases if isinstance(expression, VerdictMap) else ()
            for match in (expression,) if isinstance(expression, Match) else (match for match, _ in maps):
                yield from ((match.field, value) for value in match.values)

    @property
    def singular(self) -> bool:
        """Whether a rule tells IPv6 link-local addresses or groups apart, which are of one interface each."""
        return any(
            (is_link_local(value[0]) and value[1] - value[0] < (1 << 64) - 1)
            or (value[0] >> 120 == 0xFF and value[1] - value[0] < (1 << 24) - 1)
            for _, value in self.named() if not isinstance(value, str)
        )  # fmt: skip

    @property
    def unfollowed(self) -> frozenset[int]:
        """The families of which no packet can be told: 4 (ARP with it) and 6, and 0 for frames of netlab's own."""
        tables = {table.family for table in self.tables.values() if any(chain.base for chain in table.chains.values())}
        if self.unread or "netdev" in tables:
            return frozenset((0, 4, 6))
        return frozenset((4,)) if "arp" in tables else frozenset()
