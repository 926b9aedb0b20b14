"""One agent for the whole session: the topologies are examined on the real kernel, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from netlab.lab import Agent
from netlab.pipeline import Options, run
from tests.topologies.shipped import MESH

Record = dict[str, Any]
Examine = Callable[..., Record]


@pytest.fixture(scope="session")
def agent() -> Iterator[Agent]:
    """An agent that lives as long as the tests of this process."""
    with Agent.start() as one:
        yield one


@pytest.fixture(scope="session")
def examine(agent: Agent) -> Examine:
    """Examine a topology, or some layers and steps of it, and return the record."""

    def examined(path: Path, *, layers: tuple[str, ...] = (), steps: tuple[str, ...] = ()) -> Record:
        return run(path, agent, Options(layers=layers, steps=steps, stories=False))

    return examined


@pytest.fixture(scope="session")
def record(examine: Examine) -> Callable[[Path], Record]:
    """The record of a shipped topology, examined once: on every layer, the mesh by ping alone."""
    known: dict[Path, Record] = {}

    def of(path: Path) -> Record:
        if path not in known:
            known[path] = examine(path, layers=("icmp",) if path.stem == MESH else ())
        return known[path]

    return of
