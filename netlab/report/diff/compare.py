"""What is different between two records.

Cells are compared by step, layer and the ids of their endpoints, so runs with different endpoints can be compared. A
difference *matters* if the observed letter, the verdict or the predicted letter differs. That a race went the other way
doesn't matter if both runs predict that race. A different rule with the same letter is reported, but doesn't matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Any, Literal

from netlab.contract.dataclass import dataclass
from netlab.errors import UsageError
from netlab.report import axes
from netlab.report.diff.circumstances import circumstances, topology
from netlab.report.record import AXES

Record = Mapping[str, Any]
Kind = Literal["observed", "verdict", "proof", "race", "rule", "expected", "predicted", "entry", "claim", "heard"]

#: Pairs of one change that are named.
EXAMPLES = 3
_MATTERS = {"observed", "verdict", "proof", "predicted", "entry", "claim", "heard"}


@dataclass(frozen=True)
class Side:
    """A cell in one of the runs."""

    letter: str = ""
    expected: str = ""
    verdict: str = ""
    rule: str | None = None


@dataclass(frozen=True)
class Change:
    """Cells (or an entry, a claim, a broadcast) that differ in the same way.

    ``source`` and ``destination`` are endpoints or groups of them, ``pairs`` counts the cells. ``text`` is that of an
    entry or a claim, whose ``before`` and ``after`` are in words.
    """

    kind: Kind
    step: str
    before: Side
    after: Side
    layers: tuple[str, ...] = ()
    source: str = ""
    destination: str = ""
    pairs: int = 1
    examples: tuple[tuple[str, str], ...] = ()
    text: str = ""

    @property
    def matters(self) -> bool:
        """Whether it makes the runs different for who only asks about verdicts."""
        return self.kind in _MATTERS


@dataclass(frozen=True)
class Difference:
    """Everything that is different between two runs of one topology (or of two that are alike).

    ``compared`` counts the cells that both have, ``missing`` says what only one of them has.
    """

    before: Record
    after: Record
    circumstances: tuple[tuple[str, str, str], ...] = ()
    topology: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    compared: int = 0
    rules: Mapping[str, Record] = field(default_factory=dict)

    @property
    def matters(self) -> bool:
        """Whether any change matters: exit code 1."""
        return any(change.matters for change in self.changes)

    @property
    def cells(self) -> int:
        """How many cells differ in a way that matters."""
        return sum(change.pairs * len(change.layers) for change in self.changes if change.matters)


def pair_up(before: Sequence[Record], after: Sequence[Record]) -> list[tuple[Record, Record]]:
    """The records that belong together: by the topology's name, or simply the only ones. Raises UsageError."""
    if len(before) == 1 == len(after):
        return [(before[0], after[0])]
    named = {record["topology"]["name"]: record for record in after}
    pairs = [(one, named[one["topology"]["name"]]) for one in before if one["topology"]["name"] in named]
    if not pairs:
        raise UsageError("the two have no topology in common: nothing can be compared")
    return pairs


def compare(before: Record, after: Record) -> Difference:
    """Compare two records. Raises UsageError where they have no cell in common."""
    names = [step["name"] for step in after["steps"]]
    changes: list[Change] = []
    missing: list[str] = []
    compared = 0
    for old in before["steps"]:
        if old["name"] not in names:
            missing.append(f"step {old['name']} is in the first only")
            continue
        new = after["steps"][names.index(old["name"])]
        missing += _only(f"step {old['name']}: layer", list(old["layers"]), list(new["layers"]))
        for what in AXES if before["hosts"] and after["hosts"] else AXES[:1]:
            ends = (axes.listed(before, old, what), axes.listed(after, new, what))
            missing += _only(f"step {old['name']}:", *([one["id"] for one in side] for side in ends))
        for layer in old["layers"]:
            if layer in new["layers"]:
                rows, columns = (
                    (side(before, old, layer), side(after, new, layer)) for side in (axes.rows, axes.columns)
                )
                found, count = _layer(old["name"], layer, old["layers"][layer], new["layers"][layer], rows, columns)
                changes += found
                compared += count
        changes += _entries(old, new)
        changes += _heard(old, new)
    known = [step["name"] for step in before["steps"]]
    missing += (f"step {name} is in the second only" for name in names if name not in known)
    changes += _claims(before, after)
    if not compared:
        raise UsageError("the two runs have no cell in common: nothing can be compared")
    return Difference(
        before,
        after,
        tuple(circumstances(before, after)),
        tuple(topology(before, after)),
        tuple(missing),
        tuple(_merged(changes)),
        compared,
        {**before["rules"], **after["rules"]},
    )


def _only(what: str, first: Sequence[str], second: Sequence[str]) -> Iterator[str]:
    for where, these, those in (("first", first, second), ("second", second, first)):
        alone = [name for name in these if name not in set(those)]
        if alone:
            names = ", ".join(alone[:6]) + (f" and {len(alone) - 6} more" if len(alone) > 6 else "")
            yield f"{what} {names} in the {where} only"


# --- cells ------------------------------------------------------------------------------------------


#: The rows, or the columns, of a matrix in both runs.
_Ends = tuple[Sequence[Record], Sequence[Record]]


def _common(ends: _Ends) -> list[tuple[int, int]]:
    """The places of what both runs have."""
    place = {one["id"]: k for k, one in enumerate(ends[1])}
    return [(i, place[one["id"]]) for i, one in enumerate(ends[0]) if one["id"] in place]


def _layer(
    step: str,
    layer: str,
    old: Record,
    new: Record,
    rows: _Ends,
    columns: _Ends,
) -> tuple[list[Change], int]:
    """What differs on a layer, alike cells folded; and how many cells both runs have."""
    both, across = _common(rows), _common(columns)
    same_columns = len(columns[0]) == len(columns[1]) == len(across) and all(j == m for j, m in across)
    found: dict[tuple[Any, ...], list[tuple[int, int]]] = {}
    compared = 0
    for i, k in both:
        if same_columns and all(_row(old, name, i) == _row(new, name, k) for name in _PARTS):
            compared += sum(letter not in ". " for letter in old["observed"][i])
            continue
        for j, m in across:
            a, b = _side(old, i, j), _side(new, k, m)
            if a.letter in ". " or b.letter in ". ":
                continue
            compared += 1
            kind = _kind(a, b)
            if kind:
                key = (kind, rows[0][i]["group"], columns[0][j]["group"], a, b)
                found.setdefault(key, []).append((i, j))
    return [_change(step, layer, key, cells, rows[0], columns[0]) for key, cells in found.items()], compared


_PARTS = ("observed", "expected", "verdict", "rules")


def _row(layer: Record, part: str, i: int) -> Any:
    """A row as it can be compared; of rules the names, since each record has keys of its own."""
    if part != "rules":
        return layer[part][i]
    rows, keys = layer["rules"]["rows"], layer["rules"]["keys"]
    return [keys.get(key) for key in rows[i]] if rows else None


def _side(layer: Record, i: int, j: int) -> Side:
    rows = layer["rules"]["rows"]
    rule = layer["rules"]["keys"].get(rows[i][j]) if rows else None
    return Side(layer["observed"][i][j], layer["expected"][i][j], layer["verdict"][i][j], rule)


def _kind(a: Side, b: Side) -> Kind | None:
    """In what way two cells differ, the weightiest first; None where they don't."""
    if a.letter != b.letter:
        if "?" in (a.letter, b.letter):
            return "proof"
        if a.verdict == b.verdict == "P" and a.expected == b.expected == "B":
            return "race"
        return "observed"
    if a.verdict != b.verdict:
        return "expected" if {a.verdict, b.verdict} == {"P", "S"} else "verdict"
    if a.expected != b.expected:
        return "predicted"
    # The rule of a plain success doesn't matter.
    return "rule" if a.rule != b.rule and a.letter != "R" else None


def _change(
    step: str,
    layer: str,
    key: tuple[Any, ...],
    cells: Sequence[tuple[int, int]],
    rows: Sequence[Record],
    columns: Sequence[Record],
) -> Change:
    kind, source, destination, a, b = key
    (i, j), alone = cells[0], len(cells) == 1
    return Change(
        kind=kind,
        step=step,
        before=a,
        after=b,
        layers=(layer,),
        source=rows[i]["id"] if alone else source,
        destination=columns[j]["id"] if alone else destination,
        pairs=len(cells),
        examples=tuple((rows[x]["id"], columns[y]["id"]) for x, y in cells[:EXAMPLES]),
    )


def _merged(changes: Sequence[Change]) -> Iterator[Change]:
    """The same pairs changed in the same way on several layers are one change; those that matter come first."""
    found: dict[Change, list[str]] = {}
    for change in changes:
        found.setdefault(replace(change, layers=()), []).extend(change.layers)
    merged = [replace(change, layers=tuple(dict.fromkeys(layers))) for change, layers in found.items()]
    yield from sorted(merged, key=lambda change: not change.matters)


# --- what has no cells ------------------------------------------------------------------------------


def _entries(old: Record, new: Record) -> Iterator[Change]:
    """Expectations of the file that have no cells of their own: values read back, the wire, listeners, refusals."""
    verdicts = {entry["text"]: entry for entry in new["expectations"] if entry["kind"] != "pair"}
    for entry in old["expectations"]:
        other = verdicts.get(entry["text"])
        if entry["kind"] != "pair" and other is not None and entry["verdict"] != other["verdict"]:
            before, after = (Side(one["detail"], verdict=one["verdict"]) for one in (entry, other))
            yield Change("entry", old["name"], before, after, text=entry["text"])


def _heard(old: Record, new: Record) -> Iterator[Change]:
    """Broadcasts that were heard at other switch ports (interfaces are cells)."""
    for source in sorted(old["heard"].keys() & new["heard"].keys()):
        before, after = (
            sorted(name for name in one["heard"][source] if name.startswith("port(")) for one in (old, new)
        )
        if before != after:
            a, b = (Side(", ".join(names) or "no port") for names in (before, after))
            yield Change("heard", old["name"], a, b, text=f"broadcast of {source}")


def _claims(before: Record, after: Record) -> Iterator[Change]:
    verdicts = {(claim["number"], claim["says"]): claim["verdict"] for claim in after["claims"]}
    for claim in before["claims"]:
        now = verdicts.get((claim["number"], claim["says"]))
        if now is not None and now != claim["verdict"]:
            text = f"claim {claim['number']}: {claim['says']}"
            yield Change("claim", "", Side(claim["verdict"]), Side(now), text=text)
