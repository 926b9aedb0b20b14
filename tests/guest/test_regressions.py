"""Topologies with kinds of links that few kernels have, in which model and kernel once differed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from netlab.client import Agent
from netlab.plan import from_file
from tests.fuzz.compare import compare

FILES = sorted((Path(__file__).parent / "regressions").glob("*.yaml"))
#: What an older kernel does otherwise.
OLDER = ("child-of-a-bond-that-begins-down", "groups-that-a-bond-filters")
#: And what the newest does.
NEWEST = ("vlan-that-comes-up-late", "vlans-that-stay-down")
CASES = [
    *(("6.12", path) for path in FILES),
    *(("6.1", path) for path in FILES if path.stem in OLDER),
    *(("7.3", path) for path in FILES if path.stem in NEWEST),
]


@pytest.mark.parametrize(("version", "path"), CASES, ids=[f"{path.stem}-{version}" for version, path in CASES])
def test_model_and_kernel_agree(version: str, path: Path, guest: Callable[[str], Agent]) -> None:
    """In every step, on every layer, the kernel does what the model says, and every silence is proved."""
    agent = guest(version)
    outcome = compare(agent, from_file(path, kernel=agent.kernel))
    assert [str(difference) for difference in outcome.differences] == []
    assert outcome.cells > outcome.unknown
