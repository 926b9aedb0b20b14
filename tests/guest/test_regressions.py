"""Topologies with kinds of links that few kernels have, in which model and kernel once differed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from netlab.client import Agent
from netlab.plan import from_file
from tests.fuzz.compare import compare

FILES = sorted((Path(__file__).parent / "regressions").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_model_and_kernel_agree(path: Path, guest: Callable[[str], Agent]) -> None:
    """In every step, on every layer, the kernel does what the model says, and every silence is proved."""
    agent = guest("6.12")
    outcome = compare(agent, from_file(path, kernel=agent.kernel))
    assert [str(difference) for difference in outcome.differences] == []
    assert outcome.cells > outcome.unknown
