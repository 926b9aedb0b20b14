"""A lab that stays, as any process of its user sees it: what is noted of it is enough to plan, predict and judge."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netlab.client import registry
from netlab.client import staying as client
from netlab.client.staying import StayingLab as Handle
from netlab.contract.types import State, Step, Where, ends
from netlab.errors import UsageError
from netlab.testing.blueprint import Blueprint, as_node
from netlab.testing.given import Given
from netlab.testing.lab import Lab
from netlab.version import __version__

if TYPE_CHECKING:
    from netlab.client import Lab as AnyHandle
    from netlab.spec.nodes import Node

#: Where a step stands that a command or a program has made up.
_MADE_UP = Where("<set>", 1, 1)

Memo = dict[str, Any]


def memo(blueprint: Blueprint, past: list[Node | Given], step: Step) -> Memo:
    """What is noted of a lab: plain values, from which `StayingLab` makes it again.

    ``topology`` is the text of the topology with all of its steps; ``past`` are the steps that the lab has gone
    through: names of the topology's, and mappings of others. ``interfaces`` are the interfaces of each namespace.
    """
    own = {id(node): name for name, node in blueprint.steps.items()}
    return {
        "version": __version__,
        "user": _user(),
        "file": blueprint.file,
        "topology": blueprint.whole(),
        "past": [own.get(id(one)) or as_node(one).plainly() for one in past],
        "step": step.name,
        "steps": [*blueprint.steps],
        "places": [place for link in step.state.links for place in ends(link) if ":" in place],
        "interfaces": {
            namespace.id: [link.name for link in step.state.links_of(namespace.id)]
            for namespace in step.state.namespaces
        },
    }


def keep(lab: Lab, name: str) -> None:
    """Have a lab stay under a name that is reserved (`netlab.client.registry.reserved`); its agent then outlives this
    process. Raises LabError, NetlabError, OSError."""
    client.keep(lab.handle, name, memo(lab.blueprint, lab.past, lab.current))


def leave_up(lab: Lab, wanted: str = "") -> list[str]:
    """Have a lab stay under a free name, and say how to enter it. Raises LabError, NetlabError, OSError."""
    with registry.free(wanted or lab.plan.name) as name:
        keep(lab, name)
    return _told(name, lab.current)


def leave_run_up(handle: AnyHandle, file: Path, step: Step) -> list[str]:
    """The same of a lab that has gone through the steps of a file up to one of them."""
    blueprint = Blueprint.read(file)
    own = blueprint.steps
    past = list(own)[: list(own).index(step.name) + 1] if step.name in own else []
    with registry.free(handle.plan.name) as name:
        client.keep(handle, name, memo(blueprint, [own[one] for one in past], step))
    return _told(name, step)


def _told(name: str, step: Step) -> list[str]:
    return [f"{name} stays up, {step.name}:", *(f"  {line}" for line in hints(name, step.state))]


def hints(name: str, state: State) -> list[str]:
    """The commands that come next."""
    hosts = [one.id for one in state.namespaces if one.kind != "switch"]
    first, *others = hosts or [name]
    there = next((one.v4 or one.v6 for one in state.endpoints if one.namespace in others and (one.v4 or one.v6)), None)
    command = f"ping {there.ip}" if there else "ip address"
    return [
        f"netlab shell {name} {first}",
        f"netlab exec {name} {first} -- {command}",
        f"netlab probe {name}",
        f"netlab down {name}",
    ]


def _user() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


class StayingLab(Lab):
    """A lab that is up and stays so; what is changed of it is noted. Use `attach`."""

    _handle: Handle

    def __init__(self, handle: Handle, noted: Memo, seed: int = 0) -> None:
        blueprint = Blueprint.of_text(noted["topology"], noted["file"])
        own = blueprint.steps
        past = [own[one] if isinstance(one, str) else Given(one, _MADE_UP) for one in noted["past"]]
        planner = blueprint.planner(handle.agent.kernel)
        plan = None
        for step in past:
            plan = planner.step(as_node(step))
        handle.plan = plan or blueprint.plan(handle.agent.kernel)
        self._set_up(handle, handle.plan, blueprint, seed)
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
            self._go(given)

    def reset(self, step: str = "") -> None:
        """Build it afresh: as its topology says, up to a step of that. Its programs end. Raises UsageError (no such
        step), BuildError."""
        own = self.blueprint.steps
        if step not in ("", "baseline", *own):
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

    Others may look at it meanwhile, but not change it; while it is changed others wait. Raises UsageError where there
    is none of that name.
    """
    with client.attached(name) as handle, registry.changing(name) if change else registry.looking(name):
        yield StayingLab(handle, handle.about()["memo"])
