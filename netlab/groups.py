"""Endpoints that are alike, folded into groups: ``web-1:eth0`` … ``web-100:eth0`` become ``web-*:eth0``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from netlab.contract.types import AnyLink, Endpoint, State

_NUMBER = re.compile(r"\d+$")


def fold(state: State) -> tuple[str, ...]:
    """For each endpoint of the state the name of its group, which is its own id where none is like it.

    Alike are endpoints whose host and container names differ in their trailing number only, and whose
    interfaces have one name, one kind and mode, one switch and equal port options.
    """
    keys = [_key(state, endpoint) for endpoint in state.endpoints]
    sizes = Counter(key for key in keys if key is not None)
    names: dict[object, str] = {}
    taken: Counter[str] = Counter()
    for key in sizes:
        pattern: str = key[0]
        taken[pattern] += 1
        names[key] = pattern if taken[pattern] == 1 else f"{pattern}({taken[pattern]})"
    return tuple(
        names[key] if key is not None and sizes[key] > 1 else endpoint.id
        for key, endpoint in zip(keys, state.endpoints, strict=True)
    )


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
