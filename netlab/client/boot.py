"""How the agent is started as a program of its own."""

from __future__ import annotations

import sys

#: A module of the agent's, as a program: netlab is found where this process found it.
BOOT = "import sys; sys.path.insert(0, sys.argv.pop(1)); import "


def interpreter_options() -> list[str]:
    """Python's options for the agent: it imports nothing from the current folder, and ignores what this process ignores
    (``-I``: PYTHONPATH and the user's own packages)."""
    flags = sys.flags
    if flags.isolated:
        return ["-I", *(["-S"] if flags.no_site else [])]
    given = {"-E": flags.ignore_environment, "-s": flags.no_user_site, "-S": flags.no_site}
    return ["-P", *(option for option, on in given.items() if on)]
