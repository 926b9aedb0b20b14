"""A short hunt, by the same door as `make fuzz`."""

from __future__ import annotations

import multiprocessing
import re

import pytest

from tests.fuzz.__main__ import main
from tests.fuzz.tickets import Tickets


@pytest.mark.timeout(1800)
def test_a_hundred_topologies(capsys: pytest.CaptureFixture[str]) -> None:
    """In 100 random topologies model and kernel agree in every pair, layer and step, at once and on repetition."""
    status = main(["--number", "100", "--seed", "1", "--jobs", "1", "--no-save"])
    told = capsys.readouterr().out
    found = re.search(r"^(\d+) topologies, (\d+) pairs, (\d+) disagreements, (\d+) flakes", told, re.MULTILINE)
    assert found is not None, told
    topologies, pairs, disagreements, flakes = map(int, found.groups())
    assert (topologies, disagreements, flakes, status) == (100, 0, 0, 0), told
    assert pairs > 20_000


def test_the_first_that_count_are_taken() -> None:
    """As many numbers are handed out as were asked for, one after the other, and one more for each that is replaced."""
    tickets = Tickets(2, multiprocessing.get_context("spawn"))
    assert [tickets.take(), tickets.take(), tickets.take()] == [0, 1, None]
    tickets.replace()
    assert [tickets.take(), tickets.take()] == [2, None]
