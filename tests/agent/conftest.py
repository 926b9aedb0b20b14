"""One agent for the whole folder, and labs from a few lines of YAML."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from netlab.client import Agent, Lab
from netlab.contract.observed import LayerObserved, StepObserved
from netlab.contract.types import Plan
from netlab.plan import from_file

DEMO = """
name: demo
switches: {lan: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: lan, addresses: [192.168.26.149/24, "fd00:26::149/64"]}
      child: {type: macvlan, parent: eth0, mode: bridge, addresses: [192.168.26.141/24]}
    containers:
      c1: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [192.168.26.142/24]}}}
      c2: {interfaces: {eth0: {type: macvlan, parent: eth0, mode: bridge, addresses: [192.168.26.143/24]}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [192.168.26.106/24, "fd00:26::106/64"]}}}
"""


@dataclass
class Built:
    """A lab in its baseline, with a short way to letters."""

    lab: Lab
    plan: Plan
    built: StepObserved

    def probe(self, layer: str, **options: Any) -> LayerObserved:
        """Probe one layer."""
        [seen] = self.lab.probe([layer], **options).result()
        return seen

    def letter(self, layer: str, source: str, destination: str, **options: Any) -> str:
        """The letter of one pair, probed by itself."""
        i, j = self.place(layer, source, destination)
        return self.probe(layer, pairs=[(i, j)], **options).rows[i][j]

    def place(self, layer: str, source: str, destination: str) -> tuple[int, int]:
        """Row and column of a pair."""
        state = self.plan.steps[0].state
        return state.row(layer, source), state.column(layer, destination)

    def evidence(self, layer: str, source: str, destination: str) -> dict[str, Any]:
        """The evidence of one pair, probed by itself."""
        i, j = self.place(layer, source, destination)
        return self.probe(layer, pairs=[(i, j)]).evidence.get(f"{i},{j}", {})

    def run(self, namespace: str, *argv: str) -> str:
        """Run a command inside, which must succeed; its output."""
        with self.lab.spawn(namespace, argv) as process:
            out, err = process.communicate(timeout=60)
            assert process.returncode == 0, err.decode()
            return out.decode()


@pytest.fixture(scope="session")
def agent() -> Iterator[Agent]:
    """An agent of this test process."""
    with Agent.start() as agent:
        yield agent


@pytest.fixture
def build(agent: Agent) -> Iterator[Callable[[str], Built]]:
    """Build a topology's baseline; closed after the test."""
    labs = []

    def make(text: str) -> Built:
        plan = from_file(text, "test.yaml")
        lab = agent.lab(plan)
        labs.append(lab)
        return Built(lab, plan, lab.enter(plan.steps[0]).result())

    yield make
    for lab in labs:
        lab.close()


@pytest.fixture
def demo(build: Callable[[str], Built]) -> Built:
    """A host with a parent, a child beside it and two in containers, and another host."""
    return build(DEMO)
