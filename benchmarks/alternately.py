"""Measure several ways of doing a thing in turn, so that a machine's moods fall on all of them alike."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence


def seconds(work: Callable[[], object]) -> float:
    """How long ``work()`` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def command(argv: Sequence[str]) -> Callable[[], None]:
    """A command that must exit with 0, its output thrown away."""

    def run() -> None:
        done = subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
        if done.returncode != 0:
            sys.exit(f"{' '.join(argv)}: exit {done.returncode}\n{done.stderr.decode()}")

    return run


def compare(ways: Mapping[str, Callable[[], float]], runs: int) -> dict[str, list[float]]:
    """Call each way ``runs`` times in turn (after one uncounted round); each returns its own seconds."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(runs + 1):
        for name, way in ways.items():
            took = way()
            if number:
                found[name].append(took)
            if sys.stderr.isatty():
                print(f"\r  round {number} of {runs}: {name:40}", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r" + " " * 70 + "\r", end="", file=sys.stderr)
    return found


def report(title: str, found: Mapping[str, Sequence[float]], peer: str) -> None:
    """A table: minimum, median, maximum, and how many times faster than the peer (ratio of medians)."""
    print(title)
    reference = statistics.median(found[peer])
    for name, times in found.items():
        median = statistics.median(times)
        ratio = "" if name == peer else f"   {reference / median:6.1f} × as fast as {peer}"
        print(f"  {name:34} {min(times):8.3f} {median:8.3f} {max(times):8.3f} s{ratio}")
    print()
