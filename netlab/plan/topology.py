"""From a `Spec` to a `Plan`: the baseline, then one step after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, TypeVar

from netlab.contract.kernels import NEWEST, Version
from netlab.contract.types import AnyChange, AnyExpectation, Claim, Plan, Step
from netlab.plan import bond, build, checks, measure, steps
from netlab.plan.contradictions import contradictions
from netlab.plan.expect import Resolver
from netlab.plan.file import File, Path
from netlab.plan.lab import MAX_STEPS, Lab
from netlab.plan.refusals import Refusals
from netlab.spec import Spec, TopologyError
from netlab.spec.expect import AnyEntry
from netlab.spec.loader import Faulty, check, load
from netlab.spec.measurements import NO_MEASUREMENTS
from netlab.spec.nodes import Node
from netlab.spec.problems import did_you_mean

if TYPE_CHECKING:
    from netlab.spec.schema import Step as GivenStep

T = TypeVar("T")
BASELINE = "baseline"


def from_file(source: FilePath | str, name: str | None = None, kernel: Version | None = None) -> Plan:
    """Load and resolve, reporting faults of both in one go."""
    return checked(lambda: load(source, name), lambda spec: resolve(spec, kernel))


def from_tree(root: Node, file: str, kernel: Version | None = None) -> Plan:
    """Check a tree of nodes and resolve it, reporting faults of both in one go."""
    return checked(lambda: check(root, file), lambda spec: resolve(spec, kernel))


def checked(make: Callable[[], Spec], resolve: Callable[[Spec], T]) -> T:
    """Load and resolve. What is wrong with either is raised in one TopologyError."""
    try:
        spec = make()
    except Faulty as error:
        try:
            resolve(error.rest)
        except TopologyError as more:
            found = [problem for problem in more.problems if not problem.follows]
            raise TopologyError([*error.problems, *found]) from None
        raise
    return resolve(spec)


def resolve(spec: Spec, kernel: Version | None = None) -> Plan:
    """The plan of a topology. Raises TopologyError with everything that doesn't fit together."""
    lab = Lab(File(spec), kernel or NEWEST)
    topology = spec.topology
    refusals = Refusals(spec.expect, lab.file.problems, lab.kernel)
    made = [baseline(lab, refusals)]
    resolvers = {BASELINE: Resolver(lab.file, made[0].state, refusals, lab.refused)}
    compared: set[str] = set()
    made[0] = replace(made[0], measures=measure.resolve(resolvers[BASELINE], spec.measure, compared))
    for i, given in enumerate(topology.steps):
        path = ("steps", i)
        if (len(lab.boxes) + len(lab.links)) * len(topology.steps) > MAX_STEPS:
            lab.file.problems.add(lab.file.where(*path), "too many steps for a lab of this size", "fewer of either")
            break
        _check_name(lab.file, given.name, i, resolvers)
        expect = spec.step_expect[i] if i < len(spec.step_expect) else ()
        refusals = Refusals(expect, lab.file.problems, lab.kernel)
        step = further(lab, given, path, expect, refusals)
        resolver = Resolver(lab.file, step.state, refusals, lab.refused)
        wanted = spec.step_measure[i] if i < len(spec.step_measure) else NO_MEASUREMENTS
        measures = measure.resolve(resolver, wanted, compared)
        made.append(replace(step, measures=measures))
        resolvers.setdefault(given.name, resolver)
    claims = _claims(lab.file, resolvers, compared)
    raise_found(lab.file)
    return Plan(
        name=spec.name,
        file=spec.file,
        steps=tuple(made),
        description=topology.description,
        claims=claims,
        warnings=tuple(lab.file.warnings),
    )


def baseline(lab: Lab, refusals: Refusals) -> Step:
    """The state before the first step; what is wrong with it is noted."""
    file = lab.file
    spec, topology = file.spec, file.spec.topology
    lab.private = topology.private
    changes = build.add(lab, topology.switches, topology.hosts, (), refusals)
    if not topology.hosts:
        lost = bool(spec.hurt or {"hosts"} & spec.pruned)
        file.problems.add(file.where("hosts"), "there is no host", "name one below 'hosts:'", follows=lost)
    return _step(lab, BASELINE, changes, spec.expect, refusals)


def further(lab: Lab, given: GivenStep, path: Path, expect: Iterable[AnyEntry], refusals: Refusals) -> Step:
    """Take the lab into a step, which stands at ``path`` of the file; problems are noted."""
    changes = steps.delete(lab, given, path)
    changes += steps.apply(lab, given, path, refusals)
    changes += build.add(lab, given.add.switches, given.add.hosts, (*path, "add"), refusals)
    return replace(_step(lab, given.name, changes, expect, refusals), description=given.description)


def _check_name(file: File, name: str, i: int, known: dict[str, Resolver]) -> None:
    where = file.where("steps", i, "name", key=False)
    if name == BASELINE:
        file.problems.add(where, "a step cannot be called 'baseline'", "that is the state before the first step")
    elif name in known:
        file.problems.add(where, f"there is a step {name!r} already", "names of steps are unique")


def _step(lab: Lab, name: str, changes: list[AnyChange], entries: Iterable[AnyEntry], refusals: Refusals) -> Step:
    bond.choose(lab)
    checks.check(lab)
    state = lab.state()
    resolver = Resolver(lab.file, state, refusals, lab.refused)
    expect: list[AnyExpectation] = []
    for entry in entries:
        expect += resolver.resolve(entry)
    contradictions(expect, lab.file.problems)
    return Step(name=name, changes=tuple(changes), state=state, expect=tuple(expect))


def _claims(file: File, resolvers: dict[str, Resolver], compared: set[str]) -> tuple[Claim, ...]:
    topology = file.spec.topology
    given = ([topology.claim] if topology.claim else []) + list(topology.claims)
    claims = []
    for claim, tests in zip(given, file.spec.claim_tests, strict=True):
        made: list[tuple[str, AnyExpectation]] = []
        for step, where, entry in tests:
            resolver = resolvers.get(step)
            if resolver is None:
                file.problems.add(where, f"no step {step!r}", did_you_mean(step, resolvers, "steps"))
                continue
            made += [(step, expectation) for expectation in resolver.resolve(entry, claim=True)]
        for name, _ in claim.compare:
            if name not in compared:
                where = file.where(*(("claim",) if claim is topology.claim else ("claims",)))
                hint = did_you_mean(name, compared, "there are")
                lost = "compare" in file.spec.hurt
                file.problems.add(where, f"no comparison {name!r}", hint, follows=lost)
        claims.append(
            Claim(
                number=claim.number,
                says=claim.says,
                tests=tuple(made),
                compare=claim.compare,
                stand_in=claim.stand_in,
            )
        )
    return tuple(claims)


def raise_found(file: File) -> None:
    """Raise TopologyError with what was found wrong, if anything was."""
    if not file.problems:
        return
    found = file.problems.found
    causes = [problem for problem in found if not problem.follows]
    raise TopologyError(causes or found)
