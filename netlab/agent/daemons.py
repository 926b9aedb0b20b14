"""The programs that a topology gives its hosts: started when a step has settled, waited for, and stopped.

Their output is kept in memory: a pipe that nobody reads would stop them at 64 KiB.
"""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from typing import Any

from netlab.agent.errors import BuildFailed
from netlab.agent.measure import listening
from netlab.agent.netns import Netns
from netlab.agent.programs import Programs, kill_family
from netlab.contract.dataclass import dataclass
from netlab.contract.lacks import search_path
from netlab.contract.types import Program, SetProgram

#: Seconds for a program to be ready, and to end when it is asked to.
DEADLINE = 10.0
#: Seconds between two looks.
LOOK = 0.005
#: So many bytes of its output are handed on at once.
PIECE = 1 << 20
#: So many of the last lines of its output are told, and so much of each.
LINES, WIDTH = 20, 300


@dataclass
class _Running:
    ns: Netns
    program: Program
    log: int
    process: subprocess.Popen[bytes]
    status: int | None = None
    #: Whether a step has ended it.
    meant: bool = False

    def output(self, start: int = 0) -> str:
        """What it has said, from a byte on."""
        return os.pread(self.log, os.fstat(self.log).st_size - start, start).decode(errors="replace")

    def ended(self) -> int | None:
        """Its exit status, of one that nobody has reaped yet, too; None while it runs."""
        if self.status is None:
            try:
                found = os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return 0
            if found is None:
                return None
            return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
        return self.status


class Daemons:
    """Those of one lab."""

    def __init__(self, programs: Programs) -> None:
        self._programs = programs
        self._known: dict[tuple[str, str], _Running] = {}

    def carry_out(self, change: SetProgram, ns: Netns) -> None:
        """Start, stop, restart or kill a program. Raises BuildFailed."""
        known = self._known.get((ns.id, change.program.name))
        if change.verb in ("stop", "restart", "kill") and known is not None:
            self._end(known, signal.SIGKILL if change.verb == "kill" else change.program.stop)
        if change.verb in ("start", "restart"):
            self._start(change, ns, known)

    def take(self, ns: Netns, argv: tuple[str, ...], process: subprocess.Popen[bytes], source: int, log: int) -> None:
        """Take over a program that a front has started: its pipe ``source`` is read from now on, ``log`` has what
        it has said. It is called by its command, with a number where another one is called so."""
        own = os.path.basename(argv[0])
        numbered = (own if number == 1 else f"{own}-{number}" for number in itertools.count(1))
        name = next(one for one in numbered if (ns.id, one) not in self._known)
        self._known[ns.id, name] = _Running(ns, Program(name, argv), log, process)
        # The log is closed with its namespace.
        threading.Thread(target=_copy, args=(source, os.dup(log)), name=f"reads {name}", daemon=True).start()

    def _start(self, change: SetProgram, ns: Netns, known: _Running | None) -> None:
        program = change.program
        if known is not None and known.ended() is None:
            return
        log = known.log if known is not None else os.memfd_create(f"netlab {program.name}", os.MFD_CLOEXEC)
        before = os.fstat(log).st_size
        os.lseek(log, 0, os.SEEK_END)
        env = {**os.environ, "PATH": search_path(), **dict(program.env)}
        try:
            process = self._programs.start(
                ns, program.argv, env=env, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        except OSError as error:
            os.close(log)
            self._known.pop((ns.id, program.name), None)
            failed = self._failure(change, f"{program.argv[0]}: {error.strerror}")
            failed.lacking = isinstance(error, FileNotFoundError)
            failed.hint = f"install {program.argv[0]}" if failed.lacking else ""
            raise failed from error
        one = self._known[ns.id, program.name] = _Running(ns, program, log, process)
        pattern = re.compile(program.ready, re.MULTILINE) if program.ready else None
        deadline = time.monotonic() + DEADLINE
        while not self._is_ready(one, pattern, before):
            if (status := one.ended()) is not None:
                raise self._failure(change, f"has ended with {status} before it was ready", one)
            if time.monotonic() > deadline:
                raise self._failure(change, f"is not ready after {DEADLINE:g} s", one)
            time.sleep(LOOK)

    def _is_ready(self, one: _Running, pattern: re.Pattern[str] | None, before: int) -> bool:
        if pattern is not None and not pattern.search(one.output(before)):
            return False
        protocol, _, port = one.program.port.partition("/")
        return not port or listening.anywhere(one.ns, protocol, int(port))

    def _end(self, one: _Running, number: int) -> None:
        one.meant = True
        if one.ended() is not None:
            return
        kill_family(one.process.pid, number) if number == signal.SIGKILL else os.kill(one.process.pid, number)
        deadline = time.monotonic() + DEADLINE
        while one.ended() is None:
            if time.monotonic() > deadline:
                kill_family(one.process.pid, signal.SIGKILL)
            time.sleep(LOOK)

    def _failure(self, change: SetProgram, how: str, one: _Running | None = None) -> BuildFailed:
        tail = f":\n{_tail(one.output())}" if one is not None and one.output().strip() else ""
        words = f"{change.program.name} {how}{tail}"
        failed = BuildFailed(0, words, " ".join(change.program.argv), change.namespace, change.where)
        failed.code = 1
        return failed

    def reaped(self, pid: int, status: int) -> None:
        """A child of the agent has ended."""
        for one in self._known.values():
            if one.process.pid == pid and one.status is None:
                one.status = one.process.returncode = status

    def forget(self, ns_id: str) -> None:
        """A namespace is gone, and its programs with it."""
        for key in [key for key in self._known if key[0] == ns_id]:
            os.close(self._known.pop(key).log)

    def close(self) -> None:
        """Let go of what they have said."""
        for ns_id in {ns_id for ns_id, _ in self._known}:
            self.forget(ns_id)

    def told(self) -> list[Mapping[str, Any]]:
        """Each program: host, name, whether it is ``running`` or was ``stopped`` by a step, else the ``status`` with
        which it has ended; the last lines of its output."""
        return [
            {
                "host": one.ns.id,
                "name": one.program.name,
                "running": one.ended() is None,
                "stopped": one.meant,
                "status": one.ended(),
                "tail": _tail(one.output()),
            }
            for one in self._known.values()
        ]

    def said(self, ns_id: str, name: str, start: int) -> tuple[int, bytes]:
        """A piece of what a program has said, from a byte on; the number of what that stands in: after another start
        all of it is another. Raises KeyError."""
        log = self._known[ns_id, name].log
        return os.fstat(log).st_ino, os.pread(log, PIECE, start)


def _copy(source: int, target: int) -> None:
    """Write to a file what comes out of a pipe, until that ends."""
    os.lseek(target, 0, os.SEEK_END)
    with open(source, "rb", buffering=0) as pipe, open(target, "wb", buffering=0) as file:
        while data := pipe.read(1 << 16):
            file.write(data)


def _tail(text: str) -> str:
    return "\n".join(line[:WIDTH] for line in text.splitlines()[-LINES:])
