"""A short hunt, by the same door as `make fuzz`."""

from __future__ import annotations

import re

import pytest

from tests.fuzz.__main__ import main


@pytest.mark.timeout(600)
def test_a_hundred_topologies(capsys: pytest.CaptureFixture[str]) -> None:
    """In 100 random topologies model and kernel agree in every pair, layer and step, at once and on repetition."""
    status = main(["--number", "100", "--seed", "1", "--jobs", "1", "--no-save"])
    told = capsys.readouterr().out
    found = re.search(r"^(\d+) topologies, (\d+) pairs, (\d+) disagreements, (\d+) flakes", told, re.MULTILINE)
    assert found is not None, told
    topologies, pairs, disagreements, flakes = map(int, found.groups())
    assert (topologies, disagreements, flakes, status) == (100, 0, 0, 0), told
    assert pairs > 20_000
