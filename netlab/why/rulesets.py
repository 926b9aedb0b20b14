"""A change of an nftables ruleset as commands that leave alone what doesn't change: other programs have rules, too."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

from netlab.model.netfilter.parse import read
from netlab.model.netfilter.ruleset import Ruleset

#: A table's head in a ruleset: its family, if that is given, and its name.
_TABLE = re.compile(r"^[ \t]*(?:add )?table ((?:ip|ip6|inet|arp|bridge|netdev) )?([\w./]+)", re.MULTILINE)
#: A rule that is put in front of a chain's: the chain, and the rule.
_INSERTED = re.compile(r"insert rule (\S+ \S+ \S+) (.*)")
#: Chain → the texts of its rules.
_Chains = dict[tuple[str, str, str], list[str]]


def commands(old: str, new: str, lead: Sequence[str]) -> Iterator[str]:
    """What makes a ruleset another one; ``lead`` are the words before ``nft``, which may lead into a namespace.

    A rule that is put in front is inserted, and deleted again by its handle. Of any other change within chains these
    are made anew, in one transaction; else their tables are.
    """
    old, new = old.strip("\n"), new.strip("\n")
    nft = shlex.join((*lead, "nft"))
    if old and (put := _put(old, new)) is not None:
        yield from (f"{nft} {shlex.quote(f'insert rule {chain} {rule}')}" for chain, rule in put)
    elif new and (gone := _put(new, old)) is not None:
        yield from (_delete(nft, chain, rule) for chain, rule in reversed(gone))
    elif (chains := _changed(old, new)) is not None:
        lines = [
            line
            for (family, table, chain), rules in chains.items()
            for line in (
                f"flush chain {family} {table} {chain}",
                *(f"add rule {family} {table} {chain} {rule}" for rule in rules),
            )
        ]
        yield _here(nft, lines)
    else:
        tables = dict.fromkeys(_TABLE.findall(f"{old}\n{new}"))
        # A table is only deleted where it is: adding it before does nothing where it is.
        gone_ = [
            line for family, name in tables for line in (f"add table {family}{name}", f"delete table {family}{name}")
        ]
        yield _here(nft, [*gone_, *new.splitlines()])


def _put(less: str, more: str) -> list[tuple[str, str]] | None:
    """The rules that a text inserts besides another; None where it has anything else besides."""
    if not more.startswith(less):
        return None
    found = [_INSERTED.fullmatch(line) for line in more.removeprefix(less).strip("\n").splitlines()]
    return [(one[1], one[2]) for one in found if one] if found and all(found) else None


def _delete(nft: str, chain: str, rule: str) -> str:
    """Delete the first rule of a chain that nft lists so: only its handle names a rule."""
    return (
        f"rule=$({nft} -a list chain {chain} |\n"
        f"  grep -Fm1 {shlex.quote(f'{rule} # handle')})\n"
        f"{nft} delete rule {chain} handle ${{rule##* }}"
    )


def _changed(old: str, new: str) -> _Chains | None:
    """The chains whose rules differ; None where more than rules differ, or it can't be told."""
    before, after = read(old), read(new)
    if before.unread or after.unread:
        return None
    one, other = _chains(before), _chains(after)
    if one.keys() != other.keys() or _bare(old, one) != _bare(new, other):
        return None
    return {chain: rules for chain, rules in other.items() if rules != one[chain]} or None


def _chains(ruleset: Ruleset) -> _Chains:
    return {
        (table.family, table.name, chain.name): [rule.text for rule in chain.rules]
        for table in ruleset.tables.values()
        for chain in table.chains.values()
    }


def _bare(text: str, chains: _Chains) -> list[str]:
    """The words of a text less those of its rules."""
    for rule in (rule for rules in chains.values() for rule in rules):
        text = text.replace(rule, "", 1)
    return text.replace(";", " ").split()


def _here(nft: str, lines: Sequence[str]) -> str:
    return "\n".join(line for line in (f"{nft} -f - <<'END'", *lines, "END") if line)
