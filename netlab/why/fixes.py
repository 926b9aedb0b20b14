"""What would make a pair work: candidate steps of the topology file, each tried on the model.

A fix is exactly what a person would add to the file, steps in YAML; they go through the loader and the
plan like any other, so that what is shown is what was tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations, islice
from typing import TYPE_CHECKING, Any

from netlab.contract.dataclass import dataclass
from netlab.contract.types import AnySource, AnyTarget, Endpoint, Plan
from netlab.why.candidates import candidates
from netlab.why.case import Candidate, Case, Conflict, together
from netlab.why.commands import Run, commands, undo
from netlab.why.docker import docker
from netlab.why.networks import networks
from netlab.why.question import Question, with_targets
from netlab.why.text import indented, to_list

if TYPE_CHECKING:
    from netlab.spec import Spec

#: The name of the step that a fix adds.
STEP = "fix"
#: Fixes offered; the first candidates are the least intrusive.
MOST = 5
#: So many things may be wrong at once.
AT_ONCE = 3
#: How many combinations are tried, in a lab of up to `COUNT_UP_TO` endpoints and in a larger one.
TRIES = (400, 40)
#: Up to this many endpoints the other pairs that a fix changes are counted.
COUNT_UP_TO = 60
#: So many interfaces of a host are looked at.
INTERFACES = 3


@dataclass(frozen=True, slots=True)
class Fix:
    """A change that makes the pair work, by the model; ``steps`` is its YAML, the entries of a list.

    ``source`` and ``destination`` are the pair to try afterwards (a shim takes its host's place);
    ``others`` counts the other pairs whose letter changes, None where they were not counted; ``observed`` is the letter
    in a real lab, None where it was not tried. ``commands`` do the same on the real machines, ``undo`` takes that back,
    and ``docker`` is how Docker is asked for it, where containers are on macvlan networks.
    """

    title: str
    because: str
    steps: str
    source: str
    destination: str
    letter: str
    others: int | None
    commands: tuple[Run, ...] = ()
    undo: tuple[Run, ...] = ()
    docker: tuple[Run, ...] = ()
    observed: str | None = None

    @property
    def holds(self) -> bool | None:
        """Whether a real lab showed what the model says; None where none was asked."""
        if self.observed is None:
            return None
        return self.observed == self.letter or (self.letter == "B" and self.observed in "RA")


def find(spec: Spec, plan: Plan, number: int, asked: Question, letter: str) -> tuple[Fix, ...]:
    """The candidates that the model says work, the least intrusive first.

    Where no single candidate works, two or three things are wrong at once: then combinations are tried. A combination
    is offered only where none of its parts works by itself.
    """
    state = asked.state
    # Where another interface answers already (A, B) only R is better; where nothing answered, any answer is.
    cases = list(_cases(asked, "R" if letter in "AB" else "RAB"))
    if not cases:
        return ()
    case, trial = cases[0], _Trial(spec, plan, number, asked)
    # Several interfaces may lead to the same candidate.
    single = list({repr((one.steps, one.destination)): one for case in cases for one in candidates(case)}.values())
    works = [(one, fix) for one in single if (fix := trial.fix(one)) is not None]
    tries = TRIES[len(state.endpoints) > COUNT_UP_TO]
    for count in range(2, AT_ONCE + 1):
        if not works:
            chosen = list(islice(_combinations(single, count, case), tries))
            tries -= len(chosen)
            works = [(one, fix) for one in chosen if (fix := trial.fix(one)) is not None]
            # Of these no order says which is gentle: those first that change least besides.
            works.sort(key=lambda found: found[1].others or 0)
    # It would help nearly always, so it comes last, and says nothing of what else is missing.
    works += [(one, fix) for one in networks(case) if (fix := trial.fix(one)) is not None]
    return tuple(fix for one, fix in works if not any(other.parts < one.parts for other, _ in works))[:MOST]


def _cases(asked: Question, accepts: str) -> Iterator[Case]:
    """The interfaces that a question has to do with: of a host those first that are next to the destination."""
    state, source, family = asked.state, asked.source, asked.family
    there = asked.interface
    if there is None:
        return
    if isinstance(source, Endpoint):
        yield Case(asked, source, there, accepts)
        return
    target, wire = there.address(family), state.root(there.link).id

    def far(one: Endpoint) -> tuple[bool, bool]:
        mine = one.address(family)
        return mine is None or target is None or mine.network != target.network, state.root(one.link).id != wire

    mine = [one for one in state.endpoints if one.namespace == source.id and one.address(family) and not one.extra]
    if there.namespace != source.id:
        yield from (Case(asked, one, there, accepts) for one in sorted(mine, key=far)[:INTERFACES])


def _combinations(single: Sequence[Candidate], count: int, case: Case) -> Iterator[Candidate]:
    """So many candidates at a time, those first whose parts come first."""
    chosen = combinations(range(len(single)), count)
    for places in sorted(chosen, key=lambda places: (sum(places), places)):
        first, *others = (single[place] for place in places)
        try:
            for other in others:
                first = together(first, other, case)
        except Conflict:
            continue
        yield first


class _Trial:
    """Tries candidates on the model."""

    def __init__(self, spec: Spec, plan: Plan, number: int, asked: Question) -> None:
        self.spec = spec
        self.number = number
        self.asked = asked
        self.kernel = plan.steps[0].state.kernel
        self.names = [step.name for step in plan.steps]
        self.before: tuple[str, ...] | None = None

    def fix(self, candidate: Candidate) -> Fix | None:
        """The candidate as a fix, where the model says that it works."""
        from netlab import model
        from netlab import plan as room
        from netlab.spec import TopologyError

        steps = to_list([{"name": name, **step} for name, step in zip(self._free(), candidate.steps, strict=False)])
        try:
            states = room.resolve(with_steps(self.spec, self.number, steps), self.kernel).steps[self.number :]
        except TopologyError:
            # Not every candidate fits every lab (a name is taken, a kind is another): then it is none.
            return None
        before, after = states[0].state, with_targets(states[-1].state, [one.id for one in self.asked.targets])
        layer = self.asked.layer
        try:
            i, j = after.row(layer, candidate.source), after.column(layer, candidate.destination)
        except KeyError:
            return None
        letter = model.Prediction(after, (), classes=False, listening=True).letter(layer, i, j)
        if letter not in candidate.accepts:
            return None
        return Fix(
            title=candidate.title,
            because=candidate.because,
            steps=steps,
            source=candidate.source,
            destination=candidate.destination,
            letter=letter,
            others=self._others(after, candidate),
            commands=commands(before, states[1:]),
            undo=undo(before, states[1:]),
            docker=docker(before, after),
        )

    def _free(self) -> Iterator[str]:
        """Names that no step of the file has."""
        number = 1
        while True:
            name = STEP if number == 1 else f"{STEP}-{number}"
            if name not in self.names:
                yield name
            number += 1

    def _others(self, after: Any, candidate: Candidate) -> int | None:
        """How many other pairs that exist before and after have another letter then."""
        from netlab import model

        state, layer = self.asked.state, self.asked.layer
        if len(state.endpoints) > COUNT_UP_TO:
            return None
        if self.before is None:
            self.before = model.Prediction(state, (layer,), listening=True).letters[layer]
        now = model.Prediction(after, (layer,), listening=True).letters[layer]
        rows = [(one.id, i) for i, one in enumerate(after.sources(layer)) if one.id in _ids(state.sources(layer))]
        columns = _ids(state.destinations(layer))
        changed = 0
        for source, i in rows:
            for j, one in enumerate(after.destinations(layer)):
                if one.id in columns and (source, one.id) != (candidate.source, candidate.destination):
                    changed += now[i][j] != self.before[state.row(layer, source)][columns[one.id]]
        return changed


def _ids(ends: Sequence[AnySource | AnyTarget]) -> dict[str, int]:
    return {one.id: k for k, one in enumerate(ends)}


def with_steps(spec: Spec, number: int, steps: str) -> Spec:
    """The topology up to its step ``number`` (0 is the baseline), and after that the steps given as YAML."""
    from netlab.spec import load

    added = load(f"name: fix\nhosts: {{}}\nsteps:\n{indented(steps, 2)}\n", "fix").topology.steps
    kept = spec.topology.steps[:number]
    topology = spec.topology.model_copy(update={"steps": (*kept, *added), "claim": None, "claims": ()})
    return replace(
        spec,
        topology=topology,
        step_expect=(*spec.step_expect[:number], *(() for _ in added)),
        step_measure=spec.step_measure[:number],
        claim_tests=(),
    )
