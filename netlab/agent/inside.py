"""Requests that concern the inside of a namespace: programs, files, sockets."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Callable
from typing import Any

from netlab.agent import news
from netlab.agent.clients import owner
from netlab.agent.errors import NotDone
from netlab.agent.lab import Lab
from netlab.agent.measure import listening
from netlab.agent.netns import Netns
from netlab.agent.programs import kill_family, number_inside
from netlab.contract import names
from netlab.contract.types import GivenFile
from netlab.contract.wire import from_plain

Answer = tuple[Any, list[int]]


class Inside:
    """Does these requests. ``lab`` finds a lab by its number, ``ns`` the namespace that a request names."""

    def __init__(self, lab: Callable[[int], Lab], ns: Callable[[dict[str, Any]], Netns]) -> None:
        self._lab = lab
        self._ns = ns
        #: By their number, each with the request that has started it.
        self._processes: dict[int, tuple[int, subprocess.Popen[bytes]]] = {}
        self.operations: dict[str, Callable[[dict[str, Any]], Answer]] = {
            "spawn": self.spawn, "signal": self.signal, "locate": self.locate, "put": self.put, "socket": self.socket,
            "news": self.news, "listens": self.listens, "programs": self.programs,
            "output": self.output, "take": self.take,
        }  # fmt: skip

    def reaped(self, pid: int, status: int) -> int | None:
        """Take the end of a child: the request that has started it, if a front has."""
        request, process = self._processes.pop(pid, (None, None))
        if process is not None:
            process.returncode = status
        return request

    def leave(self, front: int) -> None:
        """A front has gone: its programs go with it."""
        for pid, (request, _) in self._processes.items():
            if owner(request) == front:
                os.kill(pid, signal.SIGKILL)

    def spawn(self, message: dict[str, Any], **streams: Any) -> Answer:
        """Start a process in a namespace; its standard streams travel back as descriptors, unless ``streams`` (as
        `subprocess.Popen` takes them) are in their place."""
        ns = self._ns(message)
        program = message["argv"][0]
        try:
            process, ends = self._lab(message["lab"]).programs.start_piped(
                ns,
                message["argv"],
                env=message["env"],
                cwd=message["cwd"],
                anywhere=message.get("anywhere", False),
                names=self._names(message) if message.get("named") else "",
                outputs={**_outputs(message), **streams},
            )
        except OSError as error:
            # It may be the folder that it was to start in.
            what = program if error.filename in (None, program) else f"{program}: {error.filename}"
            said = error.strerror or os.strerror(error.errno or 0)
            raise NotDone("spawn", message=f"{what}: {said}", errno=error.errno) from error
        self._processes[process.pid] = message["id"], process
        return {"process": process.pid, "pid": number_inside(process.pid)}, ends

    def signal(self, message: dict[str, Any]) -> Answer:
        """Send a signal to a process that was started by ``spawn`` and is still there; SIGKILL to what it has started,
        too."""
        if message["process"] in self._processes:
            send = kill_family if message["signal"] == signal.SIGKILL else os.kill
            send(message["process"], message["signal"])
        return None, []

    def take(self, message: dict[str, Any]) -> Answer:
        """Make a process that a front has started one of the lab's own programs: it no longer goes with that front."""
        lab, ns = self._lab(message["lab"]), self._ns(message)
        _, process = self._processes.pop(message["process"], (None, None))
        source, said = message["fds"]
        if process is None:
            # It has ended meanwhile.
            return None, []
        lab.daemons.take(ns, tuple(message["argv"]), process, os.dup(source), os.dup(said))
        return None, []

    def locate(self, message: dict[str, Any]) -> Answer:
        """Where a namespace's programs live: see `Programs.locate`."""
        ns, lab = self._ns(message), self._lab(message["lab"])
        # Other tools find it by the number of our descriptor.
        told = {"private": ns.private is not None, "network": ns.fd, "names": self._names(message)}
        return told, lab.programs.locate(ns)

    def _names(self, message: dict[str, Any]) -> str:
        """The names of a lab for programs in a namespace that doesn't know them: the text of /etc/hosts, or ''."""
        state = self._lab(message["lab"]).state
        return "" if state is None or self._ns(message).private is not None else names.hosts_file(state)

    def put(self, message: dict[str, Any]) -> Answer:
        """Write files into a private host."""
        ns = self._ns(message)
        if ns.private is None:
            raise NotDone("usage", message=f"{ns.id} has no folders of its own: give it 'private: true'")
        self._lab(message["lab"]).programs.put(ns, [from_plain(GivenFile, file) for file in message["files"]])
        return None, []

    def listens(self, message: dict[str, Any]) -> Answer:
        """Whether a program listens at a port (``tcp/80``), on whichever address."""
        protocol, _, port = message["port"].partition("/")
        return listening.anywhere(self._ns(message), protocol, int(port)), []

    def programs(self, message: dict[str, Any]) -> Answer:
        """The programs that the topology gives, as they are now."""
        return self._lab(message["lab"]).daemons.told(), []

    def output(self, message: dict[str, Any]) -> Answer:
        """A piece of what such a program has said, a character for each byte."""
        daemons = self._lab(message["lab"]).daemons
        try:
            log, piece = daemons.said(message["ns"], message["name"], message["start"])
            return {"log": log, "piece": piece.decode("latin-1")}, []
        except KeyError:
            raise NotDone("usage", message=f"there is no program {message['name']!r} in {message['ns']}") from None

    def news(self, message: dict[str, Any]) -> Answer:
        """What there is in namespaces that a program or a socket of the user's was ever in."""
        lab = self._lab(message["lab"])
        if lab.state is None:
            return {}, []
        return {ns.id: news.read(ns, lab.state) for ns in lab.namespaces.values() if ns.visited}, []

    def socket(self, message: dict[str, Any]) -> Answer:
        """Open a socket in a namespace and hand it over."""
        ns = self._ns(message)
        news.visit(ns)
        with ns:
            sock = socket.socket(message["family"], message["type"] | socket.SOCK_CLOEXEC, message["proto"])
        return None, [sock.detach()]


def _outputs(message: dict[str, Any]) -> dict[str, int]:
    """The outputs that a request redirects: descriptors that came with it, or numbers of subprocess."""
    given: dict[str, int] = message.get("outputs", {})
    return {name: message["fds"][number] if number >= 0 else number for name, number in given.items()}
