"""Which pairs of a row were asked for: of a large lab that is only covered, a few."""

from __future__ import annotations

import re
from collections.abc import Sequence

_ASKED = re.compile("[^ ]")


def asked(row: str) -> Sequence[int]:
    """The places in a row of letters that aren't spaces."""
    return range(len(row)) if " " not in row else [found.start() for found in _ASKED.finditer(row)]


def among(row: str, places: Sequence[int]) -> Sequence[str]:
    """The letters of a row at some places."""
    return row if len(places) == len(row) else [row[place] for place in places]


def spread(size: int, places: Sequence[int], letters: Sequence[str]) -> str:
    """A row of spaces, but for the letters at some places."""
    if len(places) == size:
        return "".join(letters)
    row = [" "] * size
    for place, letter in zip(places, letters, strict=True):
        row[place] = letter
    return "".join(row)
