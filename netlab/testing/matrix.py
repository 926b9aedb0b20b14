"""Letters in a test: of one pair, of every pair, observed and predicted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from netlab.contract.types import State
from netlab.errors import did_you_mean
from netlab.testing.errors import Inconclusive

if TYPE_CHECKING:
    from netlab.model import Prediction, Rule

Record = dict[str, Any]
Cell = tuple[str, str, str]


@dataclass(frozen=True)
class Seen:
    """What became of one probe; true where the destination was reached, by whatever interface (`R` or `A`).

    ``letter`` is one of ``R A U ? .`` (docs/record.md); ``evidence`` has ``entered`` (the interfaces by which the
    request came in), ``reason`` and more.
    """

    layer: str
    source: str
    destination: str
    letter: str
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        if self.letter == "?":
            why = self.evidence.get("reason", "no proof")
            raise Inconclusive(f"{self.layer} {self.source} -> {self.destination}: neither reached nor not: {why}")
        return self.letter in "RA"


class Matrix:
    """Every pair on some layers: ``matrix["icmp", "A", "B"]`` is the letter of A's probe to B.

    Printed it is what ``netlab run`` shows. ``record`` is the whole, as documented in docs/record.md.
    """

    def __init__(self, record: Record) -> None:
        self.record = record
        self._step: Record = record["steps"][0]
        self._endpoints: list[Record] = self._step["endpoints"] or record["endpoints"]

    @property
    def verdict(self) -> str:
        """``pass``, ``fail`` or ``inconclusive``, by the topology's expectations and the model."""
        return str(self.record["summary"]["verdict"])

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers probed."""
        return tuple(self._step["layers"])

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The rows and columns, in order."""
        return tuple(endpoint["id"] for endpoint in self._endpoints)

    def __getitem__(self, cell: Cell) -> str:
        """The letter of a layer, a source and a destination. Raises KeyError."""
        return self._letter("observed", cell)

    def expected(self, layer: str, source: str, destination: str) -> str:
        """The letter that the topology, or else the model, expects there."""
        return self._letter("expected", (layer, source, destination))

    def rows(self, layer: str) -> tuple[str, ...]:
        """A layer's letters: a text per source, a letter per destination."""
        return tuple(self._step["layers"][layer]["observed"])

    def _letter(self, what: str, cell: Cell) -> str:
        layer, source, destination = cell
        if layer not in self._step["layers"]:
            raise KeyError(f"layer {layer!r} was not probed; there are {', '.join(self.layers)}")
        i, j = (self._index(name) for name in (source, destination))
        return str(self._step["layers"][layer][what][i][j])

    def _index(self, name: str) -> int:
        choices = [(one["id"], one["namespace"], bool(one["v4"] or one["v6"])) for one in self._endpoints]
        return _index(name, choices)

    def __str__(self) -> str:
        from netlab.report import terminal
        from netlab.report.style import Style

        return terminal.render(self.record, Style(width=100))


class Predicted:
    """What the model says of a state: ``predicted["icmp", "A", "B"]`` is a letter (``B``: R and A both are right)."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._layers: dict[str, Prediction] = {}

    def __getitem__(self, cell: Cell) -> str:
        """The letter of a layer, a source and a destination. Raises KeyError."""
        layer, source, destination = cell
        i, j = endpoint(self._state, source), endpoint(self._state, destination)
        return self._of(layer).letters[layer][i][j]

    def rows(self, layer: str) -> tuple[str, ...]:
        """A layer's letters: a text per source, a letter per destination."""
        return self._of(layer).letters[layer]

    def rule(self, layer: str, source: str, destination: str) -> Rule | None:
        """The rule of the kernel that decides a pair: its id, sentence and source; None where none stands out."""
        from netlab import model

        i, j = endpoint(self._state, source), endpoint(self._state, destination)
        name = self._of(layer).rule(layer, i, j)
        return None if name is None else model.RULES[name]

    def _of(self, layer: str) -> Prediction:
        from netlab import model
        from netlab.spec.expect import layer as known_layer

        if layer not in self._layers:
            self._layers[layer] = model.predict(self._state, (known_layer(layer),))
        return self._layers[layer]


def endpoint(state: State, name: str) -> int:
    """The row of an endpoint; a bare namespace is its first interface that has an address. Raises KeyError."""
    return _index(name, [(one.id, one.namespace, bool(one.v4 or one.v6)) for one in state.endpoints])


def _index(name: str, endpoints: Sequence[tuple[str, str, bool]]) -> int:
    for i, (known, _namespace, _addressed) in enumerate(endpoints):
        if known == name:
            return i
    for i, (_known, namespace, addressed) in enumerate(endpoints):
        if namespace == name and addressed:
            return i
    ids = [one[0] for one in endpoints]
    raise KeyError(f"no endpoint {name!r}{did_you_mean(name, ids)}: {', '.join(ids)}")
