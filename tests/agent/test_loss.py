"""Frames that are lost to whoever floods the machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from itertools import chain, count, repeat
from types import SimpleNamespace
from typing import Any

import pytest

from netlab.agent.probe import loss
from netlab.agent.probe.engine import Prober
from netlab.agent.probe.receivers import Receivers
from tests.agent.conftest import Built


def losses(monkeypatch: pytest.MonkeyPatch, drops: Iterator[int]) -> tuple[loss.Losses, list[int]]:
    """Losses whose backlogs have lost so many frames at each look, and the looks that were had."""
    looks: list[int] = []

    def look() -> int:
        looks.append(next(drops))
        return looks[-1]

    monkeypatch.setattr(loss, "softnet_drops", look)
    nowhere: Any = None
    return loss.Losses(Receivers(lambda *_: None), nowhere, {}), looks


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


def test_a_neighbour_table_without_room() -> None:
    """Layers that ask for neighbours are probed again, and each wave looks then; the others are left as they are."""
    prober = object.__new__(Prober)
    asked: list[tuple[str, bool]] = []

    def probe(name: str, seed: int, wanted: Any, together: bool) -> Any:
        asked.append((name, prober._careful))
        return SimpleNamespace(layer=name, careful=prober._careful)

    given: Any = SimpleNamespace(mark=lambda: None, tables_filled=lambda: True)
    one: Any = prober
    one.losses, one._careful, one._probe = given, False, probe
    one.view, one._targets = SimpleNamespace(aim=lambda _targets: None), ()
    found = one.probe(["broadcast", "arp", "icmp6"], 0)
    assert [(each.layer, each.careful) for each in found] == [("broadcast", False), ("arp", True), ("icmp6", True)]
    assert asked == [("broadcast", False), ("arp", False), ("icmp6", False), ("arp", True), ("icmp6", True)]
    assert not one._careful


#: What a parent has dropped, as the counter sees it in the namespace in which this runs.
COUNT = """
import contextlib
from netlab.agent.probe.loss import Dropped
print(Dropped(contextlib.nullcontext(), ["eth0"]).read(), Dropped(contextlib.nullcontext(), ["eth"]).read())
"""


def test_what_a_queue_had_no_room_for(build: Callable[[str], Built]) -> None:
    """Broadcasts that a macvlan queue without room has lost are counted, as many as ip counts, and no other link's."""
    child = "containers: {c: {interfaces: {m: {type: macvlan, parent: eth0, bcqueuelen: 0}}}}"
    hosts = f"  A: {{interfaces: {{eth0: {{switch: lan}}}}, {child}}}\n  B: {{interfaces: {{eth0: {{switch: lan}}}}}}\n"
    built = build("switches: {lan: {}}\nhosts:\n" + hosts)
    assert built.letter("broadcast", "B:eth0", "A/c:m") == "U"
    counted, other = map(int, built.run("A", sys.executable, "-c", COUNT).split())
    [link] = json.loads(built.run("A", "ip", "-s", "-j", "link", "show", "dev", "eth0"))
    assert counted == link["stats64"]["rx"]["dropped"] > 0
    assert other == 0
