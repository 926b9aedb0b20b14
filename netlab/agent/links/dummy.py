"""A dummy interface, which has no wire and no options."""

from __future__ import annotations

from netlab.agent.links.add import alone
from netlab.agent.links.op import BuildContext, Level, Op
from netlab.contract.types.links import Dummy


def create(context: BuildContext, dummy: Dummy, *, up: bool) -> list[Op]:
    """``ip link add type dummy``."""
    return [alone(dummy, Level.PLUG, up=up)]
