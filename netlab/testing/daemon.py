"""A program of a test that goes on: its output is kept and can be searched, and its death is known."""

from __future__ import annotations

import os
import re
import select
import shlex
import signal
import subprocess
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from netlab.testing.errors import DaemonFailed

if TYPE_CHECKING:
    from netlab.client import Lab as Handle
    from netlab.client import Process

#: Seconds between two looks at a port that is waited for.
LOOK = 0.01
#: So many of its last lines stand in messages.
LINES = 20


class Daemon:
    """A program that was started by `Namespace.daemon`.

    Both its outputs are read all the time, so it never waits for a reader, and kept: ``output`` is all of it so far,
    also of earlier starts. It ends with the lab, and goes on in one that is left up.
    """

    def __init__(
        self, place: str, argv: Sequence[str], start: Callable[[], Process], stop: int, listens: Callable[[str], bool]
    ) -> None:
        self.place = place
        self.args = tuple(argv)
        self._start = start
        self._stop = stop
        self._listens = listens
        self._news = threading.Condition()
        self._said = bytearray()
        self._pump: threading.Thread | None = None
        #: Written to where its output is no longer read here.
        self._left = os.eventfd(0, os.EFD_CLOEXEC)
        weakref.finalize(self, os.close, self._left)
        self._ready: tuple[re.Pattern[str] | None, str, float] = (None, "", 10.0)
        #: Whether the test has ended it itself.
        self.stopped = False
        self.process: Process

    def __enter__(self) -> Daemon:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.kill()

    def __repr__(self) -> str:
        how = "running" if self.running else f"ended with {self.returncode}"
        return f"<{self.place}: {shlex.join(self.args)}: {how}>"

    # --- life ---------------------------------------------------------------------------------------

    def start(
        self, ready: str | re.Pattern[str] | None = None, port: int | str | None = None, timeout: float = 10
    ) -> None:
        """Start it, and wait until it is ready: a line matches, or a port (``80``, ``"udp/53"``) is open.

        Raises DaemonFailed, with its last lines, where it ends before, or isn't ready after ``timeout`` seconds.
        """
        __tracebackhide__ = True
        self._ready = (re.compile(ready) if isinstance(ready, str) else ready, _port(port), timeout)
        self._begin()

    def _begin(self) -> None:
        __tracebackhide__ = True
        pattern, port, timeout = self._ready
        known = len(self._said)
        self.stopped = False
        self.process = self._start()
        self._pump = threading.Thread(target=self._read, args=(self.process, self._left), name="daemon", daemon=True)
        self._pump.start()
        until = time.monotonic() + timeout
        if pattern is not None:
            self._search(pattern, known, until, timeout)
        while port and not self._listens(port):
            if self.process.poll() is not None:
                raise self._failed(f"before it listened at {port}")
            if time.monotonic() > until:
                self.kill()
                raise self._failed(f"in {timeout:g} s it hasn't listened at {port}", ended=False)
            with self._news:
                self._news.wait(LOOK)

    def stop(self, timeout: float = 10) -> int:
        """Ask it to end, by its signal (SIGTERM unless given); kill it after ``timeout`` seconds. The exit status."""
        self.stopped = True
        self.process.send_signal(self._stop)
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            status = self.kill()
        self._join()
        return status

    def kill(self) -> int:
        """SIGKILL, for it and what it has started in its session; the exit status."""
        self.stopped = True
        self.process.kill()
        status = self.process.wait(10)
        self._join()
        return status

    def restart(self, timeout: float = 10) -> None:
        """Stop it and start it again, until it is ready as it was the first time. Raises DaemonFailed."""
        __tracebackhide__ = True
        self.stop(timeout)
        self._begin()

    def send_signal(self, number: int) -> None:
        """Send it a signal: SIGHUP, say."""
        self.process.send_signal(number)

    @property
    def running(self) -> bool:
        """Whether it is there."""
        return self.process.poll() is None

    @property
    def returncode(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self.process.poll()

    @property
    def pid(self) -> int:
        """Its number inside of the lab."""
        return self.process.pid

    # --- output -------------------------------------------------------------------------------------

    @property
    def output(self) -> str:
        """What it has said so far, on both outputs."""
        with self._news:
            return self._said.decode(errors="replace")

    @property
    def last_lines(self) -> str:
        """The end of its output."""
        return "\n".join(self.output.splitlines()[-LINES:])

    def wait_for(self, pattern: str | re.Pattern[str], timeout: float = 10, *, after: int = 0) -> re.Match[str]:
        """Wait until its output has a match, from character ``after`` on.

        Raises DaemonFailed, with its last lines, where it ends before, or has none after ``timeout`` seconds.
        """
        __tracebackhide__ = True
        wanted = re.compile(pattern, re.MULTILINE) if isinstance(pattern, str) else pattern
        return self._search(wanted, after, time.monotonic() + timeout, timeout)

    def _search(self, pattern: re.Pattern[str], after: int, until: float, timeout: float) -> re.Match[str]:
        __tracebackhide__ = True
        with self._news:
            while True:
                ended = self._pump is None or not self._pump.is_alive()
                if found := pattern.search(self._said.decode(errors="replace"), after):
                    return found
                if ended and self.process.poll() is not None:
                    break
                if not self._news.wait(min(0.1, max(0.0, until - time.monotonic()))) and time.monotonic() > until:
                    raise self._failed(f"in {timeout:g} s it hasn't said {pattern.pattern!r}", ended=False)
        raise self._failed(f"before it said {pattern.pattern!r}")

    def _read(self, process: Process, left: int) -> None:
        source, poll = process.stdout.fileno(), select.poll()
        poll.register(source, select.POLLIN)
        poll.register(left, select.POLLIN)
        while left not in dict(poll.poll()):
            data = os.read(source, 1 << 16)
            with self._news:
                self._said += data
                self._news.notify_all()
            if not data:
                break
        else:
            return
        process.stdout.close()
        process.wait()
        with self._news:
            self._news.notify_all()

    def leave(self, handle: Handle) -> None:
        """Leave it to its lab, which stays: it goes on there, and the lab keeps what it says. Nothing is known of it
        here any more."""
        if not self.running or self._pump is None:
            return
        os.eventfd_write(self._left, 1)
        self._pump.join()
        said = os.memfd_create("netlab daemon", os.MFD_CLOEXEC)
        try:
            os.write(said, self._said)
            handle.take(self.place, self.args, self.process, said)
        finally:
            os.close(said)
            self.process.stdout.close()

    def _join(self) -> None:
        # What it has started may have its output still.
        if self._pump is not None:
            self._pump.join(1)

    def _failed(self, when: str, *, ended: bool = True) -> DaemonFailed:
        __tracebackhide__ = True
        if self.process.lost is not None:
            raise self.process.lost
        what = f"ended with {self.process.wait(10)} {when}" if ended else when
        return DaemonFailed(f"{self.place}: {shlex.join(self.args)}: {what}", self.last_lines)

    @property
    def death(self) -> str:
        """That it has ended though nobody has stopped it, with its last lines; '' otherwise."""
        if self.running or self.stopped:
            return ""
        return f"{self.place}: {shlex.join(self.args)} has ended with {self.returncode}:\n{self.last_lines}"


def _port(port: int | str | None) -> str:
    return "" if port is None else f"tcp/{port}" if str(port).isdigit() else str(port)


#: How it is stopped unless the test says otherwise.
STOP = signal.SIGTERM
