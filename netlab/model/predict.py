"""Predictions: the letter of every pair at every layer, and on demand its rule and its story."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netlab.model import probes
from netlab.model.compile import compile_state
from netlab.model.probes import End
from netlab.model.sim import Hop, Sim, Unknown
from netlab.model.world import OTHERHOST, Device, Port
from netlab.plan.types import State, base_layer


@dataclass(frozen=True, slots=True)
class Story:
    """What becomes of one probe: the letter, the rule that decided, every event, the request's path.

    ``path`` is the ids of the interfaces and ports that the request visited.
    """

    letter: str
    rule: str | None
    hops: tuple[Hop, ...]
    path: tuple[str, ...]


class Prediction:
    """Everything the model says of a state, in the order of the state's endpoints.

    ``letters`` maps each layer to one string per source, one letter per destination; ``unknown`` maps
    ``(layer, i, j)`` of each ``?`` to the reason.
    """

    def __init__(self, state: State, layers: Sequence[str]) -> None:
        self.state = state
        self.layers = tuple(layers)
        self.world = compile_state(state)
        self.ends = [End(self.world, endpoint) for endpoint in state.endpoints]
        self.unknown: dict[tuple[str, int, int], str] = {}
        self.letters: dict[str, tuple[str, ...]] = {layer: self._matrix(layer) for layer in self.layers}

    def _matrix(self, layer: str) -> tuple[str, ...]:
        rows = []
        for i in range(len(self.ends)):
            rows.append("".join(self._letter(layer, i, j) for j in range(len(self.ends))))
        return tuple(rows)

    def _letter(self, layer: str, i: int, j: int) -> str:
        source, target = self.ends[i], self.ends[j]
        if i == j or not probes.applies(base_layer(layer), source, target):
            return "."
        try:
            return probes.letter(self.world, layer, source, target)
        except Unknown as why:
            self.unknown[layer, i, j] = str(why)
            return "?"

    def _traced(self, layer: str, i: int, j: int) -> tuple[str, Sim]:
        return probes.run(self.world, layer, self.ends[i], self.ends[j], trace=True)

    def story(self, layer: str, i: int, j: int) -> Story:
        """Tell what becomes of a probe."""
        letter, sim = self._traced(layer, i, j)
        hops = tuple(sim.hops or ())
        return Story(letter, None, hops, ())

    def rule(self, layer: str, i: int, j: int) -> str | None:
        """The id of the rule that decided a pair, or None."""
        return self.story(layer, i, j).rule

    def heard(self, i: int) -> frozenset[str]:
        """The links and switch ports at which endpoint i's broadcast arrives."""
        sim = probes.broadcast(self.world, self.ends[i])
        return frozenset(
            where.id for where, kind in sim.heard.items() if isinstance(where, Port) or kind != OTHERHOST
        )

    def on_wire(self, layer: str, i: int, j: int) -> bool | None:
        """Whether the request enters the switch by the port of the source's parent; None is unknown."""
        try:
            return probes.run(self.world, layer, self.ends[i], self.ends[j])[1].wired
        except Unknown:
            return None


def predict(state: State, layers: Sequence[str]) -> Prediction:
    """Predict every ordered pair of endpoints at every layer."""
    return Prediction(state, layers)


__all__ = ["Device", "Prediction", "Story", "predict"]
