"""The simulation's moving parts: the queues that frames wait in, and the tables that they change.

Linux handles a frame on the CPU that sent it: a veth puts it on that CPU's backlog, which is worked off
first in, first out; macvlan hands broadcasts from outside to a workqueue, which as a rule runs when that
backlog is empty; user space answers last. Three queues in that order are all that is needed for answers
to race as they really do, and another `Schedule` shows how else a race could end.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from random import Random
from typing import Any, TypeVar

from netlab.model.world import Bridge, Device, Frame, MacvlanPort, Namespace, Port, World

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Schedule:
    """When the workqueue runs, which is another CPU's business: a kernel thread's, of no fixed CPU.

    ``eager`` lets it overtake the parent's own stack; ``after`` lets it start so many frames after it was
    called, and go on side by side with the backlog of the CPU that called it, or, ``rushed``, be done before that
    goes on; ``together`` lets all children have their copy before one of them answers; ``prompt`` lets a server answer
    before it; ``last_first`` lets a later port's overtake an earlier one's; ``leaders`` are the two children that a
    broadcast visits first, by their places, where the order isn't known. ``silent`` lets routers send no redirects,
    which they do now and then only. ``dice`` lets the CPUs take turns as they fall, from that seed on: none of the
    orders that have a name may be the one in which two chains of many frames meet in a forwarding table.
    """

    eager: bool = False
    after: int | None = None
    prompt: bool = False
    last_first: bool = False
    leaders: tuple[int, int] = (0, 1)
    rushed: bool = False
    together: bool = False
    silent: bool = False
    dice: int | None = None


#: How many frames a CPU may work off before another's turn comes, where dice fall.
TURNS = (0, 1, 1, 1, 2, 4)
#: The backlog is worked off before the workqueue gets a CPU: what nearly always happens.
USUAL = Schedule()


class Unknown(Exception):
    """The model has no rule for what would happen now; the argument says what."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One event of a story: in which phase, where (a link's or port's id), what, by which rule.

    ``end`` marks a frame's end.
    """

    phase: str
    at: str
    what: str
    rule: str | None = None
    end: bool = False


class Neighbor:
    """A neighbour entry (struct neighbour): `mac` is empty and packets queue while it is INCOMPLETE."""

    __slots__ = ("fixed", "mac", "queue")

    def __init__(self, mac: str, fixed: bool = False) -> None:
        self.mac = mac
        #: PERMANENT: nothing that comes in changes it
        self.fixed = fixed
        self.queue: list[Any] = []


#: More steps than any lab without a loop can take.
STEPS = 200_000
#: What is said where it takes more.
ENDLESS = "frames circulate without end"


class Sim:
    """One run from cold: empty neighbour tables and forwarding databases, nothing queued."""

    __slots__ = (
        "answers", "backlog", "connecting", "contested", "done", "due", "entered", "fdb", "goal", "heard", "hops",
        "moved", "neigh", "redirected", "refused", "request", "schedule", "server", "sock", "sock_ip", "steps",
        "target", "touched", "unordered", "users", "wire", "wired", "work", "worked", "world",
    )  # fmt: skip

    def __init__(self, world: World, trace: bool = False, schedule: Schedule = USUAL) -> None:
        self.world = world
        self.backlog: deque[tuple[Callable[..., None], Any, Frame]] = deque()
        self.work: deque[tuple[MacvlanPort, Frame, Device | None]] = deque()
        #: at which step each piece of work may start, where the schedule says so
        self.due: deque[int] = deque()
        self.users: deque[Callable[[Sim], None]] = deque()
        self.neigh: dict[tuple[Device, int], Neighbor] = {}
        #: namespaces with dynamic neighbour entries
        self.touched: list[Namespace] = []
        self.fdb: dict[Bridge, dict[str, Port]] = {}
        self.hops: list[Hop] | None = [] if trace else None
        self.steps = 0
        self.schedule = schedule
        #: ports whose workqueue has run
        self.worked: list[MacvlanPort] = []
        #: how many children heard a broadcast in an order that isn't known
        self.unordered = 0
        #: what happened first made a difference
        self.contested = False
        #: a bridge heard a MAC at another port than before, or had no room for it: who was first made a difference
        self.moved = False
        # The probe: its request's phase, the port of its wire, the client's socket, the server.
        self.request = ""
        self.wire: Port | None = None
        self.sock: Device | None = None
        self.sock_ip = 0
        self.server: Namespace | None = None
        #: a router has sent a redirect
        self.redirected = False
        #: the client is still in connect(): its socket is locked, and deaf to ICMP
        self.connecting = False
        #: the destination's interface; only stories look at it
        self.goal: Device | None = None
        self.target = 0
        # What is observed.
        self.heard: dict[Device | Port, int] = {}
        self.answers: list[str] = []
        self.entered: list[Device] = []
        self.wired = False
        self.done = False
        #: the client's connection was reset before it stood
        self.refused = False

    def note(self, phase: str, at: str, what: str, rule: str | None = None, end: bool = False) -> None:
        """Add to the story, where one is being told."""
        if self.hops is not None:
            self.hops.append(Hop(phase, at, what, rule, end))

    def drain(self) -> None:
        """Work off the backlog."""
        backlog = self.backlog
        while backlog:
            handle, where, frame = backlog.popleft()
            handle(self, where, frame)
            self.steps += 1
            if self.steps > STEPS:
                raise Unknown(ENDLESS)

    def run(self) -> None:
        """Let everything happen that follows from what is queued."""
        from netlab.model.macvlan import broadcast_work

        if self.schedule.after is not None:
            self._run_on_two()
            return
        while True:
            self.drain()
            self.connecting = False
            if self.users and self.schedule.prompt:
                self.users.popleft()(self)
            elif self.work:
                for _ in broadcast_work(self, *self._next_of(self.work)):
                    if not self.schedule.together:
                        self.drain()
            elif self.users:
                self.users.popleft()(self)
            else:
                return

    def _run_on_two(self) -> None:
        """The same with the workqueue on a CPU of its own, which takes turns with the first, frame by frame."""
        from netlab.model.macvlan import broadcast_work

        first, second = self.backlog, deque[tuple[Callable[..., None], Any, Frame]]()
        children: Iterator[None] = iter(())
        dice = None if self.schedule.dice is None else Random(self.schedule.dice)
        while True:
            idle = not self.backlog
            for _ in range(1 if dice is None else dice.choice(TURNS)):
                self._step()
            self.connecting &= not idle
            if idle and self.users and self.schedule.prompt:
                self.users.popleft()(self)
                continue
            if self.work and (idle or self.due[0] <= self.steps):
                self._next_of(self.due)
                children = chain(children, broadcast_work(self, *self._next_of(self.work)))
            self.backlog = second
            while self.schedule.together and next(children, self) is None:
                pass
            # As a rule one frame each; the second CPU may also be far faster than the first.
            turns = 1 if dice is None else dice.choice(TURNS)
            worked = not turns or self._step() or next(children, self) is None
            while worked and (self.schedule.rushed or turns > 1) and (self._step() or next(children, self) is None):
                turns -= 1
            idle = not worked and idle
            self.backlog = first
            if idle and not self.work:
                if not self.users:
                    return
                self.users.popleft()(self)

    def _next_of(self, queue: deque[T]) -> T:
        """Take out whose turn it is: the first, or the last where a later port's work overtakes."""
        return queue.pop() if self.schedule.last_first else queue.popleft()

    def _step(self) -> bool:
        """Work off one frame of the backlog, if there is one."""
        if not self.backlog:
            return False
        handle, where, frame = self.backlog.popleft()
        handle(self, where, frame)
        self.steps += 1
        if self.steps > STEPS:
            raise Unknown(ENDLESS)
        return True

    def database(self, bridge: Bridge) -> dict[str, Port]:
        """The bridge's forwarding database."""
        fdb = self.fdb.get(bridge)
        if fdb is None:
            fdb = self.fdb[bridge] = dict(bridge.static)
        return fdb
