"""One request, where it is to be sent, and when; what has to be known to make it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Literal

from netlab.agent.netlink import Request
from netlab.agent.netns import Netns
from netlab.contract.dataclass import dataclass
from netlab.contract.types import AnyLink

At = Literal["create", "up", "set"]


class Level(IntEnum):
    """Requests of one level don't depend on each other, except by their order within a namespace: one batch per
    level."""

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
class BuildContext:
    """What the requests for one link need to know of others: the lab's links and namespaces by id, as they are now."""

    links: Mapping[str, AnyLink]
    namespaces: Mapping[str, Netns]

    def level(self, link: AnyLink) -> Level:
        """When what a link sits on is there."""
        elsewhere = link.lower is not None and link.namespace != self.links[link.lower].namespace
        return Level.CONTAINER if elsewhere else Level.HOST


@dataclass(frozen=True)
class Op:
    """``request`` goes to the socket of namespace ``ns``; ``at`` says what part of a link's making it is.

    ``gone``: it deletes something that may be gone already (ENOENT is no error).
    """

    ns: str
    level: Level
    request: Request
    at: At = "set"
    gone: bool = False
