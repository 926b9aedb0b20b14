"""Spanning trees: which bridges speak STP, and which of their ports are still on their way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netlab.agent.links.port import STATES
from netlab.contract.types import State

#: BR_STATE_LISTENING and BR_STATE_LEARNING: where a spanning tree isn't done.
MOVING = (STATES["listening"], STATES["learning"])
#: How long one may take, in seconds: 20 for an old message of the tree to go (max_age), then twice 15.
PATIENCE = 120.0

Read = Mapping[str, Mapping[int, dict[str, Any]]]


class Clock:
    """Whether this kernel's time is simulated, so that waiting takes none: then spanning trees are waited for."""

    simulated = False


def spanning(state: State) -> set[str]:
    """The bridges that speak STP."""
    return {link.id for link in state.links if link.spanning}


def moving(state: State, read: Read) -> set[str]:
    """The links that are ports of a spanning tree on their way to forwarding."""
    speaking = spanning(state)
    return {
        link.id for link in state.links for plug in link.plugs
        if plug.port is not None and plug.attached and plug.bridge in speaking
        and port_state(read, plug.place.namespace, plug.place.ifindex) in MOVING
    }  # fmt: skip


def port_state(read: Read, ns: str, index: int) -> int | None:
    """The state that a bridge's port is in; None where it is no port."""
    port = read[ns].get(index, {}).get("port")
    return port["state"] if port else None
