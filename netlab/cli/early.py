"""An agent that starts before anything else is imported.

It takes as long to start as this side's imports: started first, it is ready when they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netlab.client import Agent

_waiting: list[Agent] = []


def start(argv: list[str]) -> None:
    """Start an agent where the command line looks as if it will need one; `take` hands it over."""
    if (
        argv[:1] == ["run"]
        and not {"-h", "--help", "-v", "--verbose", "--vagrant"} & set(argv)
        and not _elsewhere(argv)
    ):
        from netlab.client import Agent, CannotRun

        try:
            _waiting.append(Agent.start())
        except CannotRun:
            # The command will start an agent itself, and report why it can't.
            return


def _elsewhere(argv: list[str]) -> bool:
    return any(word == "--on" or word.startswith("--on=") for word in argv)


def take() -> Agent | None:
    """The agent that is starting, if there is one; it is then the caller's to close."""
    return _waiting.pop() if _waiting else None


def close() -> None:
    """End an agent that no command has taken: the command line was wrong."""
    while _waiting:
        _waiting.pop().close()
