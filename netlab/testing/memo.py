"""What is noted of a lab that stays, and what is said of it: without what only questions need."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netlab.client import registry, staying
from netlab.contract.names import called
from netlab.contract.types import State, Step, ends
from netlab.testing.blueprint import Blueprint, as_node
from netlab.testing.given import Given
from netlab.version import __version__

if TYPE_CHECKING:
    from netlab.client import Lab as Handle
    from netlab.spec.nodes import Node

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
        "file": os.path.abspath(blueprint.file) if os.path.exists(blueprint.file) else blueprint.file,
        "topology": blueprint.origin or blueprint.whole(),
        "private": blueprint.private,
        "past": [own.get(id(one)) or as_node(one).plainly() for one in past],
        "foreign": dict(step.state.foreign),
        "indexes": {link.id: link.ifindex for link in step.state.links},
        "step": step.name,
        "steps": [*blueprint.steps],
        "places": [place for link in step.state.links for place in ends(link) if ":" in place],
        "interfaces": {
            namespace.id: [link.name for link in step.state.links_of(namespace.id)]
            for namespace in step.state.namespaces
        },
    }


def is_adopted(step: Node | Given) -> bool:
    """Whether a step says what programs have changed (`LabInSteps.adopt`)."""
    return str(as_node(step).plainly()["name"]).startswith("adopted")


def leave_run_up(handle: Handle, file: Path, step: Step) -> list[str]:
    """Have a lab stay that has gone through the steps of a file up to one of them, under a free name; how to enter it.

    Raises LabError, NetlabError, OSError.
    """
    blueprint = Blueprint.read(file)
    own = blueprint.steps
    past = list(own)[: list(own).index(step.name) + 1] if step.name in own else []
    with registry.free(handle.plan.name) as name:
        staying.keep(handle, name, memo(blueprint, [own[one] for one in past], step))
    return told(name, step)


def told(name: str, step: Step) -> list[str]:
    """What to say of a lab that stays."""
    return [f"{name} stays up, {step.name}:", *(f"  {line}" for line in hints(name, step.state))]


def hints(name: str, state: State) -> list[str]:
    """The commands that come next."""
    hosts = [one.id for one in state.namespaces if one.kind != "switch"]
    first = next(iter(hosts), name)
    # What is inside of the first may be kept apart from it.
    others = [one for one in hosts if one.partition("/")[0] != first]
    there = next((one.namespace for one in state.endpoints if one.namespace in others and (one.v4 or one.v6)), "")
    command = f"ping {called(there)}" if there else "ip address"
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
