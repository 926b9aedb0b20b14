"""The loopback, which is there, and up, as soon as its namespace is."""

from __future__ import annotations

from netlab.agent.links.op import BuildContext, Op
from netlab.contract.types.links import Loopback


def create(context: BuildContext, loopback: Loopback, *, up: bool) -> list[Op]:
    """Nothing is left to make."""
    return []
