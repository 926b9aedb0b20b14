"""`netlab graph`: a topology as a picture, without running it."""

from __future__ import annotations

from pathlib import Path

import click

from netlab.cli.output import OutputPath, deliver, form_by_name
from netlab.cli.params import FILE, StepName

FORMS = {".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid", ".dot": "dot", ".gv": "dot"}


@click.command("graph", short_help="Draw a topology: SVG, Mermaid or DOT.")
@FILE
@click.option(
    "-f",
    "--format",
    "kind",
    type=click.Choice(["svg", "mermaid", "dot"]),
    help="What to write. [default: by the name of the output, else svg]",
)
@click.option("-s", "--step", type=StepName(), help="The state after this step. [default: the first]")
@click.option("-o", "--output", type=OutputPath(), metavar="PATH", help="Where to. [default: - (stdout)]")
@click.option("--narrow", is_flag=True, help="SVG for narrow pages: all hosts on one side of the switch.")
def command(file: str, kind: str | None, step: str | None, output: Path | None, narrow: bool) -> None:
    """Draw the hosts, switches and stacked interfaces of a topology.

    Needs no kernel and no privilege: the picture is of the plan. SVG stands for itself, in light and dark; Mermaid
    is what Markdown viewers draw, DOT is for Graphviz.
    """
    from netlab import pipeline, plan, spec
    from netlab.contract.wire import to_plain
    from netlab.report import diagram

    kind = kind or form_by_name(output, FORMS, "svg")
    resolved = plan.from_file(spec.find(file))
    named = (step,) if step else ()
    chosen = next(one for one, wanted in pipeline.chosen_steps(resolved, named) if wanted)
    state = to_plain(chosen.state)
    if kind == "mermaid":
        text = diagram.as_mermaid(state)
    elif kind == "dot":
        text = diagram.as_dot(state, resolved.name)
    else:
        text = diagram.as_svg(state, f"Diagram of {resolved.name}", sides=1 if narrow else 2) + "\n"
    deliver(output, text)
