"""Matrices on a terminal: who can reach whom; then one for each layer, equal ones merged, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any

from netlab.contract.dataclass import dataclass
from netlab.report import axes, words
from netlab.report.columns import aligned, fold, pad, shorten, visible
from netlab.report.packed import places
from netlab.report.reach import Reach, beside, reach
from netlab.report.style import Style

#: Above this many endpoints a matrix shows groups.
FOLD_ABOVE = 20
#: What a cell shows besides its letter: not as expected, no proof, only observed.
MARKS = {"F": "!", "?": "?", "S": "~"}

Record = Mapping[str, Any]


@dataclass
class Notes:
    """Footnotes: a number for each rule, in the order in which the reader meets them."""

    numbers: dict[str, int] = field(default_factory=dict)
    #: Letters and marks that were shown, for the legend.
    shown: set[str] = field(default_factory=set)

    def number(self, rule: str) -> int:
        """The number of a rule's footnote."""
        return self.numbers.setdefault(rule, len(self.numbers) + 1)


@dataclass(frozen=True)
class Cell:
    """What one cell (of one pair, or of two groups) shows; ``own`` is a host's answer to itself."""

    letter: str
    mark: str = ""
    rule: str | None = None
    own: bool = False

    @property
    def text(self) -> str:
        """Letter and marks."""
        return f"({self.letter})" if self.own else self.letter + self.mark


@dataclass(frozen=True)
class Block:
    """One matrix: the layers that share it, and its cells."""

    layers: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Side:
    """The rows of matrices, or the columns: names, and which pairs' places each stands for."""

    names: tuple[str, ...]
    members: tuple[tuple[int, ...], ...]


def side(ends: Sequence[Record]) -> Side:
    """A side of these endpoints, hosts or addresses; where they are many, of groups of them."""
    fold = len(ends) > FOLD_ABOVE
    groups: dict[str, list[int]] = {}
    for i, end in enumerate(ends):
        groups.setdefault(end["group"] if fold else end["id"], []).append(i)
    names = (f"{name} ×{len(members)}" if len(members) > 1 else name for name, members in groups.items())
    return Side(tuple(names), tuple(map(tuple, groups.values())))


def blocks(layers: Mapping[str, Record], ends: Side) -> list[Block]:
    """The matrices of layers of interface questions, equal ones merged."""
    merged: dict[tuple[tuple[Cell, ...], ...], list[str]] = {}
    for name, layer in layers.items():
        merged.setdefault(cells(layer, ends, ends), []).append(name)
    return [Block(tuple(names), rows) for rows, names in merged.items()]


def cells(layer: Record, rows: Side, columns: Side) -> tuple[tuple[Cell, ...], ...]:
    """A layer's matrix as it is shown."""
    return tuple(tuple(_cell(layer, these, those) for those in columns.members) for these in rows.members)


def _cell(layer: Record, rows: Sequence[int], columns: Sequence[int]) -> Cell:
    """One pair's cell, or what many have in common: ``R``, or counts such as ``R98 U2``."""
    seen = _tally(layer, rows, columns)
    if len(seen) <= 1:
        return next(iter(seen), Cell("."))
    letters: Counter[str] = Counter()
    for cell, count in seen.items():
        letters[cell.letter + cell.mark] += count
    if len(letters) == 1:
        return Cell(next(iter(letters)))
    return Cell(" ".join(f"{letter}{count}" for letter, count in letters.most_common()))


def _tally(layer: Record, rows: Sequence[int], columns: Sequence[int]) -> Counter[Cell]:
    """How often each cell is there, pairs with itself left out unless there is but one pair."""
    parts = [layer["observed"], layer["verdict"], layer["expected"], layer["rules"]["rows"], layer.get("apart")]
    width = len(layer["observed"][0]) if layer["observed"] else 0
    parts = [part or [" " * width] * len(layer["observed"]) for part in parts]
    whole, many = len(columns) == width, len(rows) > 1 or len(columns) > 1
    own, wanted = layer.get("own"), {*columns}
    found: Counter[Any] = Counter()
    for i in rows:
        mine = [part[i] for part in parts]
        if " " in mine[0]:
            # Of a lab that was only covered few pairs were asked.
            asked = [j for j in places(mine[0]) if j in wanted]
            shown = [[row[j] for j in asked] for row in mine]
        else:
            shown = mine if whole else [[row[j] for j in columns] for row in mine]
        found.update(zip(*shown, strict=True))
        if many:
            found.subtract(tuple(row[j] for row in mine) for j in wanted.intersection(own[i] if own else (i,)))
    itself = not many and own is not None and columns[0] in own[rows[0]]
    tally: Counter[Cell] = Counter()
    for (letter, verdict, expected, key, apart), number in found.items():
        # A space stands for a pair that wasn't asked for.
        if number and letter != " ":
            tally[_single(letter, verdict, expected, layer["rules"]["keys"].get(key), apart.strip(), itself)] += number
    return tally


def _single(letter: str, verdict: str, expected: str, rule: str | None, apart: str, own: bool) -> Cell:
    mark = MARKS.get(verdict, "")
    if verdict == "P" and letter != expected and not (expected == "B" and letter in "RA"):
        mark = "!"
    if letter == "?" and mark == "?":
        mark = ""
    if own and letter in "RA" and mark in "~" and not apart:
        return Cell(letter, own=True)
    return Cell(letter, mark + apart, rule if letter in "UAB?" else None)


def draw(record: Record, step: Record, notes: Notes, style: Style) -> Iterator[str]:
    """Lines of text: who can reach whom, then the matrices of interface questions that say something else."""
    first, rest = list(draw_reach(record, step, notes, style)), list(draw_rest(record, step, notes, style))
    yield from (*first, *([""] if first and rest else []), *rest)


def draw_reach(record: Record, step: Record, notes: Notes, style: Style) -> Iterator[str]:
    """Who can reach whom; nothing where no host question was asked."""
    found = reach(record, step)
    if found is not None:
        yield from _reach(found, notes, style)


def draw_rest(record: Record, step: Record, notes: Notes, style: Style) -> Iterator[str]:
    """The matrices of interface questions that say something else; nothing where there are none."""
    found = reach(record, step)
    rest = beside(step, found)
    if rest and found is not None:
        for line in style.wrap("Interface by interface, layer by layer", "  ", "  "):
            yield style.paint(line, "bold")
    if rest:
        yield from _layers(rest, side(axes.listed(record, step, "endpoints")), notes, style)


# --- who can reach whom -----------------------------------------------------------------------------


def _reach(found: Reach, notes: Notes, style: Style) -> Iterator[str]:
    yield from style.wrap(f" ({found.title})", f"  {style.paint('Who can reach whom', 'bold')}", "    ")
    rows, columns = side(found.rows), side(found.columns)
    if max(len(rows.names), len(columns.names)) > FOLD_ABOVE:
        yield from _counts(
            {words.asked(name): {**layer, "own": found.layer["own"]} for name, layer in found.layers.items()},
            notes,
            style,
        )
    else:
        yield from _by_host(found, rows, columns, notes, style)
    for said, pairs, more in found.told_apart():
        named = ", ".join(f"{a} {style.arrow} {b}" for a, b in pairs) + (f" and {more} more" if more else "")
        yield from style.wrap(f"{said}: {named}", "  * ", "    ")
    if found.same:
        yield from style.wrap(f"From interface to interface the same holds on {', '.join(found.same)}.", "  ", "  ")


def _by_host(found: Reach, rows: Side, columns: Side, notes: Notes, style: Style) -> Iterator[str]:
    """The matrix, with as much of the addresses at the heads of its columns as the width allows."""
    table = cells(found.layer, rows, columns)
    names = [shorten(name, style.width // 3) for name in rows.names]
    named = [
        words.address(found.columns[members[0]]) if len(members) == 1 else (name, "")
        for name, members in zip(columns.names, columns.members, strict=True)
    ]
    ids, under = [name for name, _ in named], [ip for _, ip in named]
    numbers = [str(number) for number in range(1, len(ids) + 1)]
    forms = (([ids, under], True), ([[*columns.names]], True), ([numbers], True), ([numbers], False))
    for heads, with_notes in forms if any(under) else forms[1:]:
        shown = [[_text(cell, notes, style, with_notes) for cell in row] for row in table]
        lines = _columns([*heads, *shown], ["", *[""] * (len(heads) - 1), *names])
        if max(map(visible, lines)) < style.width:
            break
    else:
        yield from _counts({"": found.layer}, notes, style)
        return
    for k, line in enumerate(lines):
        yield style.paint(line, "dim") if k < len(heads) else line
    if heads == [numbers]:
        key = (f"{number} {name} {ip}".rstrip() for number, name, ip in zip(numbers, ids, under, strict=True))
        yield from style.wrap(", ".join(key), style.paint("  columns: ", "dim"), "    ")


def _columns(table: Sequence[Sequence[str]], labels: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in aligned([[label, *row] for label, row in zip(labels, table, strict=True)])]


# --- layer by layer ---------------------------------------------------------------------------------


def _layers(layers: Mapping[str, Record], ends: Side, notes: Notes, style: Style) -> Iterator[str]:
    """The matrices in bands, each as many as fit beside the rows' names.

    Where they don't fit, even folded and without footnotes, each layer is a line of counts.
    """
    if len(ends.names) > FOLD_ABOVE:
        yield from _counts(layers, notes, style)
        return
    labels = [f"{i} {shorten(name, style.width // 3)}" for i, name in enumerate(ends.names, 1)]
    margin = max(map(visible, labels), default=0) + 4
    room = style.width - margin
    pictures = []
    for block in blocks(layers, ends):
        picture = _draw(block, notes, style)
        if picture.width > room:
            picture = _draw(block, notes, style, with_notes=False)
        if picture.width > room:
            yield from _counts(layers, notes, style)
            return
        pictures.append(picture)
    band: list[_Picture] = []
    for picture in pictures:
        if band and sum(one.width + 3 for one in band) + picture.width > room:
            yield from _band(labels, band, margin, room)
            yield ""
            band = []
        band.append(picture)
    yield from _band(labels, band, margin, room)


@dataclass(frozen=True)
class _Picture:
    title: tuple[str, ...]
    lines: tuple[str, ...]
    width: int


def _draw(block: Block, notes: Notes, style: Style, *, with_notes: bool = True) -> _Picture:
    numbers = [str(number) for number in range(1, len(block.rows) + 1)]
    table = [numbers, *([_text(cell, notes, style, with_notes) for cell in row] for row in block.rows)]
    head, *lines = aligned(table)
    width = max(visible(line) for line in (head, *lines, *block.layers))
    return _Picture(block.layers, (style.paint(head, "dim"), *lines), width)


def _text(cell: Cell, notes: Notes, style: Style, with_notes: bool) -> str:
    _meet(cell, notes)
    plain = {"R": ("green",), "A": ("cyan",), ".": ("dim",), "?": ("yellow",)}.get(cell.letter, ())
    colours = {"!": ("bold", "red"), "?": ("yellow",), "~": ("dim",)}.get(cell.mark.rstrip("*"), plain)
    text = style.paint(cell.text, *(("dim",) if cell.own else colours))
    if cell.rule and with_notes:
        text += style.paint(style.note(notes.number(cell.rule)), "dim")
    return text


def _band(labels: Sequence[str], band: Sequence[_Picture], margin: int, room: int) -> Iterator[str]:
    *others, last = band
    # Nothing stands to the right of the last one: its layers may go on there.
    room -= sum(picture.width + 3 for picture in others)
    titles = [*(picture.title for picture in others), tuple(fold(", ".join(last.title), room))]
    height = max(map(len, titles))
    for k in range(height):
        words = []
        for picture, title in zip(band, titles, strict=True):
            padded = ("",) * (height - len(title)) + title
            words.append(pad(padded[k], picture.width))
        yield (" " * margin + "   ".join(words)).rstrip()
    for k in range(len(labels) + 1):
        label = "" if k == 0 else f"  {labels[k - 1]}"
        cells = "   ".join(pad(picture.lines[k], picture.width) for picture in band)
        yield (pad(label, margin) + cells).rstrip()


def _counts(layers: Mapping[str, Record], notes: Notes, style: Style) -> Iterator[str]:
    """Where no matrix fits: for each layer how many pairs have which letter, and with which mark."""
    lines = []
    for name, layer in layers.items():
        rows = layer["observed"]
        count: Counter[str] = Counter()
        for cell, number in _tally(layer, range(len(rows)), range(len(rows[0]))).items():
            if cell.letter != ".":
                _meet(cell, notes)
                count[cell.letter + cell.mark] += number
                if cell.rule:
                    notes.number(cell.rule)
        lines.append([f"  {name}", "  ".join(f"{letter} {number}" for letter, number in count.most_common())])
    yield from aligned(lines)


def _meet(cell: Cell, notes: Notes) -> None:
    """Note for the legend what a cell shows."""
    if cell.own:
        notes.shown.add("own")
        return
    notes.shown.update(letter for letter in cell.letter if letter in "RABU?.")
    notes.shown.update("mark" + mark for mark in cell.mark)
