"""Pipes and files of a machine, over the agent's stream: a local pipe stands for each, and is filled or emptied."""

from __future__ import annotations

import base64
import contextlib
import os
import select
import threading
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from netlab.client.agent import Agent
from netlab.client.capture import Counts
from netlab.client.errors import LabError, NotOnThisSubstrate
from netlab.client.process import Process
from netlab.contract.wire import PIECE


def ask(agents: Mapping[str, Agent], values: Mapping[str, Mapping[str, Any]], op: str) -> dict[str, Any]:
    """The same request to several agents at once, each with its own values; their answers. Raises LabError."""
    replies = {host: agents[host].request(op, **mine) for host, mine in values.items()}
    return {host: reply.result() for host, reply in replies.items()}


def spawn(agent: Agent, request: Mapping[str, Any], fds: Sequence[int]) -> Process:
    """Start a process there (see `netlab.client.inside.Inside.spawn`). Raises SpawnError, NotOnThisSubstrate."""
    if fds:
        raise NotOnThisSubstrate("no file of this machine can be an output there", "leave it a pipe, and read that")
    started = agent.request("spawn", **request).result()
    ends = []
    for number, (pipe, work) in enumerate(zip(started["pipes"], (_empty, _fill, _fill), strict=True)):
        read, write = os.pipe()
        mine, theirs = (write, read) if number == 0 else (read, write)
        ends.append(mine)
        threading.Thread(target=work, args=(agent, pipe, theirs), name=f"pipe {pipe}", daemon=True).start()
    process = Process(agent.request, request["lab"], tuple(request["argv"]), started, ends)
    agent.track(process)
    return process


def pieces(agent: Agent, pipe: int) -> Generator[bytes]:
    """What is in a pipe or file there, to its end; it is closed then. Raises LabError."""
    try:
        while data := base64.b64decode(agent.request("read", pipe=pipe).result()):
            yield data
    finally:
        _drop(agent, pipe)


def write(fd: int, data: bytes) -> None:
    """Write all of it. Raises OSError."""
    left = memoryview(data)
    while left:
        try:
            left = left[os.write(fd, left) :]
        except BlockingIOError:
            # Ours is to wait.
            select.select([], [fd], [])


class RelayedCapture:
    """A capture into open files, which stay open until `stop`: one for each interface, or one for all.

    Each agent captures by itself, and its files are fetched when the capture stops. A file for all has one pcapng
    section for each machine, with times of that machine's clock.
    """

    def __init__(
        self,
        agents: Mapping[str, Agent],
        lab: int,
        wanted: Mapping[str, Mapping[str, int]],
        fds: Sequence[int],
        *,
        new: bool = False,
    ) -> None:
        """``wanted``: by host the interfaces there, each with the place of its file among ``fds``. ``new``: the agents
        have not heard of the lab yet."""
        self._agents = agents
        self._lab = lab
        self._new = new
        self._wanted = wanted
        self._fds = list(fds)
        #: By host: the number of its capture.
        self._numbers: dict[str, int] = {}

    def _files(self, host: str) -> list[int]:
        """The numbers of the files that a machine has a part in, in its own order."""
        return sorted(set(self._wanted[host].values()))

    def start(self) -> int:
        """Start it everywhere. Raises LabError."""
        asked: dict[str, Any] = {}
        for host, mine in self._wanted.items():
            files = self._files(host)
            names = {name: files.index(number) for name, number in mine.items()}
            asked[host] = {"lab": self._lab, "new": self._new, "wanted": names, "files": len(files)}
        self._numbers = ask(self._agents, asked, "capture")
        return 0

    def stop(self) -> Counts:
        """Stop it everywhere, and fetch what each machine has got. Raises LabError; see `Capture.stop`."""
        asked = {host: {"capture": number} for host, number in self._numbers.items()}
        ended = ask(self._agents, asked, "uncapture")
        for host, one in ended.items():
            for number, pipe in zip(self._files(host), one["pipes"], strict=True):
                for data in pieces(self._agents[host], pipe):
                    try:
                        write(self._fds[number], data)
                    except OSError as error:
                        raise LabError(str(error)) from error
        return Counts(sum(one["frames"] for one in ended.values()), sum(one["dropped"] for one in ended.values()))


def _fill(agent: Agent, pipe: int, fd: int) -> None:
    """What a process there says, into a local pipe, until one of the two has gone."""
    try:
        # A closed local pipe needs no more data. If the agent has gone, so has the process: `Process` reports that.
        with contextlib.suppress(BrokenPipeError, LabError):
            for data in pieces(agent, pipe):
                write(fd, data)
    finally:
        os.close(fd)


def _empty(agent: Agent, pipe: int, fd: int) -> None:
    """What is written into a local pipe, to a process there, until one of the two has gone."""
    try:
        # The process there reads no more, or has gone: the local writer gets a broken pipe, as usual.
        with contextlib.suppress(LabError):
            while data := os.read(fd, PIECE):
                agent.request("write", pipe=pipe, data=base64.b64encode(data).decode()).result()
    finally:
        os.close(fd)
        _drop(agent, pipe)


def _drop(agent: Agent, pipe: int) -> None:
    # With the agent everything that it kept has gone.
    with contextlib.suppress(LabError):
        agent.request("drop", pipe=pipe)
