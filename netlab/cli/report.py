"""`netlab report`: render records again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from netlab.errors import UsageError

FORMS = {"html": "report.html", "markdown": "summary.md"}


@click.command("report", short_help="Render the records of runs again: HTML, Markdown.")
@click.argument("sources", metavar="RECORD...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["html", "markdown", "text"]),
    help="Write only this. [default: HTML and Markdown, beside the record]",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Where to: a file for one record in one format (- is stdout), else a folder.",
)
def command(sources: tuple[Path, ...], form: str | None, output: Path | None) -> None:
    """Render what earlier runs have recorded, however old: nothing is run.

    RECORD is a run.json, or a folder that holds one. Without options the reports go beside it, and the index of
    the folder above is refreshed.
    """
    from netlab.report.load import records

    loaded = [(source, records(source)) for source in sources]
    if form is not None and (output is not None or form == "text"):
        _one(loaded, form, output)
        return
    for source, found in loaded:
        for record in found:
            _folder(source, record, len(found) > 1, form, output)
    _refresh(loaded, output)


def _render(record: dict[str, Any], form: str) -> str:
    if form == "text":
        import sys

        from netlab.report import terminal
        from netlab.report.style import style_for

        return terminal.render(record, style_for(sys.stdout)) + "\n"
    from netlab.report import save

    return save.as_html(record) if form == "html" else save.as_markdown(record)


def _one(loaded: Sequence[tuple[Path, list[dict[str, Any]]]], form: str, output: Path | None) -> None:
    """Every record in one format, one after the other on stdout; a single one into a file."""
    found = [record for _, several in loaded for record in several]
    if output is None or str(output) == "-":
        click.echo("\n".join(_render(record, form) for record in found), nl=False)
        return
    if len(found) > 1 or output.is_dir():
        if form == "text":
            raise UsageError("several records as text go to stdout: leave --output out")
        for source, several in loaded:
            for record in several:
                _folder(source, record, True, form, output)
        return
    from netlab.report.write import write_whole

    write_whole(output, _render(found[0], form))


def _folder(source: Path, record: dict[str, Any], several: bool, form: str | None, output: Path | None) -> None:
    """One record's reports: beside it, or in a folder of its own below ``output``."""
    from netlab.report.write import folder_name, make_folder, write_whole

    beside = source if source.is_dir() else source.parent
    name = folder_name(record["topology"]["name"])
    folder = output / name if output is not None else beside / name if several else beside
    make_folder(folder)
    for one, file in FORMS.items():
        if form in (None, one):
            write_whole(folder / file, _render(record, one))
            click.echo(f"{folder / file}")


def _refresh(loaded: Sequence[tuple[Path, list[dict[str, Any]]]], output: Path | None) -> None:
    """The index above the folders that have been written, where there is one already."""
    from netlab.report import index

    above = {(source if source.is_dir() else source.parent).resolve().parent for source, _ in loaded}
    for folder in sorted(above if output is None else ()):
        if (folder / index.NAME).exists():
            index.refresh(folder)
