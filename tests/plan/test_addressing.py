"""What becomes of an interface's addresses when others are asked for."""

from __future__ import annotations

import pytest

from netlab.contract.types import Address
from netlab.plan.addressing import transition


def addresses(*texts: str) -> tuple[Address, ...]:
    """Addresses of a few words; ``.5`` is 10.0.0.5/24, ``1.5`` is 10.0.1.5/24, ``::5`` is fd00::5/64."""
    made = []
    for text in texts:
        if text.startswith("::"):
            made.append(Address(f"fd00{text}", 64))
        else:
            third, _, last = text.rpartition(".")
            made.append(Address(f"10.0.{third or 0}.{last}", 24))
    return tuple(made)


@pytest.mark.parametrize(
    ("old", "new", "promote", "start", "end", "lost", "emptied"),
    [
        ([".1"], [".1", ".2"], False, [".1"], [".1", ".2"], [], False),
        ([".1", ".2"], [".1"], False, [".1", ".2"], [".1"], [], False),
        ([".1", ".2"], [".2"], False, [".1"], [".2"], [".2"], True),
        ([".1", ".2"], [".2"], True, [".1", ".2"], [".2"], [], False),
        ([".1", "1.1", ".2"], [".2", "1.1"], False, [".1", "1.1"], ["1.1", ".2"], [".2"], False),
        ([".1"], [".2", ".1"], False, [".1"], [".1", ".2"], [], False),
        ([".1"], [".2"], False, [".1"], [".2"], [], True),
        ([".1"], [], False, [".1"], [], [], True),
        ([], [".1"], False, [], [".1"], [], False),
        (["::1", ".1"], ["::2"], False, ["::1", ".1"], ["::2"], [], True),
        (["::1", "::2"], ["::2"], False, ["::1", "::2"], ["::2"], [], False),
    ],
)
def test_transitions(
    old: list[str], new: list[str], promote: bool, start: list[str], end: list[str], lost: list[str], emptied: bool
) -> None:
    """Secondary addresses go with their primary, what stays keeps its place, and the last IPv4 one takes more along."""
    how = transition(addresses(*old), addresses(*new), promote)
    assert how.start == addresses(*start)
    assert how.end == addresses(*end)
    assert how.lost == addresses(*lost)
    assert how.emptied == emptied
