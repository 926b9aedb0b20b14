"""A lab that stays, as any process of its user sees it: what is noted of it is enough to plan, predict and judge."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from netlab.client import registry
from netlab.client import staying as client
from netlab.client.kept import StayingLab as Handle
from netlab.contract.types import Step, Where
from netlab.errors import UsageError
from netlab.spec.problems import TopologyError
from netlab.testing.blueprint import Blueprint, as_node
from netlab.testing.given import Given
from netlab.testing.lab import Lab
from netlab.testing.memo import Memo, is_adopted, memo, told

#: Where a step stands that a command or a program has made up.
_MADE_UP = Where("<set>", 1, 1)


def keep(lab: Lab, name: str) -> None:
    """Have a lab stay under a name that is reserved (`netlab.client.registry.reserved`); its agent then outlives this
    process, and so do its daemons. Raises LabError, NetlabError, OSError."""
    for daemon in lab.daemons:
        daemon.leave(lab.handle)
    client.keep(lab.handle, name, memo(lab.blueprint, lab.past, lab.current))


def leave_up(lab: Lab, wanted: str = "") -> list[str]:
    """Have a lab stay under a free name, and say how to enter it. Raises LabError, NetlabError, OSError."""
    with registry.free(wanted or lab.plan.name) as name:
        keep(lab, name)
    return told(name, lab.current)


class StayingLab(Lab):
    """A lab that is up and stays so; what is changed of it is noted. Use `attach`."""

    _handle: Handle

    def __init__(self, handle: Handle, noted: Memo, seed: int = 0) -> None:
        blueprint = Blueprint.of_text(noted["topology"], noted["file"]).with_private(noted["private"])
        own = blueprint.steps
        past = [own[one] if isinstance(one, str) else Given(one, _MADE_UP) for one in noted["past"]]
        planner = blueprint.planner(handle.agent.kernel)
        for step in past:
            # What a program had changed may have no place in it any more: it is adopted anew.
            with contextlib.suppress(TopologyError) if is_adopted(step) else contextlib.nullcontext():
                planner.step(as_node(step))
        planner.know(noted["foreign"], noted["indexes"])
        handle.plan = planner.plan
        self._set_up(handle, handle.plan, blueprint, seed)
        # Those have been told by the command that has made it so.
        self._warned |= {*handle.plan.warnings}
        self.name = handle.name
        self.past = past
        # Programs of other commands may have been in it.
        self.touched = True
        self._planner_made = planner
        self._current = planner.current
        for one in past:
            self._names.take(as_node(one).plainly()["name"])
        # What there is now: its result raises BuildError where that isn't as planned.
        self.entered = handle.enter(replace(self._current, changes=()))

    def settle(self, changes: Mapping[str, Mapping[str, Any]], words: str) -> None:
        """Set interfaces, hosts and switches, as a step that is called by ``words``. Raises TopologyError, BuildError.

        A fault is told with its place in the words.
        """
        given = Given({"name": self._names.fresh(words[:80]), "set": changes}, Where("<set>", 1, 1))
        with self._lock:
            self._refresh()
            self._go(given)

    def reset(self, step: str = "baseline") -> None:
        """Build it afresh: as its topology says, up to a step of that. Its programs end. Raises UsageError (no such
        step), BuildError."""
        own = self.blueprint.steps
        if step not in ("baseline", *own):
            raise UsageError(f"{self.plan.name} has no step {step!r}; it has {', '.join(['baseline', *own])}")
        with self._lock:
            self.past, self._planner_made = [], None
            self._enter(self._planner.current, afresh=True)
            if step in own:
                self.step(step)

    def _enter(self, step: Step, *, afresh: bool = False) -> None:
        # What the kernel refuses doesn't end it: it is there to be looked at.
        noted = memo(self.blueprint, self.past, step)
        self.entered = self._handle.change(step, noted, afresh=afresh)
        self.entered.result()
        self._current = step


@contextlib.contextmanager
def attach(name: str, *, change: bool = False) -> Iterator[StayingLab]:
    """The lab of that name (``netlab up``), while a block runs: to look at, or to ``change``.

    ``with netlab.attach("demo") as lab: …``: a `Lab` that stays up when the block ends. Others may look at it
    meanwhile, but not change it; while it is changed others wait. After the block it is closed for this program.
    Raises UsageError where there is none of that name.
    """
    with (
        client.attached(name) as handle,
        registry.changing(name) if change else registry.looking(name),
        StayingLab(handle, handle.about()["memo"]) as lab,
    ):
        yield lab
