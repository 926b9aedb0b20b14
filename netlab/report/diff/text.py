"""A comparison on the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.report.diff import sentences
from netlab.report.diff.compare import Difference
from netlab.report.style import Style, clean

#: Changes that are written out; the other forms have them all.
MOST_CHANGES = 30


def render(difference: Difference, style: Style) -> str:
    """The whole comparison, ready to be printed."""
    return "\n".join(_lines(difference, style))


def _lines(difference: Difference, style: Style) -> Iterator[str]:
    yield style.paint(clean(difference.before["topology"]["name"]), "bold")
    for name, before, after in difference.circumstances:
        yield from style.wrap(f"{name}: {before} {style.arrow} {after}", "  ", "    ")
    for line in difference.topology:
        yield from style.wrap(line, style.paint("  ± ", "cyan"), "    ")
    for line in difference.missing:
        yield from style.wrap(line, style.paint("  – ", "yellow"), "    ")
    found = sentences.changes(difference)
    for change in found[:MOST_CHANGES]:
        yield ""
        yield from _change(change, style)
    if len(found) > MOST_CHANGES:
        yield f"  and {len(found) - MOST_CHANGES} more"
    yield ""
    word, colour = ("DIFFERENT", "red") if difference.matters else ("SAME", "green")
    yield f"{style.paint(word, 'bold', colour)}  {sentences.headline(difference)}"


def _change(change: sentences.Sentences, style: Style) -> Iterator[str]:
    mark = style.paint(style.pick("≠", "!="), "bold", "red") if change.matters else style.paint("~", "dim")
    where = "  ".join(filter(None, (change.where, change.layers)))
    yield from style.wrap(f"{change.what}  {where}", f"  {mark} ", "    ")
    yield from style.wrap(f"{change.before}  {style.arrow}  {change.after}", "      ", "      ")
    if not change.matters:
        yield from style.wrap(change.said, "      ", "      ")
    if change.examples:
        yield from style.wrap(f"for example {change.examples}", "      ", "      ")
    for when, name, sentence in change.rules:
        yield from style.wrap(f"{when}: {name}: {sentence}", "      ", "        ")
