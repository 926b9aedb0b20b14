"""The simulation's moving parts: the queues that frames wait in, and the tables that they change.

Linux handles a frame on the CPU that sent it. A veth puts it on that CPU's backlog, which is first in, first out.
macvlan hands broadcasts from outside to a workqueue, which usually runs when that backlog is empty. User space answers
last. With these three queues, in this order, answers race as they usually do in Linux; another `Schedule` gives another
order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar

from netlab.model.schedule import (
    CHILD,
    CROSSED_CHILD,
    CROSSED_WORK,
    FIRST,
    FIRST_ALONE,
    IDLE,
    NOTHING,
    SECOND,
    SECOND_ALONE,
    USER,
    USUAL,
    WORK,
    Course,
    Schedule,
    View,
    turns,
)
from netlab.model.world import Address, Bridge, Device, Frame, Namespace, Port, World

T = TypeVar("T")


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
        "answers", "arrived", "asking", "backlog", "client", "connecting", "connections", "contested", "course", "done",
        "entered", "fdb", "goal", "heard", "hops", "moved", "neigh", "picked", "queued", "redirected", "refused",
        "request", "schedule", "second", "sender", "servers", "sock", "sock_ip", "steps", "target", "targets", "told",
        "touched",        "unadmitted", "unlearned", "unordered", "users", "wired", "wires", "work", "worked", "world",
    )  # fmt: skip

    def __init__(self, world: World, trace: bool = False, schedule: Schedule = USUAL) -> None:
        self.world = world
        self.backlog: deque[tuple[Callable[..., None], Any, Frame]] = deque()
        #: what the workqueue has to do; each step of a piece of work ends where an interface answers
        self.work: deque[Iterator[None]] = deque()
        #: for each piece of work: at which step it was queued, and whether the second CPU queued it
        self.queued: deque[tuple[int, bool]] = deque()
        #: the backlog of the second CPU, where there are two
        self.second: deque[tuple[Callable[..., None], Any, Frame]] | None = None
        self.users: deque[Callable[[Sim], None]] = deque()
        self.neigh: dict[tuple[Device, int], Neighbor] = {}
        #: connections that namespaces follow (`netfilter.track.Table`)
        self.connections: dict[Any, Any] = {}
        #: namespaces with dynamic neighbour entries
        self.touched: list[Namespace] = []
        #: what bridges and tunnels have learned: the port, or the other end, of each MAC
        self.fdb: dict[Any, dict[Any, Any]] = {}
        #: MACs that bridges have heard at a port that doesn't learn
        self.unlearned: set[tuple[Bridge, Address]] = set()
        #: MACs that bridges have noted behind a locked port, which doesn't admit them
        self.unadmitted: set[tuple[Bridge, Address]] = set()
        self.hops: list[Hop] | None = [] if trace else None
        self.steps = 0
        self.schedule = schedule
        #: how far it has come, where two CPUs take turns
        self.course = Course(NOTHING)
        #: parents whose workqueue has run
        self.worked: list[Device] = []
        #: how many children heard a broadcast in an order that isn't known
        self.unordered = 0
        #: what happened first made a difference
        self.contested = False
        #: a bridge heard a MAC at two ports, or had no room for it: the order made a difference
        self.moved = False
        # The probe: its request's phase, who asks (an end of `probes`, by the interface that was chosen), the ports
        # of its wires, the client and the interface that its socket is bound to, the servers.
        self.request = ""
        self.asking: Any = None
        self.wires: frozenset[Port | None] = frozenset()
        self.client: Namespace | None = None
        self.sock: Device | None = None
        #: the interface by which the request is sent: that of the socket, or the one that routing chose
        self.sender: Device | None = None
        self.sock_ip = 0
        self.servers: frozenset[Namespace] = frozenset()
        #: what was picked among equals: which of how many, by what is decided
        self.picked: dict[Hashable, tuple[int, int]] = {}
        #: a router has sent a redirect
        self.redirected = False
        #: the client is still in connect(): its socket is locked, and deaf to ICMP
        self.connecting = False
        #: a router has told the client that its SYN leads nowhere
        self.told = False
        #: the destination's interface, None where all are meant; only stories look at it
        self.goal: Device | None = None
        self.target = 0
        #: the interfaces that are meant
        self.targets: tuple[Device, ...] = ()
        # What is observed.
        self.heard: dict[Device | Port, int] = {}
        self.answers: list[str] = []
        self.entered: list[Device] = []
        self.wired = False
        self.arrived: str | None = None
        self.done = False
        #: the client's connection was reset before it stood
        self.refused = False

    def pick(self, what: Hashable, count: int) -> int:
        """Which of so many equals is taken: always the same one for ``what``."""
        if what not in self.picked:
            place, picks = len(self.picked), self.schedule.picks
            self.picked[what] = (picks[place] if place < len(picks) else 0), count
        return self.picked[what][0]

    def note(self, phase: str, at: str, what: str, rule: str | None = None, end: bool = False) -> None:
        """Add an event to the trace, if any. The last rule of the request at its destination is always kept."""
        if rule and not end and self.goal is not None and at == self.goal.id and phase == self.request:
            self.arrived = rule
        if self.hops is not None:
            self.hops.append(Hop(phase, at, what, rule, end))

    def loops(self, origin: Device, address: int) -> None:
        """A request to an address of ``origin`` has come up through lo, or its VRF: no packet socket sees it there."""
        if origin.vrf is None:
            self.entered.append(origin.ns.lo)
        elif not self.entered:
            holders = {
                dev.vrf for dev in origin.ns.devices for a in (*dev.addresses4, *dev.addresses6) if a[0] == address
            }
            if len(holders) > 1 and (self.sock is None or self.sock.vrf not in holders):
                raise Unknown(f"nothing shows in which VRF of {origin.ns.id} a request has looped back")
            self.entered.append(origin.vrf)

    def defer(self, work: Iterator[None]) -> None:
        """Give a piece of work to the workqueue."""
        if self.schedule.eager:
            for _ in work:
                self.drain()
        else:
            self.work.append(work)
            if self.schedule.after is not None:
                self.queued.append((self.steps, self.backlog is self.second))

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
        if self.schedule.after is not None:
            self._run_on_two()
            return
        while True:
            self.drain()
            self.connecting = False
            if self.users and self.schedule.prompt:
                self.users.popleft()(self)
            elif self.work:
                for _ in self._next_of(self.work):
                    if not self.schedule.together:
                        self.drain()
            elif self.users:
                self.users.popleft()(self)
            else:
                return

    def _run_on_two(self) -> None:
        """The same, with the workqueue on a CPU of its own that takes turns with the first, frame by frame."""
        first, second = self.backlog, deque[tuple[Callable[..., None], Any, Frame]]()
        children: Iterator[None] = iter(())
        crossed: Iterator[None] = iter(())
        self.second = second
        playing = turns(self.schedule)
        turn = next(playing)
        while True:
            did = True
            if turn == FIRST:
                self._step()
            elif turn == FIRST_ALONE:
                while first and not self.work:
                    self._step()
            elif turn == SECOND:
                self.backlog = second
                self._step()
            elif turn == CHILD:
                self.backlog = second
                did = next(children, self) is None
            elif turn == SECOND_ALONE:
                self.backlog = second
                waiting = len(self.users)
                while did and not self.work and len(self.users) == waiting:
                    if second:
                        self._step()
                    else:
                        did = next(children, self) is None
            elif turn == WORK:
                self._next_of(self.queued)
                work = self._next_of(self.work)
                children = chain(children, work)
            elif turn == CROSSED_WORK:
                self._next_of(self.queued)
                crossed = self._next_of(self.work)
            elif turn == CROSSED_CHILD:
                did = next(crossed, self) is None
            elif turn == USER:
                self.users.popleft()(self)
            elif turn == IDLE:
                self.connecting = False
            self.backlog = first
            age, crossing = -1, False
            if self.queued:
                since, crossing = self.queued[0]
                age = self.steps - since
            view = View(did, bool(first), bool(second), bool(self.users), age, crossing)
            self.course = self.course.after(turn, view)
            try:
                turn = playing.send(view)
            except StopIteration:
                return

    def _next_of(self, queue: deque[T]) -> T:
        """Take out whose turn it is: the first, or the last where a later port's work overtakes."""
        return queue.pop() if self.schedule.last_first else queue.popleft()

    def _step(self) -> None:
        """Work off one frame of the backlog."""
        handle, where, frame = self.backlog.popleft()
        handle(self, where, frame)
        self.steps += 1
        if self.steps > STEPS:
            raise Unknown(ENDLESS)

    def database(self, bridge: Bridge) -> dict[Address, Port]:
        """The bridge's forwarding database."""
        fdb = self.fdb.get(bridge)
        if fdb is None:
            fdb = self.fdb[bridge] = dict(bridge.static)
        return fdb
