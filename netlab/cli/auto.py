"""``--kernel auto``: this machine's own kernel where it has all that the files ask for, else a cached one that has."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from netlab.cli.output import STDOUT
from netlab.errors import CANNOT_RUN

if TYPE_CHECKING:
    from netlab.client import Lab
    from netlab.contract.types import Plan
    from netlab.kernels import Choice


def settled(choice: Choice, files: Iterable[Path], note: Callable[[str], None]) -> Choice | None:
    """The choice, with a kernel for ``auto``, of which ``note`` tells; None for the machine's own. Of those in the
    cache it is the newest that has the files' kinds of links. Raises KernelError."""
    from netlab.kernels import AUTO, KernelError, having

    if choice.kernel != AUTO:
        return choice
    plans = list(_readable(files))
    lack = "the clock of this machine's own can't jump" if choice.virtual_time else _lack(plans)
    if not lack:
        note(f"auto takes this machine's own kernel, Linux {os.uname().release}: it has all that is asked for")
        return None
    kinds = {link.kind for plan in plans for step in plan.steps for link in step.state.links}
    try:
        one = having(kinds)
    except KernelError as error:
        raise KernelError(f"{error}, and {lack}", fix=error.fix) from error
    note(f"auto takes Linux {one.facts.release} ({one.name}): {lack}")
    return replace(choice, kernel=one.name)


def _readable(files: Iterable[Path]) -> Iterable[Plan]:
    from netlab import plan
    from netlab.contract.kernels import here
    from netlab.spec import TopologyError

    for file in files:
        if file == STDOUT:
            # It can be read once: by who examines it.
            continue
        try:
            yield plan.from_file(file, kernel=here())
        except TopologyError:
            # Said where it is examined.
            continue


def _lack(plans: list[Plan]) -> str:
    """What of these plans this machine's own kernel can't have, or why it has no labs; '' where it can. They are built,
    without their programs: nothing else tells all that a kernel was built without."""
    from netlab.client import Agent, CannotRun

    if not plans:
        return "what is asked for is in no file that can be read twice"
    try:
        with Agent.start() as agent:
            for plan in plans:
                with agent.lab(plan) as lab:
                    if lack := _refused(lab, plan):
                        return lack
    except CannotRun as error:
        return f"here {error}"
    return ""


def _refused(lab: Lab, plan: Plan) -> str:
    """What the kernel lacks for a plan; '' also where it refuses something that is the plan's own fault."""
    from netlab.client import BuildError
    from netlab.contract.types import SetProgram

    for step in plan.steps:
        bare = tuple(change for change in step.changes if not isinstance(change, SetProgram))
        try:
            lab.enter(replace(step, changes=bare)).result()
        except BuildError as error:
            if error.exit_code != CANNOT_RUN:
                return ""
            known = error.hint.startswith("this kernel")
            return error.hint.partition(": ")[0].replace("this kernel", "this machine's own") if known else str(error)
    return ""
