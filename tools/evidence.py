"""Run one of the long checks and write what it said into docs/evidence.md: ``python tools/evidence.py crash``.

Without a name it lists the checks, and how long each takes. The page's table is written by this tool alone: the row of
a check gets the last line (or lines) with counts that its command printed, when that was, on which commit, kernel and
number of CPUs; after a failure it says so, and the tool's exit code is that of the command.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "evidence.md"
_PYTEST = r"\d+ (?:passed|failed).* in [\d.]+s.*"


class Check(NamedTuple):
    """A command from the root of the repository, what it shows, roughly how long it takes on two idle CPUs, and the
    lines of its output that are kept."""

    command: tuple[str, ...]
    shows: str
    takes: str
    summary: str


def _make(target: str, shows: str, takes: str, summary: str) -> Check:
    return Check(("make", target), shows, takes, summary)


CHECKS: dict[str, Check] = {
    "fuzz": _make("fuzz", "The model agrees with the kernel on random topologies.", "an hour", r"\d+ topologies, .*"),
    "fuzz-guests": _make("fuzz-guests", "The model agrees with the kernel on random topologies in guests, with kinds of"
                         " links that few kernels have; a third of the layers of each.",
                         "an hour", r"\d+ topologies on .*"),
    "mutate": _make("mutate", "A rule of the model that answers otherwise is noticed.",
                    "three minutes", r".*\bsurvivors\b.*"),
    "roundtrip": _make("roundtrip", "What is imported from a running lab is predicted as the original.",
                       "ten minutes", r"\d+ topologies, .*"),
    "crash": _make("crash", "Nothing is left of runs, and of labs that stay, killed at any moment.",
                   "half an hour", rf"\d+ kills have hit.*|{_PYTEST}"),
    "stress": _make("stress", "No answer is wrong on a machine under pressure.", "an hour", r"\d+ topologies x .*"),
    "fuzz-input": _make("fuzz-input", "A broken topology file is an error with its place, never a crash.",
                        "ten minutes", rf".*\bpassing examples.*|{_PYTEST}"),
    "test-vagrant": _make("test-vagrant", "Two virtual machines by `vagrant up` are examined like a lab.",
                          "a quarter of an hour", r"(?:\[.*\] )?\d+ providers: .*"),
    "bench": _make("bench", "How fast netlab is beside its peers, alternately in one run (medians).",
                   "a quarter of an hour", r".*× as fast as.*"),
    "large": Check((sys.executable, "benchmarks/large.py"), "A thousand hosts: built, examined, torn down.",
                   "three minutes", r".* hosts?.*: .*"),
    "playground": Check((sys.executable, "benchmarks/playground.py"),
                        "The playground's site in Chromium: seconds to the first paint, the first answer, an edit's.",
                        "a minute", r"first paint .*"),
}  # fmt: skip


def kept(output: str, summary: str) -> list[str]:
    """The lines that a check's pattern matches, of colours and of pytest's rulers freed; of equal ones the last."""
    plain = (re.sub(r"\x1b\[[0-9;]*m", "", line).strip(" =\n") for line in output.splitlines())
    found = [re.sub(r"\s{2,}", " ", line) for line in plain if re.fullmatch(summary, line)]
    return list(dict.fromkeys(found))


def row(name: str, check: Check, said: str, where: str) -> str:
    """A row of the table."""
    shown = f"make {name}" if check.command[0] == "make" else " ".join((".venv/bin/python", *check.command[1:]))
    cells = (f"`{shown}`", f"{check.shows} Takes {check.takes}.", said, where)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def placed(page: str, name: str, line: str) -> str:
    """The page with a row in its place: instead of that of the same check, else at the end of the table."""
    lines = page.splitlines()
    table = [number for number, one in enumerate(lines) if one.startswith("|")]
    mine = [number for number in table if lines[number].split(" | ")[0] == line.split(" | ")[0]]
    if mine:
        lines[mine[0]] = line
    else:
        lines.insert(table[-1] + 1, line)
    return "\n".join(lines) + "\n"


def circumstances() -> str:
    """When and where: the day, the commit (``+`` where files were changed since), the kernel, the CPUs."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    changed = "+" if git("status", "--porcelain", "--untracked-files=no", "--", ":!docs") else ""
    release = re.match(r"[\d.]+", platform.release())
    kernel = release[0].rstrip(".") if release else platform.release()
    cpus = len(os.sched_getaffinity(0))
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {git('rev-parse', '--short=10', 'HEAD')}{changed}, Linux {kernel}, {cpus} CPUs"
    )


def main(arguments: Sequence[str]) -> int:
    """Run the checks that are named, one after the other; the exit code is the worst."""
    unknown = [name for name in arguments if name not in CHECKS]
    if not arguments or unknown:
        print(*(f"no such check: {name}" for name in unknown), sep="\n", end="\n" if unknown else "")
        print(*(f"{name:14} {check.takes:20} {check.shows}" for name, check in CHECKS.items()), sep="\n")
        return 2 if unknown else 0
    worst = 0
    for name in arguments:
        check, where = CHECKS[name], circumstances()
        lines: list[str] = []
        with subprocess.Popen(check.command, cwd=ROOT, stdout=subprocess.PIPE, text=True, errors="replace") as process:
            assert process.stdout is not None
            for line in process.stdout:
                print(line, end="", flush=True)
                lines.append(line)
        said = "<br>".join(kept("".join(lines), check.summary))
        if process.returncode or not said:
            said = f"**failed** (exit code {process.returncode}) {said}".strip()
            worst = process.returncode or 1
        PAGE.write_text(placed(PAGE.read_text(encoding="utf-8"), name, row(name, check, said, where)), encoding="utf-8")
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
