"""Matrices as HTML tables. Built as text: a hundred hosts have tens of thousands of cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from markupsafe import Markup, escape

from netlab.report import words
from netlab.report.matrix import FOLD_ABOVE

Record = Mapping[str, Any]

_LOOKS = {"R": "r", "A": "a", "B": "a", "U": "u", "?": "q", ".": "x", " ": "x"}
_EDGES = {"F": " f", "?": " i", "S": " s"}
_SIGNS = {"F": "!", "?": "?", "S": "~"}
#: Up to this many endpoints two matrices stand beside a diagram that has half of the page.
SMALL = 4
#: Up to this many endpoints cells have room.
_ROOMY = 10
#: Above this many endpoints no table of pairs by layers is made.
PAIRS_UP_TO = 12


@dataclass(frozen=True)
class Matrix:
    """One table and the layers that it is of (several where they are equal)."""

    layers: tuple[str, ...]
    questions: tuple[str, ...]
    table: Markup
    size: int


def matrices(step: Record, endpoints: Sequence[Record]) -> list[Matrix]:
    """A table for each layer; where there are many endpoints layers with equal cells share one."""
    names = [endpoint["id"] for endpoint in endpoints]
    merged: dict[object, list[str]] = {}
    for layer, cells in step["layers"].items():
        key = (*cells["observed"], *cells["verdict"]) if len(names) > _ROOMY else layer
        merged.setdefault(key, []).append(layer)
    return [
        Matrix(
            tuple(layers),
            tuple(words.question(layer) for layer in layers),
            _table(names, step["layers"][layers[0]], layers),
            len(names),
        )
        for layers in merged.values()
    ]


def card_width(endpoints: Sequence[Record]) -> int:
    """Pixels that the card of a matrix takes, its names and cells as report.css has them: so many go side by side."""
    cell, letter = (32, 7.6) if len(endpoints) <= _ROOMY else (24.5, 7) if len(endpoints) <= FOLD_ABOVE else (17, 6.4)
    name = max((len(endpoint["id"]) for endpoint in endpoints), default=0)
    return max(250, round(min(max(84, name * letter + 8), 190) + len(endpoints) * cell + 30))


def folded(step: Record, endpoints: Sequence[Record]) -> list[Matrix]:
    """Tables of groups, layers with equal ones merged; none where nothing is folded."""
    groups: dict[str, list[int]] = {}
    for i, endpoint in enumerate(endpoints):
        groups.setdefault(endpoint["group"], []).append(i)
    if len(endpoints) <= FOLD_ABOVE or len(groups) > FOLD_ABOVE:
        return []
    merged: dict[Markup, list[str]] = {}
    for layer, cells in step["layers"].items():
        merged.setdefault(_groups(groups, cells), []).append(layer)
    return [
        Matrix(tuple(layers), tuple(words.question(layer) for layer in layers), table, len(groups))
        for table, layers in merged.items()
    ]


def pairs(step: Record, endpoints: Sequence[Record]) -> Markup | None:
    """A row for each pair, its layers side by side; None in labs that are too large for it."""
    if len(endpoints) > PAIRS_UP_TO or not step["layers"]:
        return None
    layers = step["layers"]
    head = "".join(f"<th scope=col><span>{escape(words.does(layer))}</span></th>" for layer in layers)
    rows = []
    for i, source in enumerate(endpoints):
        for j, destination in enumerate(endpoints):
            if i == j:
                continue
            cells = "".join(
                _cell(layer["observed"][i][j], layer["verdict"][i][j], words.MARKS[layer["observed"][i][j]])
                for layer in layers.values()
            )
            name = f"<b>{escape(source['id'])}</b> → <b>{escape(destination['id'])}</b>"
            rows.append(f"<tr data-i={i} data-j={j}><th scope=row>{name}</th>{cells}</tr>")
    return Markup(
        f'<table class="m pairs" data-layers="{escape(" ".join(layers))}"><thead><tr><td class=corner></td>{head}</tr>'
        f"</thead><tbody>{''.join(rows)}</tbody></table>"
    )


def changed(names: Sequence[str], old: Record, new: Record) -> Markup:
    """A matrix of two runs: a cell that is the same is faint, one that isn't shows both letters."""
    heads = [escape(name) for name in names]
    rows = []
    for i, head in enumerate(heads):
        cells = []
        for j in range(len(heads)):
            a, b = old["observed"][i][j], new["observed"][i][j]
            verdicts = old["verdict"][i][j], new["verdict"][i][j]
            known = verdicts[0] == verdicts[1] == "P"
            expected = old["expected"][i][j], new["expected"][i][j]
            if a == b and known and expected[0] != expected[1]:
                title = f"predicted {expected[0]}, then {expected[1]}"
                cells.append(f'<td class="other {_LOOKS[b]}" title="{title}">{a} → {b}</td>')
            elif a == b and verdicts[0] == verdicts[1]:
                cells.append(f'<td class="same">{"·" if a in ". " else a}</td>')
            else:
                edge = _EDGES.get(verdicts[1], "")
                cells.append(f'<td class="other {_LOOKS[b]}{edge}">{a} → {b}</td>')
        rows.append(f"<tr><th scope=row><span>{head}</span></th>{''.join(cells)}</tr>")
    columns = "".join(f"<th scope=col><span>{head}</span></th>" for head in heads)
    return Markup(
        f'<table class="m"><thead><tr><td class=corner>from ↓ to →</td>{columns}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _table(names: Sequence[str], layer: Record, layers: Sequence[str]) -> Markup:
    heads = [escape(name) for name in names]
    rows = [
        f"<tr><th scope=row><span>{head}</span></th>{''.join(map(_cell, observed, verdict, observed))}</tr>"
        for head, observed, verdict in zip(heads, layer["observed"], layer["verdict"], strict=True)
    ]
    small = " big" if len(names) > FOLD_ABOVE else " mid" if len(names) > _ROOMY else ""
    columns = "".join(f"<th scope=col><span>{head}</span></th>" for head in heads)
    corner = "<td class=corner>from ↓ to →</td>"
    return Markup(
        f'<table class="m{small}" data-layer="{escape(layers[0])}"><thead><tr>{corner}{columns}'
        f"</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


@cache
def _cell(letter: str, verdict: str, text: str) -> str:
    """The start of a cell; HTML lets its end be left out, which halves a large table."""
    if letter in ". ":
        return "<td class=x>·"
    sign = _SIGNS.get(verdict, "")
    if sign == "?" and letter == "?":
        sign = ""
    edge = _EDGES.get(verdict, "")
    look = f'"{_LOOKS[letter]}{edge}"' if edge else _LOOKS[letter]
    return f"<td class={look}>{text}{f'<sup>{sign}</sup>' if sign else ''}"


def _groups(groups: Mapping[str, Sequence[int]], layer: Record) -> Markup:
    names = [f"{name} ×{len(members)}" if len(members) > 1 else name for name, members in groups.items()]
    columns = "".join(f"<th scope=col><span>{escape(name)}</span></th>" for name in names)
    rows = []
    for name, sources in zip(names, groups.values(), strict=True):
        cells = "".join(_folded(layer, sources, destinations) for destinations in groups.values())
        rows.append(f"<tr><th scope=row><span>{escape(name)}</span></th>{cells}</tr>")
    return Markup(
        f'<table class="m groups"><thead><tr><td class=corner>from ↓ to →</td>{columns}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _folded(layer: Record, sources: Sequence[int], destinations: Sequence[int]) -> str:
    """What the pairs of two groups have in common, or how many have which letter."""
    seen: Counter[tuple[str, str]] = Counter()
    for i in sources:
        letters, verdicts = layer["observed"][i], layer["verdict"][i]
        seen.update((letters[j], verdicts[j]) for j in destinations if letters[j] not in ". ")
    if not seen:
        return "<td class=x>·"
    shown = [(_cell(letter, verdict, letter), count) for (letter, verdict), count in seen.most_common()]
    if len(shown) == 1:
        cell, count = shown[0]
        return f"{cell}<small>{count:,}</small></td>" if count > 1 else cell
    parts = " ".join(f"{cell.partition('>')[2]} {count:,}" for cell, count in shown)
    worst = next((edge for verdict, edge in _EDGES.items() if any(v == verdict for _, v in seen)), "")
    return f'<td class="mix{worst}">{parts}</td>'
