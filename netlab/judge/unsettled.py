"""Which sources and destinations prove nothing, because the lab did not become what the plan says."""

from __future__ import annotations

from collections.abc import Iterable

from netlab.contract.types import State


def unsettled_ends(state: State, unsettled: Iterable[str]) -> frozenset[str]:
    """The ids of endpoints, askers and targets whose cells prove nothing: a link that they depend on did not settle.

    An endpoint depends on every link of its own namespace (another interface may answer for it), on their parents, and
    on the switches that these are plugged into; an asker likewise, and a target on the namespaces that have its
    address. A link between switches, and one of a namespace that forwards, may carry the frames of any pair: all
    depend on it.
    """
    names = set(unsettled)
    if not names:
        return frozenset()
    spaces = {endpoint.id: {endpoint.namespace} for endpoint in state.endpoints}
    spaces |= {asker.id: {asker.namespace} for asker in state.askers}
    spaces |= {target.id: {state.link(link).namespace for link in target.links} for target in state.targets}
    for link in state.links:
        if link.id in names and (link.trunk or state.routers):
            return frozenset(spaces)
    open_ = {namespace.id for namespace in state.namespaces if _needs(state, namespace.id) & names}
    return frozenset(name for name, places in spaces.items() if places & open_)


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
