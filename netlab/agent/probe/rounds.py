"""Rounds in one lab: the fences through all queues in which something of it may wait."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from netlab.agent.netns import Netns
from netlab.agent.probe import filters
from netlab.agent.probe.fence import CpuFence, Fence, FenceLost, QueueFence, ShaperFence, cross_queues
from netlab.agent.probe.lab_view import LabView
from netlab.agent.probe.meter import Meter
from netlab.agent.probe.receivers import Receivers
from netlab.contract.driver import Liveness
from netlab.contract.types import AnyLink, State

#: In a lab of at most so many namespaces every frame is counted. In larger ones opening the sockets takes longer than
#: the rounds that they save, except where packets may go by many routers.
METERED = 16


class Rounds:
    """The fences of a lab in one step; ``notes`` tell where there can be none."""

    def __init__(self, view: LabView, receivers: Receivers, cpus: CpuFence) -> None:
        self.notes: list[str] = []
        self._view = view
        self._state = state = view.state
        self._receivers = receivers
        self._cpus = cpus
        self.queues: dict[str, QueueFence] = {}
        self._shapers: list[ShaperFence] = []
        #: What counts everything that moves in the lab but fences; none where it isn't counted.
        self._meters: list[Meter] = []
        #: The hops of the longest chain that one frame may cause.
        self._longest = state.hops * (1 + state.routers)
        #: The fences that are under way in this round, and those that not every listener has heard.
        self._under_way: dict[int, Fence] = {}
        self._missing: dict[int, Fence] = {}
        #: The host of each parent with a broadcast queue.
        self._homes: dict[str, str] = {}
        #: Parents in whose broadcast queues something may wait that no fence has followed.
        self._behind: set[str] = set()
        # On an idle machine a parent in its child's namespace answers first: the child must wait for a workqueue.
        self._racing = any(
            link.lower is not None and state.link(link.lower).namespace == link.namespace for link in state.links
        )

    def prepare(self, liveness: Mapping[str, Liveness]) -> None:
        """Find the fences, once the controls have told which children hear anything."""
        self.queues = self._queue_fences(liveness)
        state = self._state
        self._homes = {parent: state.namespace(state.link(parent).namespace).host for parent in self.queues}
        self._shapers = self._shaper_fences()
        namespaces = list(self._view.lab.namespaces.values())
        # What waits in a shaper isn't counted until it is let out.
        if len(namespaces) <= max(METERED, self._longest) and not self._shapers:
            self._meters = [self._receivers.meter(ns, filters.MOVING) for ns in namespaces]

    @property
    def metered(self) -> bool:
        """Whether whatever moves in the lab is counted."""
        return bool(self._meters)

    # --- which fences there are ---------------------------------------------------------------------

    def _queue_fences(self, liveness: Mapping[str, Liveness]) -> dict[str, QueueFence]:
        """A fence for each port in whose broadcast queue something may wait, by the parent's id."""
        fences = self._fences_of_siblings()
        for parent in parents(self._state):
            children = [one for one in self._state.children_of(parent.id) if "workqueue" in one.queues]
            far = self._view.far(parent.id)
            queueing = [child for child in children if child.effective_mode != "source"]
            # What a child that is a bridge's port gets is heard at the bridge's own interface.
            hearing = {child.port_of or child.id for child in queueing if self._view.works(child.id)}
            listeners = [one for one in hearing if one in liveness and self._view.works(one) and liveness[one].receives]
            why = ""
            if far is None or not self._view.works(parent.id):
                why = "its wire is down"
            elif not queueing:
                why = "only source children, which are served at once"
            elif not listeners:
                why = "no child of it hears anything"
            elif queue_length(self._state, parent) == 0:
                why = "its queue length is 0"
            if parent.id in fences:
                continue
            if why or far is None:
                self.notes.append(f"{parent.id}: no fence through the broadcast queue: {why}")
                continue
            fences[parent.id] = QueueFence(parent.id, far.inject, frozenset(listeners))
        return fences

    def _fences_of_siblings(self) -> dict[str, QueueFence]:
        """The same where nothing comes in from outside, but children's own broadcasts wait for their siblings."""
        view, places = self._view, {endpoint.link: i for i, endpoint in enumerate(self._view.endpoints)}
        children: dict[str, list[str]] = {}
        for link in self._state.links:
            if link.lower is None or not (link.queues_own and link.carries_frames and view.works(link.id)):
                continue
            if view.far(link.lower) is None or not view.works(link.lower):
                children.setdefault(link.lower, []).append(link.id)
        return {
            parent: QueueFence(parent, partial(view.transmit, places[sender]), frozenset(listeners))
            for parent, (sender, *listeners) in children.items()
            if listeners and sender in places
        }

    def _shaper_fences(self) -> list[ShaperFence]:
        """A fence for each interface that is shaped and can send: a frame may wait there for its turn."""
        view = self._view
        fences = []
        for i, endpoint in enumerate(view.endpoints):
            link = view.state.link(endpoint.link)
            far = view.far(link.id)
            if not link.shaped or endpoint.extra or far is None:
                continue
            if not view.works(link.id):
                # Without carrier its queueing discipline is noop_qdisc, which keeps nothing (dev_deactivate).
                continue
            fences.append(ShaperFence(link.id, partial(view.transmit, i), far.places, view.macs[i]))
        return fences

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

    def relevant(self, namespaces: Iterable[str], *, further: bool) -> list[QueueFence]:
        """The queues that a chain between these namespaces may pass: those of their hosts and of every router.

        With ``further`` all queues: other hosts may take part, such as a gateway (even one that doesn't forward), or a
        host that also has an end's address.
        """
        if self._state.routers or further:
            return list(self.queues.values())
        hosts = {self._state.namespace(ns).host for ns in namespaces}
        return [fence for parent, fence in self.queues.items() if self._homes[parent] in hosts]

    def sent(self) -> None:
        """Probes were sent: something may wait in any queue now."""
        self._behind = set(self.queues)

    def catch_up(self, queues: Iterable[QueueFence]) -> str:
        """Empty these queues of what earlier waves, of other hosts, have left; returns why it can't be done, else ''.

        A child that hears a request late would learn the sender's MAC (arp_process) if it is just looking for that
        sender.
        """
        late = [fence for fence in queues if fence.port in self._behind]
        try:
            self._cross(late)
        except (FenceLost, OSError) as error:
            return f"not cold: {error}"
        return ""

    def run(self, traversals: int, queues: Sequence[QueueFence]) -> str:
        """Prove that everything sent has been handled; returns the reason where it can't be proved, else ''.

        As many rounds as the longest chain has hops are enough. One round is enough if no frame but the fences moved in
        the lab meanwhile: every frame that leaves a queue is counted when it is received, and every frame that it
        causes when it is sent (__netif_receive_skb_core, dev_queue_xmit_nit). So nothing waited anywhere.
        """
        try:
            self._moved()
            for _ in range(self._longest * traversals):
                self._cpus.round(quiet=self._racing)
                self._cross([*self._shapers, *queues])
                # A frame that is read may make a server of ours answer, which is counted, too: so the count is read
                # last.
                self._receivers.drain()
                self._behind -= {fence.port for fence in queues}
                if self._meters and not self._moved():
                    break
        except (FenceLost, OSError) as error:
            return f"no proof: {error}"
        return ""

    def _moved(self) -> int:
        """How many frames moved since the last call."""
        return sum(meter.more() for meter in self._meters)

    def _cross(self, fences: Sequence[Fence]) -> None:
        """Send a frame through each queue, and wait until every listener has heard it. Raises FenceLost, OSError."""
        self._under_way = {}
        cross_queues(fences, lambda: next(self._view.numbers), self._wait)

    def _wait(self, sent: dict[int, Fence], deadline: float) -> None:
        # One that was sent before, and given up, may still come: it proves as much.
        self._under_way.update(sent)
        self._missing = sent
        self._receivers.wait(lambda: not sent, deadline)


def parents(state: State) -> list[AnyLink]:
    """The links that have macvlan children and take in frames from outside: only those are queued, not what children
    send to each other."""
    used = {link.lower for link in state.links if "workqueue" in link.queues}
    return [link for link in state.links if link.id in used and not state.root(link.id).swallows]


def queue_length(state: State, parent: AnyLink) -> int:
    """The length of a macvlan port's broadcast queue: the largest that a child asked for (update_port_bc_queue_len)."""
    asked = (child.queue_length for child in state.children_of(parent.id))
    return max((length for length in asked if length is not None), default=1000)


def queue_counters(view: LabView) -> dict[str, tuple[Netns, list[str]]]:
    """The parents whose drops of broadcasts count as losses, by namespace.

    A parent whose queue has length 0 drops every broadcast from outside: that is intended, not a loss. One that is down
    drops what its children send to each other (dev_forward_skb).
    """
    found: dict[str, tuple[Netns, list[str]]] = {}
    for parent in parents(view.state):
        counts = queue_length(view.state, parent) and view.links[parent.id]["up"]
        if counts and parent.namespace in view.lab.namespaces:
            found.setdefault(parent.namespace, (view.lab.namespaces[parent.namespace], []))[1].append(parent.ifname)
    return found
