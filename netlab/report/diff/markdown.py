"""A comparison as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netlab.report.diff import sentences
from netlab.report.diff.compare import Difference
from netlab.report.markdown import LONGEST, code, plain


def render(differences: Sequence[Difference]) -> str:
    """All comparisons, one below the other, as much as goes into a comment."""
    text = ""
    for difference in differences:
        one = "\n".join(_lines(difference)).rstrip("\n") + "\n"
        if len(text) + len(one) > LONGEST:
            return text + "\nThe rest is too long for here.\n"
        text += ("\n" if text else "") + one
    return text


def _lines(difference: Difference) -> Iterator[str]:
    mark = "❌" if difference.matters else "✅"
    yield f"## {plain(difference.before['topology']['name'])}: {mark} {sentences.headline(difference)}"
    yield ""
    yield "| | before | after |"
    yield "|---|---|---|"
    for name, before, after in difference.circumstances:
        yield f"| {name} | {code(before, table=True)} | {code(after, table=True)} |"
    yield ""
    yield from (f"- ± {code(line)}" for line in difference.topology)
    yield from (f"- {plain(line)}" for line in difference.missing)
    if difference.topology or difference.missing:
        yield ""
    for change in sentences.changes(difference):
        mark = "❌" if change.matters else "➖"
        layers = f" ({change.layers})" if change.layers else ""
        where = f" in step {code(change.where)}" if change.where else ""
        yield f"- {mark} {code(change.what)}{layers}{where}: {plain(change.before)} → **{plain(change.after)}**"
        if not change.matters:
            yield f"  {change.said}"
        if change.examples:
            yield f"  for example {code(change.examples)}"
        for when, name, sentence in change.rules:
            yield f"  - {when}: {code(name)} {plain(sentence)}"
