"""Requests that take seconds: each in a thread of its own, while the agent's loop goes on.

Only the loop reaps children (PID 1 is the parent of all) and writes to the front. So it notifies a job when a child of
the job has ended, and a job hands it the messages for the front.
"""

from __future__ import annotations

import contextlib
import os
import queue
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import field
from typing import Any

from netlab.agent.clients import owner
from netlab.agent.errors import in_words
from netlab.contract.dataclass import dataclass
from netlab.contract.threads import begin

#: Seconds for a process that was killed to be gone.
GONE = 5.0


class Cancelled(Exception):
    """The front no longer wants the job, or its lab is closed."""


@dataclass
class Child:
    """A process of a job; once it has ended ``status`` is its exit status (negative: a signal), ``cpu`` its seconds."""

    pid: int
    status: int | None = None
    cpu: float = 0.0
    ended: float = 0.0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)


class Job:
    """One job, as its own thread sees it."""

    def __init__(self, jobs: Jobs, number: int, lab: int) -> None:
        self.number = number
        self.lab = lab
        self._jobs = jobs
        self._events: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._cancelled = False
        self.children: list[Child] = []

    def tell(self, **values: Any) -> None:
        """Send the front an event about this job."""
        self._jobs.say({"event": "progress", "request": self.number, **values})

    def spawn(self, start: Callable[[], subprocess.Popen[bytes]]) -> Child:
        """Start a process and be told when it ends. Raises OSError where it can't be started."""
        with self._jobs.spawning:
            # No child is reaped in between: its end can't be missed.
            process = start()
            child = Child(process.pid, process=process)
            self._jobs.watched[process.pid] = (self, child)
        self.children.append(child)
        return child

    def wait(self, done: Callable[[], bool], deadline: float, every: float | None = None) -> bool:
        """Wait until ``done()`` is true: it is called whenever a child ends, and at intervals. False at the deadline.

        Raises Cancelled.
        """
        while not done():
            if self._cancelled:
                raise Cancelled
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            with contextlib.suppress(queue.Empty):
                self._events.get(timeout=left if every is None else min(left, every))
        return True

    def end(self, child: Child) -> None:
        """Kill a child that is still there."""
        if child.status is None:
            with self._jobs.spawning:
                # Not reaped meanwhile: the number is still its own.
                if child.pid in self._jobs.watched:
                    os.kill(child.pid, signal.SIGKILL)

    def finish(self) -> None:
        """Kill the children that are left, and wait until all are gone."""
        for child in self.children:
            self.end(child)
        deadline = time.monotonic() + GONE
        while any(child.status is None for child in self.children) and time.monotonic() < deadline:
            with contextlib.suppress(queue.Empty):
                self._events.get(timeout=deadline - time.monotonic())

    def cancel(self) -> None:
        """Called by the loop: end the job and its children soon."""
        self._cancelled = True
        self._events.put("cancelled")

    def child_ended(self, child: Child) -> None:
        """Called by the loop."""
        self._events.put("ended")


class Jobs:
    """The jobs of one agent. ``wake`` is a pipe's end that wakes the loop up."""

    def __init__(self) -> None:
        self.wake = -1
        self.spawning = threading.Lock()
        self.watched: dict[int, tuple[Job, Child]] = {}
        self._running: dict[int, Job] = {}
        self._said: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def start(self, number: int, lab: int, work: Callable[[Job], Any]) -> None:
        """Do ``work`` in a thread; what it returns is the answer to request ``number``."""
        job = self._running[number] = Job(self, number, lab)
        begin(threading.Thread(target=self._run, args=(job, work), name=f"job {number}", daemon=True))

    def busy(self, lab: int) -> bool:
        """Whether a job of this lab is running."""
        return any(job.lab == lab for job in self._running.values())

    @property
    def any(self) -> bool:
        """Whether a job of any lab is running."""
        return bool(self._running)

    def cancel(self, number: int | None = None, lab: int | None = None, front: int | None = None) -> None:
        """Cancel one job, or all of a lab or a front."""
        for job in self._running.values():
            if job.number == number or job.lab == lab or owner(job.number) == front:
                job.cancel()

    def reaped(self, pid: int, status: int, usage: resource.struct_rusage) -> bool:
        """Take the end of a child, if it is a job's. The caller holds `spawning`."""
        found = self.watched.pop(pid, None)
        if found is None:
            return False
        job, child = found
        child.status = os.waitstatus_to_exitcode(status)
        child.cpu = usage.ru_utime + usage.ru_stime
        child.ended = time.monotonic()
        if child.process is not None:
            child.process.returncode = child.status
        job.child_ended(child)
        return True

    def say(self, message: dict[str, Any]) -> None:
        """Have the loop send a message."""
        self._said.put(message)
        # A full pipe has woken the loop already.
        with contextlib.suppress(BlockingIOError):
            os.write(self.wake, b"\0")

    def said(self) -> list[dict[str, Any]]:
        """What is to be sent now; called by the loop."""
        messages = []
        with contextlib.suppress(queue.Empty):
            while True:
                message = self._said.get_nowait()
                if "event" not in message:
                    self._running.pop(message["id"], None)
                messages.append(message)
        return messages

    def _run(self, job: Job, work: Callable[[Job], Any]) -> None:
        reply: dict[str, Any] = {"id": job.number}
        try:
            reply["result"] = work(job)
        except Cancelled:
            reply["error"] = {"kind": "cancelled", "message": "the measurement was cancelled"}
        except OSError as error:
            reply["error"] = {"kind": "system", "errno": error.errno, "message": in_words(error)}
        except Exception:
            import traceback

            reply["error"] = {"kind": "bug", "message": traceback.format_exc()}
        finally:
            job.finish()
        self.say(reply)
