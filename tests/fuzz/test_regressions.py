"""Topologies in which model and kernel once differed, each as small as it could be made."""

from __future__ import annotations

from pathlib import Path

import pytest

from netlab.client import Agent
from netlab.plan import from_file
from tests.fuzz.compare import compare

FILES = sorted((Path(__file__).parent / "regressions").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_model_and_kernel_agree(path: Path, agent: Agent) -> None:
    """In every step, on every layer, the kernel does what the model says, where that says anything."""
    outcome = compare(agent, from_file(path, kernel=agent.kernel))
    assert [str(difference) for difference in outcome.differences] == []
    assert outcome.cells > outcome.unknown
