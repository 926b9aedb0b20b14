"""Sysctls that change no letter: only those that a sweep over a kernel has shown to be so.

The sweep (``python -m tests.sysctls``) writes `TABLE`. It is read where a topology sets a sysctl that the model has no
rule for.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name("sysctls.tsv")
_INTERFACE = re.compile(r"(net/ipv[46]/(?:conf|neigh)/)[^/]+")
_NUMBER = re.compile(r"-?[0-9]+")


def neutral(path: str, value: str) -> bool:
    """Whether a value of a sysctl (its path below /proc/sys) changes no letter.

    A number is neutral, too, if it lies between two that were tried, and none that was tried changes a letter.
    """
    found = table().get(_INTERFACE.sub(r"\1*", path))
    if found is None:
        return False
    value = " ".join(value.split())
    if value in found.neutral:
        return True
    if found.changing or not _NUMBER.fullmatch(value) or not all(map(_NUMBER.fullmatch, found.neutral)):
        return False
    tried = [int(one) for one in found.neutral]
    return min(tried) <= int(value) <= max(tried)


class Row:
    """The sweep's result for a sysctl: values that change no letter, the default among them, and those that do."""

    def __init__(self, text: str) -> None:
        default, _, tried = text.partition("\t")
        self.default = default
        self.neutral = [default]
        #: with the layers in which they do
        self.changing: dict[str, list[str]] = {}
        self.refused: list[str] = []
        for one in tried.split("; ") if tried else ():
            value, _, layers = one.partition(": ")
            if layers == "refused":
                self.refused.append(value)
            elif layers:
                self.changing[value] = layers.split()
            else:
                self.neutral.append(value)


@cache
def table() -> dict[str, Row]:
    """The sweep's result, by path, with ``*`` for an interface."""
    lines = (line.partition("\t") for line in TABLE.read_text().splitlines() if not line.startswith("#"))
    return {path: Row(rest) for path, _, rest in lines}
