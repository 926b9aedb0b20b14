"""``throughput:``, ``latency:`` and ``compare:``: entries of the file to frozen values. Names are the plan's.

An entry of the first two is a pair, alone or with what it is to be, or a mapping:

    throughput:
      - A -> B
      - A -> B: at least 1 Gbit/s
      - any <-> any: {duration: 2s, repetitions: 3}
      - {pairs: [A -> B, A/c1 <-> A/c2], protocol: udp, length: 200}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Literal, TypeVar, cast

from netlab.compare import FEWEST
from netlab.contract.measures import Bound, Metric, Traffic
from netlab.contract.where import Where
from netlab.spec import quantities, scalars
from netlab.spec.expect import ARROW, BOTH, has_arrow
from netlab.spec.measurements import SECTIONS, Comparing, GivenSide, Measurements, Measuring, Pair
from netlab.spec.nodes import Node
from netlab.spec.problems import Fault, Problem, Problems, did_you_mean
from netlab.spec.scalars import Wrong

T = TypeVar("T")

_SIDE = r"[^\s\[\]<>,→↔]+"
_PAIR = re.compile(rf"\s*(?P<left>{_SIDE})\s*(?P<arrow>{ARROW})\s*(?P<right>{_SIDE})\s*")
#: iperf3 counts in whole seconds (and knows no segment larger than 9 KiB, no datagram smaller than 16 bytes).
_WHOLE = "iperf3 counts whole seconds"
#: A bound of each, for messages.
EXAMPLE = {"throughput": "1 Gbit/s", "latency": "200 us"}


def parse(sections: Mapping[str, Node], file: str, problems: Problems) -> Measurements:
    """All entries of the three lists that are there; what is wrong with the others goes to ``problems``."""
    made: dict[str, list[Any]] = {name: [] for name in SECTIONS}
    for name in SECTIONS:
        listed = sections[name].value if name in sections else None
        for node in listed if isinstance(listed, list) else ():
            try:
                made[name].append(_compare(node, file) if name == "compare" else _measure(node, name, file))
            except Fault as fault:
                problems.found += fault.problems
    return Measurements(**{name: tuple(entries) for name, entries in made.items()})


def _faulty(problems: list[Problem]) -> Fault:
    """Several faults as one."""
    fault = Fault(problems[0].where, problems[0].message)
    fault.problems = problems
    return fault


# --- options ----------------------------------------------------------------------------------------


def _number(low: int, high: int) -> Callable[[object], int]:
    return lambda value: scalars.number(value, low, high)


def _word(*words: str) -> Callable[[object], str]:
    def parse(value: object) -> str:
        word = scalars.text(value)
        if word not in words:
            raise Wrong(f"{word!r} is none of {', '.join(words)}", did_you_mean(word, words))
        return word

    return parse


def _between(parse: Callable[[object], float], low: float, high: float, words: str) -> Callable[[object], float]:
    def checked(value: object) -> float:
        made = parse(value)
        if not low <= made <= high:
            raise Wrong(f"{scalars.text(value)!r} is out of range", words)
        return made

    return checked


_size = cast("Callable[[object], float]", quantities.size)
_BOTH: dict[str, Callable[[object], Any]] = {
    "protocol": _word("tcp", "udp"),
    "family": _number(4, 6),
    "length": lambda value: int(_between(_size, 1, 1 << 20, "1 to 1M")(value)),
    "port": _number(1, 65535),
}
#: The options of each kind of measurement, and how each is read.
OPTIONS: dict[str, dict[str, Callable[[object], Any]]] = {
    "throughput": {
        **_BOTH,
        "duration": _between(quantities.seconds, 1, 3600, "1s to 3600s"),
        "omit": _between(quantities.seconds, 0, 60, "0s to 60s"),
        "bytes": lambda value: int(_between(_size, 1, 1 << 44, "1 to 16384G")(value)),
        "streams": _number(1, 128),
        "mss": _number(88, 9216),
        "bitrate": quantities.rate,
        "reverse": scalars.flag,
        "engine": _word("auto", "iperf3", "sockets"),
    },
    "latency": {
        **_BOTH,
        "duration": _between(quantities.seconds, 0.01, 3600, "10ms to 3600s"),
        "omit": _between(quantities.seconds, 0, 60, "0s to 60s"),
        "count": _number(10, 10_000_000),
    },
}
_repetitions = _number(1, 1000)


def _traffic(
    metric: Metric, given: Mapping[str, Node], keys: Mapping[str, Node], file: str, others: tuple[str, ...]
) -> tuple[Traffic, Literal[4, 6] | None]:
    """The options of a mapping, those in ``others`` apart, which are the caller's."""
    known = OPTIONS[metric]
    values: dict[str, Any] = {}
    faults: list[Problem] = []
    for name, node in given.items():
        if name in others:
            continue
        if name not in known:
            hint = did_you_mean(name, (*known, *others))
            belongs = next((other for other, options in OPTIONS.items() if name in options), None)
            if belongs:
                hint = f"it belongs to {belongs}"
            faults.append(Problem(keys[name].where(file), f"{name!r} means nothing for {metric}", hint))
            continue
        try:
            values[name] = known[name](node.value)
        except Wrong as wrong:
            faults.append(Problem(node.where(file), f"{name}: {wrong}", wrong.hint))
    faults += [Problem(keys[name].where(file), message, hint) for name, message, hint in _clashes(metric, values)]
    if faults:
        raise _faulty(faults)
    family = values.pop("family", None)
    if metric == "latency":
        values.setdefault("protocol", "udp")
    return Traffic(metric=metric, **values), family


def _clashes(metric: Metric, values: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Options that don't go together: the name of one, what is wrong, what would be right."""
    found = []
    limit = "bytes" if metric == "throughput" else "count"
    if limit in values and "duration" in values:
        found.append((limit, f"{limit!r} and 'duration' exclude each other", "leave one out"))
    if values.get("family") == 5:
        found.append(("family", "5 is no family of addresses", "4 or 6"))
    udp = values.get("protocol", "tcp") == "udp"
    if metric == "throughput":
        sockets = values.get("engine") == "sockets"
        for name in ("duration", "omit"):
            if not sockets and values.get(name, 0) % 1:
                found.append((name, f"{name}: {_WHOLE}", "or give 'engine: sockets' (TCP only)"))
        if sockets and udp:
            found.append(("engine", "plain sockets measure TCP only", "leave the engine out"))
        if sockets and "bitrate" in values:
            found.append(("bitrate", "plain sockets go as fast as it goes", "leave the engine out"))
        if udp and "mss" in values:
            found.append(("mss", "datagrams have no segment size", "give 'length'"))
    if udp and not 16 <= values.get("length", 16) <= 65507:
        found.append(("length", f"a datagram cannot have {values['length']} bytes", "16 to 65507"))
    return found


# --- entries ----------------------------------------------------------------------------------------


def _measure(node: Node, name: str, file: str) -> Measuring:
    metric = cast(Metric, name)
    value = node.value
    if isinstance(value, str):
        head, colon, said = value.partition(": ")
        pair = _pair(head if colon else value, node, file)
        bound = _bound(metric, said, node.where(file, len(head) + 2)) if colon else None
        return Measuring(value.strip(), node.where(file), (pair,), _default(metric), bound=bound)
    if not isinstance(value, dict) or not value:
        what = "a list is no measurement" if value else "a measurement is missing"
        raise Fault(node.where(file), what, "write 'A -> B'")
    if "pairs" in value:
        return _from_mapping(metric, node, value, node.keys, file, _pairs(value["pairs"], file), "")
    if len(value) == 1 and has_arrow(next(iter(value))):
        (head, body), key = next(iter(value.items())), next(iter(node.keys.values()))
        pair = _pair(head, key, file)
        if isinstance(body.value, dict):
            return _from_mapping(metric, key, body.value, body.keys, file, (pair,), head.strip())
        text = f"{head.strip()}: {body.value or ''}".rstrip(": ")
        return Measuring(text, key.where(file), (pair,), _default(metric), bound=_bound_of(metric, body, file))
    arrows = [key for key in value if has_arrow(key)]
    if arrows:
        second = node.keys[next(key for key in value if key != arrows[0])]
        raise Fault(second.where(file), "one measurement has one key", f"begin each with '- ', or write {_FORM}")
    raise Fault(node.where(file), "'pairs' is missing", f"write {_FORM}")


_FORM = "{pairs: [A -> B], duration: 2s}"


def _default(metric: Metric) -> Traffic:
    return Traffic(metric=metric, protocol="tcp" if metric == "throughput" else "udp")


def _from_mapping(
    metric: Metric,
    node: Node,
    value: Mapping[str, Node],
    keys: Mapping[str, Node],
    file: str,
    pairs: tuple[Pair, ...],
    head: str,
) -> Measuring:
    traffic, family = _traffic(metric, value, keys, file, ("pairs", "repetitions", "is"))
    written = [f"{pair.left} {'<->' if pair.both else '->'} {pair.right}" for pair in pairs]
    text = head or ", ".join(written)
    bound = _bound_of(metric, value["is"], file) if "is" in value else None
    return Measuring(
        text=f"{text}: {bound.text}" if bound else text,
        where=node.where(file),
        pairs=pairs,
        traffic=traffic,
        family=family,
        repetitions=_value(value, "repetitions", _repetitions, 1, file),
        bound=bound,
    )


def _bound_of(metric: Metric, node: Node, file: str) -> Bound:
    return _bound(metric, node.value, node.where(file))


def _bound(metric: Metric, said: object, where: Where) -> Bound:
    quantity = cast("Callable[[object], float]", quantities.rate if metric == "throughput" else quantities.seconds)
    try:
        return quantities.bound(said, quantity, EXAMPLE[metric])
    except Wrong as wrong:
        raise Fault(where, str(wrong), wrong.hint) from None


def _value(given: Mapping[str, Node], name: str, parse: Callable[[object], Any], default: Any, file: str) -> Any:
    if name not in given:
        return default
    try:
        return parse(given[name].value)
    except Wrong as wrong:
        raise Fault(given[name].where(file), f"{name}: {wrong}", wrong.hint) from None


def _pairs(node: Node, file: str) -> tuple[Pair, ...]:
    items = node.value if isinstance(node.value, list) else [node]
    if not items:
        raise Fault(node.where(file), "there are no pairs", "as in [A -> B]")
    return tuple(_pair(item.value, item, file) for item in items)


def _pair(value: object, node: Node, file: str) -> Pair:
    found = _PAIR.fullmatch(value) if isinstance(value, str) else None
    if not found:
        said = repr(value[:60]) if isinstance(value, str) else "this"
        hint = "write 'A -> B'"
        if isinstance(value, str) and re.search(r"->.*:\S", value):
            hint = "a space is missing after the colon"
        raise Fault(node.where(file), f"{said} is not a pair of endpoints", hint)
    return Pair(found["left"], found["right"], found["arrow"] in BOTH, node.where(file))


# --- comparisons ------------------------------------------------------------------------------------

_COMPARE = ("name", "faster", "than", "by", "repetitions", "confidence")
_SIDES = ("faster", "than")
_METRICS = {"throughput": "throughput", "cpu": "throughput", "latency": "latency"}


def _compare(node: Node, file: str) -> Comparing:
    value = node.value
    if not isinstance(value, dict):
        raise Fault(node.where(file), "a comparison is a mapping", "it has faster:, than: and by:")
    faults = [
        Problem(node.keys[name].where(file), f"unknown key {name!r}", did_you_mean(name, _COMPARE))
        for name in value
        if name not in _COMPARE
    ]
    missing = [name for name in ("name", "faster", "than", "by") if name not in value]
    if missing:
        names = " and ".join(map(repr, missing))
        said = f"{names} {'is' if len(missing) == 1 else 'are'} missing"
        faults.append(Problem(node.where(file), said, "a comparison has name:, faster:, than: and by:"))

    def tried(make: Callable[[], T]) -> T | None:
        """What is made, or nothing and what is wrong with it beside the other faults."""
        try:
            return make()
        except Fault as fault:
            faults.extend(fault.problems)
            return None

    sides = [tried(partial(_compared, value[name], name, file)) for name in _SIDES if name in value]
    title = tried(lambda: _value(value, "name", scalars.title, "", file))
    by = tried(lambda: _value(value, "by", quantities.ratio, None, file))
    repetitions = tried(lambda: _value(value, "repetitions", _rounds, 15, file))
    confidence = tried(lambda: _value(value, "confidence", _confidence, 0.95, file))
    faster, than = (*sides, None, None)[:2]
    if faults or None in (faster, than, title, by, repetitions, confidence):
        raise _faulty(faults)
    assert faster is not None
    assert than is not None
    if faster.text == than.text:
        # The same pair, measured in two ways.
        faster = replace(faster, text=_in_full(faster, value["faster"]))
        than = replace(than, text=_in_full(than, value["than"]))
    if faster.metric != than.metric or faster.percentile != than.percentile:
        hint = f"metric: {faster.metric}"
        raise Fault(value["than"].where(file), "both sides are compared by the same metric", hint)
    return Comparing(
        name=cast(str, title),
        where=node.where(file),
        faster=faster,
        than=than,
        by=cast(Bound, by),
        repetitions=cast(int, repetitions),
        confidence=cast(float, confidence),
    )


def _rounds(value: object) -> int:
    rounds = scalars.number(value, 1, 1000)
    if rounds < FEWEST:
        raise Wrong(f"{rounds} rounds prove nothing", f"at least {FEWEST}")
    return rounds


def _confidence(value: object) -> float:
    word = scalars.text(value).strip()
    found = re.fullmatch(r"0?\.([0-9]{1,4})|([0-9]{2}(?:\.[0-9]{1,2})?)\s*%", word)
    made = float(f"0.{found[1]}") if found and found[1] else float(found[2]) / 100 if found else 0.0
    if not 0.5 <= made <= 0.999:
        raise Wrong(f"{word[:60]!r} is not a level of confidence", "as in 0.95 or 95%")
    return made


def _compared(node: Node, name: str, file: str) -> GivenSide:
    value = node.value
    if not isinstance(value, dict):
        raise Fault(node.where(file), f"{name!r} is a mapping", "as in {metric: throughput, pair: A -> B}")
    if "pair" not in value:
        raise Fault(node.where(file), "'pair' is missing", "as in {metric: throughput, pair: A -> B}")
    metric = _value(value, "metric", _word(*_METRICS), "throughput", file)
    pair = _pair(value["pair"].value, value["pair"], file)
    if pair.both:
        raise Fault(value["pair"].where(file), "one way at a time is compared", "write '->'")
    others = ("metric", "pair", "percentile") if metric == "latency" else ("metric", "pair")
    traffic, family = _traffic(cast(Metric, _METRICS[metric]), value, node.keys, file, others)
    text = f"{pair.left} -> {pair.right}"
    percentile = _value(value, "percentile", _word("p50", "p90", "p99"), "p50", file)
    return GivenSide(text, metric, percentile, pair, traffic, family)


def _in_full(side: GivenSide, node: Node) -> str:
    given = node.value if isinstance(node.value, dict) else {}
    options = [f"{key} {child.value}" for key, child in given.items() if key not in ("metric", "pair")]
    return f"{side.text} ({', '.join(options) or 'defaults'})"
