"""What goes on inside of a lab's namespaces: programs, files, sockets."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from netlab.client.place import Place
from netlab.client.process import Output, Process, redirected
from netlab.contract.types import GivenFile
from netlab.contract.wire import to_plain


class Inside:
    """The part of a lab's handle that asks for it; ``agent`` is a `netlab.client.agent.Agent`."""

    agent: Any
    number: int
    #: Whether programs in it see this machine's files.
    sees_files = True

    def spawn(
        self,
        namespace: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        stdout: Output = None,
        stderr: Output = None,
    ) -> Process:
        """Start a process inside a namespace, with pipes or other outputs. Raises SpawnError where it can't start.

        Where the lab isn't on this machine, what it writes to files stays there, and its outputs must be pipes; on
        another machine it has that one's environment and the folder ``/``, unless they are given.
        """
        __tracebackhide__ = True
        outputs, fds = redirected(stdout, stderr)
        if self.sees_files and env is None:
            env = os.environ
        request = {
            "lab": self.number,
            "ns": namespace,
            "argv": list(argv),
            "env": None if env is None else dict(env),
            "cwd": cwd or (os.getcwd() if self.sees_files else None),
            "anywhere": self.sees_files and cwd is None,
            "outputs": outputs,
        }
        return self._start(request, fds)

    def _start(self, request: dict[str, Any], fds: list[int]) -> Process:
        """Send a request to start a process; ``fds`` are files of this machine for its outputs."""
        __tracebackhide__ = True

        def convert(result: dict[str, Any], ends: list[int]) -> Process:
            process = Process(self.agent.request, self.number, tuple(request["argv"]), result, ends)
            self.agent.track(process)
            return process

        process: Process = self.agent.request("spawn", convert, **request, fds=fds).result()
        return process

    def take(self, namespace: str, argv: Sequence[str], process: Process, said: int) -> None:
        """Have the lab take over a program that was started here, with its pipe: ``said`` is a file with what has been
        read of that. The program is then one of those that `programs` tells, and outlives this process."""
        fds = [process.stdout.fileno(), said]
        self.agent.request(
            "take", fds=fds, lab=self.number, ns=namespace, process=process.number, argv=list(argv)
        ).result()

    def locate(self, namespace: str) -> Place:
        """Where the programs of a namespace live, for those that enter it by themselves."""
        __tracebackhide__ = True
        place: Place = self.agent.request(
            "locate",
            lambda result, fds: Place(fds[0], fds[1], result["private"], result["network"], result["names"]),
            lab=self.number, ns=namespace,
        ).result()  # fmt: skip
        return place

    def listens(self, namespace: str, port: str) -> bool:
        """Whether a program in a namespace listens at a port, on whichever address: ``tcp/80``, ``udp/53``."""
        return bool(self.agent.request("listens", lab=self.number, ns=namespace, port=port).result())

    def fence(self) -> str:
        """Wait until what was sent before has been handled; why that isn't known, or ''."""
        __tracebackhide__ = True
        return str(self.agent.request("fence", lab=self.number).result())

    def programs(self, timeout: float | None = None) -> list[dict[str, Any]]:
        """The programs that the topology gives: ``host``, ``name``, ``running``, ``stopped``, ``status``, ``tail``.

        Raises TimeoutError where the agent is busy for so many seconds, LabError."""
        found: list[dict[str, Any]] = self.agent.request("programs", lab=self.number).result(timeout)
        return found

    def output(self, namespace: str, name: str, start: int = 0) -> tuple[int, bytes]:
        """What a program of the topology's has said, from a byte on, and the number of what that stands in: where it is
        another, all is. Raises LabError."""
        said = bytearray()
        while True:
            found = self.agent.request(
                "output", lab=self.number, ns=namespace, name=name, start=start + len(said)
            ).result()  # fmt: skip
            if not found["piece"]:
                return int(found["log"]), bytes(said)
            said += found["piece"].encode("latin-1")

    def news(self) -> dict[str, Any]:
        """What there is now in the namespaces that programs or sockets of the user's were in (`netlab.agent.news`)."""
        found: dict[str, Any] = self.agent.request("news", lab=self.number).result()
        return found

    def put(self, namespace: str, files: Sequence[GivenFile]) -> None:
        """Write files into a private host. Raises LabError."""
        __tracebackhide__ = True
        self.agent.request("put", lab=self.number, ns=namespace, files=[to_plain(file) for file in files]).result()

    def socket(self, namespace: str, family: int, kind: int, proto: int = 0) -> socket.socket:
        """A socket opened inside a namespace, handed over to this process."""
        __tracebackhide__ = True
        opened: socket.socket = self.agent.request(
            "socket",
            lambda _result, fds: socket.socket(fileno=fds[0]),
            lab=self.number, ns=namespace, family=int(family), type=int(kind), proto=proto,
        ).result()  # fmt: skip
        return opened
