"""Letters in a test: of one pair, of every pair, observed and predicted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any

from netlab.contract.dataclass import dataclass
from netlab.contract.types import HOST_LAYERS, State, asks_host, host_layer, layer_family
from netlab.errors import UsageError, did_you_mean
from netlab.report import axes
from netlab.report.reach import reach
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
    """Every pair on some layers: ``matrix["icmp", "A:eth0", "B"]`` is the letter of the probe of A's eth0 to B.

    ``matrix["icmp", "A", "B"]`` is that of a program in A that binds to nothing, where such were probed, else that of
    A's first interface. ``matrix["A", "B"]`` is the answer to who can reach whom, whatever the family: icmp's, or
    icmp6's where B has no IPv4 address.

    Printed it is what ``netlab run`` shows. ``record`` is the whole, as documented in docs/record.md.
    """

    def __init__(self, record: Record) -> None:
        self.record = record
        self._step: Record = record["steps"][0]

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
        """The rows and columns of the layers of interfaces, in order."""
        return self._ids("endpoints")

    @property
    def hosts(self) -> tuple[str, ...]:
        """The rows of the layers of hosts (``host:icmp``, …), in order."""
        return self._ids("hosts")

    @property
    def addresses(self) -> tuple[str, ...]:
        """The columns of the layers of hosts: the endpoints, and the addresses that were asked for by themselves."""
        return self._ids("addresses")

    def _ids(self, what: str) -> tuple[str, ...]:
        return tuple(one["id"] for one in axes.listed(self.record, self._step, what))

    def __getitem__(self, cell: Cell | tuple[str, str]) -> str:
        """The letter of a layer, a source and a destination; or of a host and a destination. Raises KeyError."""
        if len(cell) == 3:
            return self._letter("observed", cell)
        found = reach(self.record, self._step)
        if found is None:
            raise KeyError(f"no layer of hosts was probed; there are {', '.join(self.layers)}")
        i, j = _row(self.hosts, cell[0]), _index(cell[1], _choices(found.columns))
        return str(found.layer["observed"][i][j])

    def expected(self, layer: str, source: str, destination: str) -> str:
        """The letter that the topology, or else the model, expects there."""
        return self._letter("expected", (layer, source, destination))

    def rows(self, layer: str) -> tuple[str, ...]:
        """A layer's letters: a text per source, a letter per destination."""
        return tuple(self._step["layers"][layer]["observed"])

    def _letter(self, what: str, cell: Cell) -> str:
        layer, source, destination = cell
        asked = host_layer(layer) if source in self.hosts else None
        layer = asked if asked and asked in self._step["layers"] else layer
        if layer not in self._step["layers"]:
            raise KeyError(f"layer {layer!r} was not probed; there are {', '.join(self.layers)}")
        if asks_host(layer):
            i = _row(self.hosts, source)
        else:
            i = _index(source, _choices(axes.rows(self.record, self._step, layer)))
        j = _index(destination, _choices(axes.columns(self.record, self._step, layer)))
        return str(self._step["layers"][layer][what][i][j])

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
        layer, i, j = places(self._state, *cell)
        return self._of(layer).letters[layer][i][j]

    def rows(self, layer: str) -> tuple[str, ...]:
        """A layer's letters: a text per source, a letter per destination."""
        return self._of(layer).letters[layer]

    def rule(self, layer: str, source: str, destination: str) -> Rule | None:
        """The rule of the kernel that decides a pair: its id, sentence and source; None where none stands out."""
        from netlab import model

        layer, i, j = places(self._state, layer, source, destination)
        name = self._of(layer).rule(layer, i, j)
        return None if name is None else model.RULES[name]

    def route(self, layer: str, source: str, destination: str) -> str:
        """The route that a host's probe takes, its table and its source address, in words; '' where none is asked."""
        layer, i, j = places(self._state, layer, source, destination)
        hops = self._of(layer).story(layer, i, j).hops if asks_host(layer) else ()
        return next((hop.what.removeprefix("route ") for hop in hops if hop.what.startswith("route ")), "")

    def _of(self, layer: str) -> Prediction:
        from netlab import model
        from netlab.spec.layer_names import any_layer

        if layer not in self._layers:
            self._layers[layer] = model.predict(self._state, (any_layer(layer),))
        return self._layers[layer]


def asking(state: State, layer: str, source: str) -> str:
    """The layer on which a source asks: that of host questions for a host, where a host can ask it."""
    return (host_layer(layer) or layer) if any(asker.id == source for asker in state.askers) else layer


def places(state: State, layer: str, source: str, destination: str) -> tuple[str, int, int]:
    """The layer on which a source asks, and the pair's row and column. Raises KeyError."""
    layer = asking(state, layer, source)
    ends = [(one.id, one.namespace, bool(one.v4 or one.v6)) for one in state.endpoints]
    i = _row([asker.id for asker in state.askers], source) if asks_host(layer) else _index(source, ends)
    extra = [(one.id, "", False) for one in state.targets] if asks_host(layer) else []
    return layer, i, _index(destination, [*ends, *extra])


def _choices(ends: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, bool]]:
    return [(one["id"], one["namespace"] or "", bool(one["v4"] or one["v6"])) for one in ends]


def _row(hosts: Sequence[str], name: str) -> int:
    if name not in hosts:
        raise KeyError(f"no host {name!r}{did_you_mean(name, hosts)}: {', '.join(hosts)}")
    return list(hosts).index(name)


def _index(name: str, endpoints: Sequence[tuple[str, str, bool]]) -> int:
    for i, (known, _namespace, _addressed) in enumerate(endpoints):
        if known == name:
            return i
    for i, (_known, namespace, addressed) in enumerate(endpoints):
        if namespace == name and addressed:
            return i
    ids = [*dict.fromkeys(one[1] for one in endpoints), *(one[0] for one in endpoints)]
    raise KeyError(f"no endpoint {name!r}{did_you_mean(name, ids)}: {', '.join(ids)}")


def listed(layers: str | Iterable[str]) -> list[str]:
    """Layers that are given by one name or by several."""
    return [layers] if isinstance(layers, str) else list(layers)


def bracket(layers: str | Iterable[str]) -> str:
    """The same as an entry of a topology file has them."""
    named = listed(layers)
    return f" [{', '.join(named)}]" if named else ""


def host_layers(state: State, layers: str | Iterable[str]) -> Sequence[str]:
    """The layers of hosts that ask as these do, as far as a host has addresses for them. Raises UsageError."""
    asked = {layer: host_layer(layer) for layer in listed(layers)}
    if None in asked.values():
        only = ", ".join(layer for layer, host in asked.items() if host is None)
        raise UsageError(f"no program asks on {only}", fix=f"ask on {', '.join(HOST_LAYERS)}, host:tcp/80 …")
    families = {family for asker in state.askers for family in asker.families}
    wanted = [layer for layer in asked.values() if layer and layer_family(layer) in families]
    return wanted or HOST_LAYERS[:1]
