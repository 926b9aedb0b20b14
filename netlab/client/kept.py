"""The handle on a lab that stays."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from typing import Any, NoReturn

from netlab.client.agent import Agent, Lab
from netlab.client.boot import command
from netlab.client.reply import Reply
from netlab.contract.observed import StepObserved
from netlab.contract.types import Plan, Step

#: A lab whose plan isn't known (yet).
_NOTHING = Plan(name="", file="", steps=())


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

    def become(self, namespace: str, argv: Sequence[str], *, leads: bool = False) -> NoReturn:
        """Become a program in one of its namespaces, with this process's terminal and streams.

        One that ``leads`` has a process group of its own, to which keys go: a shell. The connection is closed: the
        program doesn't need it. Raises LabError.
        """
        place = self.locate(namespace)
        self.agent.close()
        names = os.memfd_create("names")
        os.write(names, place.names.encode())
        os.lseek(names, 0, os.SEEK_SET)
        for fd in (place.init, place.network, names):
            os.set_inheritable(fd, True)
        given = {"init": place.init, "network": place.network, "private": int(place.private), "names": names}
        given["leads"] = int(leads)
        options = [word for name, value in given.items() for word in (f"--{name}", str(value))]
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
