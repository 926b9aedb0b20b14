"""The orders in which a race may go: each of them is tried, and what not all orders can show stays unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from netlab.model import probes
from netlab.model.compile import compile_state
from netlab.model.probes import End
from netlab.model.schedule import Schedule
from netlab.model.sim import Unknown
from netlab.model.world import World
from netlab.plan import from_file

REGRESSIONS = Path(__file__).parents[1] / "fuzz/regressions"


def ends(file: str, source: str, target: str) -> tuple[World, End, End]:
    """Two endpoints of a topology."""
    state = from_file(REGRESSIONS / f"{file}.yaml").steps[0].state
    world = compile_state(state)
    found = [End(world, endpoint) for endpoint in state.endpoints]
    return world, found[state.index[source]], found[state.index[target]]


def test_a_late_workqueue_on_another_cpu() -> None:
    """A broadcast's copies that another CPU hands out some frames late let another interface answer first."""
    world, one, other = ends("answers-on-two-processors", "A/c4:m4", "B:eth1")
    usual, _ = probes.run(world, "icmp", one, other)
    late = {probes.run(world, "icmp", one, other, schedule=Schedule(after=after))[0] for after in range(12)}
    assert (usual, late) == ("R", {"A", "R"})
    assert probes.letter(world, "icmp", one, other) == ("B", None)


def test_a_fight_for_a_forwarding_table() -> None:
    """Where the order in which a bridge learns decides between R and A, there is no prediction: U may come, too."""
    world, one, other = ends("bridge-answers-for-others", "B:eth0", "A:m")
    _, sim = probes.run(world, "icmp", one, other)
    letters = {found.letter for found in probes._others(world, "icmp", one, other, sim)}
    assert (sim.moved, letters) == (True, {"A", "R"})
    with pytest.raises(Unknown, match="a race that can end in A or R"):
        probes.letter(world, "icmp", one, other)


def test_an_order_is_simulated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The use of the wire is asked for after the letter, and no order is simulated for it again."""
    world, one, other = ends("answers-on-two-processors", "A/c4:m4", "B:eth1")
    probes.letter(world, "icmp", one, other)
    simulated = []
    run = probes.run

    def count(*args: object, **options: object) -> object:
        simulated.append(options.get("schedule"))
        return run(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(probes, "run", count)
    probes.on_wire(world, "icmp", one, other)
    assert simulated == [None]
