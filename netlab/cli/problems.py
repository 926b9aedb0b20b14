"""Errors in words: on stderr, ``file:line:column: message`` where there is a place."""

from __future__ import annotations

import os
import sys

from netlab.errors import NetlabError, printable

#: So many faults of a file are told at once.
MOST = 200


def explain(error: Exception, about: str = "netlab") -> int:
    """Say what went wrong (``about`` what, where the error has no place of its own) and return the exit code.

    An unforeseen error is raised again.
    """
    code = getattr(error, "exit_code", None)
    if not isinstance(code, int):
        raise error
    told = [line for text in lines(error, about) for line in text.splitlines()]
    for line in told:
        # What a file or its name says must not steer a terminal.
        print(printable(line), file=sys.stderr)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        from netlab.report import github

        github.tell(github.problems(told))
    return code


def lines(error: Exception, about: str = "netlab") -> list[str]:
    """The lines for a person: what happened, where, and what fixes it."""
    found = []
    where = getattr(error, "where", None)
    problems = getattr(error, "problems", None)
    if problems is not None:
        found += str(error).splitlines()
        if len(found) > MOST:
            found[MOST:] = [f"netlab: and {len(found) - MOST} more"]
    elif where:
        found.append(str(error) if str(error).startswith(f"{where}: ") else f"{where}: {error}")
    else:
        found.append(f"{about}: {error}")
    if command := getattr(error, "command", None):
        found.append(f"  while: {command}")
    fix = error.fix if isinstance(error, NetlabError) else getattr(error, "fix", "")
    if fix:
        found.append(f"  {fix}")
    return found
