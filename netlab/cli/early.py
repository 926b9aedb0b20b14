"""An agent that starts before anything else is imported.

It takes as long to start as this side's imports: started first, it is ready when they are.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from netlab.errors import NetlabError

if TYPE_CHECKING:
    from netlab.client import Agent
    from netlab.kernels import Choice

_waiting: list[Agent] = []


def start(argv: list[str]) -> None:
    """Start an agent where the command line looks as if it will need one; `take` hands it over."""
    if (
        argv[:1] in (["run"], ["up"])
        and not {"-h", "--help", "-v", "--verbose", "--vagrant"} & set(argv)
        and not _elsewhere(argv)
    ):
        from netlab.client import CannotRun, start

        try:
            choice = _kernel(argv)
            if choice is None or choice.kernel != "auto":
                _waiting.append(start(choice))
        except (CannotRun, NetlabError):
            # The command will start an agent itself, and report why it can't.
            return


def _kernel(argv: list[str]) -> Choice | None:
    """Which kernel the command line asks for, as far as that can be seen already."""
    said = [word.partition("=")[2] for word in argv if word.startswith("--kernel=")]
    said += [after for word, after in pairwise(argv) if word == "--kernel"]
    if not said:
        return None
    from netlab.kernels import Choice

    return Choice.read(said[-1], virtual_time="--virtual-time" in argv)


def _elsewhere(argv: list[str]) -> bool:
    return any(word == "--on" or word.startswith("--on=") for word in argv)


def take() -> Agent | None:
    """The agent that is starting, if there is one; it is then the caller's to close."""
    return _waiting.pop() if _waiting else None


def close() -> None:
    """End an agent that no command has taken: the command line was wrong."""
    while _waiting:
        _waiting.pop().close()
