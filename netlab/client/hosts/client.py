"""All machines of a lab, driven together: they look like one agent to the pipeline."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn

from netlab.client import relay
from netlab.client.agent import Agent, Lab, Log
from netlab.client.capture import Capture
from netlab.client.errors import LabClosed, LabDied, LabError, NotOnThisSubstrate
from netlab.client.hosts import ground
from netlab.client.hosts.inventory import Machine
from netlab.client.hosts.measure import measure
from netlab.client.hosts.nics import Facts, check_nics, hosts_of, nics_of, wanted_sysctls
from netlab.client.hosts.ssh import Remote
from netlab.client.hosts.waves import Machines, Waves
from netlab.client.process import Process
from netlab.client.reply import Progress, Reply
from netlab.contract.measures import Traffic
from netlab.contract.observed import LayerObserved, Sample, StepObserved
from netlab.contract.types import BY_NAME, Endpoint, Plan, Step, Target, asks_host
from netlab.contract.wire import to_plain
from netlab.errors import UsageError
from netlab.version import __version__

#: How often the machines are told that the front is alive, in seconds.
BEAT = 10.0


class HostsClient(Agent):
    """The agents of several machines. Each topology gets fresh ones, whose end undoes everything.

    ``find`` says which machines play some hosts of a topology.
    """

    substrate = "hosts"
    #: The machines' agents end with the sessions that started them.
    lent = False

    def __init__(
        self,
        find: Callable[[list[str]], Mapping[str, Machine]],
        *,
        allow_management: bool = False,
        on_log: Log | None = None,
    ) -> None:
        self._find = find
        self.machines: dict[str, Machine] = {}
        self.allow_management = allow_management
        self._log_to = on_log
        self.remotes: dict[str, Remote] = {}
        self.facts: dict[str, Facts] = {}
        self.grounding: ground.Grounding | None = None
        #: The lab that is open, if one is.
        self.open: HostsLab | None = None
        self._stop_beating = threading.Event()

    # --- what an agent does -------------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        """Whether it can be asked: fresh agents are started whenever they are needed."""
        return True

    @property
    def pid(self) -> int:
        """The process that everything ends with: this one."""
        return os.getpid()

    def listen(self, on_note: Log) -> None:
        """There is nothing to say while it starts: what is noted of machines stands in the record."""

    def adapt(self, plan: Plan) -> Plan:
        """Reach the machines of a topology and fit its plan to them. Raises UsageError, CannotRun."""
        if self.open is not None:
            raise UsageError(
                f"machines have one lab at a time, and {self.open.plan.name} is still open: close it first"
            )
        hosts = hosts_of(plan)
        self.machines = dict(self._find(hosts))
        missing = [host for host in hosts if host not in self.machines]
        if missing:
            raise UsageError(f"no machine is given for {', '.join(missing)} of {plan.name} (--on)")
        self.close()
        machines = {host: self.machines[host] for host in hosts}
        mark = os.urandom(4)
        try:
            for host, machine in machines.items():
                self.remotes[host] = Remote.reach(machine, mark, self._log_to)
            self._beat()
            self.facts = self.ask({host: {} for host in hosts}, "facts")
            self._same_version()
            nics: dict[str, str] = {}
            paths: dict[str, dict[str, Any]] = {}
            for host, machine in machines.items():
                mine = nics_of(plan, machine, self.facts[host])
                check_nics(machine, self.facts[host], mine, self.allow_management)
                nics |= mine
                paths[host] = {"paths": wanted_sysctls(mine.values())}
            read = self.ask(paths, "sysctls")
            values = {host: {path: v for path, v in found.items() if v is not None} for host, found in read.items()}
            self.grounding = ground.Grounding(plan, ground.Ground(machines, self.facts, values), nics)
        except BaseException:
            self.close()
            raise
        return self.grounding.plan

    def lab(self, plan: Plan) -> HostsLab:
        """The lab of the plan that `adapt` has returned."""
        assert self.grounding is not None
        self.open = HostsLab(self, self.grounding)
        return self.open

    def info(self) -> dict[str, Any]:
        """Kernels and processors, machine by machine."""
        machines = {
            host: {key: facts[key] for key in ("hostname", "kernel", "machine", "python", "cpus", "hardware", "iperf3")}
            | {"ssh": self.machines[host].ssh}
            for host, facts in self.facts.items()
        }
        kernels = list(dict.fromkeys(one["kernel"] for one in machines.values()))
        return {"kernel": ", ".join(kernels), "rootless": False, "machines": machines}

    def close(self) -> None:
        """End every agent, and wait until each machine is as it was. Raises LabError where one isn't."""
        self.open = None
        self._stop_beating.set()
        failures: list[Exception] = []

        def end(remote: Remote) -> None:
            try:
                remote.close()
            except LabError as error:
                failures.append(error)

        closing = [threading.Thread(target=end, args=(remote,)) for remote in self.remotes.values()]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join()
        self.remotes.clear()
        if failures:
            raise failures[0]

    # --- all machines at once -----------------------------------------------------------------------

    def ask(self, values: Mapping[str, Mapping[str, Any]], op: str) -> dict[str, Any]:
        """The same request to several machines at once, each with its own values; their answers. Raises LabError."""
        return relay.ask(self.remotes, values, op)

    def _same_version(self) -> None:
        for host, facts in self.facts.items():
            machine = self.machines[host]
            if facts["netlab"] != __version__:
                raise LabError(
                    f"{machine} has netlab {facts['netlab']}, and this is {__version__}",
                    f"ssh {machine.ssh} {machine.python} -m pip install netns-lab=={__version__}",
                )

    def _beat(self) -> None:
        """Tell the machines that the front is there: a network may break without closing the connection."""
        self._stop_beating = stop = threading.Event()
        remotes = list(self.remotes.values())

        def beat() -> None:
            while not stop.wait(BEAT):
                for remote in remotes:
                    try:
                        remote.request("beat")
                    except LabError:
                        return

        threading.Thread(target=beat, name="beat", daemon=True).start()


class HostsLab(Lab):
    """One topology on its machines. What is asked for is done in order, by a thread of its own."""

    sees_files = False

    def __init__(self, client: HostsClient, grounding: ground.Grounding) -> None:
        self.agent = client
        self.client = client
        self.number = 1
        self.plan = grounding.plan
        self.grounding = grounding
        self.step: Step | None = None
        self.links: dict[str, dict[str, Any]] = {}
        self.armed: Machines | None = None
        #: The requests of the measurement that is going on.
        self._under_way: list[tuple[Remote, int]] = []
        self._closed = False
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._worker = threading.Thread(target=self._work, name="client", daemon=True)
        self._worker.start()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()

    def later(self, work: Callable[[], Any]) -> Reply[Any]:
        reply: Reply[Any] = Reply(lambda result, _fds: result)
        if self._closed:
            reply.fail(LabClosed("this lab is closed"))
            return reply

        def task() -> None:
            try:
                reply.resolve(work(), [])
            except Exception as error:  # raised again where the result is asked for
                reply.fail(error)

        self._tasks.put(task)
        return reply

    def adapt(self, plan: Plan) -> Plan:
        """A plan with further steps, fitted to the same machines. Raises UsageError, CannotRun."""
        self.grounding = self.grounding.further(plan)
        self.plan = self.grounding.plan
        return self.plan

    def enter(self, step: Step) -> Reply[StepObserved]:
        """Take every machine's part into a step. The reply's ``result()`` raises BuildError, LabDied."""
        return self.later(lambda: self._enter(step))

    def _enter(self, step: Step) -> StepObserved:
        self.armed = None
        parts = {host: {"step": to_plain(self.grounding.part(step, host))} for host in self.client.remotes}
        built = self.client.ask(parts, "enter")
        self.step = step
        self.links = {link: read for one in built.values() for link, read in one["links"].items()}
        return StepObserved(
            layers=(),
            links=self.links,
            unsettled=tuple(link for one in built.values() for link in one["unsettled"]),
            refused={link: found for one in built.values() for link, found in one["refused"].items()},
            notes=tuple(f"{host}: {note}" for host, one in built.items() for note in one["notes"]),
        )

    def probe(
        self,
        layers: Sequence[str],
        *,
        seed: int = 0,
        wire: bool = False,
        pairs: Iterable[tuple[int, int]] | None = None,
        together: bool = False,
        targets: Sequence[Target] | None = None,
    ) -> Reply[tuple[LayerObserved, ...]]:
        """Probe layers in the current step, as `Lab.probe` does. Raises NotOnThisSubstrate for host questions."""
        for layer in filter(asks_host, layers):
            raise NotOnThisSubstrate(
                f"{layer}: on real machines only interfaces are asked", "an interface's name on the left"
            )
        for layer in BY_NAME.intersection(layers):
            raise NotOnThisSubstrate(f"{layer}: groups are not joined on real machines", "leave this layer out")
        wanted = None if pairs is None else list(pairs)
        return self.later(lambda: tuple(self._probe(layer, seed, wire, wanted, together) for layer in layers))

    def _probe(
        self, layer: str, seed: int, wire: bool, pairs: list[tuple[int, int]] | None, together: bool
    ) -> LayerObserved:
        if self.step is None:
            raise LabDied("the lab was not built")
        if self.armed is None or (wire and not self.armed.wire):
            cpus = {host: facts["cpus"] for host, facts in self.client.facts.items()}
            self.armed = Machines(
                self.client.ask, tuple(self.client.remotes), self.step.state, self.links, cpus, wire=wire
            )
        return Waves(self.armed, layer).probe(seed, pairs, together)

    def measure(
        self, source: Endpoint, destination: Endpoint, traffic: Traffic, on_progress: Progress | None = None
    ) -> Reply[Sample]:
        """Measure throughput or latency once, as `Lab.measure` does, between machines or on one."""
        return self.later(lambda: self._measure(source, destination, traffic, on_progress))

    def _measure(
        self, source: Endpoint, destination: Endpoint, traffic: Traffic, on_progress: Progress | None
    ) -> Sample:
        # What listens to every frame would slow down what is measured.
        self.armed = None
        self._under_way.clear()
        near, far = (self.client.remotes[one.namespace.partition("/")[0]] for one in (source, destination))
        if near is not far:
            return measure((near, source), (far, destination), traffic, on_progress, self._begun)
        reply = Lab(near, 1, self.plan).measure(source, destination, traffic, on_progress)
        self._begun(near, reply)
        return reply.result()

    def _begun(self, remote: Remote, reply: Reply[Any]) -> None:
        self._under_way.append((remote, reply.number))

    def cancel(self, reply: Reply[Any]) -> None:
        """End the measurement that is going on: its result raises Cancelled."""
        for remote, number in list(self._under_way):
            remote.request("cancel", request=number)

    def close(self) -> None:
        """Delete the lab's neighbours on every machine, then end the agents: everything is undone when this returns."""
        if self._closed:
            return
        self._closed = True
        self._tasks.put(None)
        self._worker.join()
        if self.client.open is not self:
            # The agents of this lab have been ended already.
            return
        try:
            self.client.ask({host: {} for host in self.client.remotes}, "quiet")
        except LabError:
            # A machine has gone. Its own agent undoes what is there; the others are ended as ever.
            self.armed = None
        self.client.close()

    # --- what goes on there meanwhile ---------------------------------------------------------------

    def host_of(self, place: str) -> str:
        """Whose machine an interface is on. Raises NotOnThisSubstrate for a switch's."""
        if not self.watches(place):
            raise NotOnThisSubstrate(
                f"{place} is the real switch's, which can't be watched", "capture at the NIC that is plugged into it"
            )
        return _host(place)

    def watches(self, place: str) -> bool:
        """Whether frames can be captured there: at any interface of a machine, at none of a switch."""
        return not place.startswith("port(") and _host(place) in self.client.remotes

    def _start(self, request: dict[str, Any], fds: list[int]) -> Process:
        host = _host(request["ns"])
        if host not in self.client.remotes:
            raise NotOnThisSubstrate(f"{request['ns']} is the real switch: nothing runs there", "a host's name")
        remote = self.client.remotes[host]
        process: Process = self.later(lambda: relay.spawn(remote, request, fds)).result()
        return process

    def capture(self, wanted: Sequence[str], fds: Sequence[int]) -> Capture:
        """Capture as `Lab.capture` does; the files, which must stay open, are filled when it is stopped."""
        there: dict[str, dict[str, int]] = {}
        for k, name in enumerate(wanted):
            there.setdefault(self.host_of(name), {})[name] = k if len(fds) > 1 else 0
        parts = relay.RelayedCapture(self.client.remotes, self.number, there, fds)
        return Capture(self.later(parts.start), lambda _number: self.later(parts.stop).result())

    def locate(self, namespace: str) -> NoReturn:
        """No descriptor can come from another machine."""
        raise NotOnThisSubstrate("what lives on another machine is entered by ssh")

    def put(self, namespace: str, files: object) -> NoReturn:
        """Files of a machine are never written."""
        raise NotOnThisSubstrate("files of a machine are never written")

    def socket(self, *_args: Any, **_more: Any) -> NoReturn:
        """No socket can be handed over from another machine."""
        raise NotOnThisSubstrate(
            "a socket is a descriptor of the machine that it is on, and can't be handed over to another",
            "run a process there that has it: lab['A'].popen('python3', '-c', …), or ssh -L, -D",
        )


def _host(name: str) -> str:
    return name.partition(":")[0].partition("/")[0]
