"""What kinds have in common that sit on another link."""

from __future__ import annotations

from collections.abc import Callable, Set

from netlab.contract.dataclass import dataclass
from netlab.contract.types.links.base import Link


@dataclass(frozen=True, slots=True, kw_only=True)
class Child(Link):
    """A link on top of another, ``parent``, whose link id that is."""

    parent: str

    @property
    def lower(self) -> str:
        return self.parent

    def carries(self, find: Callable[[str], Link | None], live: Set[str]) -> bool:
        """A child copies its parent's, which some kinds keep even while they are down (macvlan_device_event,
        ipvlan_device_event, vlan_stacked_transfer_operstate)."""
        parent = find(self.parent)
        return self.up and parent is not None and parent.carrier
