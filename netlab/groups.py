"""Endpoints that are alike, folded into groups: ``web-1:eth0`` … ``web-100:eth0`` become ``web-*:eth0``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from netlab.contract.types import AnyLink, Endpoint, State, asks_host

_NUMBER = re.compile(r"\d+$")


def fold(state: State) -> tuple[str, ...]:
    """For each endpoint of the state the name of its group, which is its own id where none is like it.

    Alike are endpoints whose host and container names differ in their trailing number only, and whose
    interfaces have one name, one kind and mode, one switch and equal port options.
    """
    return _fold([(endpoint.id, _key(state, endpoint)) for endpoint in state.endpoints])


def fold_hosts(state: State) -> tuple[str, ...]:
    """The same for each namespace that asks: alike are those whose endpoints are, one by one."""
    groups: dict[str, list[str]] = {asker.id: [] for asker in state.askers}
    for endpoint, group in zip(state.endpoints, fold(state), strict=True):
        groups.setdefault(endpoint.namespace, []).append(group)
    named = [(asker.id, pattern(asker.id)) for asker in state.askers]
    return _fold([(name, (like, tuple(groups[name])) if "*" in like else None) for name, like in named])


def row_groups(state: State, layer: str) -> tuple[str, ...]:
    """The group of each row of a layer's matrix."""
    return fold_hosts(state) if asks_host(layer) else fold(state)


def column_groups(state: State, layer: str) -> tuple[str, ...]:
    """The group of each column of a layer's matrix; a target is always alone."""
    return (*fold(state), *(target.id for target in state.targets)) if asks_host(layer) else fold(state)


def _fold(named: Sequence[tuple[str, tuple[str, object] | None]]) -> tuple[str, ...]:
    """Names of groups for things with an id and a key (a pattern, and what must be equal); no key: alone."""
    keys = [key for _, key in named]
    sizes = Counter(key for key in keys if key is not None)
    names: dict[object, str] = {}
    taken: Counter[str] = Counter()
    for key in sizes:
        like = key[0]
        taken[like] += 1
        names[key] = like if taken[like] == 1 else f"{like}({taken[like]})"
    return tuple(names[key] if key is not None and sizes[key] > 1 else own for own, key in named)


def pattern(namespace: str) -> str:
    """``web-*`` for ``web-3``, ``web-*/c*`` for ``web-3/c1``; a name without a trailing number is itself."""
    return "/".join(_NUMBER.sub("*", part) for part in namespace.split("/"))


def grouped(names: Sequence[str]) -> dict[str, list[int]]:
    """The members (row numbers) of each group, groups in the order of their first member."""
    members: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        members.setdefault(name, []).append(i)
    return members


def _key(state: State, endpoint: Endpoint) -> tuple[str, object] | None:
    if endpoint.extra or "*" not in pattern(endpoint.namespace):
        return None
    link = state.link(endpoint.link)
    return f"{pattern(endpoint.namespace)}:{link.name}", (
        link.kind,
        link.up,
        link.mtu,
        _attachment(state, link),
    )


def _attachment(state: State, link: AnyLink) -> object:
    if link.lower is not None:
        parent = state.link(link.lower)
        return pattern(parent.namespace), parent.name, link.effective_mode, _attachment(state, parent)
    # The far end of its wire comes last.
    return (link.plugs[-1].bridge, link.plugs[-1].port) if link.plugs else link.id
