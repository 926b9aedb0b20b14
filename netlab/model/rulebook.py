"""Every rule, and the page that lists them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

# Importing a module declares its rules.
from netlab.model import announce, kinds, refusal
from netlab.model.rules import RULES, VERIFIED, Rule
from netlab.model.stack import protocols

__all__ = ["RULES", "document"]

_DECLARING = (announce, kinds, refusal, protocols)

_HEAD = """\
# The rules

What netlab's model knows of Linux. Each rule is declared in `netlab/model/` beside the code that applies
it; `netlab why` and the reports cite it by its id. This page is written by `netlab.model.rulebook.document`
and a test holds it current. All of them were compared with measurements on Linux {}.
"""


def document() -> str:
    """The text of docs/rules.md."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _HEAD.format(", ".join(map(str, VERIFIED))).rstrip()
    for family, rules in groupby(sorted(RULES.values(), key=lambda rule: rule.id), key=_family):
        yield from ("", f"## {family}", "", "| rule | what it says | kernel |", "|---|---|---|")
        for rule in rules:
            bounds = f" *{rule.kernels[0].upper()}{rule.kernels[1:]}.*" if rule.kernels else ""
            yield f"| `{rule.id}` | {rule.sentence}{bounds} | `{rule.function}`, {rule.file} |"


def _family(rule: Rule) -> str:
    return rule.id.partition("/")[0]
