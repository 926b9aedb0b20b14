"""Changes in sentences, for all forms of a comparison: what changed alike is told once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field

from netlab.contract.dataclass import dataclass
from netlab.contract.types import ALL_LAYERS, base_layer
from netlab.report import words
from netlab.report.diff.compare import Change, Difference, Side

_KINDS = {
    "observed": "another outcome",
    "verdict": "another verdict",
    "proof": "proved in one of the runs only",
    "race": "the race went the other way: either is right",
    "rule": "the same outcome, by another rule",
    "expected": "the same outcome, predicted in one of the runs only",
    "predicted": "the same outcome, otherwise predicted",
    "entry": "another verdict on an expectation",
    "claim": "another verdict on a claim",
    "heard": "heard at other switch ports",
}
#: Pairs of one item that are written out.
_MOST_PAIRS = 6


@dataclass(frozen=True)
class Sentences:
    """One item as it is written: what, on which layers, in which steps; before and after with their rules."""

    matters: bool
    where: str
    what: str
    layers: str
    before: str
    after: str
    said: str
    examples: str
    rules: tuple[tuple[str, str, str], ...]


@dataclass
class _Item:
    """Changes of one pair (or pair of groups) in one step that have the same outcome, whatever the layer."""

    change: Change
    layers: list[str] = field(default_factory=list)
    sides: tuple[list[Side], list[Side]] = field(default_factory=lambda: ([], []))

    def content(self) -> object:
        """All but the pair and the step: items with the same are told together."""
        return (
            self.change.kind,
            self.change.text,
            tuple(self.layers),
            tuple(
                frozenset((*_outcome(self.change, side), side.verdict, side.rule) for side in sides)
                for sides in self.sides
            ),
        )


def headline(difference: Difference) -> str:
    """The whole in a line."""
    cells = difference.cells
    if cells:
        return f"{cells:,} of {difference.compared:,} cells {'is' if cells == 1 else 'are'} different"
    if difference.matters:
        return f"the verdicts on {sum(one.matters for one in difference.changes)} entries are different"
    same = f"all {difference.compared:,} cells have the same outcome"
    return f"{same}, for other reasons here and there" if difference.changes else same


def changes(difference: Difference) -> list[Sentences]:
    """Every change, those that matter first."""
    several = len(difference.before["steps"]) > 1
    alike: dict[object, list[_Item]] = {}
    for item in _items(difference.changes):
        alike.setdefault(item.content(), []).append(item)
    # The same pairs in several steps: told once, with all the steps.
    found: dict[tuple[object, tuple[str, ...]], tuple[list[str], list[_Item]]] = {}
    for content, items in alike.items():
        for step in dict.fromkeys(item.change.step for item in items):
            here = [item for item in items if item.change.step == step]
            steps, _ = found.setdefault((content, tuple(_pairs(here))), ([], here))
            steps.append(step)
    return [
        _sentences(difference, items, pairs, ", ".join(filter(None, steps)) if several else "")
        for (_, pairs), (steps, items) in found.items()
    ]


def _items(changes: Iterable[Change]) -> Iterable[_Item]:
    """Layers of one pair together, as far as the letters are the same."""
    items: dict[object, _Item] = {}
    for change in changes:
        same = (_outcome(change, change.before), _outcome(change, change.after))
        place = (
            change.kind,
            change.step,
            change.text,
            change.source,
            change.destination,
            change.examples,
            same,
        )
        item = items.setdefault(place, _Item(change))
        item.layers += change.layers
        for sides, side in zip(item.sides, (change.before, change.after), strict=True):
            if side not in sides:
                sides.append(side)
    for item in items.values():
        item.layers.sort(key=lambda layer: (ALL_LAYERS.index(base_layer(layer)), layer))
    return items.values()


def _outcome(change: Change, side: Side) -> tuple[str, ...]:
    """What a side says: its letter, and the predicted one where that is what is different."""
    return (side.letter, side.expected) if change.kind == "predicted" else (side.letter,)


def _pairs(items: Sequence[_Item]) -> list[str]:
    """``A → B``, or ``A ↔ B`` where both directions changed alike."""
    ends = {(item.change.source, item.change.destination): item.change.pairs for item in items}
    written: list[str] = []
    done: set[tuple[str, str]] = set()
    for (a, b), count in ends.items():
        if (a, b) in done or not a:
            continue
        both = a != b and ends.get((b, a)) == count
        done |= {(a, b), (b, a)} if both else {(a, b)}
        many = f" ({count * (2 if both else 1):,} pairs)" if count > 1 else ""
        written.append(f"{a} {'↔' if both else '→'} {b}{many}")
    return written


def _sentences(difference: Difference, items: Sequence[_Item], pairs: Sequence[str], where: str) -> Sentences:
    item, change = items[0], items[0].change
    what = ", ".join(pairs[:_MOST_PAIRS]) + (
        f" and {len(pairs) - _MOST_PAIRS} more" if len(pairs) > _MOST_PAIRS else ""
    )
    cell = bool(item.layers)
    many = change.pairs > 1
    return Sentences(
        matters=change.matters,
        where=where,
        what=change.text or what,
        layers=", ".join(item.layers),
        before=_side(item.sides[0], change, cell),
        after=_side(item.sides[1], change, cell),
        said=_KINDS[change.kind],
        examples=", ".join(f"{a} → {b}" for a, b in change.examples) if many else "",
        rules=tuple(_rules(difference, item)),
    )


def _side(sides: Sequence[Side], change: Change, cell: bool) -> str:
    """What one run has there: the letter in words, and the prediction or the verdict where it says more."""
    side = sides[0]
    verdicts = {one.verdict for one in sides}
    if not cell:
        verdict = words.VERDICTS.get(side.verdict, "")
        return f"{verdict} ({side.letter})" if verdict and side.letter else verdict or side.letter
    text = f"{side.letter} {words.LETTERS[side.letter]}"
    if change.kind == "predicted":
        text += f" (predicted: {side.expected} {words.LETTERS[side.expected]})"
    if verdicts == {"P"}:
        return text
    said = words.VERDICTS[next(verdict for verdict in "F?SP" if verdict in verdicts)]
    return f"{text}, {'in part ' if len(verdicts) > 1 else ''}{said}"


def _rules(difference: Difference, item: _Item) -> Iterable[tuple[str, str, str]]:
    """When, name and sentence of the rules that explain it.

    What is plainly reached needs no explanation, unless the rule is all that is different.
    """
    sides = [(when, side) for when, some in zip(("before", "after"), item.sides, strict=True) for side in some]
    explained = [(when, side) for when, side in sides if side.letter != "R"] or sides
    seen: set[str] = set()
    for when, side in explained:
        rule = difference.rules.get(side.rule or "")
        if side.rule is not None and rule is not None and side.rule not in seen:
            seen.add(side.rule)
            yield when, side.rule, rule["sentence"]
