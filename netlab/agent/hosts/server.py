"""The agent's loop on a real machine: the requests of `netlab.agent.server`, one lab's part at a time."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from netlab.agent import capabilities, garbage
from netlab.agent.errors import BuildFailed, NotDone
from netlab.agent.hosts import machine
from netlab.agent.hosts.ends import connect as connect_end
from netlab.agent.hosts.ends import serve as serve_end
from netlab.agent.hosts.lab import HostLab
from netlab.agent.hosts.machine import Here
from netlab.agent.hosts.prober import HostProber, fence_of
from netlab.agent.hosts.undo import UndoList
from netlab.agent.launcher import Entered
from netlab.agent.loop import LATER, Answer
from netlab.agent.measure import Ends, measure
from netlab.agent.measure.driver import choose
from netlab.agent.measure.listening import free_port
from netlab.agent.netns import Home, Netns
from netlab.agent.probe.fence import CpuFence
from netlab.agent.relay import RelayingServer
from netlab.contract.measures import Traffic
from netlab.contract.types import Step
from netlab.contract.wire import Channel, Closed, from_plain

#: After so many seconds without a message the front counts as gone: it sends one every ten seconds.
SILENCE = 60.0
#: The number of the one lab there is.
LAB = 1


def serve(read_fd: int, write_fd: int, undo: UndoList, connection: str, left: int) -> None:
    """Serve until the front has gone; the watchdog then undoes everything. ``left`` is how much was undone before."""
    garbage.begin()
    Home.remember()
    server = HostsServer(Channel(read_fd=read_fd, write_fd=write_fd), undo, connection, left)
    threading.Thread(target=server.end_in_silence, name="silence", daemon=True).start()
    with contextlib.suppress(Closed):
        server.loop()


class HostsServer(RelayingServer):
    """The part of a lab that is on this machine, step by step."""

    def __init__(self, channel: Channel, undo: UndoList, connection: str, left: int) -> None:
        super().__init__(channel, Entered(False, ""))
        self.undo = undo
        self.connection = connection
        self.left = left
        self.here = Here("machine")
        self.part: HostLab | None = None
        self.prober: HostProber | None = None
        self.heard_at = time.monotonic()
        self._outside: Netns | None = None
        self._released: dict[int, threading.Event] = {}
        self._operations: dict[str, Callable[[dict[str, Any]], Answer]] = {
            "facts": self.facts, "sysctls": self.read_sysctls, "kinds": self.kinds, "verbose": self.set_verbose,
            "enter": self.enter_part, "arm": self.arm, "quiet": self.quiet, "beat": lambda _message: (None, []),
            "controls": self._probing(HostProber.send_controls), "hear": self._probing(HostProber.hear_controls),
            "prepare": self._probing(HostProber.prepare), "send": self._probing(HostProber.send),
            "rounds": self._probing(HostProber.rounds), "collect": self._probing(HostProber.collect),
            "finish": self._probing(HostProber.finish),
            "measure": self.measure_here, "tool": self.tool, "port": self.port, "serve": self.serve,
            "release": self.release, "connect": self.connect, "cancel": self.cancel,
            "spawn": self.spawn, "signal": self.inside.signal, "capture": self.capture, "uncapture": self.uncapture,
            "read": self.relay.read, "write": self.relay.write, "drop": self.relay.drop,
        }  # fmt: skip

    def handle(self, message: dict[str, Any], received: list[int]) -> None:
        """Do one request; see `Server.handle`."""
        super().handle(message, received)
        self.heard_at = time.monotonic()

    def end_in_silence(self) -> None:
        """End where the network has broken without closing anything; the watchdog undoes then."""
        while time.monotonic() < self.heard_at + SILENCE:
            time.sleep(SILENCE / 10)
        os._exit(72)

    @property
    def fence(self) -> CpuFence:
        """The fence of this machine's processors; its veth pair is in a namespace of its own."""
        if self._fence is None:
            self._outside = Netns("fence")
            self._fence = fence_of(self._outside)
        return self._fence

    # --- the machine --------------------------------------------------------------------------------

    def facts(self, _message: dict[str, Any]) -> Answer:
        """What there is on this machine."""
        return {**machine.facts(self.here, self.connection), "left": self.left}, []

    def read_sysctls(self, message: dict[str, Any]) -> Answer:
        """The values at some paths, as they are."""
        return machine.sysctls(message["paths"]), []

    def kinds(self, _message: dict[str, Any]) -> Answer:
        """Which link kinds this kernel has, tried in a namespace of its own."""
        return capabilities.link_kinds(), []

    # --- a lab's part -------------------------------------------------------------------------------

    def enter_part(self, message: dict[str, Any]) -> Answer:
        """Take this machine's part of a lab into a step; the first one makes it."""
        self._stop()
        part = self._new_or_known(message)
        step = from_plain(Step, message["step"])
        try:
            entered = part.enter(step)
        except BuildFailed:
            # The watchdog takes back what was made, when the front has gone.
            self._stop_capturing(LAB)
            self.labs.clear()
            self.part = None
            raise
        for _, capture in self.captures.values():
            capture.follow(part)
        return entered, []

    def _new_or_known(self, _message: dict[str, Any]) -> HostLab:
        if self.part is None:
            self.part = self.labs[LAB] = HostLab(self.sysctls, self.log, self.undo)
        return self.part

    def arm(self, message: dict[str, Any]) -> Answer:
        """Open the receivers of a step, now that every machine's links are known."""
        self._stop()
        if self.part is None or self.part.state is None:
            raise NotDone("usage", message="nothing has been built yet")
        self.prober = HostProber(
            self.part, self.part.state, message["links"], message["cpus"], self.fence, wire=message["wire"]
        )
        return None, []

    def _probing(self, work: Callable[..., Any]) -> Callable[[dict[str, Any]], Answer]:
        """A request that the prober carries out, with all that the message says."""

        def carry_out(message: dict[str, Any]) -> Answer:
            if self.prober is None:
                raise NotDone("usage", message="nothing is being probed")
            said = {key: value for key, value in message.items() if key not in ("id", "op", "fds")}
            return work(self.prober, **said), []

        return carry_out

    def _stop(self) -> None:
        if self.prober is not None:
            self.prober.close()
            self.prober = None

    # --- measurements -------------------------------------------------------------------------------

    def _place(self, ns_id: str) -> Netns:
        if self.part is None or ns_id not in self.part.namespaces:
            raise NotDone("usage", message=f"there is no namespace {ns_id!r} on this machine")
        return self.part.namespaces[ns_id]

    def measure_here(self, message: dict[str, Any]) -> Answer:
        """Measure between two namespaces of this machine; the answer comes when it is over."""
        self._stop()
        ends = Ends(
            self._place(message["client"]), message["device"], message["source"],
            self._place(message["server"]), message["destination"],
        )  # fmt: skip
        traffic = from_plain(Traffic, message["traffic"])
        self.jobs.start(message["id"], LAB, lambda job: measure(job, ends, traffic))
        return LATER, []

    def tool(self, message: dict[str, Any]) -> Answer:
        """What this machine would measure with."""
        return choose(from_plain(Traffic, message["traffic"])), []

    def port(self, message: dict[str, Any]) -> Answer:
        """A port that is free at an address here."""
        return free_port(self._place(message["ns"]), message["ip"]), []

    def serve(self, message: dict[str, Any]) -> Answer:
        """Be the server of a measurement until it is released."""
        released = self._released[message["id"]] = threading.Event()
        self._be(message, partial(serve_end, released=released))
        return LATER, []

    def connect(self, message: dict[str, Any]) -> Answer:
        """Be the client of a measurement."""
        self._be(message, connect_end)
        return LATER, []

    def _be(self, message: dict[str, Any], work: Callable[..., Any]) -> None:
        self._stop()
        ns = self._place(message["ns"])
        ends = Ends(ns, message["device"], message["source"], ns, message["destination"])
        traffic = from_plain(Traffic, message["traffic"])
        self.jobs.start(message["id"], LAB, lambda job: work(job, ends, traffic, message["tool"], message["port"]))

    def release(self, message: dict[str, Any]) -> Answer:
        """The client of a measurement is done; its server has nothing to wait for."""
        self._released.pop(message["request"]).set()
        return None, []

    def quiet(self, _message: dict[str, Any]) -> Answer:
        """The lab has ended on every machine: delete its neighbours, so that no machine asks for them any more."""
        if self.prober is not None:
            self.prober.flush()
        self._stop()
        return None, []
