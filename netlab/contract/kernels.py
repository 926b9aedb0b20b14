"""Versions of Linux: the one that a state is predicted for, and those that the model knows.

What is said of a version holds from its first release on, and for every later one until something else is said.
"""

from __future__ import annotations

import os
import re
import sys
from typing import NamedTuple

_RELEASE = re.compile(r"v?(\d+)\.(\d+)(?![\d])")


class Version(NamedTuple):
    """A series of Linux, ``6.12``: what it does is the same in all its stable releases, as far as is known.

    It compares with a plain pair: ``kernel >= (6, 10)``.
    """

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"

    @property
    def compared(self) -> bool:
        """Whether it is within what the model was compared with; others are taken for the nearest."""
        return OLDEST <= self <= NEWEST


#: In the place of a kernel's name: this machine's own.
OWN = "own"
#: The oldest and the newest series that the model was compared with.
OLDEST = Version(5, 10)
NEWEST = Version(7, 3)


def parse(release: str) -> Version:
    """The series of a release as uname(2) tells it, or of a version as people write it: ``6.12.117-um``, ``7.2``.

    Raises ValueError.
    """
    found = _RELEASE.match(release.strip())
    if found is None:
        raise ValueError(f"{release!r} is no version of Linux, such as 6.12")
    return Version(int(found[1]), int(found[2]))


def here() -> Version:
    """That of this machine; where it isn't Linux, the newest that the model knows."""
    return parse(os.uname().release) if sys.platform == "linux" else NEWEST


def stand_in(kernel: Version) -> str:
    """What to say of a prediction for a kernel that the model was not compared with; else empty."""
    if kernel.compared:
        return ""
    if kernel > NEWEST:
        return f"Linux {kernel} is newer than all that the model knows: predicted as for {NEWEST}"
    return f"Linux {kernel} is older than all that the model was compared with: predicted as for {OLDEST}"
