"""`netlab run`: examine topologies on the kernel."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from netlab.cli import Interrupted, keeping, on, other_kernel
from netlab.cli.agents import Agents
from netlab.cli.output import STDOUT, OutputPath, check_outputs, deliver, places, report_folder, writable_folder
from netlab.cli.params import FILES, LAYERS_OPTION, Pairs, StepName
from netlab.cli.problems import explain
from netlab.errors import ReportError, worst

if TYPE_CHECKING:
    from netlab.cli.progress import Progress
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
@click.option(
    "--json",
    "json_to",
    type=OutputPath(),
    metavar="PATH",
    help="Write the record as JSON; - is stdout, instead of the report.",
)
@click.option(
    "--report-dir",
    type=OutputPath(folder=True),
    metavar="DIR",
    help="Where reports go, a folder for each topology. [default: reports]",
)
@click.option("--no-report", is_flag=True, help="Write no report.")
@click.option(
    "--pcap",
    type=OutputPath(folder=True),
    metavar="DIR",
    help="Capture at each parent and switch port into this folder (pcapng), in one of its own for each topology.",
)
@click.option(
    "--junit",
    type=OutputPath(),
    metavar="PATH",
    help="Write JUnit XML for a CI system; - is stdout, instead of the report.",
)
@click.option(
    "--pairs",
    type=Pairs(),
    default="all",
    metavar="all|cover:K",
    help="Ask all pairs; or of a large lab each end K times, and each two groups of like ends once. [default: all]",
)
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
@keeping.options
@other_kernel.options
@other_kernel.VIRTUAL_TIME
@on.options
def command(files: tuple[str, ...], **asked: Any) -> int:
    """Build each topology out of network namespaces, probe every ordered pair on every layer, and
    judge what was seen against what the file expects and the model predicts.

    FILE is a path, the name of a topology that ships with netlab (see: netlab list), or - for
    standard input. Nothing is left behind. No privilege is needed where user namespaces are to be had.
    """
    with contextlib.ExitStack() as stack:
        agents = Agents(stack, _log if asked["verbose"] else None, asked)
        return _Job(files, asked).run(agents)


def _log(line: str) -> None:
    print(line, file=sys.stderr)


class _Job:
    """One command: every file, every repetition, one exit code."""

    def __init__(self, files: tuple[str, ...], asked: dict[str, Any]) -> None:
        from netlab.report.folder import Folder
        from netlab.report.naming import Folders
        from netlab.spec import TopologyError, find

        self.asked = asked
        self.codes: list[int] = []
        self.rows: list[tuple[str, list[Record]]] = []
        self.paths: list[Path] = []
        self.broken: list[tuple[str, str]] = []
        check_outputs(asked)
        for name in files:
            try:
                self.paths.append(find(name))
            except TopologyError as error:
                self.codes.append(explain(error))
                self.broken.append((name, str(error)))
        self.folder = report_folder(asked["report_dir"], asked["no_report"]) if self.paths else None
        if asked["pcap"] is not None and self.paths:
            writable_folder(Folder(asked["pcap"], option="--pcap DIR"))
        self.folders = Folders(self.folder)
        self.kept: dict[Path, Record] = {}
        self.many = len(files) > 1
        self.talks = STDOUT not in (asked["json_to"], asked["junit"])
        self.shown = False

    def run(self, agents: Agents) -> int:
        """Examine everything; what goes wrong with one file is said and leaves the others alone."""
        from netlab.cli.progress import Progress

        with Progress(quiet=bool(self.asked["quiet"] or self.asked["verbose"])) as watch:
            for number, path in enumerate(self.paths):
                records: list[Record] = []
                try:
                    hopeless = self._try(path, agents, watch, records)
                    watch.hide()
                    self._done(path, records)
                except (KeyboardInterrupt, Interrupted):
                    watch.hide()
                    self._interrupted(path, records, self.paths[number:])
                    raise
                if hopeless:
                    break
        self._close()
        return worst(self.codes)

    def _try(self, path: Path, agents: Agents, watch: Progress, records: list[Record]) -> bool:
        """Examine one topology, or say why not; whether the next one would meet the same error."""
        try:
            self._examine(path, agents, watch, records)
        except Exception as error:
            watch.hide()
            hopeless = _hopeless(error)
            # Of several files the one that it is about is named; what hits all of them is about none.
            self.codes.append(explain(error, str(path) if self.many and not hopeless else "netlab"))
            self.broken.append((path.stem, str(error)))
            return hopeless
        return False

    def _done(self, path: Path, records: list[Record]) -> None:
        """Keep and show what there is of a topology."""
        if records:
            self.rows.append((path.stem, records))
            self._show(records, self._keep(records, path), path)

    def _interrupted(self, path: Path, records: list[Record], rest: list[Path]) -> None:
        """After an interruption, report what was finished and what was not."""
        if not any(records is known for _, known in self.rows):
            self._done(path, records)
        self.broken += [(one.stem, "interrupted") for one in rest]
        if self.many:
            print(f"not examined to the end: {', '.join(one.stem for one in rest)}", file=sys.stderr)
        self._close(partly=True)

    def _examine(self, path: Path, agents: Agents, watch: Progress, records: list[Record]) -> None:
        """Add a record for each repetition."""
        from netlab import pipeline

        seen: set[int] = set()
        note = (lambda text: None) if self.asked["quiet"] else watch.note
        for k in range(self.asked["repeat"]):
            keep = keeping.Keep.asked_for(path, self.asked)
            options = self._options(k, path, watch, keep)
            record = pipeline.run(path, agents.get(self.paths, note), options, watch, self._get_ready)
            code = record["summary"]["exit_code"]
            # Of many repetitions only what will be shown or written is kept whole.
            whole = code not in seen or self.asked["json_to"] is not None
            records.append(record if whole else {key: record[key] for key in _COUNTED})
            seen.add(code)
            self.codes.append(code)
            if keep is not None and keep.told:
                watch.note("\n".join(keep.told))
                return

    def _get_ready(self) -> None:
        """Import what the report will need, while the agent is busy."""
        if self.talks:
            from netlab.report import terminal  # noqa: F401
        if self.folder is not None:
            from netlab.report import html

            html.prepare()

    def _options(self, k: int, path: Path, watch: Progress, keep: keeping.Keep | None) -> Options:
        from netlab.pipeline import Options

        return Options(
            layers=self.asked["layers"],
            steps=self.asked["steps"],
            cover=self.asked["pairs"],
            seed=self.asked["seed"] + k,
            repetition=k + 1,
            stories=self.folder is not None or self.asked["json_to"] is not None,
            pcap=self.asked["pcap"],
            measure=not self.asked["no_measure"],
            folder=lambda name: self._folder_name(name, path),
            planned=lambda name: self._check_reports(name, path, watch),
            then=keep,
            note=watch.note,
        )

    def _check_reports(self, name: str, path: Path, watch: Progress) -> None:
        """Find out before anything is built where a topology's reports can't be written. Raises ReportError."""
        from netlab.report.save import check

        if self.folder is not None:
            check(self.folder, self.folders.of(name, _file(path), note=watch.note))

    def _keep(self, records: list[Record], path: Path) -> Path | None:
        """The report on disk: of several repetitions the first that matters most. Returns its folder."""
        if self.folder is None:
            return None
        from netlab.report.save import save

        record = _representative(records)
        try:
            kept = save(record, self.folder, self._folder_name(record["topology"]["name"], path))
            self.kept[kept] = record
            return kept
        except ReportError as error:
            # It names the report.
            self.codes.append(explain(error))
            self.folder = None
            return None

    def _folder_name(self, topology: str, path: Path) -> str:
        """The topology's name; where two files have the same, the second gets a number."""
        return self.folders.of(topology, _file(path))

    def _show(self, records: list[Record], kept: Path | None, path: Path) -> None:
        """Print one topology's report: whole where it is the only one, else what is not as expected."""
        if not self.talks:
            return
        from netlab.report import overview, terminal
        from netlab.report.style import style_for

        record = _representative(records)
        quiet = self.asked["quiet"] or self.many
        remarkable = record["summary"]["verdict"] != "pass" or record["findings"] or record["topology"]["warnings"]
        if self.many and not remarkable:
            return
        style = style_for(sys.stdout)
        pcap = self.asked["pcap"]
        captures = pcap / self._folder_name(record["topology"]["name"], path) if pcap else None
        where = places(kept and f"{kept}/", captures and f"{captures}/")
        text = terminal.render_quiet(record, style) if quiet else terminal.render(record, style, where)
        self._say(f"\n{text}" if self.shown else text)
        if len(records) > 1 and not self.many:
            self._say(overview.repetitions(records, style))
        self.shown = True

    def _say(self, text: str) -> None:
        """Print, unless the reader has gone (`| head`): the exit code is still of use."""
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
                from netlab.report.github import harmless

                append(Path(asked), harmless(markdown.render_many(list(self.kept.values()))))
        except ReportError as error:
            self.codes.append(explain(error))

    def _tell_ci(self) -> None:
        """JUnit XML where it is asked for; annotations (on stderr, the runner reads both) in GitHub's CI."""
        records = [_representative(several) for _, several in self.rows]
        if self.asked["junit"] is not None:
            from netlab.report import junit
            from netlab.report.github import harmless_xml

            self._deliver(self.asked["junit"], harmless_xml(junit.render(records, self.broken)))
        if os.environ.get("GITHUB_ACTIONS") == "true":
            from netlab.report import github

            for record in records:
                github.tell(github.annotate(record))

    def _close(self, *, partly: bool = False) -> None:
        """Of several topologies one table; and the JSON, unless an interrupted run has nothing for it."""
        if self.kept:
            self._index()
        if self.talks and self.many and self.rows:
            self._table()
        self._tell_ci()
        records = [record for _, several in self.rows for record in several]
        if self.asked["json_to"] is not None and (records or not partly):
            import json

            from netlab.report.github import harmless_json
            from netlab.report.packed import pack

            packed = [pack(record) for record in records]
            content = packed[0] if len(packed) == 1 and not self.many else packed
            text = json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n"
            self._deliver(self.asked["json_to"], harmless_json(text))

    def _table(self) -> None:
        from netlab.report import overview
        from netlab.report.style import style_for

        if self.shown:
            self._say("")
        style = style_for(sys.stdout)
        index = self.folder / "index.html" if self.folder is not None and self.kept else ""
        captures = self.asked["pcap"] and f"{self.asked['pcap']}/"
        self._say(overview.table(self.rows, style, places(index, captures)))

    def _deliver(self, target: Path, text: str) -> None:
        """Write one output; where that can't be done the others still are."""
        try:
            # Who has read enough (`| head`) still gets the exit code of the run.
            with contextlib.suppress(BrokenPipeError):
                deliver(target, text)
        except ReportError as error:
            self.codes.append(explain(error))


def _file(path: Path) -> str:
    """A topology's file, as records name it."""
    return "<stdin>" if path == STDOUT else str(path)


#: What the summaries of a run are made of.
_COUNTED = ("topology", "summary", "durations", "claims", "findings")


def _hopeless(error: Exception) -> bool:
    """Whether the next file would meet the same error: this machine can't run labs at all."""
    from netlab.client import CannotRun

    return isinstance(error, CannotRun)


def _representative(records: list[Record]) -> Record:
    """The first record with the exit code that matters most."""
    code = worst(record["summary"]["exit_code"] for record in records)
    return next(record for record in records if record["summary"]["exit_code"] == code)
