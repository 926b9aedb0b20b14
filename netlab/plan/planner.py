"""A topology whose steps become known one after the other: each is planned from the state that the last one left.

So the cost of a step doesn't depend on the number of earlier steps, and these need not be kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from netlab.contract.kernels import NEWEST, Version
from netlab.contract.types import AnyExpectation, Plan, Step
from netlab.plan import measure
from netlab.plan.expect import Resolver
from netlab.plan.file import File, asked
from netlab.plan.lab import Lab
from netlab.plan.news import News
from netlab.plan.refusals import Refusals
from netlab.plan.topology import baseline, checked, further, raise_found
from netlab.spec import Spec, TopologyError
from netlab.spec.expect import parse_entries
from netlab.spec.loader import check
from netlab.spec.nodes import Node
from netlab.spec.problems import Problems


class Planner:
    """Plans steps that follow a topology's baseline. ``current`` is the step that was planned last.

    ``root`` is the tree of the topology. `step` takes its steps, or others. Raises TopologyError.
    """

    def __init__(self, root: Node, file: str, kernel: Version | None = None) -> None:
        self._file = file
        self._spec = check(root, file)
        self._lab = Lab(File(self._spec), kernel or NEWEST)
        self._refusals = Refusals(self._spec.expect, self._lab.file.problems, self._lab.kernel)
        self._baseline = self.current = baseline(self._lab, self._refusals)
        raise_found(self._lab.file)
        assert isinstance(root.value, dict)
        #: Where everything stands that was planned so far: paths below ``steps`` count these.
        self._steps: list[Node] = []
        self._root = _mapping(root, {**root.value, "steps": Node(self._steps, root.line, root.column)})

    def step(self, node: Node) -> Plan:
        """Plan a further step; returns the plan of the baseline and this step, without claims.

        Raises TopologyError, and changes nothing then.
        """
        __tracebackhide__ = True
        alone = _mapping(
            node, {"hosts": Node({}, node.line, node.column), "steps": Node([node], node.line, node.column)}
        )
        self._steps.append(node)
        try:
            lab, step, refusals = checked(lambda: check(alone, self._file), self._planned)
        except BaseException:
            self._steps.pop()
            raise
        self._lab, self.current, self._refusals = lab, step, refusals
        return self.plan

    @property
    def plan(self) -> Plan:
        """The plan of the baseline and of the current step, without claims."""
        return Plan(
            name=self._spec.name,
            file=self._file,
            steps=(self._baseline, self.current),
            description=self._spec.topology.description,
            warnings=tuple(self._lab.file.warnings),
        )

    def adopt(self, news: News, node: Node) -> Plan:
        """Plan what programs have changed as a step: ``node`` is that of `News.step`. Raises TopologyError."""
        self.step(node)
        self.know({place: ", ".join(all_) for place, all_ in news.foreign.items()}, news.indexes)
        return self.plan

    def know(self, foreign: Mapping[str, str], indexes: Mapping[str, int]) -> None:
        """Take what is foreign to the plan, by place, and the ifindexes of interfaces that programs have made."""
        self._lab.foreign = dict(foreign)
        for link_id, index in indexes.items():
            if link_id in self._lab.links:
                self._lab.links[link_id] = replace(self._lab.links[link_id], ifindex=index)
        self.current = replace(self.current, changes=(), state=self._lab.state())

    def _planned(self, spec: Spec) -> tuple[Lab, Step, Refusals]:
        __tracebackhide__ = True
        if not spec.topology.steps:
            # It has so many errors that nothing is left of it.
            raise TopologyError([])
        [given], [expect], [wanted] = spec.topology.steps, spec.step_expect, spec.step_measure
        known = self._spec.topology
        topology = known.model_copy(update={"steps": (*known.steps, given)})
        lab = self._lab.copy(
            replace(self._spec, root=self._root, topology=topology, pruned=spec.pruned, hurt=spec.hurt)
        )
        refusals = Refusals(expect, lab.file.problems, lab.kernel)
        step = further(lab, given, ("steps", len(self._steps) - 1), expect, refusals)
        measures = measure.resolve(Resolver(lab.file, step.state, refusals, lab.refused), wanted, set())
        raise_found(lab.file)
        return lab, replace(step, measures=measures), refusals

    def asked(self, entries: Node) -> tuple[AnyExpectation, ...]:
        """A list of entries of the grammar of ``expect``, resolved in the current step. Raises TopologyError.

        An address that nobody asked for before becomes a target of the current step, and of those that follow.
        """
        # A shallow copy: resolving changes these two fields only.
        file = replace(self._lab.file, problems=Problems(), pairs=0)
        resolver = Resolver(file, self.current.state, self._refusals, self._lab.refused)
        given = parse_entries(entries, self._file, file.problems)
        found = [expectation for entry in given for expectation in resolver.resolve(entry, claim=True)]
        raise_found(file)
        new = dict.fromkeys(ip for ip in asked(given) if ip not in self._lab.file.asked)
        if new:
            self._lab.file.asked.update(new)
            self.current = replace(self.current, state=self._lab.state())
        return tuple(found)


def _mapping(like: Node, children: dict[str, Node]) -> Node:
    """A mapping at the place of another node; a key that the other doesn't have gets the place of its value."""
    made = Node(children, like.line, like.column)
    made.keys = {name: like.keys.get(name, child) for name, child in children.items()}
    return made
