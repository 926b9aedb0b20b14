"""Which pairs a layer applies to. Of all others the letter is ``.``."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Callable, Iterable

from netlab.contract.types.layers import BY_MAC, ON_LINK, base_layer, layer_family
from netlab.contract.types.state import AnySource, AnyTarget, Asker, Endpoint, State, Target


def applicable(state: State, layer: str, wanted: Iterable[tuple[int, int]] | None = None) -> list[tuple[int, int]]:
    """The pairs that a layer applies to, as rows and columns of its matrix: all, or those of the wanted ones."""
    found = []
    sources, targets = state.sources(layer), state.destinations(layer)
    if wanted is not None:
        tells = functools.cache(lambda i: applies_from(sources[i], layer))
        return [(i, j) for i, j in wanted if sources[i] is not targets[j] and tells(i)(targets[j])]
    for i, source in enumerate(sources):
        applies = applies_from(source, layer)
        found += [(i, j) for j, target in enumerate(targets) if source is not target and applies(target)]
    return found


def applies_from(source: AnySource, layer: str) -> Callable[[AnyTarget], bool]:
    """Tells of a destination whether a layer applies to it with this source: it is asked of many."""
    family = layer_family(layer)
    if isinstance(source, Asker):
        applies = family in source.families

        def asks(target: AnyTarget) -> bool:
            # A link-local address needs none of the asker's but that which every interface has.
            by = isinstance(target, Target) and target.scope
            return target.address(family) is not None and (_asked_by(source, target) if by else applies)

        return asks if applies or family == 6 else _nothing
    if not source.bindable:
        return _nothing
    if family is None:
        whole = not source.extra
        return lambda target: whole and isinstance(target, Endpoint) and target.bindable and not target.extra
    ours = source.address(family)
    if ours is None:
        return _nothing
    by_mac = base_layer(layer) in BY_MAC
    if base_layer(layer) not in ON_LINK:
        return lambda target: target.address(family) is not None and (target.bindable or not by_mac)
    first, last = int(ours.network.network_address), int(ours.network.broadcast_address)

    def on_link(target: AnyTarget) -> bool:
        theirs = target.address(family)
        return theirs is not None and first <= _number(theirs.ip) <= last and (target.bindable or not by_mac)

    return on_link


def lack(source: AnySource, target: AnyTarget, layer: str) -> str:
    """What a pair lacks that a layer needs whatever the subnets: ``A:eth0 has no IPv6 address``; or ''."""
    family = layer_family(layer)
    if isinstance(source, Asker):
        if isinstance(target, Target) and target.scope and family == target.family:
            return "" if _asked_by(source, target) else f"{source.id} has no interface {target.scope}"
        without = [source.id] * (family not in source.families) + [target.id] * (not target.address(family))
        return next((f"{one} has no IPv{family} address" for one in without), "")
    bare = [end.id for end in (source, target)[: 1 + (base_layer(layer) in BY_MAC)] if not end.bindable]
    if bare:
        return f"{bare[0]} is a loopback: no program asks by it, and no frames come to it"
    if family is None:
        extra = (end for end in (source, target) if isinstance(end, Endpoint) and end.extra)
        return next((f"{end.id} is a further address" for end in extra), "")
    return next((f"{end.id} has no IPv{family} address" for end in (source, target) if not end.address(family)), "")


def _asked_by(source: Asker, target: AnyTarget) -> bool:
    return isinstance(target, Target) and source.id in target.askers


def _nothing(_target: AnyTarget) -> bool:
    return False


@functools.lru_cache(maxsize=1 << 16)
def _number(ip: str) -> int:
    return int(ipaddress.ip_address(ip))
