"""A process inside a lab: its streams are ordinary files here, its end is told by the agent."""

from __future__ import annotations

import os
import select
import shlex
import signal
import subprocess
import threading
import time
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from netlab.lab.agent import Agent


class Process:
    """Much like `subprocess.Popen` with three binary pipes: ``stdin``, ``stdout``, ``stderr``, ``returncode``."""

    def __init__(self, agent: Agent, lab: int, argv: tuple[str, ...], pid: int, fds: list[int]) -> None:
        self._agent = agent
        self._lab = lab
        self._done = threading.Event()
        self.args = argv
        self.pid = pid
        self.returncode: int | None = None
        self._said = bytearray()
        self.stdin: IO[bytes] = os.fdopen(fds[0], "wb", buffering=0)
        self.stdout: IO[bytes] = os.fdopen(fds[1], "rb")
        self.stderr: IO[bytes] = os.fdopen(fds[2], "rb")

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_exc: object) -> None:
        if self.returncode is None:
            self.kill()
            self.wait()
        for stream in (self.stdin, self.stdout, self.stderr):
            stream.close()

    def ended(self, status: int) -> None:
        """Called by the agent's reader: the process has ended (negative: by that signal)."""
        self.returncode = status
        self._done.set()

    def poll(self) -> int | None:
        """The exit status, or None while it runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; the exit status. Raises subprocess.TimeoutExpired after ``timeout`` seconds."""
        if not self._done.wait(timeout):
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal; nothing happens where the process has ended."""
        self._agent.request("signal", lab=self._lab, pid=self.pid, signal=int(number)).result()

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def line(self, timeout: float = 10.0) -> str:
        """The next line that it prints, without its end: how to wait for a daemon that says when it is ready.

        Raises EOFError where its output has ended (with what it said on stderr), subprocess.TimeoutExpired after
        ``timeout`` seconds. Not to be mixed with reading ``stdout``, which has a buffer of its own.
        """
        until = time.monotonic() + timeout
        poll = select.poll()
        poll.register(self.stdout.fileno(), select.POLLIN)
        while b"\n" not in self._said:
            if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
                raise subprocess.TimeoutExpired(self.args, timeout, bytes(self._said))
            data = os.read(self.stdout.fileno(), 1 << 16)
            if not data:
                self.wait(timeout)
                said = os.read(self.stderr.fileno(), 1 << 16).decode(errors="replace").strip()
                raise EOFError(f"{shlex.join(self.args)} has ended ({self.returncode}): {said or 'no word on stderr'}")
            self._said += data
        line, _, rest = self._said.partition(b"\n")
        self._said = bytearray(rest)
        return line.decode(errors="replace")

    def communicate(self, data: bytes | None = None, timeout: float | None = None) -> tuple[bytes, bytes]:
        """Write ``data``, read both outputs to their end, wait. Raises subprocess.TimeoutExpired (it then goes on)."""
        outputs: dict[str, bytes] = {}

        def read(name: str, stream: IO[bytes]) -> None:
            outputs[name] = stream.read()

        readers = [
            threading.Thread(target=read, args=(name, stream), daemon=True)
            for name, stream in (("out", self.stdout), ("err", self.stderr))
        ]
        for reader in readers:
            reader.start()
        try:
            if data:
                self.stdin.write(data)
        except BrokenPipeError:
            pass
        self.stdin.close()
        self.wait(timeout)
        for reader in readers:
            reader.join(timeout)
            if reader.is_alive():
                raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return outputs["out"], outputs["err"]
