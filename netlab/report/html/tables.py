"""Matrices as HTML tables. Built as text: a hundred hosts have tens of thousands of cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from markupsafe import Markup, escape

from netlab.contract.dataclass import dataclass
from netlab.report import words
from netlab.report.columns import visible
from netlab.report.matrix import FOLD_ABOVE, Side, side
from netlab.report.packed import places
from netlab.report.reach import Reach

Record = Mapping[str, Any]

_LOOKS = {"R": "r", "A": "a", "B": "a", "U": "u", "?": "q", ".": "x", " ": "x"}
_EDGES = {"F": " f", "?": " i", "S": " s"}
_SIGNS = {"F": "!", "?": "?", "S": "~"}
_CORNER = "<td class=corner>from ↓ to →</td>"
#: Up to this many endpoints two matrices stand beside a diagram that has half of the page.
SMALL = 4
#: Up to this many columns a matrix of hosts has names and addresses in plain lines at their heads.
LEVEL = 5
#: Up to this many endpoints cells have room.
_ROOMY = 8
#: Above this many endpoints no table of pairs by layers is made.
PAIRS_UP_TO = 12


@dataclass(frozen=True)
class Matrix:
    """One table and the layers that it is of (several where they are equal)."""

    layers: tuple[str, ...]
    questions: tuple[str, ...]
    table: Markup
    size: int


def matrices(layers: Mapping[str, Record], endpoints: Sequence[Record]) -> list[Matrix]:
    """The tables of layers of interface questions; those with equal cells share one."""
    heads = [escape(endpoint["id"]) for endpoint in endpoints]
    merged: dict[object, list[str]] = {}
    for name, layer in layers.items():
        merged.setdefault((*layer["observed"], *layer["verdict"]), []).append(name)
    return [
        _matrix(names, _table(heads, heads, layers[names[0]], f'data-layer="{escape(" ".join(names))}"'), len(heads))
        for names in merged.values()
    ]


def who_reaches_whom(found: Reach) -> Matrix:
    """The table of host questions."""
    heads = [
        escape(name) + Markup("<small>{}</small>").format(ip) * bool(ip)
        for name, ip in map(words.address, found.columns)
    ]
    names = [escape(one["id"]) for one in found.rows]
    # Few columns have their heads in one line with the page's text.
    looks = " level" if len(heads) <= LEVEL else ""
    attributes = f'data-hosts="{escape(" ".join(found.layers))}"'
    if found.places != tuple(range(len(heads))):
        attributes += f' data-places="{" ".join(map(str, found.places))}"'
    table = _table(names, heads, found.layer, attributes, looks)
    return Matrix(tuple(map(words.asked, found.layers)), (), table, len(found.columns))


def _matrix(names: Sequence[str], table: Markup, size: int) -> Matrix:
    return Matrix(tuple(names), tuple(words.question(name) for name in names), table, size)


def card_width(endpoints: Sequence[Record]) -> int:
    """Pixels that the card of a matrix takes, its names and cells as report.css has them: so many go side by side."""
    cell, letter = (32, 7.6) if len(endpoints) <= _ROOMY else (24.5, 7) if len(endpoints) <= FOLD_ABOVE else (17, 6.4)
    name = max((visible(endpoint["id"]) for endpoint in endpoints), default=0)
    return max(250, round(min(max(84, name * letter + 8), 190) + len(endpoints) * cell + 30))


def folded(layers: Mapping[str, Record], rows: Sequence[Record], columns: Sequence[Record]) -> list[Matrix]:
    """Tables of groups, layers with equal ones merged; none where nothing is folded."""
    across, down = side(rows), side(columns)
    if max(len(rows), len(columns)) <= FOLD_ABOVE or max(len(across.names), len(down.names)) > FOLD_ABOVE:
        return []
    merged: dict[Markup, list[str]] = {}
    for name, layer in layers.items():
        merged.setdefault(_groups(across, down, layer), []).append(name)
    return [_matrix(names, table, len(down.names)) for table, names in merged.items()]


def pairs(layers: Mapping[str, Record], endpoints: Sequence[Record]) -> Markup | None:
    """A row for each pair of endpoints, its layers side by side; None in labs that are too large for it."""
    if len(endpoints) > PAIRS_UP_TO or not layers:
        return None
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


def changed(sources: Sequence[str], targets: Sequence[str], old: Record, new: Record) -> Markup:
    """A matrix of two runs: a cell that is the same is faint, one that isn't shows both letters."""
    rows = []
    for i, head in enumerate(map(escape, sources)):
        cells = []
        for j in range(len(targets)):
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
    columns = "".join(f"<th scope=col><span>{head}</span></th>" for head in map(escape, targets))
    return Markup(f'<table class="m"><thead><tr>{_CORNER}{columns}</tr></thead><tbody>{"".join(rows)}</tbody></table>')


def _table(names: Sequence[Markup], heads: Sequence[Markup], layer: Record, attribute: str, looks: str = "") -> Markup:
    rows = []
    for i, (name, observed, verdict) in enumerate(zip(names, layer["observed"], layer["verdict"], strict=True)):
        if "own" in layer:
            own = layer["own"][i]
            marked = zip(observed, verdict, layer["apart"][i], strict=True)
            cells = "".join(_cell(a, b, a, j in own, apart) for j, (a, b, apart) in enumerate(marked))
        else:
            cells = "".join(map(_cell, observed, verdict, observed))
        rows.append(f"<tr><th scope=row><span>{name}</span></th>{cells}</tr>")
    small = " big" if len(heads) > FOLD_ABOVE else " mid" if len(heads) > _ROOMY else ""
    columns = "".join(f"<th scope=col><span>{head}</span></th>" for head in heads)
    return Markup(
        f'<table class="m{small}{looks}" {attribute}><thead><tr>{_CORNER}{columns}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


@cache
def _cell(letter: str, verdict: str, text: str, own: bool = False, apart: str = " ") -> str:
    """The start of a cell; HTML lets its end be left out, which halves a large table."""
    if letter in ". ":
        return "<td class=x>·"
    sign = _SIGNS.get(verdict, "")
    if sign == "?" and letter == "?":
        sign = ""
    sign += apart.strip()
    look = f"{_LOOKS[letter]}{_EDGES.get(verdict, '')}{' own' if own and letter in 'RA' else ''}"
    look = f'"{look}"' if " " in look else look
    return f"<td class={look}>{text}{f'<sup>{sign}</sup>' if sign else ''}"


def _groups(across: Side, down: Side, layer: Record) -> Markup:
    columns = "".join(f"<th scope=col><span>{escape(name)}</span></th>" for name in down.names)
    rows = []
    for name, sources in zip(across.names, across.members, strict=True):
        cells = "".join(_folded(layer, sources, destinations) for destinations in down.members)
        rows.append(f"<tr><th scope=row><span>{escape(name)}</span></th>{cells}</tr>")
    return Markup(
        f'<table class="m groups"><thead><tr>{_CORNER}{columns}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    )


def _folded(layer: Record, sources: Sequence[int], destinations: Sequence[int]) -> str:
    """What the pairs of two groups have in common, or how many have which letter."""
    seen: Counter[tuple[str, str]] = Counter()
    wanted = frozenset(destinations)
    for i in sources:
        letters, verdicts = layer["observed"][i], layer["verdict"][i]
        own = layer["own"][i] if "own" in layer else ()
        among = (j for j in places(letters) if j in wanted) if " " in letters else destinations
        seen.update((letters[j], verdicts[j]) for j in among if letters[j] not in ". " and j not in own)
    if not seen:
        return "<td class=x>·"
    shown = [(_cell(letter, verdict, letter), count) for (letter, verdict), count in seen.most_common()]
    if len(shown) == 1:
        cell, count = shown[0]
        return f"{cell}<small>{count:,}</small></td>" if count > 1 else cell
    parts = " ".join(f"{cell.partition('>')[2]} {count:,}" for cell, count in shown)
    worst = next((edge for verdict, edge in _EDGES.items() if any(v == verdict for _, v in seen)), "")
    return f'<td class="mix{worst}">{parts}</td>'
