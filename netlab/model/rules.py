"""Rules: what the model knows of Linux, each with a name, a sentence and the kernel function it was read in.

A rule is declared beside the code that applies it, by `rule()`, and known from then on by its id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

#: Kernel series in which every rule below was compared with measurements.
VERIFIED = ("6.18",)


@dataclass(frozen=True, slots=True)
class Rule:
    """One decision of Linux: a stable id, a sentence for people, and its kernel source."""

    id: str
    sentence: str
    function: str
    file: str
    verified: ClassVar[tuple[str, ...]] = VERIFIED


#: Every rule declared so far; complete once `netlab.model.rulebook` was imported.
RULES: dict[str, Rule] = {}


def rule(id: str, sentence: str, function: str, file: str) -> str:
    """Declare a rule and return its id; ValueError where the id is taken."""
    if id in RULES:
        raise ValueError(f"rule {id} is declared twice")
    RULES[id] = Rule(id, sentence, function, file)
    return id
