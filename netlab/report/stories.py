"""The story of every pair of a small lab: what becomes of its probe, event by event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netlab.contract.types import State
    from netlab.model import Prediction


class Stories:
    """All stories of a step. Events that several stories share are kept once and named by number."""

    def __init__(self) -> None:
        self.hops: list[dict[str, Any]] = []
        self.layers: dict[str, dict[str, dict[str, Any]]] = {}
        self._numbers: dict[Any, int] = {}

    def number(self, hop: Any) -> int:
        """The number of an event (`netlab.model.sim.Hop`)."""
        number = self._numbers.get(hop)
        if number is None:
            number = self._numbers[hop] = len(self.hops)
            told: dict[str, Any] = {"phase": hop.phase, "at": hop.at, "what": hop.what, "rule": hop.rule}
            if hop.end:
                told["end"] = True
            self.hops.append(told)
        return number


def tell_all(state: State, prediction: Prediction, layers: Sequence[str]) -> Stories:
    """The stories of all pairs of all layers, keyed ``"i,j"`` as the evidence is."""
    stories = Stories()
    for layer in layers:
        told = stories.layers[layer] = {}
        for i, row in enumerate(prediction.letters[layer]):
            for j, letter in enumerate(row):
                if letter not in ".?":
                    story = prediction.story(layer, i, j)
                    told[f"{i},{j}"] = {
                        "path": list(story.path),
                        "hops": [stories.number(hop) for hop in story.hops],
                    }
    return stories
