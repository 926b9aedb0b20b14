"""One agent for the whole session: the topologies are examined on the real kernel, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from netlab.client import Agent
from netlab.pipeline import Options, run
from tests.topologies.shipped import MESH, NEEDS

Record = dict[str, Any]
Examine = Callable[..., Record]


@pytest.fixture(scope="session")
def agents() -> Iterator[list[Agent]]:
    """The agents of this session, the last of which is in use; all are closed at its end."""
    started: list[Agent] = []
    yield started
    for one in started:
        one.close()


@pytest.fixture(scope="session")
def records() -> dict[Path, Record]:
    """What was examined already."""
    return {}


@pytest.fixture
def agent(agents: list[Agent]) -> Agent:
    """The session's agent, or a new one where a test has seen the last one die."""
    if not agents or not agents[-1].alive:
        agents.append(Agent.start())
    return agents[-1]


@pytest.fixture
def examine(agent: Agent) -> Examine:
    """Examine a topology, or some layers and steps of it, and return the record."""

    def examined(path: Path, *, layers: tuple[str, ...] = (), steps: tuple[str, ...] = ()) -> Record:
        if lacking := NEEDS.get(path.stem):
            pytest.skip(f"it needs what is not here: {lacking}")
        return run(path, agent, Options(layers=layers, steps=steps, stories=False, measure=False))

    return examined


@pytest.fixture
def record(examine: Examine, records: dict[Path, Record]) -> Callable[[Path], Record]:
    """The record of a shipped topology, examined once: on every layer, the mesh by ping alone."""

    def of(path: Path) -> Record:
        if path not in records:
            records[path] = examine(path, layers=("icmp",) if path.stem == MESH else ())
        return records[path]

    return of
