"""What is to be measured, resolved: names and patterns to pairs of endpoints, families chosen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from netlab.contract.measures import NOTHING, Compare, Measure, Measures, Side
from netlab.contract.types import Endpoint
from netlab.plan.expect import Resolver
from netlab.plan.sides import is_pattern
from netlab.spec.measurements import Comparing, GivenSide, Measurements, Measuring, Pair

Family = Literal[4, 6]
Pairs = tuple[tuple[str, str], ...]


def resolve(resolver: Resolver, given: Measurements, names: set[str]) -> Measures:
    """The measurements of one step. What is wrong is noted; ``names`` of comparisons are unique in a file."""
    if not (given.throughput or given.latency or given.compare):
        return NOTHING
    compare = []
    for entry in given.compare:
        if entry.name in names:
            resolver.problems.add(entry.where, f"there is a comparison {entry.name!r} already", "give it another name")
        names.add(entry.name)
        compare += _compare(resolver, entry)
    return Measures(
        throughput=tuple(one for entry in given.throughput for one in _measure(resolver, entry)),
        latency=tuple(one for entry in given.latency for one in _measure(resolver, entry)),
        compare=tuple(compare),
    )


def _measure(resolver: Resolver, entry: Measuring) -> list[Measure]:
    """One measurement, or one for each family of addresses that its pairs need."""
    by_family: dict[Family, dict[tuple[str, str], None]] = {}
    for pair in entry.pairs:
        for family, pairs in _pairs(resolver, pair, entry.family).items():
            by_family.setdefault(family, {}).update(dict.fromkeys(pairs))
    return [
        Measure(
            text=entry.text,
            where=entry.where,
            pairs=tuple(pairs),
            traffic=replace(entry.traffic, family=family),
            repetitions=entry.repetitions,
            bound=entry.bound,
            named=not any(is_pattern(side) for pair in entry.pairs for side in (pair.left, pair.right)),
        )
        for family, pairs in by_family.items()
    ]


def _pairs(resolver: Resolver, pair: Pair, wanted: Family | None) -> dict[Family, list[tuple[str, str]]]:
    sources, targets = resolver.sides.endpoints(pair.left, pair.where), resolver.sides.endpoints(pair.right, pair.where)
    found: dict[Family, list[tuple[str, str]]] = {}
    if sources is None or targets is None:
        return found
    named = not (is_pattern(pair.left) or is_pattern(pair.right))
    ways = [(source, target) for source in _whole(sources, named) for target in _whole(targets, named)]
    if pair.both:
        ways += [(target, source) for source, target in ways]
    for source, target in ways:
        family = _family(source, target, wanted)
        if family is not None and source.link != target.link and source.bindable:
            found.setdefault(family, []).append((source.id, target.id))
    if not found:
        follows = resolver.file.lost(pair.left, pair.right)
        resolver.problems.add(pair.where, *_lack(ways, wanted), follows=follows)
    return found


def _whole(endpoints: Iterable[Endpoint], named: bool) -> list[Endpoint]:
    """A pattern means interfaces, not their further addresses."""
    return [endpoint for endpoint in endpoints if named or not endpoint.extra]


def _family(source: Endpoint, target: Endpoint, wanted: Family | None) -> Family | None:
    families: tuple[Family, ...] = (4, 6) if wanted is None else (wanted,)
    for family in families:
        ends = (source.v4, target.v4) if family == 4 else (source.v6, target.v6)
        if None not in ends:
            return family
    return None


def _lack(ways: list[tuple[Endpoint, Endpoint]], wanted: Family | None) -> tuple[str, str]:
    """Why no way can be measured, and what would be right."""
    if all(source.link == target.link for source, target in ways):
        return f"{ways[0][0].id} is paired with itself", "a measurement is between two interfaces"
    if not any(source.bindable for source, _ in ways):
        return f"{ways[0][0].id} is a loopback: no program asks by it", "name an interface on the way"
    which = "one family" if wanted is None else f"IPv{wanted}"
    between = next((source.id, target.id) for source, target in ways if source.link != target.link)
    return f"{between[0]} and {between[1]} have no addresses of {which}", "give them some"


def _compare(resolver: Resolver, entry: Comparing) -> list[Compare]:
    faster, than = _side(resolver, entry.faster), _side(resolver, entry.than)
    if faster is None or than is None:
        return []
    return [
        Compare(
            name=entry.name,
            where=entry.where,
            metric=entry.faster.metric,
            faster=faster,
            than=than,
            by=entry.by,
            repetitions=entry.repetitions,
            confidence=entry.confidence,
            percentile=entry.faster.percentile,
        )
    ]


def _side(resolver: Resolver, given: GivenSide) -> Side | None:
    pair = given.pair
    for name in (pair.left, pair.right):
        if is_pattern(name):
            resolver.problems.add(pair.where, f"{name!r} is a pattern", "one pair is compared, as in A -> B")
            return None
    found = _pairs(resolver, pair, given.family)
    for family, ways in found.items():
        traffic = replace(given.traffic, family=family)
        return Side(text=given.text, source=ways[0][0], destination=ways[0][1], traffic=traffic)
    return None
