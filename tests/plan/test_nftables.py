"""Rulesets in the plan: of which namespace, where in the file, and in which step."""

from __future__ import annotations

import pytest

from netlab.contract.types import SetNftables, Where
from tests.plan.labs import TWO, faults, plan

LITERAL = """\
    nftables: |
      table ip one {}
      table ip two {}
"""


def rulesets(text: str, step: int = 0) -> list[SetNftables]:
    return [change for change in plan(text).steps[step].changes if isinstance(change, SetNftables)]


def test_a_ruleset_comes_last_and_knows_where_its_text_begins() -> None:
    """Links are there before it is loaded; its first line is that below the key."""
    last = plan(TWO + LITERAL).steps[0].changes[-1]
    ruleset = "table ip one {}\ntable ip two {}\n"
    assert last == SetNftables(namespace="B", ruleset=ruleset, where=Where("f", 12, 5), text=Where("f", 13, 7))
    assert plan(TWO + LITERAL).steps[0].state.namespace("B").nftables == ruleset


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("nftables: |2\n        table ip one {}\n", Where("f", 13, 7)),
        ("nftables: |\n\n      table ip one {}\n", Where("f", 13, 7)),
        ("nftables: | # a comment\n       table ip one {}\n", Where("f", 13, 8)),
        ("nftables: table ip one {}\n", None),
        ("nftables: >\n      table ip one {}\n", None),
    ],
)
def test_the_lines_of_a_literal_text_are_found(written: str, text: Where | None) -> None:
    """However a literal text is written, its lines are those of the file; of other texts they aren't."""
    [change] = rulesets(f"{TWO}    {written}")
    assert change.text == text


def test_a_step_replaces_the_ruleset() -> None:
    """What a step sets is the whole ruleset from then on, '' is none."""
    text = TWO + LITERAL + 'steps:\n  - {name: s, set: {B: {nftables: ""}, A/c1: {nftables: table ip x {}}}}\n'
    text = text.replace("table ip x {}", "'table ip x {}'")
    assert [(one.namespace, one.ruleset) for one in rulesets(text, 1)] == [("B", ""), ("A/c1", "table ip x {}")]
    state = plan(text).steps[1].state
    assert [state.namespace(ns).nftables for ns in ("A", "A/c1", "B")] == ["", "table ip x {}", ""]


def test_another_file_is_not_included() -> None:
    """A ruleset that includes a file is refused, at the word itself."""
    text = TWO + LITERAL.replace("table ip two {}", '  include "/etc/nftables.conf"')
    assert faults(text)[0].startswith("f:14:9: a ruleset includes no other file")
