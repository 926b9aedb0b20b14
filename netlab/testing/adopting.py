"""What programs have changed in a lab becomes what the model reasons about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from netlab.contract.dataclass import dataclass
from netlab.contract.types import Plan
from netlab.plan.adopted import compare
from netlab.plan.news import News
from netlab.spec.problems import TopologyError
from netlab.testing.blueprint import as_node
from netlab.testing.given import Given
from netlab.testing.topology import caller

if TYPE_CHECKING:
    from netlab.plan.planner import Planner


@dataclass(frozen=True)
class Adopted:
    """What a lab has taken over. It is true where that is anything.

    ``changes`` says in words what is known of now: addresses, routes, … ``unknown`` says by host, bridge
    or tunnel what a topology can't say; the model predicts nothing of packets there.
    """

    changes: tuple[str, ...] = ()
    unknown: Mapping[str, str] | None = None

    def __bool__(self) -> bool:
        return bool(self.changes or self.unknown)

    def __str__(self) -> str:
        unknown = [f"{ns}: unknown to the model: {why}" for ns, why in (self.unknown or {}).items()]
        return "\n".join([*self.changes, *unknown])


def adopt(
    planner: Planner, told: Mapping[str, Any], hosts: Sequence[str], name: str
) -> tuple[Adopted, Given | None, Plan | None]:
    """Plan what the agent has told of namespaces, those of ``hosts`` alone if there are any: what is new, the step that
    says it, and the plan; None where nothing is new to the planner. The step is called ``name``."""
    current = planner.current.state
    known = {one.id for one in current.namespaces}
    wanted = {ns for ns in known if not hosts or {ns, ns.partition("/")[0]} & {*hosts}}
    chosen = {ns: one for ns, one in told.items() if ns in wanted}
    news = compare(current, chosen)
    for place, why in current.foreign:
        if place.partition(":")[0] not in chosen:
            news.foreign[place] = [why]
    foreign = {place: ", ".join(all_) for place, all_ in news.foreign.items()}
    if not news.step and foreign == dict(current.foreign):
        return Adopted(), None, None
    at = caller()
    step = Given({"name": name, **news.step}, at)
    try:
        plan = planner.adopt(news, as_node(step))
    except TopologyError as error:
        # What the kernel has, the plan holds to be impossible: nothing can be said of it.
        why = error.problems[0].message if error.problems else "its state can't be planned"
        for place in {place for place, _ in news.told}:
            foreign[place] = f"{', '.join(news.words)}: {why}"
        news = News(foreign={place: [all_] for place, all_ in foreign.items()}, told=news.told)
        if foreign == dict(current.foreign):
            return Adopted(), None, None
        step = Given({"name": name}, at)
        plan = planner.adopt(news, as_node(step))
    return Adopted(tuple(news.words), foreign), step, plan
