"""An agent inside another kernel, which runs as a process of this machine (`netlab.agent.guest`)."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from netlab.client import relay
from netlab.client.agent import Agent, Lab, Log
from netlab.client.capture import Capture, Counts
from netlab.client.errors import LabDied, NotOnThisSubstrate
from netlab.client.process import Process
from netlab.client.reply import Reply
from netlab.contract.kernels import Version
from netlab.contract.types import Plan
from netlab.contract.wire import PIECE, Channel

#: How long a stand-in may take to end its kernel, before it is killed, in seconds.
PATIENCE = 10.0


class Guest(Agent):
    """An agent in a guest; everything in it ends with this object's process."""

    substrate = "vm"
    _version: Version

    @classmethod
    def boot(cls, kernel: Mapping[str, Any], version: Version, on_log: Log | None = None) -> Guest:
        """Start a kernel with an agent in it; returns at once. ``kernel``: what `netlab.agent.guest` is to be told.

        Where it doesn't start, the first answer raises CannotRun.
        """
        guest = cls._start(
            "netlab.agent.guest.__main__", ["--kernel", json.dumps(dict(kernel))], on_log, subprocess.PIPE
        )
        guest._version = version
        return guest

    @classmethod
    def behind(cls, channel: Channel, first: int, version: Version) -> Guest:
        """An agent in a guest that runs already, and stays; ``first`` as of `Agent`."""
        guest = cls(channel, None, first=first)
        guest._version = version
        return guest

    def let_go(self) -> None:
        """Have the guest go on when this process has ended: a lab of it stays."""
        self._process.stderr.close()
        super().let_go()

    @property
    def kernel(self) -> Version:
        return self._version

    def lab(self, plan: Plan) -> GuestLab:
        """A handle on a lab; nothing is built before its first `Lab.enter`."""
        return GuestLab(self, next(self._labs), plan)

    def close(self) -> None:
        """End the guest and every lab of it."""
        self._take_leave("the guest was closed")
        # Where it has no namespaces only the stand-in can end all of its processes.
        with contextlib.suppress(OSError):
            self._channel.shut_down()
        if self._process is None:
            super().close()
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(PATIENCE)
        super().close()
        self._process.stderr.close()

    def _why_ended(self) -> Exception:
        if self._process is None:
            return super()._why_ended()
        stderr = self._process.stderr
        # Its writers have ended, or are about to: the stream that has ended is theirs.
        said = stderr.read().decode(errors="replace").strip() if stderr is not None else ""
        last = said.splitlines()[-1].removeprefix("netlab: ") if said else ""
        return LabDied(f"the guest has ended unexpectedly, and its labs with it{last and f': {last}'}")


class GuestLab(Lab):
    """A lab in a guest: no descriptor comes out of it."""

    def _start(self, request: dict[str, Any], fds: list[int]) -> Process:
        return relay.spawn(self.agent, request, fds)

    def capture(self, wanted: Sequence[str], fds: Sequence[int]) -> Capture:
        """Capture as `Lab.capture` does; the files are filled when it is stopped."""
        files = {name: k if len(fds) > 1 else 0 for k, name in enumerate(wanted)}
        kept = [os.dup(fd) for fd in fds]
        parts = relay.RelayedCapture({"guest": self.agent}, self.number, {"guest": files}, kept, new=self._is_new())

        def stop(_number: int) -> Counts:
            try:
                return parts.stop()
            finally:
                for fd in kept:
                    os.close(fd)

        started: Reply[int] = Reply(lambda number, _fds: number)
        started.resolve(parts.start(), [])
        return Capture(started, stop)

    def take(self, namespace: str, argv: Sequence[str], process: Process, said: int) -> None:
        """Have the lab take over a program, as `Lab.take` does: its pipe is in the guest, and stays there."""
        pipe = self.agent.request("release", pipe=process.pipes[1]).result()
        # What was read of it before is on its way.
        while data := os.read(process.stdout.fileno(), PIECE):
            os.write(said, data)
        text = os.pread(said, os.fstat(said).st_size, 0).decode("latin-1")
        self.agent.request(
            "take", lab=self.number, ns=namespace, process=process.number, argv=list(argv), pipe=pipe, said=text
        ).result()

    def locate(self, namespace: str) -> NoReturn:
        """No descriptor can come from another kernel."""
        raise NotOnThisSubstrate("a host of another kernel can't be entered from here", "run programs there")

    def socket(self, *_args: Any, **_more: Any) -> NoReturn:
        """No socket can be handed over from another kernel."""
        raise NotOnThisSubstrate(
            "a socket is a descriptor of the kernel that it belongs to, and can't be handed over to another",
            "run a process there that has it: lab['A'].popen('python3', '-c', …)",
        )
