"""Names of labs that are none."""

from __future__ import annotations

import pytest

from tests.stay.conftest import Stay


@pytest.mark.parametrize(
    "words", [("set", "tow", "A:eth0", "state=down"), ("set", "tow", "A", "state=down"), ("logs", "tow", "A:web")]
)
def test_a_lab_of_another_name(root: Stay, words: tuple[str, ...]) -> None:
    """Where one lab is up and a command names another, that is what is wrong, not the words behind it."""
    said = root(*words, code=2).stderr
    assert said == "netlab: no lab 'tow' is up (did you mean 'two'?); there is two\n"


def test_a_lab_of_another_name_is_probed(root: Stay) -> None:
    """What stands before a pair and is none may have been meant as a lab."""
    said = root("probe", "tow", "A,B", code=2).stderr
    assert said.startswith("netlab: 'tow' is neither a lab that is up nor a pair\n")
