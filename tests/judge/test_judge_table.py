"""The judging table, cell by cell."""

from __future__ import annotations

import pytest

from netlab.judge.table import ACCEPTS, GIVEN, MODEL, OBSERVED, TABLE, judgement


@pytest.mark.parametrize(
    ("given", "model", "observed", "expected", "verdict", "kind"),
    [
        # Nothing from the file: the model alone.
        (" ", "R", "R", "R", "P", ""),
        (" ", "R", "A", "R", "F", "unexpected"),
        (" ", "U", "R", "U", "F", "unexpected"),
        (" ", "B", "R", "B", "P", ""),
        (" ", "B", "A", "B", "P", ""),
        (" ", "B", "U", "B", "F", "unexpected"),
        (" ", "?", "R", "?", "S", "unpredicted"),
        (" ", ".", ".", ".", ".", ""),
        (" ", ".", "R", ".", "F", "unexpected"),
        (" ", "R", ".", "R", "F", "unexpected"),
        # The file speaks, the model agrees or does not know.
        ("B", "R", "R", "R", "P", ""),
        ("B", "A", "A", "A", "P", ""),
        ("B", "B", "A", "B", "P", ""),
        ("B", "R", "U", "R", "F", "unexpected"),
        ("B", "?", "A", "B", "P", ""),
        ("R", "?", "A", "R", "F", "unexpected"),
        ("U", "U", "U", "U", "P", ""),
        ("U", "?", "R", "U", "F", "unexpected"),
        # As the file says, though the model was more exact and wrong: passed, and said.
        ("B", "R", "A", "R", "P", "model-contradicted"),
        ("R", "B", "A", "R", "F", "expect-contradicted"),
        # The two contradict each other.
        ("B", "U", "R", "B", "F", "model-contradicted"),
        ("B", "U", "U", "B", "F", "expect-contradicted"),
        ("U", "R", "U", "U", "F", "model-contradicted"),
        ("U", "A", "A", "U", "F", "expect-contradicted"),
        ("R", "A", "U", "R", "F", "unexpected"),
        # No proof either way.
        (" ", "R", "?", "R", "?", "inconclusive"),
        ("U", "R", "?", "U", "?", "inconclusive"),
        (" ", "?", "?", "?", "?", "inconclusive"),
        # Not applicable, and not asked for.
        ("B", ".", ".", ".", ".", ""),
        ("B", "R", " ", "R", " ", ""),
    ],
)
def test_every_kind_of_row(given: str, model: str, observed: str, expected: str, verdict: str, kind: str) -> None:
    """Each row of the design's table gives its verdict, the expected letter and the kind of finding."""
    assert judgement(given, model, observed) == (expected, verdict, kind)


def test_the_table_is_whole() -> None:
    """Every combination of letters has an entry, so no matrix can hold a cell that nobody judged."""
    assert len(TABLE) == len(GIVEN) * len(MODEL) * len(OBSERVED)


@pytest.mark.parametrize("given", [letter for letter in GIVEN if letter != " "])
@pytest.mark.parametrize("observed", ["R", "A", "U"])
@pytest.mark.parametrize("model", list(MODEL))
def test_a_pass_is_always_what_the_file_says(given: str, model: str, observed: str) -> None:
    """No cell that the file speaks of passes with a letter that the file does not accept."""
    verdict = TABLE[given, model, observed].verdict
    if observed not in ACCEPTS[given]:
        assert verdict == "F"
    else:
        assert verdict == "P" or not ACCEPTS[given] & ACCEPTS.get(model, frozenset())


@pytest.mark.parametrize("given", list(GIVEN))
@pytest.mark.parametrize("model", list(MODEL))
def test_nothing_seen_is_never_a_pass(given: str, model: str) -> None:
    """A question mark is inconclusive whatever was expected."""
    assert TABLE[given, model, "?"].verdict == "?"
