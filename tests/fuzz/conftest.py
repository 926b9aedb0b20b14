"""One agent for the whole folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from netlab.client import Agent


@pytest.fixture(scope="session")
def agent() -> Iterator[Agent]:
    """An agent that lives as long as the tests of this process."""
    with Agent.start() as one:
        yield one
