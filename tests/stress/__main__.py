"""``python -m tests.stress --repeat 50``: the article's topologies, over and over, on a machine under pressure.

Counts wrong verdicts (a cell that differs from what is right on a quiet machine) and inconclusive ones.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

from netlab.client import Agent
from netlab.pipeline import Options, run
from netlab.spec import shipped
from tests.stress.load import pressure
from tests.topologies.shipped import NEEDS


def examine(paths: list[Path], repeat: int, agent: Agent) -> Counter[str]:
    """Run every file ``repeat`` times, each time in another order; pass, fail, inconclusive and skip counts."""
    total: Counter[str] = Counter()
    for number in range(repeat):
        for path in paths:
            record = run(path, agent, Options(seed=number, stories=False))
            total.update({name: record["summary"][name] for name in ("pass", "fail", "inconclusive", "skip")})
            for finding in record["findings"]:
                if finding["verdict"] in ("F", "?"):
                    print(path.stem, f"seed {number}", finding, flush=True)
    return total


def main() -> int:
    """Exit status 1 where a verdict was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=50)
    parser.add_argument("--hogs", type=int, default=4)
    parser.add_argument("--floods", type=int, default=1)
    parser.add_argument("--only", default="", help="only files whose name contains this")
    asked = parser.parse_args()
    # A mesh of a hundred hosts has a benchmark of its own, and what is measured in seconds can't be stressed in them.
    here = [path for path in shipped() if not NEEDS.get(path.stem)]
    paths = [path for path in here if asked.only in path.stem and not _slow(path)]
    start = time.monotonic()
    with pressure(asked.hogs, asked.floods), Agent.start() as agent:
        total = examine(paths, asked.repeat, agent)
    seconds = time.monotonic() - start
    print(
        f"{len(paths)} topologies x {asked.repeat}: {total['pass']} pass, {total['fail']} wrong, "
        f"{total['inconclusive']} inconclusive, {total['skip']} skip, {seconds:.0f} s"
    )
    return 1 if total["fail"] else 0


def _slow(path: Path) -> bool:
    text = path.read_text()
    return "replicas: 100" in text or "throughput:" in text or "compare:" in text


if __name__ == "__main__":
    sys.exit(main())
