"""Labs that stay: how a lab becomes one, and how a later command finds it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from netlab.client import registry
from netlab.client.agent import Agent, Lab
from netlab.client.boot import command
from netlab.client.errors import LabClosed, LabDied, NotOnThisSubstrate
from netlab.client.reply import Reply
from netlab.contract.observed import StepObserved
from netlab.contract.types import Plan, Step
from netlab.contract.wire import Channel, Closed

#: Seconds that a busy agent has before its lab is ended by force.
PATIENCE = 5.0
#: How often a lab looks whether its socket still has its name, in seconds.
LOOK = 60.0
#: A lab whose plan isn't known (yet).
_NOTHING = Plan(name="", file="", steps=())


def keep(lab: Lab, name: str, memo: Any, look: float = LOOK) -> None:
    """Have a lab stay, under a name that is reserved (`netlab.client.registry.reserved`). Its agent then outlives this
    process. ``memo`` is noted of it. It ends at most ``look`` seconds after its socket has lost its name. Raises
    LabError, NetlabError, OSError."""
    if lab.agent.substrate != "netns":
        raise NotOnThisSubstrate("only labs in namespaces of this machine can stay up", "leave --kernel and --on out")
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
    with Agent(channel, None, first=hello["first"]) as agent:
        yield StayingLab(agent, name, _peer(sock))


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


class StayingLab(Lab):
    """A lab that stays, seen by a process that has connected to it. ``pid`` is its agent's."""

    def __init__(self, agent: Agent, name: str, pid: int, plan: Plan = _NOTHING) -> None:
        # Whatever number is sent, the agent takes that of the lab.
        super().__init__(agent, 0, plan, new=False)
        self.name = name
        self.pid = pid

    def change(self, step: Step, memo: Any, *, afresh: bool = False) -> Reply[StepObserved]:
        """Take it into a step, and have that noted. ``afresh``: all that there was goes before, programs included."""
        return self._go(step, memo=memo, afresh=afresh)

    def wait(self) -> None:
        """Wait until it has ended."""
        self.agent._reader.join()

    def about(self, timeout: float | None = None) -> dict[str, Any]:
        """What is noted of it (``memo``), since when it is up, how many programs run in it, and the
        memory of all of it in bytes.

        Raises TimeoutError where the agent is busy for so many seconds, LabError.
        """
        found: dict[str, Any] = self.agent.request("about", lab=self.number).result(timeout)
        return found

    def become(self, namespace: str, argv: Sequence[str]) -> NoReturn:
        """Become a program in one of its namespaces, with this process's terminal and streams.

        The connection is closed: the program doesn't need it. Raises LabError.
        """

        place = self.locate(namespace)
        self.agent.close()
        for fd in (place.init, place.network):
            os.set_inheritable(fd, True)
        options = ["--init", str(place.init), "--network", str(place.network), "--private", str(int(place.private))]
        words = command("netlab.agent.enter", *options, "--", *argv)
        os.execv(words[0], words)

    def nsenter(self, namespace: str) -> list[str]:
        """The command of util-linux that enters one of its namespaces. Raises LabError."""
        place = self.locate(namespace)
        with contextlib.closing(place):
            own = os.path.samefile("/proc/self/ns/user", f"/proc/{place.pid}/ns/user")
            # In a user namespace of one user it can't change its groups.
            user = [] if own else ["--user", "--preserve-credentials"]
            network = f"--net=/proc/{self.pid}/fd/{place.number}"
            return ["nsenter", "--target", str(place.pid), *user, "--mount", "--uts", "--ipc", "--pid", network]

    def close(self) -> None:
        """It stays."""
