"""What would make a pair work: candidate steps of the topology file, each tried on the model.

A fix is exactly what a person would add to the file, a step in YAML; it goes through the loader and the
plan like any other, so that what is shown is what was tried.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from netlab.plan.types import Plan
from netlab.why.candidates import candidates
from netlab.why.case import Candidate

if TYPE_CHECKING:
    from netlab.spec import Spec

#: The name of the step that a fix adds.
STEP = "fix"
#: Fixes offered; the first candidates are the least intrusive.
MOST = 5
#: A line of a step's YAML is broken where it would be longer.
WIDTH = 60
#: Up to this many endpoints the other pairs that a fix changes are counted.
COUNT_UP_TO = 60


@dataclass(frozen=True, slots=True)
class Fix:
    """A change that makes the pair work, by the model; ``step`` is its YAML.

    ``source`` and ``destination`` are the pair to try afterwards (a shim takes its host's place);
    ``others`` counts the other pairs whose letter changes, None where nobody counted; ``observed`` is what a
    real lab showed, None where none was asked.
    """

    title: str
    because: str
    step: str
    source: str
    destination: str
    letter: str
    others: int | None
    observed: str | None = None

    @property
    def holds(self) -> bool | None:
        """Whether a real lab showed what the model says; None where none was asked."""
        if self.observed is None:
            return None
        return self.observed == self.letter or (self.letter == "B" and self.observed in "RA")


def find(spec: Spec, plan: Plan, number: int, layer: str, i: int, j: int, letter: str) -> tuple[Fix, ...]:
    """The candidates that the model says work, the least intrusive first.

    A combination is offered only where none of its parts works by itself.
    """
    state = plan.steps[number].state
    found: list[Fix] = []
    works: set[str] = set()
    for candidate in candidates(state, layer, i, j, letter):
        if works & candidate.includes:
            continue
        fix = _try(spec, plan, number, layer, candidate)
        if fix is not None:
            found.append(fix)
            works.add(candidate.key)
            if len(found) == MOST:
                break
    return tuple(found)


def _try(spec: Spec, plan: Plan, number: int, layer: str, candidate: Candidate) -> Fix | None:
    from netlab import model
    from netlab import plan as room
    from netlab.spec import TopologyError

    step = to_yaml({"name": STEP, **candidate.step})
    try:
        after = room.resolve(with_step(spec, number, step)).steps[-1].state
    except TopologyError:
        # Not every candidate fits every lab (a name is taken, a kind is another): then it is none.
        return None
    if candidate.source not in after.index or candidate.destination not in after.index:
        return None
    i, j = after.index[candidate.source], after.index[candidate.destination]
    prediction = model.predict(after, (layer,))
    letter = prediction.letters[layer][i][j]
    if letter not in candidate.accepts:
        return None
    return Fix(
        title=candidate.title,
        because=candidate.because,
        step=step,
        source=candidate.source,
        destination=candidate.destination,
        letter=letter,
        others=_others(plan, number, layer, prediction, candidate),
    )


def _others(plan: Plan, number: int, layer: str, prediction: Any, candidate: Candidate) -> int | None:
    """How many other pairs that exist before and after have another letter then."""
    from netlab import model

    before = plan.steps[number].state
    after = prediction.state.index
    if len(before.endpoints) > COUNT_UP_TO:
        return None
    letters = model.predict(before, (layer,)).letters[layer]
    changed = 0
    for source, i in before.index.items():
        for destination, j in before.index.items():
            if source in after and destination in after:
                now = prediction.letters[layer][after[source]][after[destination]]
                changed += now != letters[i][j] and (source, destination) != (
                    candidate.source,
                    candidate.destination,
                )
    return changed


def with_step(spec: Spec, number: int, step: str) -> Spec:
    """The topology up to its step ``number`` (0 is the baseline), and after that the step given as YAML."""
    from netlab.spec import load

    added = load(f"name: fix\nhosts: {{}}\nsteps:\n{_indented(step)}", "fix").topology.steps
    kept = spec.topology.steps[:number]
    topology = spec.topology.model_copy(update={"steps": (*kept, *added), "claim": None, "claims": ()})
    return replace(
        spec,
        topology=topology,
        step_expect=(*spec.step_expect[:number], *(() for _ in added)),
        claim_tests=(),
    )


def _indented(step: str) -> str:
    lines = step.splitlines()
    return "\n".join([f"  - {lines[0]}", *(f"    {line}" for line in lines[1:])]) + "\n"


def to_yaml(step: dict[str, Any]) -> str:
    """A step as it would be written by hand: in block style, what is innermost and short in one line."""
    return "\n".join(_lines(step, 0))


def _lines(mapping: dict[str, Any], depth: int) -> Iterable[str]:
    for key, value in mapping.items():
        head = f"{'  ' * depth}{_scalar(key)}:"
        nested = isinstance(value, dict) and any(isinstance(inner, dict) for inner in value.values())
        if nested or (isinstance(value, dict) and len(head) + len(_flow(value)) > WIDTH):
            yield head
            yield from _lines(value, depth + 1)
        else:
            yield f"{head} {_flow(value)}"


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(key, True)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value, True)


def _scalar(value: Any, flow: bool = False) -> str:
    """A scalar, quoted only where YAML would take it for something else."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    plain = text and text[0].isalnum() and not text.endswith(":") and ": " not in text and " #" not in text
    if flow:
        plain = plain and not set(text) & set(",[]{}")
    return text if plain else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
