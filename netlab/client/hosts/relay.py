"""Pipes and files of a machine, over the agent's stream: a local pipe stands for each, and is filled or emptied."""

from __future__ import annotations

import base64
import contextlib
import os
import threading
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from netlab.client.agent import Agent
from netlab.client.errors import LabError
from netlab.client.process import Process
from netlab.contract.wire import PIECE


def ask(agents: Mapping[str, Agent], values: Mapping[str, Mapping[str, Any]], op: str) -> dict[str, Any]:
    """The same request to several agents at once, each with its own values; their answers. Raises LabError."""
    replies = {host: agents[host].request(op, **mine) for host, mine in values.items()}
    return {host: reply.result() for host, reply in replies.items()}


def spawn(
    agent: Agent, lab: int, namespace: str, argv: Sequence[str], env: Mapping[str, str] | None, cwd: str | None
) -> Process:
    """Start a process there, with the machine's own environment unless another is given. Raises SpawnError."""
    given = None if env is None else dict(env)
    started = agent.request("spawn", lab=lab, ns=namespace, argv=list(argv), env=given, cwd=cwd).result()
    fds = []
    for number, (pipe, work) in enumerate(zip(started["pipes"], (_empty, _fill, _fill), strict=True)):
        read, write = os.pipe()
        mine, theirs = (write, read) if number == 0 else (read, write)
        fds.append(mine)
        threading.Thread(target=work, args=(agent, pipe, theirs), name=f"pipe {pipe}", daemon=True).start()
    process = Process(agent.request, lab, tuple(argv), started, fds)
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
        left = left[os.write(fd, left) :]


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
