"""The orders in which a race may go: what is known of one is what simulating it anew says."""

from __future__ import annotations

from pathlib import Path

import pytest

from netlab.model import probes
from netlab.model.compile import compile_state
from netlab.model.probes import End
from netlab.model.schedule import (
    CHILD,
    CROSSED_CHILD,
    CROSSED_WORK,
    FIRST,
    FIRST_ALONE,
    IDLE,
    LOOK,
    NOTHING,
    SECOND,
    WORK,
    Schedule,
    View,
    turns,
)
from netlab.model.world import World
from netlab.plan import from_file

REGRESSIONS = Path(__file__).parents[1] / "fuzz/regressions"


def ends(file: str, source: str, target: str) -> tuple[World, End, End]:
    """Two endpoints of a topology."""
    state = from_file(REGRESSIONS / f"{file}.yaml").steps[0].state
    world = compile_state(state)
    found = [End(world, endpoint) for endpoint in state.endpoints]
    return world, found[state.index[source]], found[state.index[target]]


@pytest.mark.parametrize(
    ("file", "layer", "source", "target"),
    [
        ("two-processors-and-a-reflected-request", "icmp", "B/d3:eth0", "B:eth0"),
        ("whom-a-full-table-knows", "icmp", "B:eth0", "C:m5"),
        ("who-asks-for-the-way-back", "udp", "B:eth0", "A:m4"),
        ("server-faster-than-its-queue", "udp", "A:m0", "B:m1"),
    ],
)
def test_a_course_that_is_known_ends_as_it_did(
    file: str, layer: str, source: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every schedule comes to the letter and the use of the wire of a simulation of its own; but not all need one."""
    world, one, other = ends(file, source, target)
    _, sim = probes.run(world, layer, one, other)
    schedules = [*probes._beyond(sim), *probes._alternatives(sim)]
    anew = []
    for schedule in schedules:
        letter, played = probes.run(world, layer, one, other, schedule=schedule)
        anew.append((letter, played.wired, played.contested))
    simulated = []
    run = probes.run

    def count(*args: object, **options: object) -> object:
        simulated.append(options["schedule"])
        return run(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(probes, "run", count)
    assert list(probes._others(world, layer, one, other, sim)) == anew
    assert len(set(simulated)) == len(simulated) < len(set(schedules))


def played(schedule: Schedule, *views: View) -> list[int]:
    """The turns of a schedule that sees these views, one after the other."""
    playing = turns(schedule)
    found = [next(playing)]
    for view in views:
        try:
            found.append(playing.send(view))
        except StopIteration:
            break
    return found


def test_a_cpu_without_a_rival_goes_on_by_itself() -> None:
    """Nobody takes turns with a backlog while there is no work; when there is, frames and children alternate."""
    busy = NOTHING._replace(first=True)
    queued = busy._replace(age=1)
    both = busy._replace(did=True, second=True)
    seen = played(Schedule(after=0), busy, queued, both, both, NOTHING)
    assert seen == [LOOK, FIRST_ALONE, WORK, SECOND, FIRST, CHILD]


def test_a_late_start() -> None:
    """With ``after`` so many frames of the backlog come first."""
    queued = NOTHING._replace(first=True, age=1)
    later = [queued._replace(age=age) for age in (2, 3)]
    assert played(Schedule(after=3), queued, *later) == [LOOK, FIRST, FIRST, WORK]
    assert played(Schedule(after=2), queued, *later) == [LOOK, FIRST, WORK, CHILD]


def test_all_children_have_their_copy_first() -> None:
    """With ``together`` children follow each other until there are no more."""
    queued = NOTHING._replace(first=True, age=1)
    copied = queued._replace(did=True, age=-1, second=True)
    seen = played(Schedule(after=0, together=True), queued, queued, copied, copied, copied, copied._replace(did=False))
    assert seen == [LOOK, FIRST, WORK, CHILD, CHILD, CHILD, SECOND]


def test_work_that_the_second_cpu_has_queued() -> None:
    """With ``crossed`` the first CPU does it, with ``rushed`` at once; without, the second goes on with both."""
    queued = NOTHING._replace(first=True, age=1)
    begun = NOTHING._replace(did=True)
    busy = begun._replace(second=True, age=0, crossing=True)
    done = busy._replace(age=-1, crossing=False)
    answered = done._replace(first=True)
    begin = [queued, queued, begun, busy, busy]
    assert played(Schedule(after=0), *begin) == [LOOK, FIRST, WORK, CHILD, IDLE, WORK]
    alone = played(Schedule(after=0, crossed=True), *begin, done, done, answered)
    assert alone == [LOOK, FIRST, WORK, CHILD, IDLE, CROSSED_WORK, SECOND, CROSSED_CHILD, SECOND]
    rushed = played(Schedule(after=0, crossed=True, rushed=True), *begin, done, done, answered, done)
    assert rushed == [LOOK, FIRST, WORK, CHILD, IDLE, CROSSED_WORK, SECOND, CROSSED_CHILD, FIRST, CROSSED_CHILD]
