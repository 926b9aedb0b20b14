"""What can go wrong with a lab, each with an exit code and, if there is one, the line that fixes it."""

from __future__ import annotations

from typing import Any

from netlab.contract.lacks import SCARCE
from netlab.contract.types import Where

#: What fixes it where there is too little of something (`netlab.contract.lacks.SCARCE`).
MORE = "raise the limits of open files, processes and memory (ulimit -n, -u, -v)"


class LabError(Exception):
    """Something about a lab failed. ``exit_code`` is the command line's, ``fix`` the line that fixes it (or '')."""

    exit_code = 3

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.fix = fix


class CannotRun(LabError):
    """This machine, or this user, can't run labs; ``fix`` is the one line that changes that."""


class Exhausted(CannotRun):
    """This machine can run labs, but has too little left of something: descriptors, processes, memory."""


class LabDied(LabError):
    """The agent has ended, and every lab of it is gone with it."""


class LabClosed(LabError):
    """The lab has been closed, or has ended because the kernel refused a step: it takes no requests any more."""


class AgentBug(LabError):
    """The agent raised an error that it has no message for: a bug of netlab. The message holds its traceback."""


class Cancelled(LabError):
    """A measurement was ended before it was over."""


class NotOnThisSubstrate(LabError):
    """What only a descriptor can do, and none can be handed over from where this lab lives."""


class SpawnError(LabError):
    """A process could not be started inside a lab; ``errno`` is the kernel's."""

    def __init__(self, message: str, errno: int = 0) -> None:
        super().__init__(message)
        self.errno = errno


class BuildError(LabError):
    """The kernel refused a part of the lab, or has built something else than was asked for.

    ``where`` is the line of the file that asked for it, ``interface`` the link, ``command`` the command that would do
    the same, ``errno`` the kernel's errno by name, ``message`` its own words, ``hint`` what may fix it.
    """

    exit_code = 2

    def __init__(
        self,
        message: str,
        *,
        errno: str,
        command: str,
        interface: str,
        where: Where | None,
        hint: str,
        exit_code: int = 2,
    ) -> None:
        self.errno = errno
        self.command = command
        self.interface = interface
        self.where = where
        self.message = message
        self.hint = hint
        place = f"{where}: " if where else ""
        about = f"{interface}: " if interface and not message.startswith(interface) else ""
        code = f" ({errno})" if errno else ""
        super().__init__(f"{place}{about}{message}{code}", fix=hint)
        self.exit_code = exit_code


def reported(plain: dict[str, Any]) -> LabError:
    """The error that the agent reports."""
    match plain["kind"]:
        case "build":
            where = Where(*plain["where"]) if plain["where"] else None
            return BuildError(
                plain["message"], errno=plain["errno"], command=plain["command"], interface=plain["interface"],
                where=where, hint=plain["hint"], exit_code=plain["exit_code"],
            )  # fmt: skip
        case "closed":
            return LabClosed("this lab is closed")
        case "usage":
            return LabError(plain["message"])
        case "cancelled":
            return Cancelled(plain["message"])
        case "spawn":
            return SpawnError(plain["message"], plain.get("errno") or 0)
        case "system":
            return LabError(plain["message"], MORE if plain.get("errno") in SCARCE else "")
        case _:
            return AgentBug("the agent has met a bug of netlab:\n" + plain["message"])


def lost(error: BaseException) -> LabDied:
    """What is said where the front could not go on listening to the agent, which it ends then."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else f"{type(error).__name__}: {error}"
    scarce = isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in SCARCE)
    died = LabDied(
        f"the agent could not be listened to any more, so its labs were ended: {said}", MORE if scarce else ""
    )
    died.__cause__ = error
    return died
