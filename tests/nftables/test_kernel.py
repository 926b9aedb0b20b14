"""What the model says of nftables, against the kernel: every ruleset, pair and layer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from netlab.client import Agent
from netlab.contract.applies import applicable
from netlab.contract.types import ALL_LAYERS, BY_NAME, Step
from netlab.model import predict
from netlab.plan import from_file
from tests.nftables.rulesets import LABS


@pytest.fixture(scope="module")
def agent() -> Iterator[Agent]:
    """An agent of this module."""
    with Agent.start() as agent:
        yield agent


def disagreements(step: Step, letters: dict[str, tuple[str, ...]], seen: dict[str, tuple[str, ...]]) -> list[str]:
    """The cells of a step in which the model is sure of something that isn't so."""
    state = step.state
    return [
        f"{step.name}: {layer} {source.id} -> {target.id}: predicted {letters[layer][i][j]}, seen {seen[layer][i][j]}"
        for layer in seen
        for i, source in enumerate(state.sources(layer))
        for j, target in enumerate(state.destinations(layer))
        if letters[layer][i][j] != "?"
        and seen[layer][i][j] not in {"B": "AR"}.get(letters[layer][i][j], letters[layer][i][j])
    ]


@pytest.mark.parametrize("name", LABS)
def test_the_model_is_never_wrong(agent: Agent, name: str) -> None:
    """With each ruleset each letter is as predicted, or predicted not to be known; and most are known."""
    plan = from_file(LABS[name], "t")
    wrong: list[str] = []
    said = known = 0
    with agent.lab(plan) as lab:
        for step in plan.steps:
            lab.enter(step).result()
            # Where there is nftables nothing is said of multicasts.
            layers = [layer for layer in ALL_LAYERS if layer not in BY_NAME and applicable(step.state, layer)]
            letters = predict(step.state, layers).letters
            seen = {layer: lab.probe((layer,)).result()[0].rows for layer in layers}
            wrong += disagreements(step, letters, seen)
            said += sum(len(row) - row.count(".") for rows in letters.values() for row in rows)
            known += sum(len(row) - row.count(".") - row.count("?") for rows in letters.values() for row in rows)
    assert not wrong
    assert known > 0.9 * said, (known, said)
