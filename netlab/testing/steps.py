"""A lab's life and its steps: how it comes to the state that questions are asked in."""

from __future__ import annotations

import threading
import warnings
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from netlab.client import Agent, BuildError, LabClosed, Reply
from netlab.contract.types import Plan, State, Step, Where
from netlab.errors import UsageError, did_you_mean
from netlab.testing.adopting import Adopted, adopt
from netlab.testing.blueprint import Blueprint, Names, as_node
from netlab.testing.errors import Inconclusive
from netlab.testing.given import Given
from netlab.testing.kept import Kept
from netlab.testing.topology import caller

#: Of its captures a lab keeps so many of the last, for what is told of a test that fails.
CAPTURES = 20

if TYPE_CHECKING:
    from netlab.client import Lab as Handle
    from netlab.contract.observed import StepObserved
    from netlab.plan.planner import Planner
    from netlab.spec.nodes import Node
    from netlab.testing.capture import Capture
    from netlab.testing.daemon import Daemon


class LabInSteps:
    """A lab that is up, without its questions: see `netlab.testing.lab.Lab`."""

    def __init__(self, agent: Agent, blueprint: Blueprint, seed: int = 0) -> None:
        plan = agent.adapt(blueprint.plan(agent.kernel))
        self._set_up(agent.lab(plan), plan, blueprint, seed)
        try:
            self._enter(self.plan.steps[0])
            self._warn()
        except BaseException:
            self._handle.close()
            raise

    def _set_up(self, handle: Handle, plan: Plan, blueprint: Blueprint, seed: int) -> None:
        self.blueprint, self.plan, self.seed = blueprint, plan, seed
        self.captures: deque[Capture] = deque(maxlen=CAPTURES)
        self._over, self._handle, self._lock = "", handle, threading.RLock()
        self.kept = Kept()
        #: What `Namespace.daemon` has started.
        self.daemons: list[Daemon] = []
        #: Whether a program or a socket of the test's was ever in it.
        self.touched = False
        self.past: list[Node | Given] = []
        self._names = Names(["baseline", *blueprint.steps])
        self._planner_made: Planner | None = None
        self._warned: set[str] = set()
        self._current: Step
        self.entered: Reply[StepObserved]

    def close(self) -> None:
        """End the lab: its processes are killed, the sockets it gave are closed, its namespaces go."""
        self._end("is closed")

    def _end(self, why: str) -> None:
        with self._lock:
            self._over = self._over or why
            # A capture may live longer, and it refers to this lab.
            self.captures.clear()
            self.kept.close()
            self._handle.close()

    @property
    def closed(self) -> bool:
        """Whether the lab is over: closed, or ended by a step that the kernel refused."""
        return bool(self._over)

    @property
    def handle(self) -> Handle:
        """What the agent can be asked through. Raises LabClosed."""
        __tracebackhide__ = True
        self._check_open()
        return self._handle

    def _check_open(self) -> None:
        __tracebackhide__ = True
        if self._over:
            raise LabClosed(f"{self.plan.name} {self._over}")

    # --- what is there ------------------------------------------------------------------------------

    @property
    def current(self) -> Step:
        """The step that the lab is in: the plan's, with everything resolved."""
        return self._current

    @property
    def state(self) -> State:
        """What there is in the current step, as the plan says it."""
        return self._current.state

    @property
    def links(self) -> Mapping[str, Mapping[str, Any]]:
        """What the kernel said of each interface and switch port, by id, when the current step had settled."""
        return self.entered.result().links

    @property
    def refused(self) -> Mapping[str, Mapping[str, Any]]:
        """What became of the changes of the current step that the topology expects the kernel to refuse."""
        return self.entered.result().refused

    @property
    def macs(self) -> Mapping[str, str]:
        """Whose a MAC is: an interface's id, or several where children share it."""
        found: dict[str, list[str]] = {}
        for name, link in self.links.items():
            if link.get("mac") and name not in self.bridges:
                found.setdefault(str(link["mac"]), []).append(name)
        return {mac: "/".join(names) for mac, names in found.items()}

    @property
    def bridges(self) -> set[str]:
        """The ids of the switches' own bridge devices."""
        return {namespace.id for namespace in self.state.namespaces if namespace.kind == "switch"}

    def adopt(self, *hosts: str) -> Adopted:
        """Take over what programs have changed in these hosts and switches, or in all: addresses, routes, rules, static
        neighbours, links, nftables, sysctls, bridges and their ports. The model and every question go by it from then
        on.

        Questions and steps do so by themselves, where a program or a socket of the test's was in the lab, and warn of
        what no topology can say. That is in the answer; the model knows nothing of packets in those hosts, bridges and
        tunnels.
        """
        __tracebackhide__ = True
        with self._lock:
            handle = self.handle
            known = [namespace.id for namespace in self.state.namespaces]
            for host in hosts:
                if host not in known:
                    raise KeyError(f"no host {host!r} in {self.plan.name}{did_you_mean(host, known)}")
            if handle.agent.substrate == "hosts":
                return Adopted()
            told, adopted, before = handle.news(), Adopted(), len(self.past)
            # What needs interfaces that are added takes a second step.
            for _ in range(2):
                found, step, plan = adopt(self._planner, told, hosts, self._names.fresh("adopted"))
                if step is None or plan is None:
                    break
                adopted = Adopted((*adopted.changes, *found.changes), found.unknown)
                self.plan = handle.adapt(plan)
                self.past.append(step)
                self._names.take(plan.steps[-1].name)
            if len(self.past) > before:
                self._enter(self.plan.steps[-1])
            return adopted

    def _refresh(self) -> None:
        __tracebackhide__ = True
        if self.touched:
            known = self.state.foreign
            for place, why in (self.adopt().unknown or {}).items():
                if (place, why) not in known:
                    self._warn(f"{place}: unknown to the model, changed by a program: {why}")

    def fence(self) -> None:
        """Wait until all that was sent before has been handled, wherever it has got to: a program that has not heard of
        it by then will not. So silence is proved for programs and sockets of your own.

        Raises Inconclusive where that can't be known: where frames may wait in a queueing discipline, say.
        """
        __tracebackhide__ = True
        if why := self.handle.fence():
            raise Inconclusive(why)

    def reset(self, step: str = "baseline") -> None:
        """Build the lab anew, in its baseline or a step of the topology: its programs and sockets end.

        Raises UsageError (no such step), BuildError.
        """
        __tracebackhide__ = True
        with self._lock:
            if step != "baseline" and step not in self.blueprint.steps:
                known = did_you_mean(step, self.blueprint.steps)
                raise UsageError(f"step {step!r} is not in {self.plan.name}{known}")
            agent = self._handle.agent
            self.captures.clear()
            self.kept.close()
            self._handle.close()
            plan = agent.adapt(self.blueprint.plan(agent.kernel))
            self._set_up(agent.lab(plan), plan, self.blueprint, self.seed)
            self._enter(self.plan.steps[0])
            if step != "baseline":
                self.step(step)

    # --- steps --------------------------------------------------------------------------------------

    def step(self, name: str = "", **changes: Any) -> None:
        """Go to a step, and wait until the lab has settled.

        With ``name`` alone: a step of the topology, and those before it on the way. With ``changes``: one that the
        test makes up, in the words of topology files: ``set={"A:eth0": {"state": "down"}}``, ``delete=["B"]``,
        ``add={"hosts": {…}}``. Raises UsageError (no such step), TopologyError (it can't be), BuildError (the kernel
        refused; the lab has ended then).
        """
        __tracebackhide__ = True
        at = caller()
        with self._lock:
            self._refresh()
            own = self.blueprint.steps
            if changes:
                self._go(Given({"name": self._names.fresh(name or ", ".join(changes)), **changes}, at))
                return
            ahead = [one for one in own if own[one] not in self.past]
            if name not in ahead:
                what = "has been passed" if name in own else f"is not in {self.plan.name}{did_you_mean(name, own)}"
                raise UsageError(f"step {name!r} {what}; still to come: {', '.join(ahead) or 'none'}")
            for one in ahead[: ahead.index(name) + 1]:
                self._go(own[one])

    @property
    def _planner(self) -> Planner:
        if self._planner_made is None:
            self._planner_made = self.blueprint.planner(self._handle.agent.kernel)
        return self._planner_made

    def _go(self, step: Node | Given) -> None:
        __tracebackhide__ = True
        handle = self.handle
        plan = self._planner.step(as_node(step))
        self.plan = handle.adapt(plan)
        self.past.append(step)
        self._names.take(plan.steps[-1].name)
        self._enter(self.plan.steps[-1])
        self._warn()

    def _warn(self, *news: str) -> None:
        """Pass on what is odd about the topology, and news, once."""
        for warning in news or self.plan.warnings:
            if warning not in self._warned:
                self._warned.add(warning)
                warnings.warn(warning, UserWarning, stacklevel=5)

    def _enter(self, step: Step) -> None:
        __tracebackhide__ = True
        entered = self.handle.enter(step)
        try:
            built = entered.result()
        except BuildError:
            self._end(f"has ended: its step {step.name} could not be built")
            raise
        self.entered, self._current = entered, step
        if built.unsettled:
            names = ", ".join(built.unsettled)
            said = f"{self.plan.name}, {step.name}: not yet what the topology says: {names}"
            warnings.warn(said, RuntimeWarning, stacklevel=4)

    @property
    def topology(self) -> str:
        """The topology with the steps gone through so far, as the text of a topology file."""
        return self.blueprint.text(self.past)

    def set(self, link: str, settings: Mapping[str, Any], at: Where) -> None:
        """Set an interface: a step of its own."""
        __tracebackhide__ = True
        with self._lock:
            self._refresh()
            words = ", ".join(f"{key}={value}" for key, value in settings.items())
            self._go(Given({"name": self._names.fresh(f"{link} {words}"[:80]), "set": {link: dict(settings)}}, at))

    def settled(self) -> StepObserved:
        """What has become of the current step; where a link had not settled in time it is looked at once more."""
        __tracebackhide__ = True
        with self._lock:
            built = self.entered.result()
            if built.unsettled:
                now = self.read_back()
                built = replace(built, links=now.links, unsettled=now.unsettled)
                self.entered = Reply(lambda result, _fds: result)
                self.entered.resolve(built, [])
            return built

    def read_back(self) -> StepObserved:
        """What the kernel says of every interface now."""
        __tracebackhide__ = True
        with self._lock:
            return self.handle.enter(replace(self.current, changes=())).result()
