"""Small labs made by hand: the judge's inputs without a file and without a kernel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from netlab.contract.observed import LayerObserved
from netlab.contract.types import (
    Address,
    AnyExpectation,
    AnyLink,
    Asker,
    Endpoint,
    ExpectPair,
    Macvlan,
    Namespace,
    Port,
    State,
    Step,
    Switch,
    Target,
    Veth,
    Where,
)

WHERE = Where("demo.yaml", 7, 5)


def host_link(host: str, number: int, *, switch: str = "lan", name: str = "eth0") -> Veth:
    """A host's NIC on a switch."""
    return Veth(
        namespace=host,
        name=name,
        ifname=name,
        ifindex=10 + 2 * number,
        mac=f"02:00:00:00:00:{number:02x}",
        addresses=(Address(f"10.0.0.{number}", 24),),
        switch=switch,
        port=Port(),
        port_ifname=f"p{number}",
        port_ifindex=11 + 2 * number,
        port_mac=f"02:00:00:00:01:{number:02x}",
    )


def make_state(links: list[AnyLink], routers: int = 0, targets: tuple[Target, ...] = ()) -> State:
    """A state with these links, each link of a host an endpoint, and a switch ``lan``; each host asks."""
    namespaces = dict.fromkeys(link.namespace for link in links)
    lan = Switch(namespace="lan", name="lan", ifname="lan", ifindex=9)
    return State(
        namespaces=(
            *(Namespace(name, "container" if "/" in name else "host") for name in namespaces),
            Namespace("lan", "switch"),
        ),
        links=(lan, *links),
        endpoints=tuple(
            Endpoint(link.id, link.namespace, link.id, link.ifname, link.ifindex, link.mac, link.addresses[0])
            for link in links
            if link.addresses
        ),
        hops=4,
        routers=routers,
        askers=tuple(Asker(name, (4,)) for name in namespaces),
        targets=targets,
    )


def make_step(state: State, *expect: AnyExpectation) -> Step:
    """A baseline of this state, with these entries."""
    return Step("baseline", (), state, tuple(expect))


def seen(*rows: str, layer: str = "icmp", **more: object) -> LayerObserved:
    """A layer as it was observed."""
    return LayerObserved(layer, rows, **more)  # type: ignore[arg-type]


@dataclass
class Model:
    """A prediction written down by hand."""

    letters: dict[str, tuple[str, ...]]
    rules: dict[tuple[str, int, int], str] = field(default_factory=dict)
    hearers: dict[int, frozenset[str]] = field(default_factory=dict)
    wire: dict[tuple[str, int, int], bool] = field(default_factory=dict)
    unknown: dict[tuple[str, int, int], str] = field(default_factory=dict)

    def rule(self, layer: str, i: int, j: int) -> str | None:
        return self.rules.get((layer, i, j))

    def rule_rows(self, layer: str) -> list[list[str | None]]:
        return [[self.rule(layer, i, j) for j in range(len(row))] for i, row in enumerate(self.letters[layer])]

    def heard(self, i: int) -> frozenset[str]:
        return self.hearers.get(i, frozenset())

    def on_wire(self, layer: str, i: int, j: int) -> bool | None:
        return self.wire.get((layer, i, j))


@pytest.fixture
def three() -> State:
    """Hosts A, B, C on one switch: rows 0, 1, 2."""
    return make_state([host_link("A", 1), host_link("B", 2), host_link("C", 3)])


@pytest.fixture
def demo() -> State:
    """A with a child in its own namespace, and B: rows 0, 1, 2."""
    parent = host_link("A", 1, name="ens160")
    child = Macvlan(
        namespace="A",
        name="ens160.1",
        ifname="ens160.1",
        ifindex=40,
        mac="02:00:00:00:00:41",
        addresses=(Address("10.0.0.41", 24),),
        parent=parent.id,
    )
    return make_state([parent, child, host_link("B", 2, name="ens160")])


PairMaker = Callable[..., ExpectPair]


@pytest.fixture
def pair() -> PairMaker:
    """A maker of pair entries: ``pair("A:eth0", "B:eth0", "reachable", "icmp")``."""

    def make(source: str, destination: str, outcome: str, *layers: str) -> ExpectPair:
        return ExpectPair(
            text=f"{source} -> {destination}: {outcome}",
            where=WHERE,
            pairs=((source, destination),),
            layers=layers or ("icmp",),
            outcome=outcome,  # type: ignore[arg-type]
        )

    return make
