"""`netlab kernels`: the same topologies on several kernels, side by side."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netlab.cli import other_kernel
from netlab.cli.output import OUTPUT_OPTION, deliver, to_stdout
from netlab.cli.params import FILES, LAYERS_OPTION, STEPS_OPTION
from netlab.contract.kernels import OWN
from netlab.errors import PASSED, UsageError, worst

if TYPE_CHECKING:
    from netlab.client import Agent
    from netlab.report.across import Across

Record = Mapping[str, Any]


@click.command("kernels", short_help="Run topologies on several kernels: what differs.")
@FILES
@click.option(
    "-k",
    "--kernels",
    metavar="KERNELS",
    help="As --kernel takes them, with commas between; own is this machine's. [default: own and all that are cached]",
)
@click.option("--predict-only", is_flag=True, help="What the model says of these versions of Linux; needs no kernel.")
@LAYERS_OPTION
@STEPS_OPTION
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "json"]),
    default="text",
    help="What to write. [default: text]",
)
@OUTPUT_OPTION
def command(
    files: tuple[str, ...],
    kernels: str | None,
    predict_only: bool,
    layers: tuple[str, ...],
    steps: tuple[str, ...],
    form: str,
    output: Path | None,
) -> int:
    """Examine each topology on each kernel, and show in one table what is not the same on all of them, by which rules.

    A difference alone is no failure: the exit code is the worst of the runs', each judged by the rules of its kernel.
    """
    from netlab import spec

    paths = {name: spec.find(name) for name in files}
    names = _named(kernels, predict_only)
    seen = Seen(paths, layers, steps)
    for name in names:
        seen.predict(name) if predict_only else seen.run(name)
    deliver(output, seen.report(form, output))
    return worst(seen.codes)


def _named(kernels: str | None, predict_only: bool) -> list[str]:
    if kernels is not None:
        names = list(dict.fromkeys(name.strip() for name in kernels.split(",") if name.strip()))
    elif predict_only:
        raise UsageError("which versions of Linux? as in --kernels 6.1,6.12,7.3")
    else:
        from netlab.kernels import cached

        names = [OWN, *(one.name for one in cached())]
    if len(names) < 2:
        raise UsageError("one kernel alone has nothing to differ from: netlab kernel list says which there are")
    return names


class Seen:
    """What was seen, topology by topology and kernel by kernel."""

    def __init__(self, paths: Mapping[str, Path | str], layers: Sequence[str], steps: Sequence[str]) -> None:
        self.paths = paths
        self.layers, self.steps = tuple(layers), tuple(steps)
        self.records: dict[str, dict[str, Record]] = {name: {} for name in paths}
        #: why there is no record
        self.lacking: dict[str, dict[str, str]] = {name: {} for name in paths}
        self.codes = [PASSED]

    def predict(self, version: str) -> None:
        """What the model says of a version."""
        from netlab import plan
        from netlab.contract.kernels import here, parse
        from netlab.foresee import foresee

        try:
            kernel = here() if version == OWN else parse(version)
        except ValueError as error:
            raise UsageError(str(error)) from None
        for name, path in self.paths.items():
            self.records[name][version] = foresee(plan.from_file(path, kernel=kernel), self.steps, self.layers)

    def run(self, kernel: str) -> None:
        from netlab.client import start
        from netlab.kernels import Choice

        with start(Choice.read(kernel)) as agent:
            agent.listen(other_kernel.say)
            for name in self.paths:
                if sys.stderr.isatty():
                    print(f"\r{kernel}: {name} \033[K", end="", file=sys.stderr, flush=True)
                self._examine(agent, kernel, name)
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)

    def _examine(self, agent: Agent, kernel: str, name: str) -> None:
        from netlab import pipeline
        from netlab.client import BuildError

        options = pipeline.Options(layers=self.layers, steps=self.steps, stories=False, measure=False)
        try:
            record = pipeline.run(self.paths[name], agent, options)
        except BuildError as error:
            # The kernel lacks something, or refuses it: that is a difference, too.
            self.lacking[name][kernel] = re.sub(r"^\S+:\d+:\d+: ", "", str(error))
            self.codes.append(error.exit_code)
            return
        self.records[name][kernel] = record
        self.codes.append(record["summary"]["exit_code"])

    def tables(self) -> list[Across]:
        """A table for each topology."""
        from netlab.model import RULES
        from netlab.report.across import across

        bounds = {name: rule.kernels for name, rule in RULES.items() if rule.kernels}
        return [
            across(_topology(name, records), records, self.lacking[name], bounds)
            for name, records in self.records.items()
        ]

    def report(self, form: str, output: Path | None) -> str:
        from netlab.report import across
        from netlab.report.style import Style, style_for

        several = self.tables()
        if form == "json":
            import json

            return json.dumps(across.to_plain(several), indent=2, ensure_ascii=False) + "\n"
        if form == "markdown":
            return "\n".join(across.markdown(one) for one in several)
        style = style_for(sys.stdout) if to_stdout(output) else Style()
        return "\n\n".join(across.text(one, style) for one in several) + "\n"


def _topology(name: str, records: Mapping[str, Record]) -> str:
    return next((str(record["topology"]["name"]) for record in records.values()), name)
