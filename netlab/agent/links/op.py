"""One request, where it is to be sent, and when."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from netlab.agent.netlink import Request

At = Literal["create", "up", "set"]


class Level(IntEnum):
    """Requests of one level need nothing of each other but the order within a namespace: a level is one batch each."""

    BRIDGE = 1
    #: A wire between two switches, and its ends' becoming ports: before the hosts' ports, as in the plan.
    TRUNK = 2
    JOIN = 3
    WIRE = 4
    PLUG = 5
    HOST = 6
    CONTAINER = 7
    PORT = 8
    ROUTING = 9


@dataclass(frozen=True)
class Op:
    """``request`` goes to the socket of namespace ``ns``; ``at`` says what part of a link's making it is.

    With ``gone`` it may be that what is to be deleted isn't there any more (ENOENT).
    """

    ns: str
    level: Level
    request: Request
    at: At = "set"
    gone: bool = False
