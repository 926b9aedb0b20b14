"""How the command was called."""

from __future__ import annotations

import os
import sys

#: The names that it is installed by.
NAMES = ("netlab", "netns-lab")


def program() -> str:
    """The name that it was called by: another program may be called ``netlab``, too."""
    called = os.path.basename(sys.argv[0])
    return called if called in NAMES else NAMES[0]
