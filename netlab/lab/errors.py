"""What can go wrong with a lab, each with an exit code and, where there is one, the line that mends it."""

from __future__ import annotations

from netlab.plan.types import Where


class LabError(Exception):
    """Something about a lab failed. ``exit_code`` is the command line's, ``mend`` what mends it (or '')."""

    exit_code = 3

    def __init__(self, message: str, mend: str = "") -> None:
        super().__init__(message)
        self.mend = mend


class CannotRun(LabError):
    """This machine, or this user, can't run labs; ``mend`` is the one line that changes that."""


class LabDied(LabError):
    """The agent has ended, and every lab of it is gone with it."""


class AgentBug(LabError):
    """The agent met a state that it has no words for: a bug of netlab. The message holds its traceback."""


class Cancelled(LabError):
    """A measurement was ended before it was over."""


class NotOnThisSubstrate(LabError):
    """What only a descriptor can do, and none can be handed over from where this lab lives."""


class SpawnError(LabError):
    """A process could not be started inside a lab."""


class BuildError(LabError):
    """The kernel refused a part of the lab, or has built something else than was asked for.

    ``where`` is the line of the file that asked, ``interface`` the link, ``command`` what a person would have
    typed, ``errno`` the kernel's errno by name, ``message`` its own words, ``hint`` what may mend it.
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
        super().__init__(f"{place}{about}{message}{code}", mend=hint)
        self.exit_code = exit_code
