"""What would help a pair whose way is a bond: members that are brought up, or looked at."""

from __future__ import annotations

import pytest

from tests.why.test_fixes import ask, first

TEXT = """
name: bond
switches: {lan: {}}
hosts:
  A:
    interfaces:
      bond0: {type: bond, mode: active-backup, miimon: MIIMON, addresses: [10.0.0.1/24]}
      eth0: {switch: lan, master: bond0}
      eth1: {switch: lan, master: bond0}
    containers: {web: {interfaces: {eth0: {type: macvlan, parent: bond0, mode: bridge, addresses: [10.0.0.11/24]}}}}
  B: {interfaces: {eth0: {switch: lan, addresses: [10.0.0.2/24]}}}
steps: [{name: cut, set: {CUT}}]
"""
DOWN = "A:eth0: {state: down}"
CUT = "A:eth0: {port: {up: false}}, A:eth1: {port: {up: false}}"


@pytest.mark.parametrize("source", ["A", "A/web"])
@pytest.mark.parametrize(
    ("miimon", "cut", "wanted"),
    [
        # The active member is down, and nobody looks at it.
        (0, DOWN, {"A:bond0": {"miimon": 100}}),
        # Both wires are cut: either port will do, and both are brought up.
        (100, CUT, {"A:eth0": {"port": {"up": True}}, "A:eth1": {"port": {"up": True}}}),
        (100, "A:bond0: {state: down}", {"A:bond0": {"state": "up"}}),
    ],
)
def test_what_helps(miimon: int, cut: str, wanted: dict[str, object], source: str) -> None:
    """The first fix is the one that a person would try, by the model it works, and as commands it is ip-link(8)'s."""
    told = ask(TEXT.replace("MIIMON", str(miimon)).replace("CUT", cut), source, "B", step="cut")
    assert told.letter == "U"
    assert first(told.fixes[0])["set"] == wanted
    assert told.fixes[0].commands
