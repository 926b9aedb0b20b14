"""`netlab report`: render records again."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netlab.cli.output import RENDERED, STDOUT, OutputPath, deliver, form_by_name, to_stdout
from netlab.errors import UsageError, printable

if TYPE_CHECKING:
    from netlab.report.naming import Folders

FILES = {"html": "report.html", "markdown": "summary.md"}


@click.command("report", short_help="Render the records of runs again: HTML, Markdown.")
@click.argument("sources", metavar="RECORD...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["html", "markdown", "text"]),
    help="Write only this. [default: by the name of the output, else HTML and Markdown]",
)
@click.option(
    "-o",
    "--output",
    type=OutputPath(),
    metavar="PATH",
    help="Where to: a file for one record in one format (- is stdout), else a folder. [default: beside the record]",
)
def command(sources: tuple[Path, ...], form: str | None, output: Path | None) -> None:
    """Render what earlier runs have recorded, however old: nothing is run.

    RECORD is a run.json, or a folder that holds one. Without options the reports go beside it, and the index of
    the folder above is refreshed.
    """
    from netlab.report.load import records

    form = form or _by_name(output)
    loaded = [(source, records(source)) for source in sources]
    if form is not None and (output is not None or form == "text"):
        _one(loaded, form, output)
        return
    folders: dict[Path, Folders] = {}
    for source, found in loaded:
        for k, record in enumerate(found):
            _folder(source, record, k if len(found) > 1 else None, form, output, folders)
    _refresh(loaded, output)


def _by_name(output: Path | None) -> str | None:
    """The format of a file that is named, None where a folder is (``runs-1.2`` is one). Raises UsageError."""
    if output == STDOUT:
        raise UsageError("what is to go to standard output? say --format html, markdown or text")
    if output is None or output.is_dir() or not output.suffix[1:].isalpha():
        return None
    return form_by_name(output, RENDERED, "")


def _render(source: Path, record: dict[str, Any], form: str, output: Path | None) -> str:
    from netlab.report.load import whole

    with whole(source):
        return _rendered(record, form, output)


def _rendered(record: dict[str, Any], form: str, output: Path | None) -> str:
    if form == "text":
        from netlab.report import terminal
        from netlab.report.style import Style, style_for

        return terminal.render(record, style_for(sys.stdout) if to_stdout(output) else Style()) + "\n"
    from netlab.report import save

    return save.as_html(record) if form == "html" else save.as_markdown(record)


def _one(loaded: Sequence[tuple[Path, list[dict[str, Any]]]], form: str, output: Path | None) -> None:
    """Every record in one format, one after the other on stdout; a single one into a file."""
    found = [(source, record) for source, several in loaded for record in several]
    if to_stdout(output):
        deliver(output, "\n".join(_render(source, record, form, output) for source, record in found))
        return
    assert output is not None
    if len(found) > 1 or output.is_dir():
        if form == "text":
            raise UsageError("text goes to stdout or into one file, not into a folder")
        if output.suffix.lower() in RENDERED and not output.is_dir():
            raise UsageError(f"{output}: {len(found)} records don't go into one file; name a folder")
        folders: dict[Path, Folders] = {}
        for source, several in loaded:
            for k, record in enumerate(several):
                _folder(source, record, k, form, output, folders)
        return
    deliver(output, _render(*found[0], form, output))


def _folder(
    source: Path,
    record: dict[str, Any],
    number: int | None,
    form: str | None,
    output: Path | None,
    folders: dict[Path, Folders],
) -> None:
    """One record's reports: beside it, or in a folder of its own below ``output``; ``number`` is its place among
    several in one file."""
    from netlab.report.folder import Folder
    from netlab.report.load import whole
    from netlab.report.naming import Folders

    folder = Folder(output or (source if source.is_dir() else source.parent), option="-o DIR")
    if number is not None or output is not None:
        names = folders.setdefault(folder.path, Folders(folder))
        with whole(source):
            topology = record["topology"]
            folder /= names.of(topology["name"], topology["file"], (source, number), _note)
    for one, file in FILES.items():
        if form in (None, one):
            written = folder.write(file, _render(source, record, one, folder.path / file))
            click.echo(printable(str(written)))


def _note(text: str) -> None:
    print(f"netlab: {text}", file=sys.stderr)


def _refresh(loaded: Sequence[tuple[Path, list[dict[str, Any]]]], output: Path | None) -> None:
    """The index above the folders that have been written, where there is one already."""
    from netlab.report import index

    # By its name: the folder above the target of a link isn't the one above the link.
    above = {Path(os.path.abspath(source if source.is_dir() else source.parent)).parent for source, _ in loaded}
    for folder in sorted(above if output is None else ()):
        index.refresh_own(folder)
