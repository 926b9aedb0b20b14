"""One agent process, and the labs it serves."""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Self

from netlab.client.answers import entered, probed
from netlab.client.boot import launch
from netlab.client.capture import Capture, Counts
from netlab.client.errors import MORE, CannotRun, Exhausted, LabDied, LabError, lost, reported
from netlab.client.inside import Inside
from netlab.client.process import Process
from netlab.client.reply import Progress, Reply
from netlab.contract.kernels import Version, here
from netlab.contract.measures import Measures, Traffic
from netlab.contract.observed import LayerObserved, Sample, StepObserved
from netlab.contract.threads import begin
from netlab.contract.types import Endpoint, Plan, Step, Target
from netlab.contract.wire import Channel, Closed, to_plain

Log = Callable[[str], None]

#: How a process ends whose agent has ended: with every other in its namespaces, by SIGKILL.
KILLED = -9


class Agent:
    """The other side, as a process of its own. It lives as long as this object's process and no longer.

    Requests may be sent from any thread; the agent does them one after the other.
    """

    #: Where its labs live.
    substrate = "netns"

    def __init__(
        self, channel: Channel, process: subprocess.Popen[bytes] | None, on_log: Log | None = None, first: int = 0
    ) -> None:
        # An agent without a process doesn't end with this object. ``first`` begins the ids of requests.
        self._channel = channel
        self._process: Any = process
        self._on_log = on_log
        self._numbers = itertools.count(first + 1)
        self._labs = itertools.count(1)
        self._lock = threading.Lock()
        self._pending: dict[int, Reply[Any]] = {}
        self._processes: dict[int, Process] = {}
        self._exits: dict[int, int] = {}
        self._end: Exception | None = None
        self._notes: list[str] = []
        self._on_note: Log = self._notes.append
        self._reader = threading.Thread(target=self._read, name="netlab-agent", daemon=True)
        begin(self._reader)
        if on_log is not None:
            self.request("verbose", on=True)

    @classmethod
    def start(cls, on_log: Log | None = None) -> Self:
        """Start an agent; returns at once, while it is still entering its namespaces.

        ``on_log`` is called, in another thread, with every netlink request as the `ip` command for it.
        Whether the machine allows it shows with the first answer: CannotRun.
        """
        return cls._start("netlab.agent.__main__", [], on_log)

    @classmethod
    def _start(cls, module: str, options: list[str], on_log: Log | None, stderr: int | None = None) -> Self:
        mine, process = launch(module, options, stderr)
        try:
            return cls(Channel(mine), process, on_log)
        except (MemoryError, RuntimeError) as error:
            # The reader's thread: neither memory nor a process number is left for it.
            process.kill()
            process.wait()
            mine.close()
            raise Exhausted(f"the agent cannot be started: {error}", MORE) from error

    def __enter__(self) -> Agent:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        """Whether the agent can still be asked."""
        return self._end is None

    @property
    def pid(self) -> int:
        """The process that ties the agent's life to this one's."""
        assert self._process is not None
        return int(self._process.pid)

    def close(self) -> None:
        """End the agent and every lab of it."""
        self._take_leave("the agent was closed")
        # PID 1 ends with the launcher, and every namespace and process with it. The kernel then still cleans up (a
        # grace period for each packet socket): no need to wait for that.
        self._kill()
        self._channel.shut_down()
        self._reader.join()
        self._channel.close()
        if self._process is not None:
            self._process.wait()

    def _take_leave(self, why: str) -> None:
        """Whatever is asked from now on fails, with the reason."""
        with self._lock:
            self._end = self._end or LabDied(why)

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def info(self) -> dict[str, Any]:
        """The machine and the agent: kernel, rootless, cpus, …"""
        found: dict[str, Any] = self.request("info").result()
        return found

    @property
    def kernel(self) -> Version:
        """The Linux that its labs live in, known before it answers: the front predicts meanwhile."""
        return here()

    def listen(self, on_note: Log) -> None:
        """Have called with what there is to say while it starts slowly, in another thread: each text once."""
        self._on_note = on_note
        while self._notes:
            on_note(self._notes.pop(0))

    def adapt(self, plan: Plan) -> Plan:
        """The plan as this substrate can have it: in namespaces, as it is."""
        return plan

    def lab(self, plan: Plan) -> Lab:
        """A handle on a lab; nothing is built before its first `Lab.enter`."""
        return Lab(self, next(self._labs), plan)

    @property
    def lent(self) -> bool:
        """Whether it goes on when this process has ended."""
        return self._process is None

    def let_go(self) -> None:
        """Have the agent go on when this process has ended: a lab of it stays."""
        # Its end is nobody's concern here.
        self._process.returncode, self._process = 0, None

    def request(
        self,
        op: str,
        convert: Callable[[Any, list[int]], Any] = lambda result, fds: result,
        *,
        fds: Sequence[int] = (),
        on_progress: Progress | None = None,
        **values: Any,
    ) -> Reply[Any]:
        """Send one request, with descriptors beside it. ``on_progress`` is called, in another thread, with the progress
        messages of a long one; it must not send requests itself. Raises LabDied where the agent has ended, CannotRun
        where it could not start."""
        __tracebackhide__ = True
        number = next(self._numbers)
        reply: Reply[Any] = Reply(convert, number, on_progress)
        with self._lock:
            if self._end is not None:
                raise self._end
            self._pending[number] = reply
        # Without the lock, which the reader needs: while the agent can't send an answer, it takes no request.
        try:
            # Where the agent has gone the reader says why, and fails this reply with the others.
            with contextlib.suppress(Closed):
                self._channel.send({"id": number, "op": op, **values}, fds)
        except Exception:
            with self._lock:
                self._pending.pop(number, None)
            raise
        return reply

    def track(self, process: Process) -> None:
        """Have a process told when it ends."""
        with self._lock:
            status, lost = self._exits.pop(process.number, None), None
            if status is None and self._end is not None:
                status, lost = KILLED, self._end
            if status is None:
                self._processes[process.number] = process
        if status is not None:
            process.ended(status, lost)

    # --- the reader ---------------------------------------------------------------------------------

    def _read(self) -> None:
        end: Exception | None = None
        try:
            try:
                while True:
                    end = self._take(*self._channel.receive()) or end
            except Closed:
                end = end or self._why_ended()
        except BaseException as error:  # whatever it is, nobody may be left waiting: it is raised where they wait
            end = end or lost(error)
            self._kill()
        with self._lock:
            self._end = self._end or end
            pending, self._pending = self._pending, {}
            processes, self._processes = self._processes, {}
        for reply in pending.values():
            reply.fail(self._end)
        for process in processes.values():
            process.ended(KILLED, self._end)

    def _take(self, message: dict[str, Any], fds: list[int]) -> Exception | None:
        """Hand on what the agent has said; why it is about to end, if that is what it says."""
        if "id" in message:
            error = reported(message["error"]) if "error" in message else None
            with self._lock:
                reply = self._pending.pop(message["id"])
            if error is not None:
                reply.fail(error)
            else:
                reply.resolve(message["result"], fds)
        elif message["event"] == "log" and self._on_log is not None:
            for line in message["lines"]:
                self._on_log(line)
        elif message["event"] == "note":
            self._on_note(message["text"])
        elif message["event"] == "progress":
            with self._lock:
                waiting = self._pending.get(message["request"])
            if waiting is not None and waiting.on_progress is not None:
                waiting.on_progress(message)
        elif message["event"] == "exit":
            self._exited(message["process"], message["status"])
        elif message["event"] == "cannot":
            kind = Exhausted if message.get("scarce") else CannotRun
            return kind(message["what"], message["fix"])
        return None

    def _why_ended(self) -> Exception:
        """Why the stream has ended, where the agent hasn't said so itself; called by the reader."""
        return LabDied("the lab has ended" if self.lent else "the agent has ended unexpectedly, and its labs with it")

    def _exited(self, number: int, status: int) -> None:
        with self._lock:
            process = self._processes.pop(number, None)
            if process is None:
                self._exits[number] = status
        if process is not None:
            process.ended(status)


class Lab(Inside):
    """One lab of an agent: enter its steps in order, probe in each."""

    agent: Agent

    def __init__(self, agent: Agent, number: int, plan: Plan, *, new: bool = True) -> None:
        self.agent = agent
        self.number = number
        self.plan = plan
        #: Whether the agent has never heard of it: it makes a lab for a new one alone.
        self._new = new

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def adapt(self, plan: Plan) -> Plan:
        """A plan with further steps, fitted to this lab: in namespaces it stays as it is."""
        return plan

    def enter(self, step: Step) -> Reply[StepObserved]:
        """Take the lab into a step: apply its changes, wait until it has settled, read it back.

        The reply's ``result()`` raises BuildError where the kernel refused something unexpectedly.
        """
        __tracebackhide__ = True
        return self._go(step)

    def _go(self, step: Step, **more: Any) -> Reply[StepObserved]:
        __tracebackhide__ = True
        # Expectations are for the judge, and measurements are requested one by one.
        bare = replace(step, expect=(), measures=Measures())
        return self.agent.request("enter", entered, lab=self.number, new=self._is_new(), step=to_plain(bare), **more)

    def _is_new(self) -> bool:
        new, self._new = self._new, False
        return new

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
        """Probe layers in the current step: every applicable pair in an order drawn from ``seed``, or only ``pairs``
        (each from cold, by itself, or ``together``); ``wire`` watches the switch ports for every request too;
        ``targets`` stand in the place of the state's for this request."""
        __tracebackhide__ = True
        wanted = None if pairs is None else [list(pair) for pair in pairs]
        aimed = None if targets is None else [to_plain(target) for target in targets]
        return self.agent.request(
            "probe",
            probed,
            lab=self.number,
            layers=list(layers),
            seed=seed,
            wire=wire,
            pairs=wanted,
            together=together,
            targets=aimed,
        )

    def measure(
        self, source: Endpoint, destination: Endpoint, traffic: Traffic, on_progress: Progress | None = None
    ) -> Reply[Sample]:
        """Measure throughput or latency from an endpoint to another, once; the agent stays responsive meanwhile.

        Failures are in the sample's ``status``. The caller must hold `netlab.measure.Lock`.
        """
        from netlab.measure.sample import sample

        ends: dict[str, Any] = {}
        for role, endpoint in (("source", source), ("destination", destination)):
            address = endpoint.address(traffic.family)
            if address is None:
                raise LabError(f"{endpoint.id} has no IPv{traffic.family} address")
            ends[role] = address.ip
        return self.agent.request(
            "measure",
            lambda raw, _fds: sample(raw, traffic),
            on_progress=on_progress,
            lab=self.number, client=source.namespace, device=source.ifname, server=destination.namespace,
            at=destination.ifname, traffic=to_plain(traffic), **ends,
        )  # fmt: skip

    def cancel(self, reply: Reply[Any]) -> None:
        """End a measurement that is going on: its result raises Cancelled."""
        self.agent.request("cancel", request=reply.number)

    def watches(self, place: str) -> bool:
        """Whether frames can be captured at an interface or a switch port: in namespaces, everywhere."""
        return True

    def capture(self, wanted: Sequence[str], fds: Sequence[int]) -> Capture:
        """Capture everything at interfaces and switch ports, by their ids, as pcapng into open files until
        `Capture.stop`: one file for each of ``wanted``, or one for all. A link that a later step makes is captured from
        then on. The descriptors stay the caller's."""
        files = {name: k if len(fds) > 1 else 0 for k, name in enumerate(wanted)}
        started = self.agent.request("capture", lab=self.number, new=self._is_new(), wanted=files, fds=fds)
        return Capture(started, self._end_capture)

    def _end_capture(self, number: int) -> Counts:
        return Counts(**self.agent.request("uncapture", capture=number).result())

    def close(self) -> None:
        """End the lab. The agent hands it to the kernel with others; nothing waits for that."""
        try:
            self.agent.request("close", lab=self.number)
        except LabError:
            # The agent has gone, and the lab with it: that is what was asked for.
            return
