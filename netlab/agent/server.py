"""PID 1's loop: requests from the front, one after the other, and the processes that they have started."""

from __future__ import annotations

import contextlib
import errno
import os
import platform
import select
import signal
import socket
from collections.abc import Callable
from typing import Any

from netlab.agent import capabilities, garbage, sysctl
from netlab.agent.capture import Capture
from netlab.agent.errors import BuildFailed, NotDone, in_words
from netlab.agent.inside import Inside
from netlab.agent.jobs import Jobs
from netlab.agent.lab import Lab
from netlab.agent.launcher import CannotEnter, Entered
from netlab.agent.measure import Ends, measure
from netlab.agent.netns import Home, Netns
from netlab.agent.probe.engine import Prober
from netlab.agent.probe.fence import CpuFence, FenceLost
from netlab.agent.programs import Programs
from netlab.agent.users import ALL, Users
from netlab.contract.lacks import finding
from netlab.contract.measures import Traffic
from netlab.contract.types import Step, Target
from netlab.contract.wire import Channel, Closed, from_plain, to_plain

#: So many closed labs are given to the kernel at a time: one by one the rtnl lock would be held for longer.
PENDING_LABS = 20
#: … or when nothing was asked for this long, in seconds.
IDLE = 0.2

#: Python's message where a process or memory limit allows no further thread: a bare RuntimeError.
NO_THREAD = "can't start new thread"

Answer = tuple[Any, list[int]]
#: The result of a request whose answer a job will send.
LATER = object()


def serve(stream: int, entered: Entered | CannotEnter) -> None:
    """Serve until the front goes."""
    garbage.begin()
    channel = Channel(socket.socket(fileno=stream))
    try:
        if isinstance(entered, CannotEnter):
            raise entered
        users = entered.users()
    except CannotEnter as error:
        channel.send({"event": "cannot", "what": error.what, "fix": error.fix, "scarce": error.scarce})
        return
    Home.remember()
    with contextlib.suppress(Closed):
        Server(channel, entered, users).loop()


class Server:
    """The labs of one front."""

    def __init__(self, channel: Channel, entered: Entered, users: Users = ALL) -> None:
        self.channel = channel
        self.entered = entered
        self.users = users
        self.labs: dict[int, Lab] = {}
        self.probers: dict[int, Prober] = {}
        self.closing: list[Lab] = []
        self.captures: dict[int, tuple[int, Capture]] = {}
        self.inside = Inside(self._lab, self._ns)
        self.jobs = Jobs()
        self.sysctls = sysctl.Sysctls()
        self.verbose = False
        self.files = capabilities.open_files()
        self._fence: CpuFence | None = None
        self._lines: list[str] = []
        self._operations: dict[str, Callable[[dict[str, Any]], Answer]] = {
            "info": self.info, "enter": self.enter, "probe": self.probe, "close": self.close_lab,
            "verbose": self.set_verbose,
            "doctor": self.doctor, "capture": self.capture, "uncapture": self.uncapture,
            "measure": self.measure, "cancel": self.cancel, **self.inside.operations,
        }  # fmt: skip

    @property
    def fence(self) -> CpuFence:
        """The fence of the agent, made at its first use."""
        if self._fence is None:
            self._fence = CpuFence()
        return self._fence

    # --- the loop -----------------------------------------------------------------------------------

    def loop(self) -> None:
        """Handle requests and the ends of processes. Returns when the stream is closed."""
        wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write)
        self.jobs.wake = wake_write
        poll = select.poll()
        poll.register(self.channel.fileno(), select.POLLIN)
        poll.register(wake_read, select.POLLIN)
        while True:
            ready = [self.channel.fileno()] if self.channel.has_buffered else []
            if not ready and garbage.is_due() and not (ready := [fd for fd, _ in poll.poll(0)]):
                garbage.collect()
            if not ready:
                ready = [fd for fd, _ in poll.poll(IDLE * 1000 if self.closing else None)]
            if not ready:
                self.bury()
            if wake_read in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(wake_read, 4096)
            self.reap()
            for said in self.jobs.said():
                self.channel.send(said)
            if self.channel.fileno() in ready:
                message, fds = self.channel.receive()
                self.handle(message, fds)
                for fd in fds:
                    os.close(fd)

    def handle(self, message: dict[str, Any], received: list[int]) -> None:
        """Do one request and send its answer or error. A request that keeps a received descriptor duplicates it."""
        reply: dict[str, Any] = {"id": message["id"]}
        message["fds"] = received
        fds: list[int] = []
        try:
            reply["result"], fds = self._operations[message["op"]](message)
        except NotDone as error:
            reply["error"] = error.plain
        except BuildFailed as error:
            reply["error"] = {"kind": "build", **error.plain()}
        except OSError as error:
            reply["error"] = {"kind": "system", "errno": error.errno, "message": in_words(error)}
        except Exception as error:
            if isinstance(error, MemoryError) or str(error) == NO_THREAD:
                said = str(error) or "out of memory"
                reply["error"] = {"kind": "system", "errno": errno.ENOMEM, "message": said}
            else:
                import traceback

                reply["error"] = {"kind": "bug", "message": traceback.format_exc()}
        self.flush_log()
        if reply.get("result") is LATER:
            return
        self.channel.send(reply, fds)
        for fd in fds:
            os.close(fd)

    def log(self, line: str) -> None:
        """Remember a command for a front that wants to see it."""
        if self.verbose:
            self._lines.append(line)

    def flush_log(self) -> None:
        """Send what was logged."""
        if self._lines:
            self.channel.send({"event": "log", "lines": self._lines})
            self._lines = []

    def reap(self) -> None:
        """Take the exit status of every process that has ended, orphans included: PID 1 is everyone's parent."""
        while True:
            with self.jobs.spawning:
                try:
                    pid, status, usage = os.wait4(-1, os.WNOHANG)
                except ChildProcessError:
                    return
                if pid == 0:
                    return
                if self.jobs.reaped(pid, status, usage):
                    continue
                for lab in self.labs.values():
                    lab.programs.reaped(pid)
            if self.inside.reaped(pid, code := os.waitstatus_to_exitcode(status)):
                self.channel.send({"event": "exit", "process": pid, "status": code})

    def bury(self) -> None:
        """Hand the closed labs to the kernel."""
        if self.jobs.any:
            # A job that was cancelled may still be in a namespace of one of them.
            return
        for lab in self.closing:
            lab.close()
        self.closing.clear()
        garbage.collect()

    # --- requests -----------------------------------------------------------------------------------

    def info(self, _message: dict[str, Any]) -> Answer:
        """What this machine and this agent are."""
        return {
            "kernel": platform.release(),
            "machine": platform.machine(),
            "python": platform.python_version(),
            "rootless": self.entered.rootless,
            "users": self.users.others + 1,
            "private_proc": not self.entered.proc_lacks,
            "cpus": len(os.sched_getaffinity(0)),
            "pid": os.getpid(),
        }, []

    def doctor(self, _message: dict[str, Any]) -> Answer:
        """What the kernel can do for us."""
        proc = self.entered.proc_lacks
        return [
            *capabilities.link_kinds(),
            capabilities.sysctls(),
            self._try_fence(),
            finding(
                "private /proc",
                not proc,
                proc or "processes inside a lab see only their own kind",
                "start the container without masked paths (--security-opt systempaths=unconfined)",
                required=False,
            ),
            self._find_users(),
            self.files,
        ], []

    def _find_users(self) -> dict[str, Any]:
        """Whether programs of a lab can change to another user."""
        users = self.users
        said = f"root and {users.others} others" if users.others else f"root alone: {users.lack}"
        return finding("users", bool(users.others), said, users.fix, required=False)

    def _try_fence(self) -> dict[str, Any]:
        """Whether rounds can be made, without which nothing is proved."""
        try:
            self.fence.round()
        except (FenceLost, OSError) as error:
            said = str(error) if isinstance(error, FenceLost) else in_words(error)
            return finding("rounds", False, said, capabilities.READ_ONLY, required=True)
        return finding("rounds", True, "a frame crosses every CPU's backlog and comes back", required=True)

    def set_verbose(self, message: dict[str, Any]) -> Answer:
        """Whether every netlink request is told as a command."""
        self.verbose = bool(message["on"])
        return None, []

    def enter(self, message: dict[str, Any]) -> Answer:
        """Take a lab into a step; a lab's first step makes it."""
        number = message["lab"]
        self._idle(number)
        lab = self._new_or_known(message)
        self._stop_probing(number)
        step = from_plain(Step, message["step"])
        try:
            entered = lab.enter(step)
        except BuildFailed:
            self._stop_capturing(number)
            self.labs.pop(number)
            lab.close()
            raise
        for owner, capture in self.captures.values():
            if owner == number:
                capture.follow(lab)
        return entered, []

    def _new_or_known(self, message: dict[str, Any]) -> Lab:
        number = message["lab"]
        if message["new"] and number not in self.labs:
            self.labs[number] = Lab(
                self.sysctls, self.log, Programs(guarded=not self.entered.rootless, owned=self.users.owned)
            )
        return self._lab(number)

    def probe(self, message: dict[str, Any]) -> Answer:
        """Probe layers of a lab in the step it is in."""
        number, wire = message["lab"], message["wire"]
        lab = self._lab(number)
        self._idle(number)
        prober = self.probers.get(number)
        if prober is None or (wire and not prober.wire):
            self._stop_probing(number)
            assert lab.state is not None
            prober = self.probers[number] = Prober(lab, lab.state, lab.read, self.fence, wire=wire)
        wanted = None if message["pairs"] is None else [(i, j) for i, j in message["pairs"]]
        aimed = message["targets"]
        targets = None if aimed is None else tuple(from_plain(Target, target) for target in aimed)
        observed = prober.probe(message["layers"], message["seed"], wanted, targets)
        return {"layers": [to_plain(one) for one in observed]}, []

    def measure(self, message: dict[str, Any]) -> Answer:
        """Measure throughput or latency between two namespaces; the answer comes when it is over."""
        number = message["lab"]
        self._idle(number)
        # What listens to every frame would slow down what is measured.
        self._stop_probing(number)
        ends = Ends(
            self._ns({"lab": number, "ns": message["client"]}), message["device"], message["source"],
            self._ns({"lab": number, "ns": message["server"]}), message["destination"],
            self._lab(number).programs.within,
        )  # fmt: skip
        traffic = from_plain(Traffic, message["traffic"])
        self.jobs.start(message["id"], number, lambda job: measure(job, ends, traffic))
        return LATER, []

    def cancel(self, message: dict[str, Any]) -> Answer:
        """End a measurement that is going on."""
        self.jobs.cancel(number=message["request"])
        return None, []

    def _idle(self, number: int) -> None:
        if self.jobs.busy(number):
            raise NotDone("usage", message="a measurement is going on in this lab")

    def close_lab(self, message: dict[str, Any]) -> Answer:
        """End a lab."""
        self.jobs.cancel(lab=message["lab"])
        self._stop_probing(message["lab"])
        self._stop_capturing(message["lab"])
        lab = self.labs.pop(message["lab"], None)
        if lab is not None:
            lab.programs.end()
            self.closing.append(lab)
        if len(self.closing) >= PENDING_LABS:
            self.bury()
        return None, []

    def _stop_probing(self, number: int) -> None:
        prober = self.probers.pop(number, None)
        if prober is not None:
            prober.close()

    def capture(self, message: dict[str, Any]) -> Answer:
        """Capture at interfaces and ports into the descriptors of the message; the lab may not exist yet."""
        lab = self._new_or_known(message)
        capture = Capture(message["wanted"], [os.dup(fd) for fd in message["fds"]])
        self.captures[message["id"]] = message["lab"], capture
        capture.follow(lab)
        return message["id"], []

    def uncapture(self, message: dict[str, Any]) -> Answer:
        """Stop a capture, after everything that was sent before has been handled."""
        if message["capture"] not in self.captures:
            raise NotDone("usage", message="this capture has ended with its lab")
        number, capture = self.captures.pop(message["capture"])
        lab = self.labs.get(number)
        lost = ""
        try:
            for _ in range(lab.state.hops if lab and lab.state else 0):
                self.fence.round()
        except FenceLost as error:
            lost = str(error)
        except OSError as error:
            lost = in_words(error)
        counts = capture.stop()
        if lost:
            raise NotDone("system", message=f"the capture may lack the last frames: {lost}")
        return counts, []

    def _stop_capturing(self, number: int) -> None:
        for key in [key for key, (owner, _) in self.captures.items() if owner == number]:
            # Nobody waits for this capture any more, nor for what became of its file.
            with contextlib.suppress(OSError):
                self.captures.pop(key)[1].stop()

    def _lab(self, number: int) -> Lab:
        if number not in self.labs:
            raise NotDone("closed")
        return self.labs[number]

    def _ns(self, message: dict[str, Any]) -> Netns:
        lab = self._lab(message["lab"])
        if message["ns"] not in lab.namespaces:
            known = ", ".join(lab.namespaces)
            raise NotDone("usage", message=f"there is no namespace {message['ns']!r} in this lab (there are: {known})")
        return lab.namespaces[message["ns"]]
