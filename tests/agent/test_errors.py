"""ICMP errors of a router that gets a copy of a SYN: what they end, and what they don't."""

from __future__ import annotations

from pathlib import Path

import pytest

from netlab.client import Agent
from netlab.model import predict
from netlab.plan import from_file

REGRESSIONS = Path(__file__).parents[1] / "fuzz" / "regressions"


@pytest.mark.parametrize(
    ("name", "seen", "predicted"), [("error-behind-a-connection", "R", "R"), ("error-ends-a-connection", "U?", "?")]
)
@pytest.mark.parametrize(("layer", "suffix"), [("tcp", ""), ("tcp6", "-over-ipv6")])
def test_an_error_and_an_answer(agent: Agent, name: str, seen: str, predicted: str, layer: str, suffix: str) -> None:
    """In a fresh lab, where the router still sends errors, one ends a connection before it stands, never one that has
    stood; where they race the model says nothing."""
    plan = from_file(REGRESSIONS / f"{name}{suffix}.yaml")
    state = plan.steps[0].state
    i, j = state.index["B:eth0"], state.index["A:eth0"]
    assert predict(state, (layer,)).letters[layer][i][j] == predicted
    with agent.lab(plan) as lab:
        lab.enter(plan.steps[0]).result()
        [observed] = lab.probe([layer], pairs=[(i, j)]).result()
    assert observed.rows[i][j] in seen, observed.evidence
