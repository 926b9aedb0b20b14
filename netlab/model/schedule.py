"""The orders of events that a race can have.

A schedule is run turn by turn; after each turn it sees what is left to do. Many schedules lead to the same course of
turns: then its outcome is known, and it is not simulated again.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from random import Random
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Schedule:
    """When macvlan's workqueue runs. It is a kernel thread on any CPU, so its order against other events isn't fixed.

    - ``eager``: it overtakes the parent's own stack.
    - ``after``: it starts so many frames after it was queued, and then takes turns with the backlog of the CPU that
      queued it; with ``rushed`` it finishes before that backlog goes on.
    - ``together``: all children get their copy before one of them answers.
    - ``prompt``: a server answers before it.
    - ``crossed``: work that the second CPU's frames have queued runs on the first CPU, which may be faster.
    - ``last_first``: the work of a later port overtakes that of an earlier one.
    - ``leaders``: the two children that a broadcast visits first, by their places, where the order isn't known.
    - ``silent``: routers send no redirects, which they send only now and then.
    - ``picks``: which next hop is taken of the first route that has several, of the second, and so on; then the first.
    - ``dice``: the CPUs take turns in a random order, of this seed. Two long chains of frames can meet in a forwarding
      table in an order that none of the above gives.
    """

    eager: bool = False
    after: int | None = None
    prompt: bool = False
    crossed: bool = False
    last_first: bool = False
    leaders: tuple[int, int] = (0, 1)
    rushed: bool = False
    together: bool = False
    silent: bool = False
    dice: int | None = None
    picks: tuple[int, ...] = ()


#: In a random order: how many frames a CPU handles at most before another CPU's turn comes.
THROWN = (0, 1, 1, 1, 2, 4)
#: The backlog is worked off before the workqueue gets a CPU: what nearly always happens.
USUAL = Schedule()

#: The turns: none; the CPU that queued the work handles a frame of its backlog; that backlog is empty; a process acts;
#: a piece of work is begun; the work's CPU handles a frame of its own backlog, or hands a broadcast to another child.
#: The last two are for a CPU that alone has something to do: it goes on until it has finished, or another CPU has work.
LOOK, FIRST, IDLE, USER, WORK, SECOND, CHILD, FIRST_ALONE, SECOND_ALONE = range(9)
#: The same of a piece of work that the first CPU does.
CROSSED_WORK, CROSSED_CHILD = 9, 10


class View(NamedTuple):
    """The view after a turn: whether it did anything, what is in both backlogs, what waits.

    A turn does nothing where no child is left to hand a broadcast to. ``age`` is how many frames were handled since the
    oldest piece of work was queued, -1 where there is none; ``crossing`` says that the second CPU queued it.
    """

    did: bool
    first: bool
    second: bool
    users: bool
    age: int
    crossing: bool = False


#: Before anything was done.
NOTHING = View(did=False, first=False, second=False, users=False, age=-1)


class Outcome(NamedTuple):
    """The outcome of a probe: its letter, whether it was on the wire, whether the order of events made a difference."""

    letter: str
    wired: bool
    contested: bool


class Course:
    """A point of a course of turns: the view there, the point that follows by each turn, and at the end the outcome."""

    __slots__ = ("following", "outcome", "view")

    def __init__(self, view: View) -> None:
        self.view = view
        self.following: dict[int, Course] = {}
        self.outcome: Outcome | None = None

    def after(self, turn: int, view: View) -> Course:
        """Where a turn leads, which has left this view."""
        found = self.following.get(turn)
        if found is None:
            found = self.following[turn] = Course(view)
        return found


def turns(schedule: Schedule) -> Generator[int, View, None]:
    """The turns of a schedule with a fixed start (``after``) on two CPUs; it is sent the view after each turn."""
    throw = None if schedule.dice is None else Random(schedule.dice).choice
    after = schedule.after or 0
    rested = children = crossed = False
    view = yield LOOK
    while True:
        idle = not view.first and not crossed
        while crossed and schedule.rushed and view.first:
            view = yield FIRST
        if crossed and not view.first:
            view = yield CROSSED_CHILD
            crossed = view.did
            if schedule.rushed:
                continue
        elif view.first and view.age < 0 and not (view.second or children):
            view = yield FIRST_ALONE
        else:
            for _ in range(1 if throw is None else throw(THROWN)):
                if view.first:
                    view = yield FIRST
        if idle and not rested:
            rested = True
            view = yield IDLE
        if idle and view.users and schedule.prompt:
            view = yield USER
            continue
        if view.age >= 0 and (idle or view.age >= after):
            if schedule.crossed and view.crossing and not crossed:
                crossed, idle = True, False
                view = yield CROSSED_WORK
            else:
                children = True
                view = yield WORK
        while children and schedule.together:
            view = yield CHILD
            children = view.did
        if idle and view.age < 0 and (view.second or children):
            view = yield SECOND_ALONE
            children = view.did
            continue
        # As a rule one frame each; the second CPU may also be far faster than the first.
        left = 1 if throw is None else throw(THROWN)
        worked = not left
        more = left > 0
        while more:
            if view.second:
                view = yield SECOND
            elif children:
                view = yield CHILD
                children = view.did
            else:
                break
            worked = worked or view.did
            left -= 1
            more = view.did and (left > 0 or (schedule.rushed and not schedule.crossed))
        if idle and not worked and view.age < 0:
            if not view.users:
                return
            view = yield USER


def outcome(schedule: Schedule, start: Course) -> Outcome | None:
    """What came of a course that is known from ``start`` to its end; None where it isn't."""
    course = start
    playing = turns(schedule)
    turn = next(playing)
    while True:
        following = course.following.get(turn)
        if following is None:
            return None
        course = following
        try:
            turn = playing.send(course.view)
        except StopIteration:
            return course.outcome
