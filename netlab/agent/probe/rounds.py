"""Rounds in one lab: its fences, through which everything that may wait there has to come out."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from netlab.agent.netns import Netns
from netlab.agent.probe.arena import Arena, Pair
from netlab.agent.probe.controls import Life
from netlab.agent.probe.ears import Ears
from netlab.agent.probe.fence import CpuFence, Fence, FenceLost, QueueFence, ShaperFence, cross_queues
from netlab.plan.types import AnyLink, Macvlan, State, Veth

#: In a lab of so many namespaces at most every frame is counted; beyond, to make all rounds is cheaper.
METERED = 12
#: A fence whose way can't be told from the plan is tried so often at most, until so many in a row were alike.
TRIES, ALIKE = 10, 3
#: How long such a try may take, in seconds; then the fence's way is left unknown.
PATIENCE = 0.1


class Rounds:
    """The fences of a lab in one step; ``notes`` tell where there can be none."""

    def __init__(self, arena: Arena, ears: Ears, cpus: CpuFence) -> None:
        self.notes: list[str] = []
        self._arena = arena
        self._state = state = arena.state
        self._ears = ears
        self._cpus = cpus
        self.queues: dict[str, QueueFence] = {}
        self._shapers: list[ShaperFence] = []
        #: Whether the ears count what moves in the lab.
        self._metered = False
        #: The fences that are under way in this round, and those among them that not everybody has heard.
        self._under_way: dict[int, Fence] = {}
        self._missing: dict[int, Fence] = {}
        #: Parents in whose broadcast queues something may wait that no fence has followed.
        self._behind: set[str] = set()
        # A parent in its child's namespace answers first, on a machine at rest: the child has to wait for a workqueue.
        self._racing = any(
            isinstance(link, Macvlan) and state.link(link.parent).namespace == link.namespace for link in state.links
        )

    def prepare(self, lives: Mapping[str, Life]) -> None:
        """Find the fences, once the controls have told which children hear anything."""
        self.queues = self._queue_fences(lives)
        self._shapers = self._shaper_fences()
        namespaces = list(self._arena.lab.namespaces.values())
        # What waits in a shaper isn't counted until it is let out.
        self._metered = len(namespaces) <= METERED and not self._shapers
        for ns in namespaces if self._metered else ():
            self._ears.meter(ns)
        for fence in self.queues.values():
            if fence.packets is None and self._metered:
                self._learn(fence)

    # --- which fences there are ---------------------------------------------------------------------

    def _queue_fences(self, lives: Mapping[str, Life]) -> dict[str, QueueFence]:
        """A fence for each macvlan port in whose broadcast queue something may wait, by the parent's id."""
        fences = {}
        for parent in parents(self._state):
            children = list(self._state.children_of(parent.id))
            far = self._arena.far(parent.id)
            queueing = [child for child in children if child.effective_mode != "source"]
            children_up = [child.id for child in queueing if self._arena.works(child.id)]
            listeners = [child for child in children_up if lives[child].receives]
            why = ""
            if far is None or not self._arena.works(parent.id):
                why = "its wire is down"
            elif not queueing:
                why = "only source children, which are served at once"
            elif not listeners:
                why = "no child of it hears anything"
            elif queue_length(self._state, parent) == 0:
                why = "its queue length is 0"
            if why or far is None:
                self.notes.append(f"{parent.id}: no fence through the broadcast queue: {why}")
                continue
            # It is sent and received on the wire, and every child gets a copy, though a filter may have made some deaf.
            counted = 2 + len(children_up) if isinstance(parent, Veth) else None
            fences[parent.id] = QueueFence(parent.id, far.inject, frozenset(listeners), counted)
        return fences

    def _shaper_fences(self) -> list[ShaperFence]:
        """A fence for each interface that is shaped and can send: a frame may wait there for its turn."""
        arena = self._arena
        fences = []
        for i, endpoint in enumerate(arena.endpoints):
            link = arena.state.link(endpoint.link)
            far = arena.far(link.id)
            if link.limit is None or endpoint.extra or far is None:
                continue
            if not arena.works(link.id):
                # Without carrier its queueing discipline is noop_qdisc, which keeps nothing (dev_deactivate).
                continue
            fences.append(ShaperFence(link.id, partial(arena.transmit, i), far.places, arena.macs[i]))
        return fences

    def _learn(self, fence: QueueFence) -> None:
        """Learn how many frames one crossing counts for, and where it is heard, if that is always the same.

        Into a bridge a fence goes by every port of it, and is flooded to wherever the wires lead.
        """
        tries: list[tuple[Counter[str], int]] = []
        for _ in range(TRIES):
            self._ears.moved()
            number = next(self._arena.numbers)
            self._missing = {number: fence}
            self._under_way = {number: fence}
            try:
                fence.start(number)
                if not self._ears.wait(lambda: not self._missing, time.monotonic() + PATIENCE):
                    return
                self._let_out()
            except (FenceLost, OSError):
                # No harm: all the rounds are made then.
                return
            tries.append((Counter(fence.met), self._ears.moved()))
            if len(tries) >= ALIKE and all(one == tries[-1] for one in tries[-ALIKE:]):
                fence.usual, fence.packets = tries[-1]
                return

    # --- what is heard ------------------------------------------------------------------------------

    def heard(self, number: int, where: str) -> bool:
        """A frame of ours was seen somewhere; whether it was a fence."""
        fence = self._under_way.get(number)
        if fence is None:
            return False
        if fence.heard(where):
            for mine in [mine for mine, one in self._missing.items() if one is fence]:
                del self._missing[mine]
        return True

    # --- rounds -------------------------------------------------------------------------------------

    def relevant(self, pairs: Iterable[Pair], shared: set[int]) -> list[QueueFence]:
        """The queues that a chain between these endpoints may pass: those of their hosts and of every router.

        Where somebody else has an end's address, too (``shared``), his answer may be in any.
        """
        state, endpoints = self._state, self._arena.endpoints
        pairs = list(pairs)
        if state.routers or shared.intersection(index for pair in pairs for index in pair):
            return list(self.queues.values())
        hosts = {state.namespace(endpoints[index].namespace).host for pair in pairs for index in pair}
        return [
            fence for parent, fence in self.queues.items()
            if state.namespace(state.link(parent).namespace).host in hosts
        ]  # fmt: skip

    def sent(self) -> None:
        """Probes were sent: something may wait in any queue now."""
        self._behind = set(self.queues)

    def catch_up(self, queues: Iterable[QueueFence]) -> str:
        """Let out what earlier waves, of other hosts, have left in these queues; why it can't be done, else ''.

        A child that hears a request late learns of who asked (arp_process), if it is just looking for him.
        """
        late = [fence for fence in queues if fence.port in self._behind]
        try:
            self._cross(late)
        except (FenceLost, OSError) as error:
            return f"not cold: {error}"
        return ""

    def run(self, traversals: int, queues: Sequence[QueueFence]) -> str:
        """Prove that everything sent has been handled; the reason where it can't be proved, else ''.

        As many rounds as the longest chain has hops are enough. One is, where nothing moved in the lab but the fences
        themselves: whatever comes out of a queue in that round is counted as it is received, and what is sent by
        whoever receives it as it is sent (__netif_receive_skb_core, dev_queue_xmit_nit), so nothing waited anywhere.
        """
        counted = all(fence.packets is not None for fence in queues)
        metered = self._metered and counted
        own = sum(fence.packets or 0 for fence in queues)
        learned = [fence for fence in queues if fence.usual is not None]
        try:
            if metered:
                self._ears.moved()
            for _ in range(self._state.hops * traversals * (1 + self._state.routers)):
                self._cpus.round(quiet=self._racing)
                self._cross([*self._shapers, *queues])
                # What is heard may make a server of ours answer, which is counted, too: hence that is looked at last.
                self._ears.drain()
                self._behind -= {fence.port for fence in queues}
                if not metered:
                    continue
                if learned:
                    self._let_out()
                if self._ears.moved() == own and all(fence.met == fence.usual for fence in learned):
                    break
        except (FenceLost, OSError) as error:
            return f"no proof: {error}"
        return ""

    def _cross(self, fences: Sequence[Fence]) -> None:
        """A frame through each queue, until all that must have heard it. Raises FenceLost, OSError."""
        self._under_way = {}
        cross_queues(fences, lambda: next(self._arena.numbers), self._wait)

    def _wait(self, sent: dict[int, Fence], deadline: float) -> None:
        # One that was sent before, and given up, may still come: it proves as much.
        self._under_way.update(sent)
        self._missing = sent
        self._ears.wait(lambda: not sent, deadline)

    def _let_out(self) -> None:
        """Let what a flooded fence has left on other ways come out of the backlogs. Raises FenceLost."""
        for _ in range(self._state.hops):
            self._cpus.round(quiet=self._racing)
            self._ears.drain()


def parents(state: State) -> list[AnyLink]:
    """The links that have macvlan children and aren't such themselves."""
    used = {link.parent for link in state.links if isinstance(link, Macvlan)}
    return [link for link in state.links if not isinstance(link, Macvlan) and link.id in used]


def queue_length(state: State, parent: AnyLink) -> int:
    """The length of a macvlan port's broadcast queue: the largest that a child asked for (update_port_bc_queue_len)."""
    return max(
        (1000 if child.bcqueuelen is None else child.bcqueuelen for child in state.children_of(parent.id)), default=1000
    )


def queue_counters(arena: Arena) -> dict[str, tuple[Netns, list[str]]]:
    """The parents that count what their queues have no room for, by namespace.

    One whose queue has no length drops every broadcast from outside: that is a finding, not a loss.
    """
    found: dict[str, tuple[Netns, list[str]]] = {}
    for parent in parents(arena.state):
        if queue_length(arena.state, parent):
            found.setdefault(parent.namespace, (arena.lab.namespaces[parent.namespace], []))[1].append(parent.ifname)
    return found
