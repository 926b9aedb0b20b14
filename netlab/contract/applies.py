"""Which pairs of endpoints a layer applies to. Of all others the letter is ``.``."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Callable, Sequence

from netlab.contract.types.layers import ON_LINK, base_layer, layer_family
from netlab.contract.types.state import Endpoint


def applicable(endpoints: Sequence[Endpoint], layer: str) -> list[tuple[int, int]]:
    """The pairs that a layer applies to, as rows and columns."""
    found = []
    for i, source in enumerate(endpoints):
        applies = applies_from(source, layer)
        found += [(i, j) for j, target in enumerate(endpoints) if i != j and applies(target)]
    return found


def applies_from(source: Endpoint, layer: str) -> Callable[[Endpoint], bool]:
    """Tells of a destination whether a layer applies to it with this source: it is asked of many."""
    family = layer_family(layer)
    if family is None:
        return _nothing if source.extra else lambda target: not target.extra
    ours = source.address(family)
    if ours is None:
        return _nothing
    if base_layer(layer) not in ON_LINK:
        return (lambda target: target.v4 is not None) if family == 4 else (lambda target: target.v6 is not None)
    first, last = int(ours.network.network_address), int(ours.network.broadcast_address)

    def on_link(target: Endpoint) -> bool:
        theirs = target.v4 if family == 4 else target.v6
        return theirs is not None and first <= _number(theirs.ip) <= last

    return on_link


def lack(source: Endpoint, target: Endpoint, layer: str) -> str:
    """What a pair lacks that a layer needs whatever the subnets: ``A:eth0 has no IPv6 address``; or ''."""
    family = layer_family(layer)
    if family is None:
        return next((f"{end.id} is a further address" for end in (source, target) if end.extra), "")
    return next((f"{end.id} has no IPv{family} address" for end in (source, target) if not end.address(family)), "")


def _nothing(_target: Endpoint) -> bool:
    return False


@functools.lru_cache(maxsize=1 << 16)
def _number(ip: str) -> int:
    return int(ipaddress.ip_address(ip))
