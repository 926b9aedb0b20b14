"""Records whose letters are written down by hand: no kernel, no model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from netlab import model, plan, report
from netlab.contract.observed import LayerObserved, StepObserved
from netlab.contract.types import Target
from netlab.judge import judge
from netlab.report import Circumstances, Examined

Record = dict[str, Any]

#: A router between two networks, with a virtual address that B has for now.
ROUTER = """\
name: router
switches: {left: {}, right: {}}
hosts:
  A:
    interfaces: {eth0: {switch: left, addresses: [10.0.1.1/24]}}
  R:
    interfaces:
      eth0: {switch: left, addresses: [10.0.1.254/24]}
      eth1: {switch: right, addresses: [10.0.2.254/24]}
  B:
    interfaces: {eth0: {switch: right, addresses: [10.0.2.1/24]}}
"""

#: Two hosts with one interface each: programs and interfaces ask alike.
PLAIN = """\
name: plain
switches: {lan: {}}
hosts:
  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
"""


def record(
    text: str, layers: dict[str, tuple[str, ...]], targets: tuple[Target, ...] = (), **evidence: dict[str, Any]
) -> Record:
    """The record of a topology with these letters; ``evidence`` by layer, whose colon is written ``_``."""
    resolved = plan.from_file(text)
    [step] = resolved.steps
    step = replace(step, state=replace(step.state, targets=targets))
    seen = tuple(LayerObserved(name, rows, evidence.get(name.replace(":", "_"), {})) for name, rows in layers.items())
    observed = StepObserved(seen)
    examined = Examined(step, observed, None, judge(step, observed, None))
    here = Circumstances("0", "6.1", "netns", False, 0, "2026-01-01T00:00:00Z", seconds={"total": 0.1})
    return report.build(resolved, [examined], [], model.RULES, here)
