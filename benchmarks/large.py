"""A thousand hosts: ``--pairs cover:3`` where each has a child, and all 999,000 pairs with static neighbours.

``python benchmarks/large.py [HOSTS]`` prints seconds, CPU seconds of netlab's own processes, and their memory. What the
kernel does for other processes (floods in software interrupts) isn't in the CPU seconds.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from netlab import pipeline
from netlab.client import Agent
from netlab.plan import from_file

CHILDREN = """
name: large
switches: {{lan: {{}}}}
hosts:
  h:
    replicas: {0}
    interfaces:
      eth0: {{switch: lan, addresses: [10.0.0.1/16]}}
      eth0.1: {{type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.128.1/16]}}
"""
FLAT = """
name: flat
switches: {{lan: {{}}}}
hosts: {{h: {{replicas: {0}, interfaces: {{eth0: {{switch: lan, addresses: [10.0.0.1/16]}}}}}}}}
"""


def used() -> tuple[float, int]:
    """CPU seconds (user and system) and MiB of this process and its descendants."""
    stats: dict[int, list[str]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            stats[int(path.parent.name)] = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
    family = {os.getpid()}
    while more := {pid for pid, stat in stats.items() if int(stat[1]) in family} - family:
        family |= more
    mine = [stats[pid] for pid in family]
    ticks = sum(int(stat[11]) + int(stat[12]) for stat in mine)
    return ticks / os.sysconf("SC_CLK_TCK"), sum(int(stat[21]) for stat in mine) * os.sysconf("SC_PAGE_SIZE") >> 20


def measured(title: str, work: Iterator[str]) -> None:
    """Print what a piece of work took; it yields its result while its processes are still there."""
    start, (before, _) = time.monotonic(), used()
    said = next(work)
    after, memory = used()
    print(f"{title}: {said}, {time.monotonic() - start:.1f} s, {after - before:.1f} s of CPU, {memory} MiB", flush=True)
    assert next(work, None) is None


def covered(hosts: int) -> Iterator[str]:
    """A whole run with its reports."""
    from netlab.report.save import save

    with tempfile.TemporaryDirectory() as folder, Agent.start() as agent:
        record = pipeline.run(CHILDREN.format(hosts), agent, pipeline.Options(cover=3, stories=False))
        save(record, Path(folder))
        yield ", ".join(
            f"{record['summary'][verdict]:,} {verdict}" for verdict in ("pass", "fail", "inconclusive", "skip")
        )


def static(hosts: int) -> Iterator[str]:
    """Every pair with static neighbours, once the lab is built."""
    plan = from_file(FLAT.format(hosts), "flat.yaml")
    with Agent.start() as agent, agent.lab(plan) as lab:
        lab.enter(plan.steps[0]).result()
        [seen] = lab.probe(("icmp-static",)).result()
        letters = Counter("".join(seen.rows))
        yield ", ".join(f"{number:,} {letter}" for letter, number in letters.items() if letter != ".")


if __name__ == "__main__":
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    measured(f"{size} hosts with a child each, cover:3, with reports", covered(size))
    measured(f"{size} hosts, icmp-static, all pairs", static(size))
