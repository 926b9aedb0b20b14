"""One rule: its expressions, from left to right."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import replace

from netlab.model.netfilter.ruleset import (
    Expression,
    Interval,
    Match,
    Nat,
    NotUnderstood,
    Reject,
    Rule,
    SetMark,
    Table,
    Verdict,
    VerdictMap,
)
from netlab.model.netfilter.tokens import Cursor, NotRead
from netlab.model.netfilter.values import FIELDS, compared, field, literal

_VERDICTS = ("accept", "drop", "continue", "return", "jump", "goto")
#: The address family of each kind of error.
_REJECTS = {"icmp": 4, "icmpv6": 6, "icmpx": 0}
_NAT_FLAGS = ("random", "persistent", "fully-random")
#: What `log` takes, and whether a word follows.
_LOG = ("prefix", "level", "group", "flags", "snaplen", "queue-threshold")


def rule(cursor: Cursor, text: str, table: Table) -> Rule:
    """Read a rule; from where it isn't understood, its last expression says so."""
    found: list[Expression] = []
    try:
        while cursor.peek():
            expression = _expression(cursor, table)
            if expression is not None:
                found.append(expression)
    except NotRead:
        found.append(NotUnderstood())
    return Rule(" ".join(text.split()), tuple(found))


def _expression(cursor: Cursor, table: Table) -> Expression | None:
    """The next expression; None for one without any effect on packets."""
    word = cursor.peek()
    if word in _VERDICTS:
        return verdict(cursor)
    if cursor.skip("counter"):
        if cursor.skip("packets"):
            cursor.take()
            cursor.expect("bytes")
            cursor.take()
        elif cursor.skip("name"):
            cursor.take()
        return None
    if cursor.skip("comment"):
        cursor.take()
        return None
    if cursor.skip("log"):
        while cursor.peek() in _LOG:
            cursor.take()
            cursor.take()
        return None
    if cursor.skip("meta", "nftrace", "set"):
        cursor.take()
        return None
    if cursor.skip("meta", "mark", "set"):
        return SetMark(_number(cursor.word(), "mark")[0])
    if cursor.skip("reject"):
        return _reject(cursor)
    if word in ("snat", "dnat", "masquerade", "redirect"):
        return _nat(cursor, table)
    name = field(cursor)
    if name is None:
        raise NotRead(word)
    if cursor.skip("vmap"):
        return _map(cursor, name)
    values, negated = compared(cursor, FIELDS[name], table.sets)
    return Match(name, values, negated)


def verdict(cursor: Cursor) -> Verdict:
    """A verdict, with the chain that it leads to. Raises `NotRead`."""
    kind = cursor.word()
    if kind not in _VERDICTS:
        raise NotRead(kind)
    return Verdict(kind, cursor.word() if kind in ("jump", "goto") else "")  # type: ignore[arg-type]


def _number(text: str, kind: str) -> Interval:
    found = literal(text, kind)
    assert not isinstance(found, str)
    return found


def _reject(cursor: Cursor) -> Reject:
    if not cursor.skip("with"):
        return Reject()
    if cursor.skip("tcp", "reset"):
        return Reject(reset=True)
    family = _REJECTS.get(cursor.word())
    if family is None:
        raise NotRead("reject")
    cursor.skip("type")
    cursor.take()
    return Reject(family=family)


def _map(cursor: Cursor, name: str) -> VerdictMap:
    inner = cursor.block()
    cases = []
    inner.ends()
    while inner.peek():
        if inner.peek() == "{":
            raise NotRead("a set in a map")
        match = Match(name, (literal(inner.word(), FIELDS[name]),))
        inner.expect(":")
        cases.append((match, verdict(inner)))
        inner.ends()
        if inner.peek():
            inner.expect(",")
            inner.ends()
    return VerdictMap(tuple(cases))


def _nat(cursor: Cursor, table: Table) -> Nat:
    kind = cursor.word()
    if table.family == "bridge":
        raise NotRead(kind)
    for family in ("ip", "ip6"):
        cursor.skip(family)
    found = _destination(cursor.word()) if cursor.skip("to") else Nat(kind)  # type: ignore[arg-type]
    while cursor.peek() in _NAT_FLAGS:
        cursor.take()
    chooses = kind in ("masquerade", "redirect")
    if (found.address is not None) if chooses else (found.address is None and found.port is None):
        raise NotRead(kind)
    return replace(found, kind=kind)  # type: ignore[arg-type]


def _destination(text: str) -> Nat:
    """``10.0.0.1``, ``10.0.0.1:80``, ``:80``, ``[fd00::1]:80``, ``fd00::1``."""
    parts = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[0-9.]*)(?::([0-9a-z]+))?", text)
    host, port = parts.groups() if parts is not None else (text, None)
    try:
        address = ipaddress.ip_address(host.strip("[]")) if host else None
    except ValueError:
        raise NotRead(text) from None
    known = _number(port, "port")[0] if port else None
    return Nat("dnat", None if address is None else int(address), known, address.version if address else 0)
