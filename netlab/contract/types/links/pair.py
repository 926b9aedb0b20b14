"""A veth pair without any switch."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import ClassVar

from netlab.contract.dataclass import dataclass
from netlab.contract.types.links.base import Link, Queue


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair(Link):
    """One end of a veth pair without any switch; ``peer`` is the link id of the other end.

    Both ends are links. The first ``makes`` the pair: its request creates both ends, so it knows the other's names.
    """

    kind: ClassVar[str] = "veth"
    queues: ClassVar[frozenset[Queue]] = frozenset({"backlog"})
    peer: str
    makes: bool = False
    peer_ifname: str = ""
    peer_ifindex: int = 0
    peer_mac: str | None = None

    @property
    def peer_namespace(self) -> str:
        """The namespace of the other end."""
        return self.peer.partition(":")[0]

    @property
    def peer_id(self) -> str:
        return self.peer

    def carries(self, find: Callable[[str], Link | None], live: Set[str]) -> bool:
        """Both ends must be up (veth_open, veth_close)."""
        other = find(self.peer)
        return self.up and other is not None and other.up
