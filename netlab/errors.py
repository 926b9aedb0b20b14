"""What can go wrong in the front, and how a command ends: the exit codes of netlab.

The rooms raise their own errors (`netlab.spec.TopologyError`, `netlab.client.LabError`). Each that is meant for
users has an ``exit_code`` and says in one line what fixes it.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable

#: All as expected.
PASSED = 0
#: Something was not as expected.
FAILED = 1
#: The command line or a topology is wrong.
WRONG = 2
#: This machine can't run it: a kernel module, a permission, a binary is missing.
CANNOT_RUN = 3
#: Nothing failed, but something could not be proved either way.
INCONCLUSIVE = 4
#: Interrupted by the user (128 + SIGINT).
INTERRUPTED = 130

#: The kernel's errors for a full disk, a file that is too large, and a disk that has gone.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})

#: The exit code of several runs is the most important one: the first of these that a run had.
PRECEDENCE = (INTERRUPTED, CANNOT_RUN, WRONG, FAILED, INCONCLUSIVE, PASSED)


class NetlabError(Exception):
    """An error for the user: one message, an exit code, and optionally the line that fixes it."""

    exit_code = WRONG

    def __init__(self, message: str, *, fix: str = "", exit_code: int | None = None) -> None:
        super().__init__(message)
        self.fix = fix
        if exit_code is not None:
            self.exit_code = exit_code


class UsageError(NetlabError):
    """What the command line (or a caller) asks for can't be: an unknown layer, step or endpoint."""


class ReportError(NetlabError):
    """A report could not be written: the folder can't be made or written to, or the disk is full."""


def worst(codes: Iterable[int]) -> int:
    """The exit code of a command that did several things, by `PRECEDENCE`; 0 where it did none."""
    seen = set(codes)
    return next((code for code in PRECEDENCE if code in seen), max(seen, default=PASSED))


def printable(text: str) -> str:
    """The text with escapes for control characters and what can't be encoded: ``\\x1b``; a byte of a file name that is
    not UTF-8 (PEP 383) becomes ``\\xff``."""
    return "".join(one if one.isprintable() else _escape(one) for one in text)


def _escape(one: str) -> str:
    code = ord(one)
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else one.encode("unicode_escape").decode()


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`` (did you mean 'icmp'?)``, or nothing where no known word is near."""
    import difflib

    near = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean '{near[0]}'?)" if near else ""
