"""nft's language, as far as it is simple, to a `Ruleset` (nft(8)).

A syntax error is nft's own matter, which reports it when it loads the text; here such a text is one of which nothing is
known.
"""

from __future__ import annotations

import re

from netlab.model.netfilter import statements
from netlab.model.netfilter.ruleset import Base, Chain, Rule, Ruleset, Table, Values
from netlab.model.netfilter.tokens import Cursor, NotRead, Token, tokens
from netlab.model.netfilter.values import FIELDS, TYPES, elements, field

_FAMILIES = ("ip", "ip6", "inet", "bridge", "arp", "netdev")
HOOKS = ("prerouting", "input", "forward", "output", "postrouting")
_PRIORITIES = {"raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100}
_BRIDGE_PRIORITIES = {"dstnat": -300, "filter": -200, "out": 100, "srcnat": 300}
#: Objects of a table that change nothing where no rule uses them; rules that do aren't understood.
_OBJECTS = ("map", "counter", "quota", "limit", "secmark", "synproxy", "flowtable", "ct")


def read(text: str) -> Ruleset:
    """Read a ruleset; where not even its tables are understood, its ``unread`` says so."""
    reader = _Reader(text)
    try:
        reader.read()
    except NotRead as why:
        reader.found.unread = f"nftables ruleset not understood: {why}"
    return reader.found


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self.found = Ruleset(text)
        self._variables: dict[str, list[Token]] = {}
        self._order = 0

    def read(self) -> None:
        cursor = Cursor(self._expanded(tokens(self._text)))
        cursor.ends()
        while cursor.peek():
            if cursor.skip("flush", "ruleset"):
                self.found.tables.clear()
            elif cursor.skip("table") or cursor.skip("add", "table"):
                table = self._table(cursor)
                if cursor.peek() == "{":
                    self._objects(cursor.block(), table)
            elif cursor.skip("chain") or cursor.skip("add", "chain"):
                table = self._table(cursor)
                chain = self._chain(table, cursor.word())
                if cursor.peek() == "{":
                    self._rules(cursor.block(), chain)
            elif cursor.skip("rule") or cursor.skip("add", "rule"):
                chain = self._known(cursor)
                chain.rules.append(self._rule(cursor, chain))
            elif cursor.skip("insert", "rule"):
                chain = self._known(cursor)
                chain.rules.insert(0, self._rule(cursor, chain))
            else:
                raise NotRead(self._line(cursor.take()))
            cursor.ends()

    def _expanded(self, found: list[Token]) -> list[Token]:
        """Put the values of variables in their place; ``define`` lines are left out."""
        expanded: list[Token] = []
        cursor = Cursor(found)
        while cursor.peek():
            if cursor.skip("define"):
                name = cursor.word()
                cursor.expect("=")
                self._variables[name] = [*self._values(cursor.statement())]
            else:
                expanded += self._values([cursor.take()])
        return expanded

    def _values(self, found: list[Token]) -> list[Token]:
        values: list[Token] = []
        for token in found:
            if token.quoted or not token.text.startswith("$"):
                values.append(token)
                continue
            if token.text[1:] not in self._variables:
                raise NotRead(self._line(token))
            # It stands where the variable is used.
            values += [one._replace(start=token.start, stop=token.stop) for one in self._variables[token.text[1:]]]
        return values

    def _line(self, token: Token) -> str:
        start = self._text.rfind("\n", 0, token.start) + 1
        return self._text[start:].partition("\n")[0].strip()

    def _table(self, cursor: Cursor) -> Table:
        family = cursor.word() if cursor.peek() in _FAMILIES else "ip"
        name = cursor.word()
        return self.found.tables.setdefault((family, name), Table(family, name))

    def _chain(self, table: Table, name: str) -> Chain:
        return table.chains.setdefault(name, Chain(name, table))

    def _known(self, cursor: Cursor) -> Chain:
        table = self._table(cursor)
        name = cursor.word()
        if name not in table.chains:
            raise NotRead(f"no chain {name}")
        return table.chains[name]

    def _objects(self, cursor: Cursor, table: Table) -> None:
        cursor.ends()
        while cursor.peek():
            if cursor.skip("chain"):
                chain = self._chain(table, cursor.word())
                self._rules(cursor.block(), chain)
            elif cursor.skip("set"):
                name = cursor.word()
                table.sets[name] = _set(cursor.block())
            elif cursor.skip("comment"):
                cursor.take()
            elif cursor.peek() in _OBJECTS:
                while cursor.peek() not in ("{", ""):
                    cursor.take()
                cursor.block()
            else:
                raise NotRead(self._line(cursor.take()))
            cursor.ends()

    def _rules(self, cursor: Cursor, chain: Chain) -> None:
        cursor.ends()
        while cursor.peek():
            if cursor.skip("type"):
                self._base(cursor, chain)
            elif cursor.skip("policy"):
                policy = cursor.word()
                if chain.base is None or policy not in ("accept", "drop"):
                    raise NotRead(f"policy {policy}")
                chain.base.policy = "drop" if policy == "drop" else "accept"
            elif cursor.skip("comment"):
                cursor.take()
            else:
                chain.rules.append(self._rule(cursor, chain))
            cursor.ends()

    def _rule(self, cursor: Cursor, chain: Chain) -> Rule:
        found = cursor.statement()
        text = self._text[found[0].start : found[-1].stop] if found else ""
        return statements.rule(Cursor(found), text, chain.table)

    def _base(self, cursor: Cursor, chain: Chain) -> None:
        kind = cursor.word()
        cursor.expect("hook")
        hook = cursor.word()
        if hook not in HOOKS:
            raise NotRead(f"hook {hook}")
        cursor.expect("priority")
        told = "".join(token.text for token in cursor.statement())
        named = _BRIDGE_PRIORITIES if chain.table.family == "bridge" else _PRIORITIES
        parts = re.fullmatch(r"([a-z]*)([+-]?[0-9]+)?", told)
        if parts is None or (parts[1] and parts[1] not in named):
            raise NotRead(f"priority {told}")
        self._order += 1
        priority = named.get(parts[1], 0) + int(parts[2] or 0)
        if chain.base is None:
            chain.base = Base(kind, hook, priority, self._order)


def _set(cursor: Cursor) -> Values | None:
    """A named set; None where it isn't understood: so are the rules that use it."""
    kind: str | None = None
    found: Values = ()
    try:
        cursor.ends()
        while cursor.peek():
            if cursor.skip("type"):
                kind = TYPES.get(cursor.word())
            elif cursor.skip("typeof"):
                kind = FIELDS.get(field(cursor) or "")
            elif cursor.skip("elements", "="):
                if kind is None:
                    return None
                found = elements(cursor, kind)
            elif cursor.skip("flags"):
                if any(token.text not in ("interval", "constant", ",") for token in cursor.statement()):
                    return None
            elif cursor.peek() in ("auto-merge", "comment", "size", "policy"):
                cursor.statement()
            else:
                return None
            if cursor.peek() not in ("", ";"):
                return None
            cursor.ends()
    except NotRead:
        return None
    return found
