"""The ruleset of a namespace, which is nft's own language: the kernel and nft say what is wrong with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from netlab.contract.types import SetNftables, Where

if TYPE_CHECKING:
    from netlab.plan.file import Path
    from netlab.plan.lab import Box, Lab

_INCLUDE = re.compile(r"^[ \t]*(include)\b", re.MULTILINE)


def change(lab: Lab, box: Box, ruleset: str, path: Path) -> SetNftables:
    """Give a namespace the ruleset that stands at ``path`` of the file in the place of all that it has."""
    file = lab.file
    text = file.spec.text_where(*path)
    for found in _INCLUDE.finditer(ruleset):
        where = file.where(*path)
        if text is not None:
            line = ruleset.count("\n", 0, found.start(1))
            column = found.start(1) - (ruleset.rfind("\n", 0, found.start(1)) + 1)
            where = Where(text.file, text.line + line, text.column + column)
        file.problems.add(where, "a ruleset includes no other file", "write its rules here: a lab is in one file")
    box.nftables = ruleset
    return SetNftables(namespace=box.id, ruleset=ruleset, text=text, where=file.where(*path))
