"""Where a command writes to: ``--output``, what its name says of the format, and standard output as ``-``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netlab.cli.params import ParamType
from netlab.errors import ReportError, UsageError, printable

if TYPE_CHECKING:
    from netlab.report.folder import Folder

STDOUT = Path("-")
#: What a rendered text's suffix says of its format.
RENDERED = {".html": "html", ".htm": "html", ".md": "markdown", ".markdown": "markdown", ".txt": "text"}


class OutputPath(ParamType[Path]):
    """A path to write to. An empty one (from an unset variable) is an error, not the current folder."""

    name = "path"

    def __init__(self, *, folder: bool = False) -> None:
        self._folder = folder

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        if value == "":
            self.fail(f"an empty name; the {'folder' if self._folder else 'file'} is to be named", param, ctx)
        return Path(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[click.shell_completion.CompletionItem[str]]:
        """Left to the shell."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="dir" if self._folder else "file")]


OUTPUT_OPTION = click.option(
    "-o", "--output", type=OutputPath(), metavar="PATH", help="Where to. [default: - (stdout)]"
)


def to_stdout(output: Path | None) -> bool:
    """Whether nothing else is named, or ``-``."""
    return output is None or output == STDOUT


def form_by_name(output: Path | None, forms: Mapping[str, str], default: str) -> str:
    """The format that a file's name asks for (``forms``: suffix → format), the default where it has no suffix.

    Raises UsageError: the name asks for something else.
    """
    suffix = output.suffix.lower() if output is not None else ""
    if not suffix:
        return default
    if suffix not in forms:
        known = ", ".join(f"{form} ({', '.join(_suffixes(forms, form))})" for form in dict.fromkeys(forms.values()))
        raise UsageError(f"{output}: no format goes by '{suffix}'; there are {known}, and --format says which")
    return forms[suffix]


def _suffixes(forms: Mapping[str, str], form: str) -> list[str]:
    return [suffix for suffix, its in forms.items() if its == form]


def echo_json(value: object) -> None:
    """Print a value as JSON that a person can read."""
    import json

    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def deliver(output: Path | None, text: str) -> None:
    """Write a text where it was asked for. Raises ReportError."""
    if output is None or output == STDOUT:
        click.echo(text, nl=False)
        return
    from netlab.report.write import write_whole

    write_whole(output, text)


# --- of a run ---------------------------------------------------------------------------------------


def places(reports: object, captures: object) -> str:
    """Where to look for more."""
    return ", ".join(
        f"{what} in {printable(str(place))}" for what, place in (("reports", reports), ("captures", captures)) if place
    )


def check_outputs(asked: dict[str, Any]) -> None:
    """Find out before the run what could not be written after it. Raises UsageError and ReportError."""
    from netlab.report.write import check_target

    named = [asked[name] for name in ("json_to", "junit") if asked[name] is not None]
    if len(named) > len(set(named)):
        raise UsageError(
            f"--json and --junit both go to {'stdout' if STDOUT in named else named[0]}: one must go elsewhere"
        )
    for path in named:
        if path != STDOUT:
            check_target(path)


def writable_folder(folder: Folder) -> None:
    """Make a folder that can be written to. Raises ReportError."""
    folder.make()
    folder.check()


def report_folder(named: Path | None, none: bool) -> Folder | None:
    """The folder for reports: an error where a named one can't be had, a note where the default can't."""
    from netlab.report import index
    from netlab.report.folder import Folder, Linked

    if none:
        return None
    option = "--report-dir DIR"
    folder = Folder(named, option=option) if named else Folder(Path(), ("reports",), option)
    try:
        writable_folder(folder)
        folder.check(index.NAME)
    except Linked:
        raise
    except ReportError as error:
        if named is not None:
            raise
        print(
            f"note: {printable(str(error))}; no report is written (--report-dir names another folder)", file=sys.stderr
        )
        return None
    return folder
