"""Labs that stay: how a lab becomes one, and how a later command finds it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
from collections.abc import Iterator
from typing import Any

from netlab.client import registry
from netlab.client.agent import Agent, Lab
from netlab.client.errors import LabClosed, LabDied, NotOnThisSubstrate
from netlab.client.kept import StayingLab
from netlab.contract.kernels import parse
from netlab.contract.wire import Channel, Closed

#: Seconds that a busy agent has before its lab is ended by force.
PATIENCE = 5.0
#: How often a lab looks whether its socket still has its name, in seconds.
LOOK = 60.0


def keep(lab: Lab, name: str, memo: Any, look: float = LOOK) -> None:
    """Have a lab stay, under a name that is reserved (`netlab.client.registry.reserved`). Its agent then outlives this
    process. ``memo`` is noted of it. It ends at most ``look`` seconds after its socket has lost its name. Raises
    LabError, NetlabError, OSError."""
    if lab.agent.substrate == "hosts":
        raise NotOnThisSubstrate("labs on real machines can't stay up", "leave --on out")
    path = registry.path(name)
    with registry.bind(name) as listener:
        try:
            lab.agent.request(
                "keep", fds=[listener.fileno()], lab=lab.number, path=str(path), memo=memo, look=look
            ).result()  # fmt: skip
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    lab.agent.let_go()


@contextlib.contextmanager
def attached(name: str, patience: float | None = None) -> Iterator[StayingLab]:
    """The lab of that name, while the block runs.

    Raises UsageError where there is none, LabDied, TimeoutError where the agent is busy for ``patience`` seconds.
    """
    sock = registry.connect(name)
    channel = Channel(sock)
    try:
        sock.settimeout(patience)
        hello, _ = channel.receive()
        sock.settimeout(None)
    except BaseException as error:
        channel.close()
        if isinstance(error, Closed):
            raise LabDied(f"the lab {name} has ended") from error
        raise
    if "kernel" not in hello:
        with Agent(channel, None, first=hello["first"]) as agent:
            yield StayingLab(agent, name, _peer(sock))
        return
    from netlab.client.guest import Guest
    from netlab.client.inguest import StayingGuestLab

    with Guest.behind(channel, hello["first"], parse(hello["kernel"])) as agent:
        yield StayingGuestLab(agent, name, _peer(sock))


def down(name: str) -> None:
    """End a lab, by force where its agent is too busy to answer. Raises UsageError where there is none."""
    with registry.connect(name) as sock:
        try:
            # Where it has ended by itself that is what was asked for.
            with contextlib.suppress(LabDied, LabClosed), attached(name, PATIENCE) as lab:
                lab.agent.request("down", lab=lab.number).result(PATIENCE)
        except TimeoutError:
            # The connection holds: the number is still its own.
            os.kill(_peer(sock), signal.SIGKILL)
        # The agent closes all connections to the lab, or ends.
        with contextlib.suppress(ConnectionResetError):
            while sock.recv(1 << 12):
                pass
    registry.forget(name)


def _peer(sock: socket.socket) -> int:
    """The number of the agent behind a connection: of the process that listens."""
    pid, _, _ = struct.unpack("iII", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(pid)
