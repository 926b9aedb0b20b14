"""The order in which a layer is probed: waves, rounds, further tries, and what silence then proves.

It is the same for namespaces of this machine and for several machines. Only how probes are sent, how it is proved that
all of them were handled, and what counts as a loss differs: a subclass of `Driver` knows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from netlab.contract import waves
from netlab.contract.applies import applicable
from netlab.contract.dataclass import dataclass
from netlab.contract.observed import LayerObserved, Pair, Result, matrix
from netlab.contract.types import BY_ROW, State, probe_of

#: How often a wave's negatives are probed at most: again, if frames were lost meanwhile.
TRIES = 4
#: In a wave of so many pairs no socket listens at namespaces with one interface: requests can only come in by that.
MANY = 64
#: The lengths of the longest chains of frames that a probe causes, each from one interface to another; others have 4.
_TRAVERSALS = {
    **dict.fromkeys(("unicast", *BY_ROW), 1), "arp": 2, "ndp": 2, **dict.fromkeys(("tcp", "tcp6", "udp", "udp6"), 7),
}  # fmt: skip
#: How the reason begins where a round between machines has lost a control: that counts as a loss.
LOST = "no proof: a control of"


def dead(read: Mapping[str, Any]) -> str:
    """How a link is known to be dead by what was read back of it, else ''."""
    return "down" if not read["up"] else "" if read["carrier"] else "no carrier"


def traversals(layer: str) -> int:
    """The longest chain of frames of a layer: a negative needs that many times the lab's hops in rounds."""
    return _TRAVERSALS.get(probe_of(layer), 4)


def warms(layer: str) -> bool:
    """Whether probes of a layer leave neighbour entries behind."""
    return probe_of(layer) not in ("unicast", *BY_ROW)


@dataclass
class Liveness:
    """What is known of one link: ``dead`` (and why), or which directions were proved.

    ``closed`` says why nothing can be made to arrive there, ``mute`` why nothing can be made to leave.
    """

    dead: str = ""
    receives: bool = False
    transmits: bool = False
    closed: str = ""
    mute: str = ""

    @property
    def proved(self) -> bool:
        """Whether silence at this end counts as proof."""
        return bool(self.dead or ((self.transmits or self.mute) and (self.receives or self.closed)))

    def lack(self) -> str:
        """What wasn't proved, in words."""
        lacks = [] if self.receives or self.closed else ["to receive"]
        lacks += [] if self.transmits or self.mute else ["to transmit"]
        return "not seen " + " nor ".join(lacks)


class Driver:
    """Probes one layer; waves have at most so many pairs. Probes that warm may leave neighbour entries behind.

    ``lingers`` says whether other frames of a probe may be under way when its answer has come (a broadcast in a macvlan
    queue, another interface of the namespace). They must have ended before the next wave starts from cold.
    """

    def __init__(self, state: State, layer: str, *, wire: bool, most: int, warms: bool, lingers: bool = True) -> None:
        self.state = state
        self.name = layer
        self.wire = wire
        self.most = most
        self.warms = warms
        self._lingers = warms and lingers
        self.results: dict[Pair, Result] = {}
        #: By source: where its broadcast was heard.
        self.listeners: Mapping[int, Iterable[str]] = {}
        self.notes: tuple[str, ...] = ()
        #: Sources whose broadcasts may have been heard at further places.
        self._unproved: set[int] = set()

    # --- what a subclass does -----------------------------------------------------------------------

    def send(self, pairs: list[Pair], attempt: int) -> str:
        """Send probes from cold, once no flood loses them, and note what comes; returns why it wasn't cold, else ''."""
        raise NotImplementedError

    def prove(self, pairs: list[Pair]) -> str:
        """Prove that everything sent has been handled; returns why it can't be proved, else ''."""
        raise NotImplementedError

    def conclude(self, pairs: list[Pair], silent: list[Pair], *, unsure: bool) -> dict[str, int]:
        """End an attempt and say what silence means; returns what was lost, where it matters."""
        raise NotImplementedError

    def ends(self, pair: Pair) -> Iterable[Mapping[str, Liveness]]:
        """What is known of the links of each end."""
        raise NotImplementedError

    # --- the order ----------------------------------------------------------------------------------

    def probe(self, seed: int, wanted: Collection[Pair] | None, together: bool = False) -> LayerObserved:
        """Probe all pairs, or those wanted: each in a wave of its own, or ``together``, as all pairs are."""
        pairs = applicable(self.state, self.name, wanted)
        groups: Iterable[list[Pair]] = ([pair] for pair in pairs)
        if wanted is None or together:
            groups = waves.cut(self.state, self.name, pairs, seed, warms=self.warms)
        for wave in groups:
            for start in range(0, len(wave), self.most):
                self._wave(wave[start : start + self.most])
        ids = [source.id for source in self.state.sources(self.name)]
        size = len(ids), len(self.state.destinations(self.name))
        heard = {ids[source]: tuple(sorted(places)) for source, places in self.listeners.items()}
        heard_open = tuple(ids[source] for source in sorted(self._unproved))
        more = {"heard": heard, "heard_open": heard_open, "notes": self.notes}
        return matrix(self.name, size, self.results, wanted, wire=self.wire, **more)

    def _wave(self, wave: list[Pair]) -> None:
        results, open_pairs, late = self.results, wave, ""
        # A row is one frame, and that it was heard nowhere else is a negative, even where every endpoint has heard it.
        flooded = self.name == "broadcast"
        for attempt in range(TRIES):
            late = self.send(open_pairs, attempt) or late
            silent = [pair for pair in open_pairs if not results[pair].letter]
            unseen = [pair for pair in open_pairs if self.wire and not results[pair].wire]
            unsure = bool(silent or unseen) or flooded
            proof = self.prove(silent or unseen or open_pairs) if unsure or self._lingers else ""
            lost = self.conclude(open_pairs, silent, unsure=unsure)
            negatives = [pair for pair in silent if results[pair].letter != "R"]
            if not ((lost or proof.startswith(LOST)) and (negatives or unseen or flooded)):
                break
            if attempt < TRIES - 1:
                open_pairs = wave if flooded else sorted({*negatives, *unseen})
        else:
            if lost:
                proof = "frames were lost: " + ", ".join(f"{name} {count}" for name, count in lost.items())
        proof = proof or late
        if proof and flooded:
            self._unproved.update(source for source, _ in wave)
        for pair in negatives:
            results[pair].doubt(proof, self._ends(pair))
        for pair in wave:
            if self.wire and not results[pair].wire and proof:
                results[pair].evidence["wire"] = "?"

    def _ends(self, pair: Pair) -> Iterator[tuple[str, str]]:
        """Of both ends, how they are known to be dead, and what of them isn't proved."""
        for known in self.ends(pair):
            if known and all(one.dead for one in known.values()):
                yield ", ".join(f"{link} is {one.dead}" for link, one in known.items()), ""
            else:
                yield from (("", f"{link} was {one.lack()}") for link, one in known.items() if not one.proved)
