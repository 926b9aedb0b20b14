"""`netlab diff`: two runs, cell by cell."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netlab.cli.output import OUTPUT_OPTION, RENDERED, deliver, form_by_name, to_stdout

if TYPE_CHECKING:
    from netlab.report.diff import Difference


@click.command("diff", short_help="Compare two runs: what changed, and by which rule.")
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "html"]),
    help="What to write. [default: by the name of the output, else text]",
)
@OUTPUT_OPTION
def command(before: Path, after: Path, form: str | None, output: Path | None) -> int:
    """Compare the records of two runs: another kernel, another mode, before and after a change.

    BEFORE and AFTER are run.json files, or the folders that hold them. The exit code is 1 where a cell has another
    outcome, another verdict or another prediction, 0 where at most the reasons differ.
    """
    from netlab.errors import FAILED, PASSED
    from netlab.report import diff
    from netlab.report.load import records, whole

    form = form or form_by_name(output, RENDERED, "text")
    loaded = records(before), records(after)
    with whole(before if before == after else Path(f"{before} or {after}")):
        found = [diff.compare(a, b) for a, b in diff.pair_up(*loaded)]
        text = _render(found, form, output)
    deliver(output, text)
    return FAILED if any(one.matters for one in found) else PASSED


def _render(found: list[Difference], form: str, output: Path | None) -> str:
    if form == "html":
        from netlab.report.diff import html

        return html.render(found)
    if form == "markdown":
        from netlab.report.diff import markdown

        return markdown.render(found)
    from netlab.report.diff import text
    from netlab.report.style import Style, style_for

    style = style_for(sys.stdout) if to_stdout(output) else Style()
    return "\n\n".join(text.render(one, style) for one in found) + "\n"
