"""Marks and colours of the terminal: few, and never the only carrier of a meaning."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TextIO

from netlab.contract.dataclass import dataclass
from netlab.report.columns import fold, visible

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
#: Columns for which lines are still broken; a terminal that has fewer breaks them itself.
NARROWEST = 32
_SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Style:
    """How to write: ``colour`` with ANSI sequences, ``unicode`` beyond ASCII, ``width`` in columns."""

    colour: bool = False
    unicode: bool = True
    width: int = 80

    def paint(self, text: str, *names: str) -> str:
        """The text in these colours, or as it is."""
        if not self.colour or not text or not names:
            return text
        return f"\x1b[{';'.join(_CODES[name] for name in names)}m{text}\x1b[0m"

    def note(self, number: int) -> str:
        """A footnote's mark."""
        return str(number).translate(_SUPERSCRIPT) if self.unicode else str(number)

    def pick(self, fancy: str, plain: str) -> str:
        """The first where the terminal can show it, else the second."""
        return fancy if self.unicode else plain

    def wrap(self, text: str, lead: str = "", indent: str = "") -> list[str]:
        """The text in lines behind a lead (which may be coloured), further lines behind an indent."""
        width = visible(lead)
        lines = fold(clean(text), self.width - 1, "\0" * width, indent)
        return [lead + lines[0][width:], *lines[1:]] if lines else [lead.rstrip()]

    @property
    def arrow(self) -> str:
        """From one endpoint to another."""
        return self.pick("→", "->")

    def verdict(self, letter: str) -> str:
        """A tick, a cross, a question mark or a dash for ``P``, ``F``, ``?``, ``S``."""
        return {
            "P": self.paint(self.pick("✓", "ok"), "green"),
            "F": self.paint(self.pick("✗", "NO"), "bold", "red"),
            "?": self.paint(self.pick("?", "? "), "yellow"),
            "S": self.paint(self.pick("–", "- "), "dim"),
        }[letter]


def style_for(stream: TextIO, environment: Mapping[str, str] | None = None) -> Style:
    """What suits a stream: colour only on a terminal without NO_COLOR, Unicode where it can be encoded."""
    env = os.environ if environment is None else environment
    terminal = stream.isatty()
    # NO_COLOR counts when it is there and not empty (no-color.org); TERM=dumb knows no sequences.
    colour = terminal and not env.get("NO_COLOR") and env.get("TERM") != "dumb"
    encoding = (getattr(stream, "encoding", None) or "ascii").lower().replace("-", "")
    width = 80
    if terminal:
        try:
            width = max(NARROWEST, min(os.get_terminal_size(stream.fileno()).columns, 120))
        except (OSError, ValueError):
            width = 80
    return Style(colour, encoding.startswith("utf"), width)


def clean(text: str) -> str:
    """One line without control characters: what a file says must not steer a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)
