"""``python -m tests.fuzz``: hunt for topologies in which model and kernel differ, on every processor."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Set
from dataclasses import dataclass, field
from pathlib import Path

from netlab.kernels import Choice
from netlab.model import RULES
from netlab.model.sim import ENDLESS
from tests.fuzz.compare import UNMEASURED
from tests.fuzz.hunt import Find, kinds_of, made, text_of
from tests.fuzz.workers import side_by_side

REGRESSIONS = Path(__file__).parent / "regressions"


@dataclass
class Total:
    """The sums over all topologies."""

    topologies: int = 0
    pairs: int = 0
    disagreements: int = 0
    flakes: int = 0
    unknown: int = 0
    unmeasured: int = 0
    steps: int = 0
    storms: int = 0
    rules: set[str] = field(default_factory=set)
    reasons: dict[str, int] = field(default_factory=dict)

    def add(self, find: Find) -> None:
        """Count what came of a topology."""
        outcome = find.outcome
        if outcome.stormy:
            self.storms += 1
            return
        self.topologies += 1
        self.steps += outcome.steps
        self.pairs += outcome.cells
        self.unknown += outcome.unknown
        self.rules |= outcome.rules
        flaky = sum(difference.flaky for difference in outcome.differences)
        self.flakes += flaky
        self.disagreements += len(outcome.differences) - flaky + bool(find.error)
        self.unmeasured += len(outcome.unmeasured)
        for reason in (*outcome.unknowns, *outcome.unmeasured):
            self.reasons[reason] = self.reasons.get(reason, 0) + 1


def main(arguments: list[str] | None = None) -> int:
    """Run; 0 where model and kernel agreed in everything, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("-n", "--number", type=int, default=200, help="how many topologies (200)")
    parser.add_argument("-s", "--seed", default="1", help="what to draw them from (1)")
    parser.add_argument("-j", "--jobs", type=int, default=len(os.sched_getaffinity(0)), help="agents at a time")
    parser.add_argument("--save", type=Path, default=REGRESSIONS, help="where smallest topologies of differences go")
    parser.add_argument("--no-save", action="store_true", help="don't make them small, only tell")
    parser.add_argument("--show", type=int, metavar="K", help="print topology K of the seed, and end")
    parser.add_argument("--kinds", help="draw these kinds of links, with commas between (those that the kernel has)")
    parser.add_argument("--kernel", help="on another kernel, in guests: as netlab run --kernel takes it")
    parser.add_argument(
        "--part", type=int, default=1, metavar="K", help="probe a random K-th of each one's layers (all)"
    )
    options = parser.parse_args(arguments)
    kernel = Choice.read(options.kernel) if options.kernel else None
    kinds = kinds_of(kernel) if options.kinds is None else frozenset(options.kinds.split(","))
    if options.show is not None:
        print(text_of(made(options.seed, options.show, kinds)), end="")
        return 0
    started = time.monotonic()
    total = Total()
    save = None if options.no_save else options.save
    try:
        for find in side_by_side(options.seed, kinds, options.number, options.jobs, save, kernel, options.part):
            total.add(find)
            _tell(options.seed, kinds, find)
            if sys.stderr.isatty():
                print(f"\r{total.topologies} of {options.number} ", end="", file=sys.stderr, flush=True)
            elif total.topologies % 50 == 0:
                print(f"{total.topologies} of {options.number}", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        print("interrupted")
    _summary(total)
    where = f" on {options.kernel}" if options.kernel else ""
    print(
        f"{total.topologies} topologies{where}, {total.pairs} pairs, {total.disagreements} disagreements,"
        f" {total.flakes} flakes, {total.unknown} unknown, {total.unmeasured} not measured,"
        f" {time.monotonic() - started:.0f} s"
    )
    return 1 if total.disagreements or total.flakes else 0


def _tell(seed: str, kinds: Set[str], find: Find) -> None:
    lines = [f"{'FLAKE ' if one.flaky else ''}{one}" for one in find.outcome.differences]
    if find.error:
        lines.append(find.error)
    if lines:
        kept = ",".join(sorted(kinds))
        print(f"\ntopology {find.number} of seed {seed} (--seed {seed} --kinds {kept} --show {find.number}):")
        for line in lines[:6]:
            print(f"  {line}")
        if len(lines) > 6:
            print(f"  … and {len(lines) - 6} more")
        for path in find.saved:
            print(f"  saved: {path}")
        sys.stdout.flush()


def _summary(total: Total) -> None:
    """Which rules had a say, and why some cells are unknown."""
    for reason, count in sorted(total.reasons.items(), key=lambda item: -item[1])[:10]:
        print(f"{'not measured' if reason in UNMEASURED else 'unknown'} {count} times: {reason}")
    if total.storms:
        print(f"{total.storms} more topologies not built: {ENDLESS}")
    used = total.rules & RULES.keys()
    print(f"{len(used)} of {len(RULES)} rules have decided something", end="")
    missing = sorted(RULES.keys() - used)
    print(f"; not so: {', '.join(missing)}" if missing else "")


if __name__ == "__main__":
    sys.exit(main())
