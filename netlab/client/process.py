"""A process inside a lab: its streams are ordinary files here, and the agent reports its end."""

from __future__ import annotations

import os
import select
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from io import BufferedReader
from typing import IO, Any

from netlab.client.reply import Ask
from netlab.contract.wire import PIECE

#: Where an output goes: None for a pipe, an open file or its descriptor, subprocess.DEVNULL, of stderr also STDOUT.
Output = int | IO[Any] | None


def redirected(stdout: Output, stderr: Output) -> tuple[dict[str, int], list[int]]:
    """Outputs that aren't pipes, as a request says them (the number of a descriptor that goes with it, or one of
    subprocess's negative ones), and those descriptors."""
    said: dict[str, int] = {}
    fds: list[int] = []
    for name, output in (("stdout", stdout), ("stderr", stderr)):
        if output is None or output == subprocess.PIPE:
            continue
        fd = output if isinstance(output, int) else output.fileno()
        said[name] = fd if fd < 0 else len(fds)
        fds += [fd] if fd >= 0 else []
    return said, fds


class Process:
    """Much like `subprocess.Popen` with three binary pipes: ``stdin``, ``stdout``, ``stderr``, ``returncode``.

    ``pid`` is its number inside the lab, where programs have a PID namespace of their own.
    """

    def __init__(self, ask: Ask, lab: int, argv: tuple[str, ...], started: Mapping[str, Any], fds: list[int]) -> None:
        self._ask = ask
        self._lab = lab
        self._done = threading.Event()
        self.args = argv
        #: By which the agent knows it.
        self.number: int = started["process"]
        self.pid: int = started["pid"]
        #: Where descriptors can't be passed: the agent's numbers of its three streams.
        self.pipes: list[int] = started.get("pipes", [])
        self.returncode: int | None = None
        #: Why its lab has ended, and it with that: it is not its own failure.
        self.lost: Exception | None = None
        #: What has been read of both outputs and not yet been handed out.
        self._out, self._err = bytearray(), bytearray()
        self.stdin: IO[bytes] = os.fdopen(fds[0], "wb", buffering=0)
        self.stdout = os.fdopen(fds[1], "rb")
        self.stderr = os.fdopen(fds[2], "rb")

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_exc: object) -> None:
        try:
            if self.returncode is None:
                self.kill()
                self.wait()
        finally:
            for stream in (self.stdin, self.stdout, self.stderr):
                stream.close()

    def ended(self, status: int, lost: Exception | None = None) -> None:
        """Called by the agent's reader: the process has ended (negative: by that signal), or was ``lost`` with it."""
        self.returncode, self.lost = status, lost
        self._done.set()

    def poll(self) -> int | None:
        """The exit status, or None while it runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; the exit status. Raises subprocess.TimeoutExpired after ``timeout`` seconds."""
        __tracebackhide__ = True
        if not self._done.wait(timeout):
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal; nothing happens where the process has ended."""
        __tracebackhide__ = True
        self._ask("signal", lab=self._lab, process=self.number, signal=int(number)).result()

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def line(self, timeout: float = 10.0) -> str:
        """The next line that it prints, without its end: how to wait for a daemon that says when it is ready.

        Raises EOFError where its output has ended (with what it said on stderr), LabDied where its lab has,
        subprocess.TimeoutExpired after ``timeout`` seconds. Not to be mixed with reading
        ``stdout``, which has a buffer of its own.
        """
        __tracebackhide__ = True
        until = time.monotonic() + timeout
        while b"\n" not in self._out:
            if not _ready(self.stdout, until):
                raise subprocess.TimeoutExpired(self.args, timeout, bytes(self._out))
            data = os.read(self.stdout.fileno(), PIECE)
            if not data:
                self.wait(_left(until))
                if self.lost is not None:
                    raise self.lost
                # Whatever it has started may live on with its stderr, and say nothing.
                said = os.read(self.stderr.fileno(), PIECE) if _ready(self.stderr, until) else b""
                words = said.decode(errors="replace").strip() or "no word on stderr"
                raise EOFError(f"{shlex.join(self.args)} has ended ({self.returncode}): {words}")
            self._out += data
        line, _, rest = self._out.partition(b"\n")
        self._out = bytearray(rest)
        return line.decode(errors="replace")

    def communicate(self, data: bytes | None = None, timeout: float | None = None) -> tuple[bytes, bytes]:
        """Write ``data``, read both outputs to their end, wait.

        Raises subprocess.TimeoutExpired after ``timeout`` seconds, with what was read: the process goes on, and the
        next call returns that, too.
        """
        __tracebackhide__ = True
        until = None if timeout is None else time.monotonic() + timeout
        left = memoryview(data or b"")
        outputs = {self.stdout.fileno(): (self.stdout, self._out), self.stderr.fileno(): (self.stderr, self._err)}
        poll = select.poll()
        for fd in outputs:
            poll.register(fd, select.POLLIN)
        if left:
            poll.register(self.stdin.fileno(), select.POLLOUT)
        else:
            self.stdin.close()
        while outputs or left:
            ready = poll.poll(_milliseconds(until))
            if not ready:
                break
            for fd, _ in ready:
                if fd not in outputs:
                    left = self._write(left)
                    if not left:
                        poll.unregister(fd)
                        self.stdin.close()
                    continue
                stream, said = outputs[fd]
                # What was in the stream's own buffer comes first.
                piece = stream.read1(PIECE)
                said += piece
                if not piece:
                    poll.unregister(fd)
                    del outputs[fd]
        if outputs or left or not self._done.wait(_left(until)):
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0, bytes(self._out), bytes(self._err))
        both = bytes(self._out), bytes(self._err)
        self._out.clear()
        self._err.clear()
        return both

    def _write(self, data: memoryview) -> memoryview:
        """Write as much as the pipe surely has room for; returns the rest, which is empty once the pipe has no
        reader."""
        try:
            return data[os.write(self.stdin.fileno(), data[: select.PIPE_BUF]) :]
        except BrokenPipeError:
            return data[:0]


def _left(until: float | None) -> float | None:
    return None if until is None else max(0.0, until - time.monotonic())


def _milliseconds(until: float | None) -> float | None:
    left = _left(until)
    return None if left is None else left * 1000


def _ready(stream: BufferedReader, until: float) -> bool:
    """Wait until there is something to read, or its end."""
    poll = select.poll()
    poll.register(stream.fileno(), select.POLLIN)
    return bool(poll.poll(_milliseconds(until)))
