"""A choice of pairs that covers a large lab: each endpoint a few times, and each two groups of like endpoints once."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle, islice

from netlab.contract.applies import applies_from
from netlab.contract.types import ALL_LAYERS, BY_ROW, ExpectPair, State, Step, base_layer, layer_family, probe_of
from netlab.groups import column_groups, grouped, row_groups

Pair = tuple[int, int]
#: Of an expectation about more pairs than this, so many are asked.
ENTRY = 200
#: Of a layer so many copies of broadcasts may be made in all: each takes some microseconds of a CPU.
COPIES = 200_000


def affordable(state: State, layer: str) -> int | None:
    """How many pairs of a layer make so few copies of broadcasts that they can be asked; None: any number.

    From cold each probe begins with a broadcast, or a multicast of IPv6, that all interfaces hear. With static entries
    an answer does that leaves by another interface than the request came in by.
    """
    doors = Counter(link.namespace for link in state.links if link.interface)
    quiet = "-static" in layer and max(doors.values(), default=0) <= 1
    if quiet or layer_family(layer) is None or probe_of(layer) in BY_ROW:
        return None
    return max(1, COPIES // _hearing(state))


def cover(step: Step, layer: str, times: int, seed: int, *, most: int | None = None) -> list[Pair]:
    """Pairs (row, column) of a layer, drawn from ``seed``: every source and every destination ``times`` times at least
    (as often as the layer applies to it, if that is less), each pair of groups once, and those that the file expects
    something of.

    A broadcast is one frame for a whole row: there it is ``times`` sources of each group, with all destinations.

    Where these are more than ``most``, the layers share the ends among them: each layer asks ``most`` pairs, of other
    ends than the layer before, each pair of groups once, and the file's.
    """
    rng = random.Random(f"{seed}/{layer}/cover")
    state = step.state
    choice = _Choice(state, layer, rng)
    if probe_of(layer) == "broadcast":
        for members in grouped(row_groups(state, layer)).values():
            for i in rng.sample(members, min(times, len(members))):
                choice.pairs.update(dict.fromkeys((i, j) for j in range(choice.columns) if choice.applies(i, j)))
        return sorted(choice.pairs)
    choice.spread(times)
    if most is not None and len(choice.pairs) > most:
        # One order for all layers, of which each takes the part behind that of the layer before.
        choice = _Choice(state, layer, random.Random(f"{seed}/cover"))
        choice.spread(1)
        choice.keep(ALL_LAYERS.index(base_layer(layer)) * most, most)
    choice.join_groups(row_groups(state, layer), column_groups(state, layer))
    for entry in step.expect:
        if isinstance(entry, ExpectPair) and layer in entry.layers:
            asked = entry.pairs if len(entry.pairs) <= ENTRY else rng.sample(entry.pairs, ENTRY)
            choice.pairs.update(dict.fromkeys((state.row(layer, a), state.column(layer, b)) for a, b in asked))
    return sorted(choice.pairs)


def told(state: State, asked: Mapping[str, Sequence[Pair]], times: int, *, shared: bool) -> list[str]:
    """What a record says of such a choice; ``shared``: whether the cold layers could share the ends."""
    notes = [f"not all pairs were asked: each end {times} times, and once between each two groups of like ends"]
    few = {
        layer: pairs
        for layer, pairs in asked.items()
        if shared and (most := affordable(state, layer)) is not None and len(pairs) >= most
    }
    if few:
        counts = ", ".join(f"{layer} {len(pairs):,}" for layer, pairs in few.items())
        notes.append(
            f"of these layers fewer pairs were asked: {counts}. Each probe of them is a broadcast that "
            f"{_hearing(state):,} interfaces hear, so they share the ends; what -l names is asked {times} times"
        )
    return notes


def _hearing(state: State) -> int:
    return sum(link.interface for link in state.links)


class _Choice:
    """The pairs that are chosen so far, in the order of their choice."""

    def __init__(self, state: State, layer: str, rng: random.Random) -> None:
        self._sources, self._targets = state.sources(layer), state.destinations(layer)
        self.rows, self.columns = len(self._sources), len(self._targets)
        self._tells = [applies_from(source, layer) for source in self._sources]
        self._rng = rng
        self.pairs: dict[Pair, None] = {}

    def applies(self, i: int, j: int) -> bool:
        """Whether the layer applies to a pair."""
        source, target = self._sources[i], self._targets[j]
        return source is not target and self._tells[i](target)

    def _shuffled(self, size: int) -> list[int]:
        found = list(range(size))
        self._rng.shuffle(found)
        return found

    def spread(self, times: int) -> None:
        """Ask every row, and every column, so often."""
        order = cycle(self._shuffled(self.columns))
        asked = [0] * self.columns
        for i in self._shuffled(self.rows):
            fits = (j for j in islice(order, self.columns) if self.applies(i, j))
            for j in islice(fits, times):
                self.pairs[i, j] = None
                asked[j] += 1
        others = cycle(self._shuffled(self.rows))
        for j in self._shuffled(self.columns):
            fits = (i for i in islice(others, self.rows) if (i, j) not in self.pairs and self.applies(i, j))
            for i in islice(fits, max(0, times - asked[j])):
                self.pairs[i, j] = None

    def keep(self, start: int, most: int) -> None:
        """Keep so many of the pairs, from a place on; behind the last comes the first."""
        self.pairs = dict.fromkeys(islice(cycle(self.pairs), start, start + most))

    def join_groups(self, rows: tuple[str, ...], columns: tuple[str, ...]) -> None:
        """Ask once between each two groups, as far as the layer applies."""
        met = {(rows[i], columns[j]) for i, j in self.pairs}
        targets = grouped(columns)
        for source, here in grouped(rows).items():
            for target, there in targets.items():
                if (source, target) not in met and (pair := next(self._between(here, there), None)) is not None:
                    self.pairs[pair] = None

    def _between(self, rows: list[int], columns: list[int]) -> Iterator[Pair]:
        return ((i, j) for i in rows for j in columns if self.applies(i, j))
