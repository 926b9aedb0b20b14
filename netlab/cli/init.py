"""`netlab init`: a topology file to begin with."""

from __future__ import annotations

from pathlib import Path

import click

from netlab.cli.output import OutputPath, to_stdout
from netlab.cli.params import ShippedName

EXAMPLE = Path(__file__).with_name("example.yaml")


@click.command("init", short_help="Write a commented topology to begin with.")
@click.option("--from", "name", type=ShippedName(), metavar="NAME", help="A topology that ships, not the example.")
@click.option(
    "-o",
    "--output",
    type=OutputPath(),
    metavar="FILE",
    help="Where to; - is stdout. [default: topology.yaml, or the name of what ships]",
)
def command(name: str | None, output: Path | None) -> None:
    """Write a commented topology into the folder that you are in. A file that is there already is left alone.

    \b
    netlab init                           an example: two machines and a container
    netlab init --from vepa-hairpin       one of those that 'netlab list' names
    """
    from netlab import spec
    from netlab.errors import printable

    source = spec.find(name) if name is not None else EXAMPLE
    text = source.read_text("utf-8")
    target = output or Path(source.name if name is not None else "topology.yaml")
    if output is not None and to_stdout(output):
        click.echo(text, nl=False)
        return
    _create(target, text)
    click.echo(f"{printable(str(target))} is written. Next: netlab run {printable(str(target))}")


def _create(target: Path, text: str) -> None:
    """Write a file that isn't there yet. Raises UsageError or ReportError."""
    from netlab.errors import UsageError, printable
    from netlab.report.write import failed

    shown = printable(str(target))
    try:
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{shown} is there already, and is left as it is; -o names another file") from None
    except OSError as error:
        raise failed(target, "can't be written", error) from error
