"""Text in a terminal's columns: how many it takes, and how it is filled, folded and cut to fit them."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence

#: What takes no column: a colour, and signs that stand over or inside others.
_COLOUR = re.compile("\x1b[^m]*m?")
_NO_COLUMN = frozenset(("Mn", "Me", "Cf"))
#: Where lines may be broken though there is no space: after every wide character, but not before what closes and not
#: behind what opens.
_PIECES = re.compile(
    "[（《「『【〈]*[\u2e80-\u3007\u3012-\uff00\uff02-\uff60\U00020000-\U0003fffd][，。、；：？！）》」』】〉…]*|[^\u2e80-\uff60\U00020000-\U0003fffd]+|."
)


def visible(text: str) -> int:
    """How many columns a text takes: colour sequences take none, wide (East Asian) characters two."""
    if text.isascii() and "\x1b" not in text:
        return len(text)
    return sum(map(_columns, _COLOUR.sub("", text)))


def _columns(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.category(character) in _NO_COLUMN:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def pad(text: str, width: int, *, right: bool = False) -> str:
    """The text, filled with spaces on its right, or on its left where it is to end on the ``right``."""
    spaces = " " * (width - visible(text))
    return spaces + text if right else text + spaces


def aligned(rows: Sequence[Sequence[str]], right: Iterable[int] = ()) -> list[str]:
    """Lines with a row's cells below each other, two spaces between them; the columns ``right`` end on the right."""
    count, ends = max(map(len, rows), default=0), frozenset(right)
    widths = [max(visible(row[k]) for row in rows if k < len(row)) for k in range(count)]
    return ["  ".join(pad(cell, widths[k], right=k in ends) for k, cell in enumerate(row)).rstrip() for row in rows]


def fold(text: str, width: int, first: str = "", further: str = "") -> list[str]:
    """The text in lines of so many columns at most, the first behind ``first``, the others behind ``further``."""
    return _Folder(width, initial_indent=first, subsequent_indent=further, break_on_hyphens=False).wrap(text)


def shorten(text: str, most: int) -> str:
    """The text, its middle left out where it takes more columns than ``most``."""
    if visible(text) <= most:
        return text
    keep = most // 2 - 1
    return f"{_upto(text, keep)}..{_upto(text[::-1], keep)[::-1]}"


def _upto(text: str, width: int) -> str:
    """As much of a text's beginning as fits."""
    while visible(text) > width:
        text = text[:-1]
    return text


class _Piece(str):
    """What stays on one line; its length is the columns that it takes."""

    __slots__ = ()

    def __len__(self) -> int:
        return visible(str(self))


class _Folder(textwrap.TextWrapper):
    """Folds by columns, and between wide characters."""

    def _split(self, text: str) -> list[str]:
        chunks = super()._split(text)
        if text.isascii():
            return chunks
        return [_Piece(piece) for chunk in chunks for piece in _PIECES.findall(chunk)]
