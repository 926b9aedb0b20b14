"""What is wrong with a topology file, said so that its author can fix it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from netlab.contract.types import Where
from netlab.errors import NetlabError

#: Known words that a message lists: as many as any mapping of a topology has keys. There may be thousands of hosts.
MOST_WORDS = 60


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong: where, what, and what would be right.

    ``follows`` marks what may only be a consequence of another problem (something is missing that was
    given, but wrongly); such a problem is not reported beside one that is not.
    """

    where: Where
    message: str
    hint: str = ""
    follows: bool = False

    def __str__(self) -> str:
        return f"{self.where}: {_cut(self.message)}" + (f"; {_cut(self.hint)}" if self.hint else "")


def _cut(text: str) -> str:
    """The text, unless it quotes something endless."""
    return text if len(text) <= 600 else text[:300] + " … " + text[-100:]


class Fault(Exception):
    """An entry of the file that is of no use: ``problems`` says why."""

    def __init__(self, where: Where, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.problems = [Problem(where, message, hint)]


class TopologyError(NetlabError):
    """Everything that is wrong with a topology file, in the order of its lines."""

    def __init__(self, problems: Iterable[Problem], *, exit_code: int | None = None) -> None:
        # Replicas have the same faults, in the same place, each with its own number.
        once = {(problem.where, re.sub(r"[0-9]+", "#", problem.message)): problem for problem in sorted(problems)[::-1]}
        self.problems = sorted(once.values())
        super().__init__("\n".join(map(str, self.problems)), exit_code=exit_code)


class Problems:
    """A list of problems in the making.

    ``gone`` holds the names of parts that are left out for what is wrong with them, ``hurt`` those of whatever
    such a part belongs to (``*``: it could be anything): what is missed there may be a consequence.
    """

    def __init__(self) -> None:
        self.found: list[Problem] = []
        self.gone: set[str] = set()
        self.hurt: set[str] = set()

    def add(self, where: Where, message: str, hint: str = "", *, follows: bool = False) -> None:
        self.found.append(Problem(where, message, hint, follows))

    def __bool__(self) -> bool:
        return bool(self.found)


def near(word: str, known: Iterable[str], cutoff: float = 0.61) -> str | None:
    """The known word that is nearest to a mistyped one, if any is near."""
    import difflib

    words = list(known)
    found = difflib.get_close_matches(word, words, n=1, cutoff=cutoff)
    return next(iter(found), None) or next((other for other in words if other.casefold() == word.casefold()), None)


def did_you_mean(word: str, known: Iterable[str], what: str = "known") -> str:
    """``did you mean 'ens160'?`` where a known word is near, else the list of them (at most `MOST_WORDS`)."""
    words = list(dict.fromkeys(known))
    meant = near(word, words)
    if meant:
        return f"did you mean {meant!r}?"
    if not words:
        return ""
    more = f" and {len(words) - MOST_WORDS} more" if len(words) > MOST_WORDS else ""
    return f"{what}: {', '.join(words[:MOST_WORDS])}{more}"
