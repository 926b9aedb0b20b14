"""``python -m tests.model.mutate``: let each rule of the model answer otherwise, and see whether it would be noticed.

A rule is a name that the model's code gives to a decision. Beside each such place the code is changed: what ended a
frame lets it pass, what let it pass ends it, what is refused is taken, and the condition in front never holds. Such a
mutant is noticed where it changes a letter, the use of the wire, or a refusal, in the topologies that the suite
compares with the kernel (the regressions, and those of the hunt): there the unchanged model is known to be right. Or
it is noticed in the scenes of `tests.model.scenes` and `tests.model.test_each_rule`, since not every kernel has the
link of every rule. Rules that only a story cites are left to the latter.
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.machinery
import importlib.util
import os
import pickle
import random
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from netlab.contract.types import BY_ROW, AddLink, SetLink, State
from netlab.plan import from_file
from netlab.spec import TopologyError
from tests.fuzz.topologies import topology
from tests.model.mutants import Mutant, mutants, rule_names
from tests.model.scenes import SCENES
from tests.model.test_each_rule import REFUSALS

REGRESSIONS = Path(__file__).parents[1] / "fuzz" / "regressions"
#: The topologies of `tests.fuzz.test_hunt`.
SEED, NUMBER = "1", 100
#: So many places at which a rule had a say are looked at, spread over the corpus.
CELLS = 300

#: Rules that change no letter, and why. (Noticed all the same, they don't belong here.)
WITHOUT_EFFECT = {
    "bond/nobody-watches": "it only tells why a member that can't send was chosen: the member drops the frame itself",
    "neigh/request-overrides": "no probe sends anything more to whom the overridden entry was of",
    "dummy/swallows": "it only tells: there is nowhere else for such a frame to go",
    "vrf/looked-up-in-its-table": "it only tells by which table a packet was answered that has come up already",
    "vrf/route-to-itself": "it only tells: what is not sent on ends where it is",
    "vxlan/no-remote": "it only tells: a frame that goes to nobody ends by itself",
    "vxlan/no-way-to-remote": "a packet without a way ends where it is sent, too",
}
#: A question to the model: of a state (by its place in the corpus), a layer and a pair; or of a refused change.
Question = tuple[Any, ...]


# --- what is asked ------------------------------------------------------------------------------------------------


def corpus() -> list[tuple[State, tuple[Any, ...]]]:
    """States, and the changes of each that are expected to be refused."""
    found = []
    for plan in _plans():
        for step in plan.steps:
            refused = tuple(one for one in step.changes if one.refusal and isinstance(one, (AddLink, SetLink)))
            found.append((step.state, refused))
    return found


def scenes() -> list[tuple[State, tuple[Any, ...]]]:
    """States of which each shows a rule, and the changes that are refused for one."""
    states = {lab: lab().state() for lab, *_ in SCENES.values()}
    return [*((state, ()) for state in states.values()), *((s, (change,)) for s, change in REFUSALS.values())]


def _plans() -> Iterator[Any]:
    import yaml

    for path in sorted(REGRESSIONS.glob("*.yaml")):
        yield from_file(path)
    count, number = 0, 0
    while count < NUMBER:
        document = topology(random.Random(f"{SEED}/{number}"))
        number += 1
        try:
            yield from_file(yaml.dump(document, sort_keys=False), "fuzz.yaml")
        except TopologyError:
            continue
        count += 1


class Asker:
    """Puts questions to the model that is imported now."""

    def __init__(self, states: list[tuple[State, tuple[Any, ...]]]) -> None:
        from netlab.model import compile as compiler
        from netlab.model import probes, refusal

        self.states = states
        self._compile = compiler.compile_state
        self._probes, self._refusal = probes, refusal
        self._worlds: dict[int, Any] = {}

    def answer(self, question: Question) -> Any:
        """The letter, and that of a told run, with the use of the wire and who heard a frame to all; or the refusal."""
        if question[0] == "refused":
            _, place, which = question
            state, changes = self.states[place]
            try:
                found = self._refusal.predict_refusal(state, changes[which])
            except Exception as error:
                return type(error).__name__
            return found and found[:2]
        try:
            world, layer, source, target = self._pair(*question)
        except Exception as error:
            return type(error).__name__
        try:
            letter, _wired = self._probes.letter(world, layer, source, target)
        except Exception as error:  # a mutant may well crash: that is noticed, too
            letter = f"{type(error).__name__}"
        return letter, self._run(world, layer, source, target)

    def _pair(self, place: int, layer: str, i: int, j: int) -> Any:
        state = self.states[place][0]
        if place not in self._worlds:
            self._worlds = {place: self._compile(state)}
        world = self._worlds[place]
        source, target = state.sources(layer)[i], state.destinations(layer)[j]
        return world, layer, self._probes.End(world, source), self._probes.End(world, target)

    def _run(self, world: Any, layer: str, source: Any, target: Any) -> Any:
        try:
            letter, sim = self._probes.run(world, layer, source, target, trace=True)
        except Exception as error:
            return type(error).__name__
        heard = sorted(where.id for where in sim.heard) if layer in BY_ROW else ()
        return letter, sim.wired, heard

    def rules(self, question: Question) -> set[str]:
        """The rules that the story of a pair names."""
        _, sim = self._probes.run(*self._pair(*question), trace=True)
        return {hop.rule for hop in sim.hops if hop.rule}


def questions(states: list[tuple[State, tuple[Any, ...]]], first: int = 0) -> dict[str, list[tuple[Question, Any]]]:
    """Of each rule, where in the corpus from the ``first`` state on it has a say, and what the model says there."""
    from netlab.contract.applies import applicable
    from netlab.contract.types import LAYERS
    from netlab.model import refusal
    from tests.fuzz.compare import layers_of

    asker = Asker(states)
    found: dict[str, list[tuple[Question, Any]]] = defaultdict(list)
    for place, (state, changes) in list(enumerate(states))[first:]:
        for which, change in enumerate(changes):
            predicted = refusal.predict_refusal(state, change)
            if predicted:
                found[predicted[2]].append((("refused", place, which), predicted[:2]))
        layers = layers_of(type("", (), {"steps": [type("", (), {"state": state})]})) if state.links else LAYERS
        for layer in layers:
            for i, j in applicable(state, layer):
                question = (place, layer, i, j)
                answer = asker.answer(question)
                for rule in asker.rules(question):
                    found[rule].append((question, answer))
    return {rule: _spread(asked) for rule, asked in found.items()}


def _spread(asked: list[tuple[Question, Any]]) -> list[tuple[Question, Any]]:
    """Some of them, of all states."""
    step = max(1, len(asked) // CELLS)
    return asked[::step]


# --- the trial ----------------------------------------------------------------------------------------------------


class _Finder(importlib.abc.MetaPathFinder):
    """Gives one module of the model the code of a mutant."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Found only if it is the mutant's module."""
        if fullname != self.mutant.module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        assert spec is not None
        assert spec.origin is not None
        code = compile(self.mutant.tree, spec.origin, "exec")
        spec.loader = _Loader(fullname, spec.origin, code)
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, code: CodeType) -> None:
        super().__init__(name, path)
        self._code = code

    def get_code(self, fullname: str) -> CodeType:
        """The mutant's."""
        return self._code


def noticed(mutant: Mutant, states: list[tuple[State, tuple[Any, ...]]], asked: list[tuple[Question, Any]]) -> bool:
    """Whether any answer is another one; found out in a child process, into which only the mutant is loaded."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            for name in [one for one in sys.modules if one.startswith("netlab.model")]:
                del sys.modules[name]
            sys.meta_path.insert(0, _Finder(mutant))
            asker = Asker(states)
            other = any(asker.answer(question) != answer for question, answer in asked)
            os.write(writing, pickle.dumps(other))
        except BaseException as error:
            os.write(writing, pickle.dumps(f"{type(error).__name__}: {error}"))
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pickle.loads(pipe.read())
    os.waitpid(child, 0)
    if isinstance(said, str):
        raise RuntimeError(f"{mutant.rule}, line {mutant.line} of {mutant.module}, {mutant.what}: {said}")
    return bool(said)


def trial(wanted: list[str]) -> list[str]:
    """Try every mutant of every rule, or of those wanted; the rules of which none was noticed."""
    states = corpus()
    asked = questions(states)
    first = len(states)
    states += scenes()
    for rule, more in questions(states, first).items():
        asked[rule] = [*asked.get(rule, []), *more]
    survivors = []
    for rule, (home, name) in sorted(rule_names().items()):
        if wanted and rule not in wanted:
            continue
        tried = [(mutant, noticed(mutant, states, asked.get(rule, []))) for mutant in mutants(rule, home, name)]
        if not tried:
            print(f"cited    {rule}: decides nothing, only stories name it", flush=True)
            continue
        count = sum(seen for _, seen in tried)
        verdict = "noticed" if count else "told" if rule in WITHOUT_EFFECT else "SURVIVED"
        print(f"{verdict:8} {rule}: {count} of {len(tried)} mutants, {len(asked.get(rule, []))} places", flush=True)
        for mutant, seen in tried:
            if not seen:
                print(f"           not noticed: {mutant.module} line {mutant.line}: {mutant.what}", flush=True)
        if (not count) != (rule in WITHOUT_EFFECT):
            survivors.append(rule)
    return survivors


def main() -> int:
    """Run; 0 where every rule was noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.model.mutate", description=__doc__)
    parser.add_argument("rules", nargs="*", help="ids of rules (all)")
    parsed = parser.parse_args()
    survivors = trial(parsed.rules)
    names = f": {', '.join(survivors)}" if survivors else ""
    print(f"{len(parsed.rules or rule_names())} rules, {len(survivors)} survivors{names}")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
