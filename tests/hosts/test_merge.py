"""What two machines have seen of one pair, put together."""

from __future__ import annotations

import pytest

from netlab.client.hosts.merge import merged
from netlab.contract.observed import Result
from netlab.plan import from_file

TEXT = """
name: merge
switches: {lan: {}}
hosts:
  A: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.1/24]}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
"""


@pytest.mark.parametrize(
    ("entered", "final", "letter"),
    [
        (["B:eth0"], False, "R"),
        (["B:other"], False, ""),
        (["B:other", "B:eth0"], True, "R"),
        (["B:other"], True, "A"),
        ([], True, "U"),
    ],
)
def test_another_interface_is_told_after_the_rounds(entered: list[str], final: bool, letter: str) -> None:
    """That a request came in by another interface only is a negative: it is told when the rounds are over."""
    state = from_file(TEXT, "f").steps[0].state
    destination = state.endpoints[state.index["B:eth0"]]
    asked, heard = Result(answered=True), Result(evidence={"entered": entered} if entered else {})
    assert merged("icmp", destination, asked, heard, final=final).letter == letter
