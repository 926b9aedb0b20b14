"""What of a topology is to be examined: the steps and layers that were asked for, or all that apply."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from netlab.contract.types import (
    ALL_LAYERS,
    BY_NAME,
    ExpectPair,
    ExpectWire,
    Plan,
    Step,
    as_written,
    asks_host,
    base_layer,
    layer_family,
)
from netlab.errors import UsageError, did_you_mean


def steps(plan: Plan, names: Sequence[str]) -> list[tuple[Step, bool]]:
    """The steps to go through, and whether each is to be examined; steps add up. Raises UsageError."""
    known = [step.name for step in plan.steps]
    for name in names:
        if name not in known:
            raise UsageError(f"{plan.name} has no step {name!r}{did_you_mean(name, known)}; it has {', '.join(known)}")
    wanted = set(names or known)
    last = max(i for i, name in enumerate(known) if name in wanted)
    return [(step, step.name in wanted) for step in plan.steps[: last + 1]]


def layers(plan: Plan, step: Step, asked: Sequence[str]) -> tuple[str, ...]:
    """The layers asked for, with the host questions that the file asks of them; or all for which two namespaces (host
    questions) or endpoints of the step have addresses, with the sizes, ports and targets that the file asks for."""
    named = {layer for entry in _entries(plan, step) for layer in _layers_of(entry)}
    if asked:
        chosen = {*asked, *(layer for layer in named if as_written(layer) in asked)}
        return tuple(sorted(chosen, key=lambda layer: (ALL_LAYERS.index(base_layer(layer)), layer)))
    hosts = _common(asker.families for asker in step.state.askers)
    ends = _common([family for family in (4, 6) if end.address(family)] for end in step.state.endpoints)
    aimed = {target.family for target in step.state.targets}

    def applies(layer: str) -> bool:
        family = layer_family(layer)
        if asks_host(layer):
            return family in hosts or (family in aimed and layer in named)
        return family is None or family in ends

    return tuple(
        layer
        for base in ALL_LAYERS
        for layer in (base, *sorted(one for one in named if one != base and base_layer(one) == base))
        if applies(layer) and (base not in BY_NAME or layer in named)
    )


def tapped(plan: Plan, step: Step) -> set[str]:
    """The layers on which the file asks what is seen on the wire: only those are probed with taps, which take time."""
    return {entry.layer for entry in _entries(plan, step) if isinstance(entry, ExpectWire)}


def _entries(plan: Plan, step: Step) -> list[Any]:
    """The entries that bind a step: its own, and those of the claims that are tested in it."""
    return [
        *step.expect,
        *(entry for claim in plan.claims for name, entry in claim.tests if name == step.name),
    ]


def _layers_of(entry: Any) -> tuple[str, ...]:
    if isinstance(entry, ExpectPair):
        return entry.layers
    return (entry.layer,) if isinstance(entry, ExpectWire) else ()


def _common(families: Iterable[Iterable[int]]) -> set[int]:
    """The address families that two or more have."""
    return {family for family, count in Counter(chain.from_iterable(families)).items() if count > 1}
