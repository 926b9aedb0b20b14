"""`netlab graph`: a topology as a picture, without running it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netlab.cli.live import PLACES
from netlab.cli.output import OUTPUT_OPTION, deliver, form_by_name
from netlab.cli.params import StepName, TopologyFile

if TYPE_CHECKING:
    from netlab.spec import Spec

FORMS = {".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid", ".dot": "dot", ".gv": "dot"}


@click.command("graph", short_help="Draw a topology: SVG, Mermaid or DOT.")
@click.argument("file", metavar="FILE", required=False, type=TopologyFile())
@click.option("--live", is_flag=True, help="This machine, as it is, in the place of FILE.")
@PLACES
@click.option(
    "-f",
    "--format",
    "kind",
    type=click.Choice(["svg", "mermaid", "dot"]),
    help="What to write. [default: by the name of the output, else svg; on a terminal mermaid]",
)
@click.option("-s", "--step", type=StepName(), help="The state after this step. [default: the first]")
@OUTPUT_OPTION
@click.option("--narrow", is_flag=True, help="SVG for narrow pages: all hosts on one side of the switch.")
def command(
    file: str | None,
    live: bool,
    kind: str | None,
    step: str | None,
    output: Path | None,
    narrow: bool,
    **places: Any,
) -> None:
    """Draw the hosts, switches and stacked interfaces of a topology.

    Needs no kernel and no privilege: the picture is of the plan. SVG stands for itself, in light and dark; Mermaid
    is what Markdown viewers draw, DOT is for Graphviz. With --live it is this machine that is drawn, as
    'netlab import live' reads it.
    """
    from netlab import chosen, plan, spec
    from netlab.contract.wire import to_plain
    from netlab.errors import UsageError
    from netlab.report import diagram

    if live and file is not None:
        raise UsageError("--live draws this machine: leave the FILE out")
    bare = kind is None and output is None and sys.stdout.isatty()
    kind = kind or form_by_name(output, FORMS, "mermaid" if bare else "svg")
    resolved = plan.resolve(_machine(places)) if live else plan.from_file(spec.find(_named(file, places)))
    named = (step,) if step else ()
    shown = next(one for one, wanted in chosen.steps(resolved, named) if wanted)
    state = to_plain(shown.state)
    if kind == "mermaid":
        text = diagram.as_mermaid(state)
    elif kind == "dot":
        text = diagram.as_dot(state, resolved.name)
    else:
        text = diagram.as_svg(state, f"Diagram of {resolved.name}", sides=1 if narrow else 2) + "\n"
    deliver(output, text)
    if bare:
        print("This is Mermaid, on a terminal: -o picture.svg draws it.", file=sys.stderr)


def _named(file: str | None, places: dict[str, Any]) -> str:
    from netlab.errors import UsageError

    if file is None:
        raise UsageError("Missing argument 'FILE'.")
    if any(places.values()):
        raise UsageError("--netns, --container, --pid and --all are for --live alone")
    return file


def _machine(places: dict[str, Any]) -> Spec:
    """This machine as a topology; what it doesn't have is told on stderr."""
    from netlab import spec
    from netlab.cli.importing import tell
    from netlab.cli.live import of_machine
    from netlab.live import write

    draft, _ = of_machine("host", **places)
    tell(draft)
    return spec.load(write(draft), "this machine")
