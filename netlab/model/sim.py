"""The simulation's moving parts: the queues that frames wait in, and the tables that they change.

Linux handles a frame on the CPU that sent it. A veth puts it on that CPU's backlog, which is first in, first out.
macvlan hands broadcasts from outside to a workqueue, which usually runs when that backlog is empty. User space answers
last. With these three queues, in this order, answers race as they usually do in Linux; another `Schedule` gives another
order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator
from typing import Any

from netlab.contract.dataclass import dataclass
from netlab.model.schedule import USUAL, Schedule
from netlab.model.world import Address, Bridge, Device, Frame, Namespace, Port, World


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
        "answers", "arrived", "asking", "backlog", "client", "connecting", "connections", "contested", "done",
        "entered", "fdb", "goal", "heard", "hops", "moved", "neigh", "picked", "queued", "redirected", "refused",
        "request", "schedule", "sender", "servers", "sock", "sock_ip", "steps", "target", "targets", "told",
        "touched", "unadmitted", "unlearned", "unordered", "users", "wired", "wires", "work", "worked", "world",
    )  # fmt: skip

    def __init__(self, world: World, trace: bool = False, schedule: Schedule = USUAL) -> None:
        self.world = world
        self.backlog: deque[tuple[Callable[..., None], Any, Frame]] = deque()
        #: what the workqueue has to do; each step of a piece of work ends where an interface answers
        self.work: deque[Iterator[None]] = deque()
        #: for each piece of work: at which step it was queued
        self.queued: deque[int] = deque()
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
            self.queued.append(self.steps)

    def drain(self) -> None:
        """Work off the backlog."""
        backlog = self.backlog
        while backlog:
            handle, where, frame = backlog.popleft()
            handle(self, where, frame)
            self.steps += 1
            if self.steps > STEPS:
                raise Unknown(ENDLESS)
            if self.schedule.after is not None and self.work and self.steps - self.queued[0] >= self.schedule.after:
                self._overtake()

    def run(self) -> None:
        """Let everything happen that follows from what is queued."""
        while True:
            self.drain()
            self.connecting = False
            if self.users and self.schedule.prompt:
                self.users.popleft()(self)
            elif self.work:
                for _ in self._next_work():
                    if not self.schedule.together:
                        self.drain()
            elif self.users:
                self.users.popleft()(self)
            else:
                return

    def _overtake(self) -> None:
        """Let another CPU do a piece of work, and all that follows from it."""
        first, self.backlog = self.backlog, deque()
        for _ in self._next_work():
            self.drain()
        self.backlog = first

    def _next_work(self) -> Iterator[None]:
        """Take out whose turn it is: the first, or the last where a later port's work overtakes."""
        take = deque.pop if self.schedule.last_first else deque.popleft
        take(self.queued)
        return take(self.work)

    def database(self, bridge: Bridge) -> dict[Address, Port]:
        """The bridge's forwarding database."""
        fdb = self.fdb.get(bridge)
        if fdb is None:
            fdb = self.fdb[bridge] = dict(bridge.static)
        return fdb
