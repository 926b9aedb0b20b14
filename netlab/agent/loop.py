"""PID 1's loop: requests from fronts, one after the other, and the processes that they have started."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from collections.abc import Callable
from typing import Any

from netlab.agent import garbage, keeping
from netlab.agent.clients import Client, Clients
from netlab.agent.errors import BuildFailed, NotDone, in_words
from netlab.agent.jobs import Jobs
from netlab.contract.wire import Channel

#: Python's message where a process or memory limit allows no further thread: a bare RuntimeError.
NO_THREAD = "can't start new thread"

Answer = tuple[Any, list[int]]
#: The result of a request whose answer a job will send.
LATER = object()


class Loop:
    """Takes requests, has them done by ``operations``, and sends the answers. What is done when nothing is asked, and
    when a front goes, a subclass says."""

    #: Who keeps the fronts.
    fronts: type[Clients] = Clients

    def __init__(self, channel: Channel) -> None:
        # Written to when a child has ended, and by jobs.
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.clients = self.fronts(channel)
        #: The labs that stay, by their numbers.
        self.kept: dict[int, keeping.Kept] = {}
        self.jobs = Jobs()
        self.verbose = False
        self._lines: list[str] = []
        self._operations: dict[str, Callable[[dict[str, Any]], Answer]] = {}

    @property
    def patience(self) -> float | None:
        """After how many seconds without a request `idle` is called; None: never."""
        raise NotImplementedError

    def idle(self) -> None:
        """Nothing was asked for a while."""
        raise NotImplementedError

    def leave(self, client: Client) -> None:
        """A front has gone."""
        raise NotImplementedError

    def ended(self, pid: int, status: int) -> int | None:
        """A child has ended that no job has started; the request that has started it, if there was one."""
        raise NotImplementedError

    def loop(self) -> None:
        """Handle requests and the ends of processes. Returns when no front is left, and no lab that stays."""
        wake_read, wake_write = self._wake_read, self._wake_write
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGHUP):
            # Not ignored: programs would start with them ignored, and a shell couldn't trap them (execve(2)).
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(wake_write)
        self.jobs.wake = wake_write
        self.clients.watch(wake_read)
        while self.clients or self.kept:
            ready: list[int] = []
            if garbage.is_due() and not (ready := self.clients.ready(0)):
                garbage.collect()
            ready = ready or self.clients.ready(self.patience)
            if not ready:
                self.idle()
            if wake_read in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(wake_read, 4096)
            self.reap()
            for said in self.jobs.said():
                self.clients.send(said["id"] if "id" in said else said["request"], said)
            for fd in ready:
                if received := self.clients.receive(fd):
                    client, message, fds = received
                    self.serve_one(client, message, fds)
            for lab in list(self.kept.values()):
                if lab.listener and lab.listener.fileno() in ready:
                    self.clients.accept(lab.listener, lab.lab)
            for client in [client for client in self.clients if client.gone or client.over]:
                self.leave(client)

    def serve_one(self, client: Client, message: dict[str, Any], fds: list[int]) -> None:
        """Do a front's request; one that has connected to a lab asks of that lab alone."""
        if client.lab is not None:
            message["lab"] = client.lab
        try:
            self.handle(message, fds)
        finally:
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
        self.flush_log(message["id"])
        if reply.get("result") is LATER:
            return
        self.clients.send(message["id"], reply, fds)
        for fd in fds:
            os.close(fd)

    def log(self, line: str) -> None:
        """Remember a command for a front that wants to see it."""
        if self.verbose:
            self._lines.append(line)

    def flush_log(self, request: int) -> None:
        """Send what was logged during a request."""
        if self._lines:
            self.clients.send(request, {"event": "log", "lines": self._lines})
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
            code = os.waitstatus_to_exitcode(status)
            if (request := self.ended(pid, code)) is not None:
                self.clients.send(request, {"event": "exit", "process": pid, "status": code})
