"""All the measurements of one step, one after the other, with the machine to themselves as far as netlab goes."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from netlab import compare
from netlab.contract.dataclass import dataclass
from netlab.contract.measures import Compare, Measure, Measures, Side, Traffic
from netlab.contract.observed import Compared, LayerObserved, Measured, MeasuresObserved, Sample
from netlab.contract.types import State, Step
from netlab.measure.lock import Lock

if TYPE_CHECKING:
    from netlab.client import Lab

#: Seconds that starting and ending a measurement takes, for the time that is left.
OVERHEAD = 0.05
#: A comparison goes on after so many measurements that failed for a reason that may pass.
HICCUPS = 2
FINAL = ("unreachable", "refused", "no-tool")
#: Who can't be measured, and what stands for it: by source, destination, and layer.
Silent = dict[tuple[str, str, str], Sample]
Watch = Callable[[str], None]


def on_stderr(text: str) -> None:
    """Say something to the user, who may be waiting."""
    print(f"netlab: {text}", file=sys.stderr, flush=True)


def measure(
    step: Step,
    lab: Lab,
    seen: Mapping[str, LayerObserved],
    seed: int = 0,
    watch: Watch = lambda _text: None,
    note: Watch = on_stderr,
) -> MeasuresObserved:
    """Measure everything that a step asks for. Raises netlab.client.LabError.

    ``watch`` is called with what is being done, ``note`` with what a waiting user should know (for which process it
    waits).

    A pair that is proved unreachable at the layer of its protocol is not measured. ``seen`` are the layers observed so
    far; pairs that they lack are probed first.
    """
    clock = time.monotonic()
    silent = _silent(step, lab, seen, seed)
    with Lock(note):
        work = _Work(step.state, lab, silent, watch, _seconds(step.measures))
        throughput = tuple(work.entry(one) for one in step.measures.throughput)
        latency = tuple(work.entry(one) for one in step.measures.latency)
        compared = tuple(work.compare(one, seed) for one in step.measures.compare)
    return MeasuresObserved(throughput, latency, compared, time.monotonic() - clock)


@dataclass
class _Work:
    """The measurements as they go on; ``left`` is how many seconds they will take."""

    state: State
    lab: Lab
    silent: Silent
    watch: Watch
    left: float

    def entry(self, wanted: Measure) -> tuple[Measured, ...]:
        """One entry: every pair, as often as it says; the repetitions of a pair are spread over the whole time."""
        samples: dict[tuple[str, str], list[Sample]] = {pair: [] for pair in wanted.pairs}
        for _ in range(wanted.repetitions):
            for pair, found in samples.items():
                if found and not found[-1].ok:
                    # It won't get better, and every try would take its time.
                    self.left -= _once(wanted.traffic)
                    continue
                found.append(self.once(*pair, wanted.traffic))
        return tuple(Measured(*pair, tuple(found)) for pair, found in samples.items())

    def compare(self, wanted: Compare, seed: int) -> Compared:
        """One comparison: rounds of both sides in random order, until a planned look settles it."""
        draw = random.Random(f"{seed}/{wanted.name}")
        sides = {"faster": wanted.faster, "than": wanted.than}
        samples: dict[str, list[Sample]] = {name: [] for name in sides}
        order: list[str] = []
        looks = {look.rounds: look for look in compare.looks(wanted.repetitions, wanted.confidence)}
        cost = sum(_once(side.traffic) for side in sides.values())
        done = failed = 0
        settled = False
        while not settled and done < wanted.repetitions:
            names = list(sides)
            draw.shuffle(names)
            order.append(names[0])
            for name in names:
                samples[name].append(self.side(sides[name], f"{wanted.name}, round {done + 1} of {wanted.repetitions}"))
            last = [samples[name][-1] for name in sides]
            if not all(sample.ok for sample in last):
                # One hiccup is made up for by another round.
                failed += 1
                settled = failed > HICCUPS or any(sample.status in FINAL for sample in last)
                self.left += cost
                continue
            done += 1
            if done in looks:
                found = compare.found(samples["faster"], samples["than"], wanted, looks[done].level, seed)
                settled = compare.verdict(found, wanted.by.least, wanted.by.most) != "?"
        self.left -= cost * (wanted.repetitions - done)
        return Compared(tuple(samples["faster"]), tuple(samples["than"]), tuple(order))

    def side(self, side: Side, doing: str) -> Sample:
        return self.once(side.source, side.destination, side.traffic, doing)

    def once(self, source: str, destination: str, traffic: Traffic, doing: str = "") -> Sample:
        """Measure a pair once."""
        doing = doing or f"{traffic.metric} ({traffic.protocol}) {source} -> {destination}"
        cost = _once(traffic)
        known = self.silent.get((source, destination, layer(traffic)))
        if known is not None:
            self.left -= cost
            return known
        self.watch(f"{doing}: {_in_words(self.left)} left")

        def progress(message: dict[str, object]) -> None:
            elapsed = message.get("elapsed")
            if isinstance(elapsed, float):
                self.watch(f"{doing}: {_in_words(self.left - min(elapsed, cost))} left")

        ends = [self.state.endpoints[self.state.index[name]] for name in (source, destination)]
        found = self.lab.measure(ends[0], ends[1], traffic, progress).result()
        self.left -= cost
        return found


# --- who can be reached at all ----------------------------------------------------------------------


def layer(traffic: Traffic) -> str:
    """The layer that proves whether a measurement has a chance."""
    return traffic.protocol if traffic.family == 4 else f"{traffic.protocol}6"


def wanted_pairs(measures: Measures) -> dict[str, list[tuple[str, str]]]:
    """Every pair that is to be measured, by the layer that is its chance."""
    found: dict[str, dict[tuple[str, str], None]] = {}
    for entry in (*measures.throughput, *measures.latency):
        found.setdefault(layer(entry.traffic), {}).update(dict.fromkeys(entry.pairs))
    for one in measures.compare:
        for side in (one.faster, one.than):
            found.setdefault(layer(side.traffic), {})[side.source, side.destination] = None
    return {name: list(pairs) for name, pairs in found.items()}


def _silent(step: Step, lab: Lab, seen: Mapping[str, LayerObserved], seed: int) -> Silent:
    index = step.state.index
    silent: Silent = {}
    for name, pairs in wanted_pairs(step.measures).items():
        observed = seen.get(name)
        numbers = [(index[source], index[destination]) for source, destination in pairs]
        if observed is None or any(observed.rows[i][j] == " " for i, j in numbers):
            [observed] = lab.probe((name,), seed=seed, pairs=numbers).result()
        for (source, destination), (i, j) in zip(pairs, numbers, strict=True):
            if observed.rows[i][j] == "U":
                evidence = observed.evidence.get(f"{i},{j}", {})
                reason = evidence.get("dead") or evidence.get("reason")
                said = f"layer {name}: not reached" + (f" ({reason})" if reason else "")
                status = "refused" if reason == "refused" else "unreachable"
                silent[source, destination, name] = Sample(status=status, detail=said)
    return silent


# --- time -------------------------------------------------------------------------------------------


def _once(traffic: Traffic) -> float:
    """About how long one measurement takes, in seconds; one that ends with a number of bytes is taken for a second."""
    return (1.0 if traffic.seconds is None else traffic.seconds) + OVERHEAD


def _seconds(measures: Measures) -> float:
    entries: Iterable[Measure] = (*measures.throughput, *measures.latency)
    single = sum(len(entry.pairs) * entry.repetitions * _once(entry.traffic) for entry in entries)
    double = sum(one.repetitions * (_once(one.faster.traffic) + _once(one.than.traffic)) for one in measures.compare)
    return single + double


def _in_words(seconds: float) -> str:
    seconds = max(seconds, 0.0)
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
