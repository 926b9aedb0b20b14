"""Candidates about nftables: a rule that must go, or one that lets the packets pass before those that drop them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from netlab.contract.types import Namespace, port_of, probe_of
from netlab.model.netfilter.parse import read
from netlab.model.netfilter.ruleset import Chain, Expression, Reject, Rule, Ruleset, Verdict, VerdictMap
from netlab.why.addressing import gateways
from netlab.why.case import Candidate, Case, Step

GOES = "What a rule drops or rejects is gone, whatever other rules say after it."
PASSES = "The first rule of a chain that fits decides there: an accept in front of the others lets the packets pass."
ANSWERS = "Answers come back by the same chain, unless connections that are established are let through."
ESTABLISHED = "ct state established,related accept"
#: So many rules of a namespace are tried one by one.
MOST = 12


def filters(case: Case) -> Iterator[Candidate]:
    """For each namespace that the packets may pass: its rules that drop, and what lets the packets pass."""
    ends = (case.destination.namespace, case.source.namespace)
    bridges = [link.namespace for link in case.state.links if link.bridges]
    for place in dict.fromkeys((*ends, *gateways(case), *bridges)):
        namespace = case.state.namespace(place)
        if namespace.nftables.strip():
            ruleset = read(namespace.nftables)
            if not ruleset.unread:
                yield from _dropping(case, namespace, ruleset)
                yield from _passing(case, namespace, ruleset)


def _dropping(case: Case, namespace: Namespace, ruleset: Ruleset) -> Iterator[Candidate]:
    found = [(chain, rule) for chain in _chains(ruleset) for rule in chain.rules if any(map(_drops, rule.expressions))]
    for chain, rule in found[:MOST]:
        left = _without(namespace.nftables, chain, rule)
        if left is not None:
            title = f"take away the rule '{rule.text}' of {chain} in {namespace.id}"
            yield case.candidate(f"nft-{namespace.id}-{chain}-{rule.text}", title, GOES, _set(namespace, left))


def _passing(case: Case, namespace: Namespace, ruleset: Ruleset) -> Iterator[Candidate]:
    rule = _accept(case.layer)
    closed = [chain for chain in _chains(ruleset) if _closes(chain)]
    if rule is None or not closed:
        return
    names = " and ".join(map(str, closed))
    key = f"nft-{namespace.id}"
    for own, rules, because, parts in (
        (f"{key}-accept", (rule,), PASSES, ()),
        (f"{key}-established", (ESTABLISHED,), f"{PASSES} {ANSWERS}", ()),
        (f"{key}-both", (rule, ESTABLISHED), f"{PASSES} {ANSWERS}", (f"{key}-accept", f"{key}-established")),
    ):
        text = namespace.nftables.rstrip("\n")
        text += "".join(f"\n{inserted(chain, one)}" for chain in closed for one in rules)
        title = f"let {names} in {namespace.id} pass: {' and '.join(rules)}"
        yield case.candidate(own, title, because, _set(namespace, f"{text}\n"), includes=parts)


def inserted(chain: Chain, rule: str) -> str:
    """The words of nft(8) that put a rule in front of a chain's."""
    return f"insert rule {chain.table.family} {chain.table.name} {chain.name} {rule}"


def _set(namespace: Namespace, text: str) -> Step:
    return {"set": {namespace.id: {"nftables": text}}}


def _chains(ruleset: Ruleset) -> Iterable[Chain]:
    return [chain for table in ruleset.tables.values() for chain in table.chains.values()]


def _closes(chain: Chain) -> bool:
    """Whether a packet's way can end at this hook."""
    if chain.base is None or chain.base.type != "filter":
        return False
    return chain.base.policy == "drop" or any(map(_ends, (one for rule in chain.rules for one in rule.expressions)))


def _drops(expression: Expression) -> bool:
    return isinstance(expression, Reject) or (isinstance(expression, Verdict) and expression.kind == "drop")


def _ends(expression: Expression) -> bool:
    """Whether it drops, or hands over to what may."""
    leads = isinstance(expression, Verdict) and expression.kind in ("jump", "goto")
    return leads or isinstance(expression, VerdictMap) or _drops(expression)


def _accept(layer: str) -> str | None:
    """A rule that accepts what a layer asks with, as nft lists it: so it is found again."""
    probe, port = probe_of(layer), port_of(layer)
    if probe == "icmp":
        return "icmp type { echo-reply, echo-request } accept"
    if probe == "icmp6":
        return "meta l4proto ipv6-icmp accept"
    name = probe.removesuffix("6")
    if name not in ("tcp", "udp"):
        return None
    return f"meta l4proto {name} accept" if port is None else f"{name} dport {port} accept"


def _without(text: str, chain: Chain, rule: Rule) -> str | None:
    """The text without a rule, of which it may say the white space in other ways; None where it isn't found."""
    words = r"[ \t]+".join(map(re.escape, rule.text.split()))
    start = re.search(rf"\bchain\s+{re.escape(chain.name)}\b", text)
    found = re.compile(rf"[ \t]*{words}[ \t]*(?:;|\n|(?=\}}))").search(text, start.end() if start else 0)
    return text[: found.start()] + text[found.end() :] if found else None
