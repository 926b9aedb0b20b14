"""Who can reach whom: the host questions of a step as one matrix, a row for each host, a column for each address."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from netlab.contract.dataclass import dataclass
from netlab.report import axes, words
from netlab.report.packed import places
from netlab.report.rules import as_keys

Record = Mapping[str, Any]

#: So many pairs that are told apart are named.
_EXAMPLES = 4
#: Letters that are one answer here: by which interface is told by the letter of the first layer.
_ANSWER = {"R": "R", "A": "R", "B": "R"}


@dataclass(frozen=True)
class Apart:
    """Pairs (row, column) of which some layers say otherwise than the letter that is shown, and what they say."""

    layers: tuple[str, ...]
    letter: str
    pairs: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Reach:
    """One letter for each host and address: that of ``icmp``, or of ``icmp6`` where there is no IPv4, or else of the
    first layer that was asked.

    ``layer`` is a layer as in a record, with ``apart`` (``*`` where another layer says otherwise) and ``own``, for each
    row the columns that are the host's own addresses. ``same`` names the layers of interface questions that have the
    same answers: they needn't be shown again. ``places`` are the columns' places in the record's matrices, where an
    address that is asked for by itself may stand once more; ``own_places`` are those of each row's own addresses.
    """

    layers: Mapping[str, Record]
    rows: Sequence[Record]
    columns: Sequence[Record]
    layer: Record
    apart: tuple[Apart, ...]
    same: tuple[str, ...]
    places: tuple[int, ...]
    own_places: Sequence[frozenset[int]]

    @cached_property
    def title(self) -> str:
        """The layers in it: ``icmp, tcp, udp``."""
        return ", ".join(map(words.asked, self.layers))

    def told_apart(self) -> Iterator[tuple[str, list[tuple[str, str]], int]]:
        """What is otherwise: ``tcp, udp: not reached``, the first pairs, and how many more there are."""
        for one in self.apart:
            said = f"{', '.join(map(words.asked, one.layers))}: {words.BRIEFLY[one.letter]}"
            named = [(self.rows[i]["id"], self.columns[j]["id"]) for i, j in one.pairs[:_EXAMPLES]]
            yield said, named, len(one.pairs) - len(named)


def reach(record: Record, step: Record) -> Reach | None:
    """The matrix of a step; None where no host question was asked."""
    layers = {name: layer for name, layer in step["layers"].items() if layer["asked"] == "host"}
    if not layers:
        return None
    rows, columns = axes.listed(record, step, "hosts"), axes.listed(record, step, "addresses")
    own_places = _own(rows, columns)
    kept = [j for j in range(len(columns)) if not _repeated(layers, columns, j)]
    if len(kept) < len(columns):
        layers = {name: _of_columns(layer, kept) for name, layer in layers.items()}
        columns = [columns[j] for j in kept]
    merged, apart = _merged(layers)
    merged["own"] = _own(rows, columns)
    found: dict[tuple[tuple[str, ...], str], list[tuple[int, int]]] = {}
    for pair, otherwise in apart.items():
        for letter in dict.fromkeys(otherwise.values()):
            who = tuple(name for name, said in otherwise.items() if said == letter)
            found.setdefault((who, letter), []).append(pair)
    told = tuple(Apart(who, letter, tuple(pairs)) for (who, letter), pairs in found.items())
    same = tuple(_same(record, step, layers, merged, rows, columns)) if not told else ()
    return Reach(layers, rows, columns, merged, told, same, tuple(kept), own_places)


def _own(rows: Sequence[Record], columns: Sequence[Record]) -> list[frozenset[int]]:
    return [frozenset(j for j, one in enumerate(columns) if one["namespace"] == host["id"]) for host in rows]


def _repeated(layers: Mapping[str, Record], columns: Sequence[Record], j: int) -> bool:
    """Whether a column is that of an address by itself, and the interface that has it has the same answers."""
    ip = columns[j]["id"]
    if ip not in (columns[j]["v4"], columns[j]["v6"]):
        return False
    twin = next((k for k, one in enumerate(columns) if one["id"] != ip and ip in (one["v4"], one["v6"])), None)
    return twin is not None and all(
        row[j] in ". "
        or (_ANSWER.get(row[twin], row[twin]) == _ANSWER.get(row[j], row[j]) and verdicts[twin] == verdicts[j] == "P")
        for layer in layers.values()
        for row, verdicts in zip(layer["observed"], layer["verdict"], strict=True)
    )


def _of_columns(layer: Record, kept: Sequence[int]) -> Record:
    """A layer's matrices with some of their columns."""

    def some(rows: Sequence[str]) -> list[str]:
        return ["".join([row[j] for j in kept]) for row in rows]

    rules = {**layer["rules"], "rows": some(layer["rules"]["rows"])}
    return {**layer, **{part: some(layer[part]) for part in ("expected", "observed", "verdict")}, "rules": rules}


def beside(step: Record, found: Reach | None) -> dict[str, Record]:
    """The layers of interface questions that are to be shown besides."""
    same = found.same if found else ()
    return {name: layer for name, layer in step["layers"].items() if layer["asked"] == "interface" and name not in same}


def _merged(layers: Mapping[str, Record]) -> tuple[dict[str, Any], dict[tuple[int, int], dict[str, str]]]:
    """All layers as one, and what some say otherwise, by pair and layer."""
    names = list(layers)
    first = layers[names[0]]
    made: dict[str, list[Any]] = {part: [] for part in ("observed", "verdict", "expected", "apart")}
    rules: list[list[str | None]] = []
    apart: dict[tuple[int, int], dict[str, str]] = {}
    for i, letters in enumerate(first["observed"]):
        row = {part: [layer[part][i] for layer in layers.values()] for part in ("observed", "verdict", "expected")}
        mine = {part: list(lines[0]) for part, lines in row.items()}
        mine["apart"] = [" "] * len(letters)
        asked: Iterable[int] = sorted({j for line in row["observed"] for j in places(line)})
        if not set(letters) & {".", " "} and all(len(set(row[part])) == 1 for part in ("observed", "verdict")):
            asked = ()
        rule: list[str | None] = [None] * len(letters)
        if " " not in letters:
            rule = [_rule(first, i, j) for j in range(len(letters))]
        for j in asked:
            seen, verdicts = ([line[j] for line in row[part]] for part in ("observed", "verdict"))
            k = next((k for k, letter in enumerate(seen) if letter not in ". "), 0)
            mine["observed"][j], mine["expected"][j] = seen[k], row["expected"][k][j]
            mine["verdict"][j] = next((mark for mark in "F?SP" if mark in verdicts), verdicts[k])
            rule[j] = _rule(layers[names[k]], i, j)
            answer = _ANSWER.get(seen[k], seen[k])
            otherwise = {
                name: letter
                for name, letter in zip(names, seen, strict=True)
                if letter not in ". " and _ANSWER.get(letter, letter) != answer
            }
            if otherwise:
                apart[i, j] = otherwise
                mine["apart"][j] = "*"
        for part, line in mine.items():
            made[part].append("".join(line))
        rules.append(rule)
    return {**made, "rules": as_keys(rules)}, apart


def _rule(layer: Record, i: int, j: int) -> str | None:
    rows = layer["rules"]["rows"]
    rule: str | None = layer["rules"]["keys"].get(rows[i][j]) if rows else None
    return rule


def _same(
    record: Record,
    step: Record,
    layers: Mapping[str, Record],
    merged: Record,
    rows: Sequence[Record],
    columns: Sequence[Record],
) -> Iterator[str]:
    """The layers of interface questions with the same answers; none unless each host has one interface and every
    question that both ask is answered alike."""
    ends = axes.listed(record, step, "endpoints")
    if len(columns) != len(ends) or [one["namespace"] for one in ends] != [one["id"] for one in rows]:
        return
    asked = {name: layer for name, layer in step["layers"].items() if layer["asked"] == "interface"}
    both = [(layer, asked.get(words.asked(name))) for name, layer in layers.items()]
    if not all(twin is None or _alike(layer, twin) for layer, twin in both) or not any(twin for _, twin in both):
        return
    yield from (name for name, layer in asked.items() if _alike(merged, layer))


def _alike(one: Record, other: Record) -> bool:
    """Whether two matrices are the same, but for the pairs of a host with itself."""
    return all(
        a[:i] == b[:i] and a[i + 1 :] == b[i + 1 :]
        for part in ("observed", "verdict")
        for i, (a, b) in enumerate(zip(one[part], other[part], strict=True))
    )
