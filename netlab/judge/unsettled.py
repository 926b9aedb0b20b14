"""Which endpoints prove nothing, because the lab did not become what the plan says."""

from __future__ import annotations

from collections.abc import Iterable

from netlab.contract.types import State


def unsettled_rows(state: State, unsettled: Iterable[str]) -> frozenset[int]:
    """The endpoints whose cells prove nothing, because a link that they depend on did not settle.

    An endpoint depends on every link of its own namespace (another interface may answer for it), on their parents, and
    on the switches that these are plugged into. A link between switches, and one of a namespace that forwards, may
    carry the frames of any pair: all endpoints depend on it.
    """
    names = set(unsettled)
    if not names:
        return frozenset()
    everybody = frozenset(range(len(state.endpoints)))
    for link in state.links:
        if link.id in names and (link.trunk or state.routers):
            return everybody
    needs = {namespace.id: _needs(state, namespace.id) for namespace in state.namespaces}
    return frozenset(i for i, endpoint in enumerate(state.endpoints) if needs[endpoint.namespace] & names)


def _needs(state: State, namespace: str) -> set[str]:
    found: set[str] = set()
    waiting = [link.id for link in state.links_of(namespace)]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        waiting += state.link(name).depends
    return found
