"""The kinds of links that a file can ask for: one module each, and here the table of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from netlab.contract.types import AnyLink
from netlab.plan import bridge, macvlan, veth
from netlab.plan.wanted import Kin, Wanted

#: Keys that every kind takes.
COMMON = frozenset({"type", "mac", "mtu", "addresses", "state", "neighbors", "limit", "duplicate"})
#: Keys that say what a link is, and so cannot be set later.
IDENTITY = frozenset({"type", "switch", "bridge", "peer", "master", "parent"})


@dataclass(frozen=True)
class Kind:
    """A kind of link: the keys it takes besides the common ones, and what makes a link of what is wanted.

    ``build`` notes what is wrong in the lab's problems, and then returns None. ``stacked`` links sit on others, and are
    made after the rest.
    """

    type: str
    keys: frozenset[str]
    build: Callable[[Kin, Wanted], AnyLink | None]
    stacked: bool


KINDS: dict[str, Kind] = {
    kind.type: kind
    for kind in (
        Kind("bridge", bridge.KEYS, bridge.build, stacked=False),
        Kind("veth", veth.KEYS, veth.build, stacked=False),
        Kind("macvlan", macvlan.KEYS, macvlan.build, stacked=True),
        Kind("macvtap", macvlan.KEYS, macvlan.build_tap, stacked=True),
    )
}
