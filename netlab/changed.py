"""What the programs of a topology have made of its lab during a run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from netlab.contract.types import Plan, SetProgram, Step

if TYPE_CHECKING:
    from netlab.client import Lab


def has_programs(plan: Plan) -> bool:
    """Whether the topology has its hosts run programs."""
    return any(isinstance(change, SetProgram) for step in plan.steps for change in step.changes)


def changed_by_programs(step: Step, lab: Lab) -> Step:
    """The step; where programs have changed something that is not in it, one that says of their hosts what that is."""
    from netlab.plan.adopted import compare

    news = compare(step.state, lab.news())
    foreign = dict(step.state.foreign)
    for place, words in news.said().items():
        foreign[place] = f"a program has changed it: {', '.join(words)}"
    if foreign == dict(step.state.foreign):
        return step
    return replace(step, state=replace(step.state, foreign=tuple(foreign.items())))
