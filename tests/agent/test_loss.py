"""Frames that are lost to whoever floods the machine."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, count, repeat
from typing import Any

import pytest

from netlab.agent.probe import loss
from netlab.agent.probe.ears import Ears


def losses(monkeypatch: pytest.MonkeyPatch, drops: Iterator[int]) -> tuple[loss.Losses, list[int]]:
    """Losses whose backlogs have lost so many frames at each look, and the looks that were had."""
    looks: list[int] = []

    def look() -> int:
        looks.append(next(drops))
        return looks[-1]

    monkeypatch.setattr(loss, "softnet_drops", look)
    nowhere: Any = None
    return loss.Losses(Ears(lambda *_: None), nowhere, {}), looks


def test_a_flood_that_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is waited for until two looks in a row find the same count."""
    one, looks = losses(monkeypatch, chain([1, 5, 9, 20, 21], repeat(21)))
    one.calm_down()
    assert looks[-2:] == [21, 21]
    assert looks[:4] == [1, 5, 9, 20]


def test_a_flood_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is waited for once, up to a deadline; after that nobody looks any more."""
    monkeypatch.setattr(loss, "CALM", 0.02)
    one, looks = losses(monkeypatch, count())
    one.calm_down()
    seen = len(looks)
    one.calm_down()
    assert seen == len(looks) > 1
