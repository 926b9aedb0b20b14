"""`netlab predict`: what Linux will do, without asking it."""

from __future__ import annotations

import sys
from typing import Any

import click

from netlab.cli.params import AS_JSON, FILES, KERNEL_OPTION, LAYERS_OPTION, STEPS_OPTION
from netlab.contract.kernels import Version, here


@click.command("predict", short_help="Predict every pair from the model, without a kernel.")
@FILES
@LAYERS_OPTION
@STEPS_OPTION
@KERNEL_OPTION
@AS_JSON
def command(
    files: tuple[str, ...], layers: tuple[str, ...], steps: tuple[str, ...], kernel: Version | None, as_json: bool
) -> None:
    """Predict which endpoint reaches which, layer by layer, and by which rule of the kernel not.

    Needs no kernel, no privilege and no Linux.
    """
    records = [_predict(name, layers, steps, kernel or here()) for name in files]
    if as_json:
        import json

        click.echo(json.dumps(records if len(files) > 1 else records[0], ensure_ascii=False, separators=(",", ":")))
        return
    from netlab.report import prediction
    from netlab.report.style import style_for

    style = style_for(sys.stdout)
    click.echo("\n\n".join(prediction.render(record, style, told=kernel is not None) for record in records))


def _predict(name: str, layers: tuple[str, ...], steps: tuple[str, ...], kernel: Version) -> dict[str, Any]:
    from netlab import __version__, chosen, model, plan, spec
    from netlab.report import prediction

    resolved = plan.from_file(spec.find(name), kernel=kernel)
    examined = [step for step, wanted in chosen.steps(resolved, steps) if wanted]
    return prediction.build(
        resolved,
        examined,
        lambda step: model.predict(step.state, chosen.layers(resolved, step, layers)),
        model.RULES,
        __version__,
    )
