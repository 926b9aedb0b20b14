"""`netlab run`: examine topologies on the kernel."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netlab.cli import early, on
from netlab.cli.params import FILES, LAYERS_OPTION, StepName
from netlab.cli.problems import explain
from netlab.errors import ReportError, worst

if TYPE_CHECKING:
    from netlab.lab import Agent
    from netlab.pipeline import Options

Record = dict[str, Any]


@click.command("run", short_help="Build topologies, probe every pair, judge.")
@FILES
@LAYERS_OPTION
@click.option(
    "-s",
    "--step",
    "steps",
    multiple=True,
    type=StepName(),
    help="Examine only this step (repeatable); those before it are passed through.",
)
@click.option("--json", "json_to", metavar="PATH", help="Write the record as JSON; - is stdout, instead of the report.")
@click.option(
    "--report-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where reports go, a folder for each topology. [default: reports]",
)
@click.option("--no-report", is_flag=True, help="Write no report.")
@click.option(
    "--pcap",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Capture at each parent and switch port into this folder (pcapng).",
)
@click.option("--junit", metavar="FILE", help="Write JUnit XML for a CI system.")
@click.option("--seed", type=int, default=0, metavar="N", help="Order of the probes. [default: 0]")
@click.option(
    "--repeat",
    type=click.IntRange(min=1),
    default=1,
    metavar="N",
    help="Build and examine N times, each in another order.",
)
@click.option("--no-measure", is_flag=True, help="Leave out throughput, latency and comparisons (as --pcap does).")
@click.option("-q", "--quiet", is_flag=True, help="Only what is not as expected, and the counts.")
@click.option(
    "-v",
    "--verbose",
    count=True,
    help="Log every netlink request, as the ip command that a person would type.",
)
@on.options
def command(files: tuple[str, ...], **asked: Any) -> int:
    """Build each topology out of network namespaces, probe every ordered pair on every layer, and
    judge what was seen against what the file expects and the model predicts.

    FILE is a path, the name of a topology that ships with netlab (see: netlab list), or - for
    standard input. Nothing is left behind. No privilege is needed where user namespaces are to be had.
    """
    with contextlib.ExitStack() as stack:
        # An agent that is starting already must end whatever becomes of this command.
        agents = _Agents(stack, _log if asked["verbose"] else None, asked)
        return _Job(files, asked).run(agents)


def _log(line: str) -> None:
    print(line, file=sys.stderr)


class _Agents:
    """The agent, and a fresh one where it has died."""

    def __init__(self, stack: contextlib.ExitStack, log: Callable[[str], None] | None, asked: dict[str, Any]) -> None:
        self._stack = stack
        self._log = log
        self._agent = on.crew(asked, log) or early.take()
        if self._agent is not None:
            stack.enter_context(self._agent)

    def get(self) -> Agent:
        """One that can be asked."""
        from netlab.lab import Agent

        if self._agent is None or not self._agent.alive:
            self._agent = self._stack.enter_context(Agent.start(self._log))
        return self._agent


class _Job:
    """One command: every file, every repetition, one exit code."""

    def __init__(self, files: tuple[str, ...], asked: dict[str, Any]) -> None:
        from netlab.spec import TopologyError, find

        self.asked = asked
        self.codes: list[int] = []
        self.rows: list[tuple[str, list[Record]]] = []
        self.paths: list[Path] = []
        self.broken: list[tuple[str, str]] = []
        for name in files:
            try:
                self.paths.append(find(name))
            except TopologyError as error:
                self.codes.append(explain(error))
                self.broken.append((name, str(error)))
        self.folder = _report_folder(asked["report_dir"], asked["no_report"]) if self.paths else None
        self.folders: dict[str, Path] = {}
        self.kept: dict[Path, Record] = {}
        self.many = len(files) > 1
        self.talks = asked["json_to"] != "-"

    def run(self, agents: _Agents) -> int:
        """Examine everything; what goes wrong with one file is said and leaves the others alone."""
        from netlab.cli.progress import Progress

        shown = False
        with Progress(quiet=bool(self.asked["quiet"] or self.asked["verbose"])) as watch:
            for path in self.paths:
                try:
                    records = self._examine(path, agents, watch)
                except Exception as error:
                    watch.hide()
                    self.codes.append(explain(error))
                    self.broken.append((path.stem, str(error)))
                    if _hopeless(error):
                        break
                    continue
                watch.hide()
                self.rows.append((path.stem, records))
                kept = self._keep(records, path)
                shown = self._show(records, kept, shown) or shown
        self._close(shown)
        return worst(self.codes)

    def _examine(self, path: Path, agents: _Agents, watch: Callable[[str], None]) -> list[Record]:
        from netlab import pipeline

        records: list[Record] = []
        seen: set[int] = set()
        for k in range(self.asked["repeat"]):
            record = pipeline.run(path, agents.get(), self._options(k), watch, self._get_ready)
            code = record["summary"]["exit_code"]
            # Of many repetitions only what will be shown or written is kept whole.
            whole = code not in seen or self.asked["json_to"] is not None
            records.append(record if whole else {key: record[key] for key in _COUNTED})
            seen.add(code)
        self.codes += seen
        return records

    def _get_ready(self) -> None:
        """Import what the report will need, while the agent is busy."""
        if self.talks:
            import tabulate  # noqa: F401

            from netlab.report import terminal  # noqa: F401
        if self.folder is not None:
            from netlab.report import html

            html.prepare()

    def _options(self, k: int) -> Options:
        from netlab.pipeline import Options

        return Options(
            layers=self.asked["layers"],
            steps=self.asked["steps"],
            seed=self.asked["seed"] + k,
            repetition=k + 1,
            stories=self.folder is not None or self.asked["json_to"] is not None,
            pcap=self.asked["pcap"],
            measure=not self.asked["no_measure"],
        )

    def _keep(self, records: list[Record], path: Path) -> Path | None:
        """The report on disk: of several repetitions the first that matters most. Returns its folder."""
        if self.folder is None:
            return None
        from netlab.report.save import save

        record = _representative(records)
        try:
            kept = save(record, self.folder, self._folder_name(record, path))
            self.kept[kept] = record
            return kept
        except ReportError as error:
            self.codes.append(explain(error))
            self.folder = None
            return None

    def _folder_name(self, record: Record, path: Path) -> str:
        """The topology's name; where two files have the same, the second gets a number."""
        from netlab.report.write import folder_name

        name = base = folder_name(record["topology"]["name"])
        number = 1
        while self.folders.setdefault(name, path) != path:
            number += 1
            name = f"{base}-{number}"
        return name

    def _show(self, records: list[Record], kept: Path | None, shown: bool) -> bool:
        """Print one topology's report: whole where it is the only one, else what is not as expected."""
        if not self.talks:
            return False
        from netlab.report import terminal
        from netlab.report.style import style_for

        record = _representative(records)
        quiet = self.asked["quiet"] or self.many
        if quiet and self.many and record["summary"]["verdict"] == "pass" and not record["findings"]:
            return False
        style = style_for(sys.stdout)
        where = f"{kept}/" if kept else ""
        text = terminal.render_quiet(record, style) if quiet else terminal.render(record, style, where)
        self._say(f"\n{text}" if shown else text)
        if len(records) > 1 and not self.many:
            self._say(terminal.repetitions(records, style))
        return True

    def _say(self, text: str) -> None:
        """Print, as long as somebody reads: the exit code matters also to who has seen enough (`| head`)."""
        if self.talks:
            try:
                print(text, flush=True)
            except BrokenPipeError:
                self.talks = False

    def _index(self) -> None:
        """The page that links all reports of the folder; and, where a CI system asks for it, a summary."""
        from netlab.report import index
        from netlab.report.write import append

        try:
            if self.folder is not None:
                index.refresh(self.folder, self.kept)
            if asked := os.environ.get("GITHUB_STEP_SUMMARY"):
                from netlab.report import markdown

                append(Path(asked), markdown.render_many(list(self.kept.values())))
        except ReportError as error:
            self.codes.append(explain(error))

    def _tell_ci(self) -> None:
        """JUnit XML where it is asked for; annotations (on stderr, the runner reads both) in GitHub's CI."""
        records = [_representative(several) for _, several in self.rows]
        if self.asked["junit"] is not None:
            from netlab.report import junit
            from netlab.report.write import write_whole

            write_whole(Path(self.asked["junit"]), junit.render(records, self.broken))
        if os.environ.get("GITHUB_ACTIONS") == "true":
            from netlab.report import github

            for record in records:
                for line in github.annotate(record):
                    print(line, file=sys.stderr)

    def _close(self, shown: bool) -> None:
        """Of several topologies one table; and the JSON."""
        if self.kept:
            self._index()
        if self.talks and self.many and self.rows:
            from netlab.report import terminal
            from netlab.report.style import style_for

            if shown:
                self._say("")
            self._say(terminal.table(self.rows, style_for(sys.stdout)))
        self._tell_ci()
        if self.asked["json_to"] is not None:
            records = [record for _, several in self.rows for record in several]
            alone = len(records) == 1 and not self.many
            _write_json(self.asked["json_to"], records[0] if alone else records)


#: What the summaries of a run are made of.
_COUNTED = ("topology", "summary", "durations", "claims", "findings")


def _hopeless(error: Exception) -> bool:
    """Whether the next file would meet the same error: this machine can't run labs at all."""
    from netlab.lab import CannotRun

    return isinstance(error, CannotRun)


def _representative(records: list[Record]) -> Record:
    """The first record with the exit code that matters most."""
    code = worst(record["summary"]["exit_code"] for record in records)
    return next(record for record in records if record["summary"]["exit_code"] == code)


def _report_folder(named: Path | None, none: bool) -> Path | None:
    """The folder for reports: an error where a named one can't be had, a note where the default can't."""
    from netlab.report.write import make_folder

    if none:
        return None
    folder = named or Path("reports")
    try:
        make_folder(folder)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise ReportError(f"{folder}: this folder can't be written to")
    except ReportError as error:
        if named is not None:
            raise
        print(f"note: {error}; no report is written (--report-dir names another folder)", file=sys.stderr)
        return None
    return folder


def _write_json(target: str, content: Any) -> None:
    import json

    text = json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n"
    if target == "-":
        # Who has read enough (`| head`) still gets the exit code of the run.
        with contextlib.suppress(BrokenPipeError):
            print(text, end="", flush=True)
    else:
        from netlab.report.write import write_whole

        write_whole(Path(target), text)
