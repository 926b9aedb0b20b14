"""Predictions: the letter of every pair at every layer, and on demand its rule and its story."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from netlab.contract.applies import applies_from
from netlab.contract.dataclass import dataclass
from netlab.contract.types import State, asks_host, layer_family, size_of
from netlab.contract.types.state import AnyTarget
from netlab.model import probes
from netlab.model.classes import Classes, PairClass, Spaces
from netlab.model.compile import compile_state
from netlab.model.probes import End
from netlab.model.sim import Hop, Unknown
from netlab.model.story import BroadcastStory, decided, path, unanswered, undecided
from netlab.model.world import OTHERHOST, Namespace, Port

Cell = tuple[str, int, int]
T = TypeVar("T")

#: At most so many pairs of a layer are simulated. A thousand endpoints that all differ have as many: it takes minutes.
MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Story:
    """What becomes of one probe: the letter, the rule that decided, every event, the request's path.

    ``path`` is the ids of the interfaces and ports that the request visited, ``at`` the event that ended it.
    """

    letter: str
    rule: str | None
    hops: tuple[Hop, ...]
    path: tuple[str, ...]
    at: Hop | None = None


class Prediction:
    """Everything the model says of a state, in the order of each layer's sources and destinations.

    ``letters`` maps each layer to one string per source, one letter per destination; ``unknown`` maps
    ``(layer, i, j)`` of each ``?`` to the reason. Pairs of one class are simulated once. ``listening`` takes it for
    granted that a program listens on the ports that layers name.
    """

    def __init__(self, state: State, layers: Sequence[str], classes: bool = True, *, listening: bool = False) -> None:
        self.state = state
        self.layers = tuple(layers)
        self._world = compile_state(state)
        self._world.listening = listening
        #: of a layer and a source: which destinations it applies to
        self._from: dict[tuple[str, int], Callable[[AnyTarget], bool]] = {}
        endpoints = [End(self._world, endpoint) for endpoint in state.endpoints]
        #: of interface and of host questions: the rows and the columns
        self._ends = {
            False: (endpoints, endpoints),
            True: (
                [End(self._world, asker) for asker in state.askers],
                [*endpoints, *(End(self._world, target) for target in state.targets)],
            ),
        }
        self._size = max((size_of(layer) or 0 for layer in layers), default=0)
        self._spaces: dict[int | None, Spaces] = {}
        #: by who asks, and by address family; empty where every pair is to be simulated by itself
        self._classes: dict[tuple[bool, int | None], Classes] = {}
        self._by_layer: dict[str, Classes] = {}
        filters = (ns.netfilter for ns in self._world.namespaces.values() if ns.netfilter is not None)
        # No class knows which hosts the packets of a tunnel pass.
        singular = any(ns.tunnels for ns in self._world.namespaces.values())
        # The last byte of each MAC, and of the address that is asked for, may decide by which member a bond sends.
        singular |= any(dev.senders is not None and len(dev.senders) > 1 for dev in self._world.devices.values())
        self._sharing = classes and not singular and not any(one.ruleset.singular for one in filters)
        self._letters: dict[tuple[str, PairClass], str] = {}
        self._wired: dict[tuple[str, PairClass], bool | None] = {}
        #: how many pairs of a layer were simulated
        self._looked_at: Counter[str] = Counter()
        self._rules: dict[tuple[str, PairClass], str | None] = {}
        self._heard: dict[int, frozenset[str]] = {}
        self._broadcast_wired: dict[int, bool] = {}
        #: the story of the source that was last asked for
        self._told: BroadcastStory | None = None
        self.letters: dict[str, tuple[str, ...]] = {}
        for layer in self.layers:
            self.letters[layer] = tuple("".join(row) for row in self._rows(layer, self.letter))
        self.unknown: Mapping[Cell, str] = _Reasons(self)

    def story(self, layer: str, i: int, j: int) -> Story:
        """What becomes of a probe; where a race decides, its usual course."""
        source, target = self._pair(layer, i, j)
        letter = self.letter(layer, i, j)
        if letter == ".":
            return Story(letter, None, (), ())
        told, sim = probes.run(self._world, layer, source, target, trace=True)
        source = sim.asking
        if told == "U" and sim.hops is not None:
            sim.hops += list(unanswered(sim, source, target))
        rule, at = decided(letter, told, sim, source, target)
        hops = tuple(sim.hops or ())
        if letter == "B":
            hops = (*hops, Hop(sim.request, target.dev.id, "the race may go the other way", undecided(sim)))
        return Story(letter, rule, hops, path(sim, source, target), at)

    def rule(self, layer: str, i: int, j: int) -> str | None:
        """The id of the rule that decided a pair, or None."""
        if not self._sharing or self._classes_of(layer).alone(i, j):
            return self._found(layer, i, j)
        key = layer, self._class(layer, i, j)
        if key not in self._rules:
            self._rules[key] = self._found(layer, i, j)
        return self._rules[key]

    def _found(self, layer: str, i: int, j: int) -> str | None:
        if layer == "broadcast":
            return self._found_by_one(i, j)
        if self.letters[layer][i][j] == "R":
            # The rule was noted when the request arrived: no trace is needed.
            _, sim = probes.run(self._world, layer, *self._pair(layer, i, j))
            if sim.arrived is not None:
                return sim.arrived
        return self.story(layer, i, j).rule

    def _found_by_one(self, i: int, j: int) -> str | None:
        """The rule of a broadcast, from the trace of the one frame that goes to all."""
        source, target = self._pair("broadcast", i, j)
        letter = self.letter("broadcast", i, j)
        if letter in ".?" or source.host == target.host:
            # Between a parent and its child the rule depends on which of them is the target.
            return self.story("broadcast", i, j).rule
        if self._told is None or self._told.source is not source:
            self._told = BroadcastStory(probes.broadcast(self._world, source, trace=True), source)
        return self._told.rule(letter, target)

    def rule_rows(self, layer: str) -> list[list[str | None]]:
        """The ids of the rules that decided the pairs of a layer, one row per source; None for unknown letters."""
        return [*self._rows(layer, self.rule)]

    def heard(self, i: int) -> frozenset[str]:
        """The links and switch ports at which endpoint i's broadcast arrives; empty where that isn't known."""
        if i not in self._heard:
            try:
                sim = probes.broadcast(self._world, self._ends[False][0][i])
            except Unknown:
                return frozenset()
            if sim.picked:
                # A bond sends it by one member or another.
                return frozenset()
            self._broadcast_wired[i] = sim.wired
            self._heard[i] = frozenset(
                where.id for where, kind in sim.heard.items() if isinstance(where, Port) or kind != OTHERHOST
            )
        return self._heard[i]

    def on_wire(self, layer: str, i: int, j: int) -> bool | None:
        """Whether the request enters the switch by the port of the source's parent; None is unknown."""
        if not self._applies(layer, i, j):
            return None
        if layer == "broadcast":
            # One frame says it of all.
            self.heard(i)
            return self._broadcast_wired.get(i)
        key = layer, self._class(layer, i, j)
        if key not in self._wired:
            self._wired[key] = probes.on_wire(self._world, layer, *self._pair(layer, i, j))
        return self._wired[key]

    def letter(self, layer: str, i: int, j: int) -> str:
        """The letter of one pair, of any layer."""
        known = self.letters.get(layer)
        if known is not None:
            return known[i][j]
        if i == j and not asks_host(layer):
            return "."
        if not self._sharing or self._classes_of(layer).alone(i, j):
            # Nobody asks again: what isn't kept takes no room.
            return self._simulated(layer, i, j) if self._applies(layer, i, j) else "."
        # Whether a layer applies to a pair is a matter of their classes, too.
        key = layer, self._class(layer, i, j)
        found = self._letters.get(key)
        if found is None:
            found = self._letters[key] = self._simulated(layer, i, j) if self._applies(layer, i, j) else "."
        return found

    def _applies(self, layer: str, i: int, j: int) -> bool:
        applies = self._from.get((layer, i))
        if applies is None:
            applies = self._from[layer, i] = applies_from(self.state.sources(layer)[i], layer)
        return applies(self.state.destinations(layer)[j])

    def _pair(self, layer: str, i: int, j: int) -> tuple[End, End]:
        sources, targets = self._ends[asks_host(layer)]
        return sources[i], targets[j]

    def reason(self, layer: str, i: int, j: int) -> str:
        """Why there is no prediction for a pair."""
        try:
            probes.letter(self._world, layer, *self._pair(layer, i, j))
        except Unknown as why:
            return str(why)
        return f"the lab has more than {MOST:,} pairs that are all different: no more of them were looked at"

    def _classes_of(self, layer: str) -> Classes:
        found = self._by_layer.get(layer)
        if found is None:
            key = host, family = asks_host(layer), layer_family(layer)
            if family not in self._spaces:
                self._spaces[family] = Spaces(self._world, family, self._size)
            if key not in self._classes:
                self._classes[key] = Classes(self._spaces[family], *self._ends[host])
            found = self._by_layer[layer] = self._classes[key]
        return found

    def _class(self, layer: str, i: int, j: int) -> PairClass:
        return self._classes_of(layer).pair(i, j) if self._sharing else (i, j, 0)

    def _simulated(self, layer: str, i: int, j: int) -> str:
        try:
            if layer == "broadcast":
                # One frame says it of all.
                return "R" if self._pair(layer, i, j)[1].dev.id in self._hearers(i) else "U"
            self._looked_at[layer] += 1
            if self._looked_at[layer] > MOST:
                return "?"
            letter, rule = probes.letter(self._world, layer, *self._pair(layer, i, j))
            if rule is not None and self._sharing and not self._classes_of(layer).alone(i, j):
                self._rules[layer, self._class(layer, i, j)] = rule
            return letter
        except Unknown:
            return "?"

    def _hearers(self, i: int) -> frozenset[str]:
        heard = self.heard(i)
        if i not in self._heard:
            raise Unknown("")
        return heard

    def _rows(self, layer: str, cell: Callable[[str, int, int], T]) -> Iterator[list[T]]:
        """What is to be said of each pair and depends on its class alone, one row per source."""
        sources, targets = self._ends[asks_host(layer)]
        columns_ = range(len(targets))
        if not self._sharing:
            yield from ([cell(layer, i, j) for j in columns_] for i in range(len(sources)))
            return
        # Rows of one class are alike except in the columns of their own host. Rows of one host are alike except in the
        # columns of their own namespace; rows of one namespace, except in their own columns. Pairs with static entries
        # for each other are exceptions, too.
        classes = self._classes_of(layer)
        rows, near = classes.rows, classes.columns
        elsewhere: dict[int, tuple[list[T], int]] = {}
        nearby: dict[tuple[int, str], tuple[list[T], int]] = {}
        together: dict[tuple[int, Namespace], tuple[list[T], int]] = {}

        def patched(row: list[T], i: int, columns: list[int]) -> list[T]:
            row = row.copy()
            for j in columns:
                row[j] = cell(layer, i, j)
            return row

        looked_at = 0
        for i in range(len(sources)):
            number, host, ns = rows.number[i], rows.host[i], rows.ns[i]
            if self._looked_at[layer] != looked_at:
                looked_at = self._looked_at[layer]
                self._world.forget()
            if rows.members[number] == 1:
                yield [cell(layer, i, j) for j in columns_]
                continue
            if number not in elsewhere:
                elsewhere[number] = [cell(layer, i, j) for j in columns_], i
            if (number, host) not in nearby:
                common, first = elsewhere[number]
                columns = near.on_host[host] + near.on_host[rows.host[first]]
                nearby[number, host] = patched(common, i, columns + classes.named(i) + classes.named(first)), i
            if (number, ns) not in together:
                common, first = nearby[number, host]
                columns = near.in_space[ns] + near.in_space[rows.ns[first]]
                together[number, ns] = patched(common, i, columns + classes.named(i) + classes.named(first)), i
            common, first = together[number, ns]
            yield patched(common, i, [i, first] if near is rows else [])


class _Reasons(Mapping[Cell, str]):
    """Why each ``?`` is one; found out when asked for."""

    def __init__(self, prediction: Prediction) -> None:
        self._prediction = prediction

    def __getitem__(self, cell: Cell) -> str:
        layer, i, j = cell
        if self._prediction.letters[layer][i][j] != "?":
            raise KeyError(cell)
        return self._prediction.reason(layer, i, j)

    def __iter__(self) -> Iterator[Cell]:
        for layer, rows in self._prediction.letters.items():
            for i, row in enumerate(rows):
                if "?" in row:
                    yield from ((layer, i, j) for j, letter in enumerate(row) if letter == "?")

    def __len__(self) -> int:
        return sum(row.count("?") for rows in self._prediction.letters.values() for row in rows)


def predict(state: State, layers: Sequence[str]) -> Prediction:
    """Predict every ordered pair of endpoints at every layer."""
    return Prediction(state, layers)
