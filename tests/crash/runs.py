"""Runs in a folder of their own: how each ends, and whether anything is left behind by it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.crash import world

#: Seconds within which every run is over.
PATIENCE = 60.0
ROOT = Path(__file__).parents[2]
NETLAB = str(Path(sys.executable).with_name("netlab"))
#: As an ordinary user: a user namespace in which nobody is root.
ORDINARY = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
DIED = "the agent has ended unexpectedly, and its labs with it"


class NotClean(Exception):
    """A run ended otherwise than it should, or left something behind."""


@dataclass
class Ended:
    """How a run ended."""

    code: int
    out: str
    err: str


class Runs:
    """Starts runs in a folder of its own, and looks after each whether anything was left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reports = folder / "reports"
        world.settle_in(folder)
        self.before = world.at_rest(folder)

    def start(self, argv: list[str], **options: object) -> subprocess.Popen[str]:
        """Start a front; its outputs are pipes unless told otherwise."""
        streams: dict[str, object] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen(argv, cwd=ROOT, text=True, **streams)  # type: ignore[call-overload,no-any-return]

    def ended(self, process: subprocess.Popen[str], what: str) -> Ended:
        """Wait for a front's end, and for the end of everything that came of it."""
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            family = [f"{pid} {world.name(pid)}" for pid in world.descendants(process.pid)]
            process.kill()
            raise NotClean(f"{what}: not over after {PATIENCE:g} s: {', '.join(family)}") from None
        ended = Ended(process.returncode, out or "", err or "")
        if "Traceback" in ended.err:
            raise NotClean(f"{what}: a traceback:\n{ended.err}")
        half = [str(path) for path in self.reports.rglob(".*")] if self.reports.exists() else []
        if half:
            raise NotClean(f"{what}: files that were not finished: {half}")
        shutil.rmtree(self.reports, ignore_errors=True)
        if left := world.left_behind(self.before, self.folder):
            raise NotClean(f"{what}: left behind: {left}")
        return ended

    def run(self, argv: list[str], what: str, **options: object) -> Ended:
        """Start and wait."""
        return self.ended(self.start(argv, **options), what)

    def busy(self) -> list[str]:
        """The command of a run in which there is something of everything."""
        file = str(Path(__file__).with_name("busy.yaml"))
        return [NETLAB, "run", file, "--report-dir", str(self.reports), "--layers", "icmp,arp"]

    def demo(self, *more: str) -> list[str]:
        """The command of a whole run, with its reports."""
        return [NETLAB, "run", "bridge-two-node", "--report-dir", str(self.reports), *more]


def expect(true: object, what: str, ended: Ended) -> None:
    """Raise where something is not so."""
    if not true:
        raise NotClean(f"{what}: ended with {ended.code}\n--- stdout\n{ended.out}\n--- stderr\n{ended.err}")
