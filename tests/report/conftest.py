"""Real records: topologies examined on the kernel, once for the session."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from netlab import spec
from netlab.client import Agent
from netlab.pipeline import Options, run

Record = dict[str, Any]


@pytest.fixture(scope="session")
def agent() -> Iterator[Agent]:
    """An agent for the tests of reports."""
    with Agent.start() as one:
        yield one


@pytest.fixture(scope="session")
def record(agent: Agent) -> Callable[..., Record]:
    """The record of a topology, by the name of one that ships or by its text, examined once."""
    known: dict[object, Record] = {}

    def of(topology: str, *layers: str, **options: Any) -> Record:
        key = (topology, layers, tuple(options.items()))
        if key not in known:
            known[key] = run(_source(topology), agent, Options(layers=layers, **options))
        return known[key]

    return of


def _source(topology: str) -> Path | str:
    return topology if "\n" in topology else spec.find(topology)


#: Two hosts and an expectation that no kernel fulfils.
RED = """\
name: red
switches: {lan: {}}
hosts:
  A:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.1/24]}
  B:
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.2/24]}
expect:
  - A:eth0 -> B: unreachable
"""

#: A hundred hosts that all ought to be cut off, and are not.
RED_HUNDRED = """\
name: red-hundred
switches: {lan: {}}
hosts:
  web:
    replicas: 100
    interfaces:
      eth0: {switch: lan, addresses: [10.0.0.1/16]}
expect:
  - any:eth0 -> any: unreachable
"""
