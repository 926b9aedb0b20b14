"""A kernel's process, as the stand-in has it: its lines, what it prints, and its end."""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import subprocess

from netlab.agent import system
from netlab.agent.guest.carrier import Ends
from netlab.agent.launcher import CannotEnter

#: How much of what the kernel prints is kept, in bytes.
_PRINTED = 1 << 14
#: How long one that has closed its lines may take to end, in seconds.
_MOMENT = 1.0


class Running:
    """A kernel that was started. ``printed`` is a descriptor of all that it prints; within ``patience`` seconds it must
    be heard of (None: as long as it lives); ``fixes`` are what helps, by a word of what it has printed, with the last
    one for all else."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        ends: Ends,
        printed: int,
        fixes: dict[str, str],
        patience: float | None = None,
    ) -> None:
        self.process = process
        self.ends = ends
        self.printed = printed
        self.patience = patience
        #: Readable once it has ended.
        self.ended = os.pidfd_open(process.pid)
        self._fixes = fixes
        self._said = bytearray()
        self._why = ""

    def listen(self) -> bool:
        """Take what it prints; never the end."""
        self._take(os.read(self.printed, 1 << 16))
        return False

    def _take(self, said: bytes) -> None:
        self._said += said
        del self._said[:-_PRINTED]

    def last(self) -> str:
        """The line that says why it has ended: the panic's, an error's, or the last one; '' where it says nothing."""
        said = (line.strip() for line in self._said.decode(errors="replace").splitlines())
        lines = [line for line in said if line and not line.endswith("reboot: Power down")]
        panic = next((at for at, line in enumerate(lines) if "Kernel panic" in line), None)
        if panic is not None:
            # Where its first program has ended, that has said why before.
            words = [line for line in lines[:panic] if not line.startswith("[")]
            return words[-1] if words and "kill init" in lines[panic] else lines[panic]
        return next((line for line in lines if "error: " in line), lines[-1] if lines else "")

    def why(self) -> str:
        """Why it has ended, or has to be ended."""
        if not self._why:
            # Its lines are closed a moment before it has ended.
            select.select([self.ended], [], [], _MOMENT)
            while select.select([self.printed], [], [], 0)[0] and (said := os.read(self.printed, 1 << 16)):
                self._take(said)
            status = self.process.poll()
            ended = f"nothing is heard of it for {self.patience} s" if status is None else f"its status is {status}"
            self._why = self.last() or ended
        return self._why

    def failed(self) -> bool:
        """Whether it has ended by itself, and not as it should: QEMU has no status of its guest's."""
        return self.process.poll() is not None and bool(self.process.returncode or self._said)

    def stillborn(self, name: str) -> CannotEnter:
        """What is said where it has not started."""
        said = self.why()
        *_, otherwise = self._fixes.values()
        fix = next((fix for word, fix in self._fixes.items() if word in said), otherwise)
        return CannotEnter(f"{name} doesn't start here: {said}", fix)

    def end(self) -> None:
        """End it with all its processes: it leads a process group."""
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError):
                kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for fd in {*self.ends, self.printed, self.ended}:
            os.close(fd)


def prepare() -> None:
    """Run in the process that becomes the kernel: it ends with this one, and leaves no file where it crashes."""
    system.die_with_parent(signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def quoted(path: str) -> str:
    """A path on a kernel's command line (next_arg, lib/cmdline.c)."""
    if '"' in path:
        raise CannotEnter(f"a kernel can't be told the path {path}", "install netlab elsewhere")
    return f'"{path}"' if " " in path else path
