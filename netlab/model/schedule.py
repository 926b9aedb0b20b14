"""The orders in which a race may go.

A schedule is played as a course of single turns, each of which tells what it has left to do. Many schedules are the
same course: then what came of it is known, without simulating it again.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from random import Random
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Schedule:
    """When the workqueue runs, which is another CPU's business: a kernel thread's, of no fixed CPU.

    ``eager`` lets it overtake the parent's own stack; ``after`` lets it start so many frames after it was
    called, and go on side by side with the backlog of the CPU that called it, or, ``rushed``, be done before that
    goes on; ``together`` lets all children have their copy before one of them answers; ``prompt`` lets a server answer
    before it; ``crossed`` gives what the second CPU's frames have queued to the first, which may be faster;
    ``last_first`` lets a later port's overtake an earlier one's; ``leaders`` are the two children that a broadcast
    visits first, by their places, where the order isn't known. ``silent`` lets routers send no redirects, which they do
    now and then only. ``dice`` lets the CPUs take turns as they fall, from that seed on: none of the orders that have a
    name may be the one in which two chains of many frames meet in a forwarding table.
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


#: How many frames a CPU may work off before another's turn comes, where dice fall.
THROWN = (0, 1, 1, 1, 2, 4)
#: The backlog is worked off before the workqueue gets a CPU: what nearly always happens.
USUAL = Schedule()

#: The turns: nobody's; a frame of the backlog of the CPU that called the workqueue; that backlog is empty; a process
#: acts; a piece of work is begun; its CPU works off a frame of its own backlog, or hands a broadcast to another child.
#: Two are for a CPU that has no rival: it goes on until it has nothing more to do, or somebody else has.
LOOK, FIRST, IDLE, USER, WORK, SECOND, CHILD, FIRST_ALONE, SECOND_ALONE = range(9)
#: The same of a piece of work that the first CPU does.
CROSSED_WORK, CROSSED_CHILD = 9, 10


class View(NamedTuple):
    """What a turn leaves: whether it did anything, what is in both backlogs, who waits.

    To have done nothing is to have no more children to hand a broadcast to. ``age`` is how many frames were worked off
    since the oldest piece of work was queued, -1 where there is none; ``crossing``, that the second CPU queued it.
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
    """What comes of a probe: its letter, whether its wire saw it, whether it made a difference who was first."""

    letter: str
    wired: bool
    contested: bool


class Course:
    """A place that a course has come to: the view there, what follows by each turn, and at its end what came of it."""

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
    """The turns of a schedule with a fixed start (``after``) for two CPUs; it is sent the view after each."""
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
