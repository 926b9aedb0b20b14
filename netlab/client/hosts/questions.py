"""What a file asks of hosts, asked of their interfaces: on real machines programs have routes that no plan knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from netlab.contract.types import AnyExpectation, ExpectPair, ExpectWire, Plan, State, asks_host
from netlab.contract.types.layers import HOST

NOTE = (
    "real machines have routes of their own: where the file asks what programs of a host reach, its first interface "
    "is asked"
)


def of_interfaces(plan: Plan) -> Plan:
    """The plan without askers and targets; each expectation of a host is one of its first interface."""
    first = [first_interfaces(step.state) for step in plan.steps]
    by_step = dict(zip((step.name for step in plan.steps), first, strict=True))
    steps = tuple(
        replace(
            step,
            state=replace(step.state, askers=(), targets=()),
            expect=tuple(of_interface(entry, names) for entry in step.expect),
        )
        for step, names in zip(plan.steps, first, strict=True)
    )
    claims = tuple(
        replace(claim, tests=tuple((name, of_interface(entry, by_step[name])) for name, entry in claim.tests))
        for claim in plan.claims
    )
    return replace(plan, steps=steps, claims=claims)


def first_interfaces(state: State) -> dict[str, str]:
    """The first interface of each namespace, and every endpoint under its own id."""
    found = {endpoint.id: endpoint.id for endpoint in state.endpoints}
    for endpoint in state.endpoints:
        found.setdefault(endpoint.namespace, endpoint.id)
    return found


def of_interface(entry: AnyExpectation, names: Mapping[str, str]) -> AnyExpectation:
    """An expectation of a host as one of its first interface; any other is left as it is."""
    if isinstance(entry, ExpectPair) and any(map(asks_host, entry.layers)):
        layers = tuple(layer.removeprefix(HOST) for layer in entry.layers)
        return replace(entry, layers=layers, pairs=_pairs(entry, names))
    if isinstance(entry, ExpectWire) and asks_host(entry.layer):
        return replace(entry, layer=entry.layer.removeprefix(HOST), pairs=_pairs(entry, names))
    return entry


def _pairs(entry: ExpectPair | ExpectWire, names: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The pairs of interfaces; an address that is asked for by itself has none."""
    known = ((names[source], destination) for source, destination in entry.pairs if destination in names)
    return tuple(pair for pair in known if pair[0] != pair[1])
