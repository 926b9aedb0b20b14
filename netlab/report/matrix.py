"""Matrices on a terminal: one for each layer, equal ones merged, side by side as far as the width goes."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from netlab.report.style import Style, visible

#: Above this many endpoints a matrix shows groups.
FOLD_ABOVE = 20
#: What a cell shows besides its letter: not as expected, no proof, only observed.
MARKS = {"F": "!", "?": "?", "S": "~"}

Record = dict[str, Any]


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
    """What one cell (of one pair, or of two groups) shows."""

    letter: str
    mark: str = ""
    rule: str | None = None


@dataclass(frozen=True)
class Block:
    """One matrix: the layers that share it, and its cells."""

    layers: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def labels_and_blocks(step: Record, endpoints: Sequence[Record]) -> tuple[list[str], list[Block]]:
    """The rows' names and the step's matrices, layers whose matrices are equal merged, groups folded."""
    groups = _groups(endpoints)
    merged: dict[tuple[tuple[Cell, ...], ...], list[str]] = {}
    for name, layer in step["layers"].items():
        merged.setdefault(_cells(layer, list(groups.values())), []).append(name)
    names = [f"{name} ×{len(members)}" if len(members) > 1 else name for name, members in groups.items()]
    return names, [Block(tuple(layers), rows) for rows, layers in merged.items()]


def _groups(endpoints: Sequence[Record]) -> dict[str, list[int]]:
    fold = len(endpoints) > FOLD_ABOVE
    groups: dict[str, list[int]] = {}
    for i, endpoint in enumerate(endpoints):
        groups.setdefault(endpoint["group"] if fold else endpoint["id"], []).append(i)
    return groups


def _cells(layer: Record, groups: Sequence[Sequence[int]]) -> tuple[tuple[Cell, ...], ...]:
    return tuple(tuple(_cell(layer, rows, columns) for columns in groups) for rows in groups)


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
    """How often each cell is there, a pair with itself left out unless it is all there is."""
    parts = [layer["observed"], layer["verdict"], layer["expected"], layer["rules"]["rows"]]
    count = len(layer["observed"])
    parts = [part or ["." * count] * count for part in parts]
    whole = len(columns) == count
    same = {*rows} & {*columns} if len(rows) > 1 or len(columns) > 1 else set()
    found: Counter[Any] = Counter()
    for i in rows:
        mine = [part[i] for part in parts]
        shown = mine if whole else [[row[j] for j in columns] for row in mine]
        found.update(zip(*shown, strict=True))
        if i in same:
            found[tuple(row[i] for row in mine)] -= 1
    cells: Counter[Cell] = Counter()
    for (letter, verdict, expected, key), number in found.items():
        if number:
            cells[_single(letter, verdict, expected, layer["rules"]["keys"].get(key))] += number
    return cells


def _single(letter: str, verdict: str, expected: str, rule: str | None) -> Cell:
    mark = MARKS.get(verdict, "")
    if verdict == "P" and letter != expected and not (expected == "B" and letter in "RA"):
        mark = "!"
    if letter == "?" and mark == "?":
        mark = ""
    return Cell(letter, mark, rule if letter in "UAB?" else None)


def draw(step: Record, endpoints: Sequence[Record], notes: Notes, style: Style) -> Iterator[str]:
    """Lines of text: the matrices in bands, each as many as fit beside the rows' names.

    Where they don't fit, even folded and without footnotes, each layer is a line of counts.
    """
    if len(_groups(endpoints)) > FOLD_ABOVE:
        yield from _counts(step, notes, style)
        return
    names, blocks = labels_and_blocks(step, endpoints)
    labels = [f"{i} {shorten(name, style.width // 3)}" for i, name in enumerate(names, 1)]
    margin = max(map(len, labels), default=0) + 4
    room = style.width - margin
    pictures = []
    for block in blocks:
        picture = _draw(block, notes, style)
        if picture.width > room:
            picture = _draw(block, notes, style, with_notes=False)
        if picture.width > room:
            yield from _counts(step, notes, style)
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
    from tabulate import tabulate

    # The numbers are a row like the others: tabulate pads the columns of real headers.
    numbers = [str(number) for number in range(1, len(block.rows) + 1)]
    table = [numbers, *([_text(cell, notes, style, with_notes) for cell in row] for row in block.rows)]
    head, *lines = tabulate(table, tablefmt="plain", stralign="left", disable_numparse=True).splitlines()
    width = max(visible(line) for line in (head, *lines, *block.layers))
    return _Picture(block.layers, (style.paint(head, "dim"), *lines), width)


def _text(cell: Cell, notes: Notes, style: Style, with_notes: bool) -> str:
    _meet(cell, notes)
    colours = {
        "!": ("bold", "red"),
        "?": ("yellow",),
        "~": ("dim",),
        "": {"R": ("green",), "A": ("cyan",), ".": ("dim",), "?": ("yellow",)}.get(cell.letter, ()),
    }[cell.mark]
    text = style.paint(cell.letter + cell.mark, *colours)
    if cell.rule and with_notes:
        text += style.paint(style.note(notes.number(cell.rule)), "dim")
    return text


def _band(labels: Sequence[str], band: Sequence[_Picture], margin: int, room: int) -> Iterator[str]:
    *others, last = band
    # Nothing stands to the right of the last one: its layers may go on there.
    room -= sum(picture.width + 3 for picture in others)
    titles = [*(picture.title for picture in others), tuple(textwrap.wrap(", ".join(last.title), room))]
    height = max(map(len, titles))
    for k in range(height):
        words = []
        for picture, title in zip(band, titles, strict=True):
            padded = ("",) * (height - len(title)) + title
            words.append(padded[k].ljust(picture.width))
        yield (" " * margin + "   ".join(words)).rstrip()
    for k in range(len(labels) + 1):
        label = "" if k == 0 else f"  {labels[k - 1]}"
        cells = "   ".join(_pad(picture.lines[k], picture.width) for picture in band)
        yield (label.ljust(margin) + cells).rstrip()


def _counts(step: Record, notes: Notes, style: Style) -> Iterator[str]:
    """Where no matrix fits: for each layer how many pairs have which letter, and with which mark."""
    from tabulate import tabulate

    rows = []
    for name, layer in step["layers"].items():
        every = range(len(layer["observed"]))
        count: Counter[str] = Counter()
        for cell, number in _tally(layer, every, every).items():
            if cell.letter != ".":
                _meet(cell, notes)
                count[cell.letter + cell.mark] += number
                if cell.rule:
                    notes.number(cell.rule)
        rows.append([f"  {name}", "  ".join(f"{letter} {number}" for letter, number in count.most_common())])
    yield from tabulate(rows, tablefmt="plain", disable_numparse=True).splitlines()


def _meet(cell: Cell, notes: Notes) -> None:
    """Note for the legend what a cell shows."""
    notes.shown.update(letter for letter in cell.letter if letter in "RABU?.")
    if cell.mark:
        notes.shown.add("mark" + cell.mark)


def shorten(name: str, most: int) -> str:
    """The name, its middle left out where it is longer."""
    return name if len(name) <= most else f"{name[: most // 2 - 1]}..{name[-(most // 2 - 1) :]}"


def _pad(text: str, width: int) -> str:
    return text + " " * (width - visible(text))
