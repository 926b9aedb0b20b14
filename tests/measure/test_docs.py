"""docs/throughput.md: what it shows can be written so, and what there is it names."""

from __future__ import annotations

import re
from pathlib import Path

from netlab import plan
from netlab.spec.measure import OPTIONS

PAGE = (Path(__file__).parents[2] / "docs" / "throughput.md").read_text()
#: Every endpoint that the page speaks of.
BASE = """\
switches: {lan: {}}
hosts:
  A:
    interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}, br0: {type: bridge}}
    containers:
      m1: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.11/24]}}}
      m2: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [10.0.0.12/24]}}}
      b1: {interfaces: {eth0: {bridge: br0, addresses: [10.0.0.21/24]}}}
      b2: {interfaces: {eth0: {bridge: br0, addresses: [10.0.0.22/24]}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
"""


def blocks() -> list[str]:
    """The page's pieces of YAML."""
    return re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_its_examples_are_valid() -> None:
    """The measurements fit a lab with those endpoints, and the bridges are a lab."""
    measurements, bridges = blocks()
    step = plan.from_file(BASE + measurements, "f").steps[0]
    assert len(step.measures.throughput) == 4
    assert len(step.measures.latency) == 2
    assert len(step.measures.compare) == 1
    assert len(plan.from_file("switches: {lan: {}}\n" + bridges, "f").steps[0].state.links) == 7


def test_every_option_is_explained() -> None:
    """Whatever an entry can hold has its row."""
    listed = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| `.*?\|", PAGE, re.MULTILINE))))
    for options in OPTIONS.values():
        assert set(options) <= listed
