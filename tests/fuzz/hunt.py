"""A hunt: topology after topology until so many were compared; one worker with one agent of its own."""

from __future__ import annotations

import contextlib
import random
import traceback
from collections import deque
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from netlab.client import Agent, LabError, start
from netlab.contract.kernels import Version, here
from netlab.contract.types import Plan
from netlab.kernels import Choice
from netlab.plan import from_file
from netlab.spec import TopologyError
from tests.fuzz.compare import Difference, Outcome, Trial, compare, layers_of
from tests.fuzz.lan import KINDS, SINCE, Document
from tests.fuzz.shrink import shrink
from tests.fuzz.tickets import Tickets
from tests.fuzz.topologies import topology

#: Differences of so many kinds are made small, by each worker; the rest are only told.
SHRINK = 5
#: So many topologies are with the agent at a time, that it doesn't have to wait for a prediction that takes long.
AHEAD = 5
#: Ten times as fast where PyYAML was built with libyaml.
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


@dataclass
class Find:
    """What came of one topology: ``number`` makes it again, together with the seed."""

    number: int
    outcome: Outcome = field(default_factory=Outcome)
    error: str = ""
    saved: list[str] = field(default_factory=list)


def made(seed: str, number: int, kinds: Set[str] = frozenset()) -> Document:
    """The topology of a number, on a kernel that has these kinds of links besides the usual ones."""
    return topology(random.Random(f"{seed}/{number}"), kinds)


def kinds_of(kernel: Choice | None) -> frozenset[str]:
    """Of the kinds of links that not every kernel has those that this one has (None: the machine's own)."""
    with start(kernel) as agent:
        found = agent.request("doctor").result()
        options = {name for name, since in SINCE.items() if agent.kernel >= since}
    return frozenset(one["name"].removeprefix("link kind ") for one in found if one["ok"]) & KINDS.keys() | options


def text_of(document: Document) -> str:
    """A document as a file."""
    return yaml.dump(document, Dumper=DUMPER, sort_keys=False, default_flow_style=None, width=110)


def plan_of(document: Document, kernel: Version | None = None) -> Plan | None:
    """The plan of a document, for a kernel (None: this machine's); None where it is no valid topology."""
    try:
        return from_file(text_of(document), "fuzz.yaml", kernel or here())
    except TopologyError:
        return None


def hunt(
    seed: str, has: Set[str], tickets: Tickets, save: Path | None, kernel: Choice | None, part: int = 1
) -> Iterator[Find]:
    """Compare topologies on a kernel as long as there are tickets; a smallest one of each kind of difference goes into
    the folder ``save``. Of each topology a random ``part``-th of the layers is probed."""
    agent = start(kernel)
    kinds: set[tuple[str, str, str]] = set()
    rules: set[str] = set()
    ahead: deque[tuple[Find, Document, Trial]] = deque()
    try:
        while True:
            while len(ahead) < AHEAD and (number := tickets.take()) is not None:
                document = made(seed, number, has)
                plan = plan_of(document, agent.kernel)
                trial = Trial(plan, _some(plan, part, f"{seed}/{number}")) if plan is not None else None
                if trial is None or trial.stormy:
                    tickets.replace()
                if trial is not None:
                    ahead.append((Find(number), document, trial))
                    _begin(trial, agent)
            if not ahead:
                return
            find, document, trial = ahead.popleft()
            try:
                find.outcome = trial.finish(agent, rules)
                rules |= find.outcome.rules
                for difference in find.outcome.differences:
                    if save is not None and not difference.flaky and difference.kind not in kinds:
                        kinds.add(difference.kind)
                        if len(kinds) <= SHRINK:
                            find.saved.append(_smallest(agent, document, difference, save, f"{seed}-{find.number}"))
            except (LabError, AssertionError, KeyError, RuntimeError, ValueError):
                find.error = traceback.format_exc()
                agent.close()
                agent = start(kernel)
                for *_, other in ahead:
                    _begin(other, agent)
            yield find
    finally:
        agent.close()


def _some(plan: Plan, part: int, seed: str) -> list[str]:
    """A random part of the layers, in their order."""
    layers = layers_of(plan)
    taken = set(random.Random(seed).sample(layers, -(-len(layers) // part)))
    return [layer for layer in layers if layer in taken]


def _begin(trial: Trial, agent: Agent) -> None:
    """Have a trial begun; where the agent has gone, whoever waits for it will be told."""
    with contextlib.suppress(LabError):
        trial.begin(agent)


def _smallest(agent: Agent, document: Document, difference: Difference, save: Path, label: str) -> str:
    """Save the smallest topology that shows a difference; the file's name."""
    layers = {"heard": ["broadcast"], "refused": [], "build": [], "settled": []}.get(difference.what, [difference.what])

    def holds(candidate: Document) -> bool:
        plan = plan_of(candidate, agent.kernel)
        if plan is None:
            return False
        found = compare(agent, plan, layers).differences
        return any(one.kind == difference.kind and not one.flaky for one in found)

    small = shrink(document, holds)
    small["description"] = f"{difference.what}: the model says {difference.model}, the kernel {difference.tries[-1]}."
    path = save / f"found-{label}-{difference.what.replace('/', '-')}.yaml"
    save.mkdir(parents=True, exist_ok=True)
    path.write_text(text_of(small))
    return str(path)
