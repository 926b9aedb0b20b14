"""The lab in the making: what the plan knows while it goes through the file and its steps."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import field, fields, replace
from typing import Any, TypeVar

from netlab.contract.dataclass import dataclass
from netlab.contract.kernels import Version
from netlab.contract.types import (
    AnyLink,
    Link,
    Namespace,
    NsKind,
    Private,
    Program,
    Route,
    Rule,
    State,
    Where,
)
from netlab.contract.types.links.base import table
from netlab.plan import sysctls
from netlab.plan.endpoints import askers, endpoints, targets
from netlab.plan.file import File
from netlab.plan.hops import hops
from netlab.plan.memory import Memory
from netlab.spec import Spec

#: At most so many namespaces, interfaces, and addresses beyond an interface's first of a family (each is an endpoint).
#: With more, a machine's gc_thresh3, descriptors and memory give out.
MAX_LAB = 4000
#: Addresses, routes, rules and static neighbours of one lab.
MAX_ENTRIES = 100_000
#: The same, summed up over all steps.
MAX_STEPS = 400_000
FIRST_INDEX = 10

L = TypeVar("L", bound=Link)


@dataclass
class Box:
    """A namespace in the making.

    ``dead`` are interfaces, each with a family, by which no next hop leads for now (`netlab.plan.lost`).
    """

    id: str
    kind: NsKind
    where: Where
    sysctls: dict[str, str] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    rules: tuple[Rule, ...] = ()
    nftables: str = ""
    private: Private | None = None
    programs: dict[str, Program] = field(default_factory=dict)
    dead: set[tuple[str, int]] = field(default_factory=set)

    @property
    def living(self) -> tuple[Route, ...]:
        """Its routes, next hops that are left out without an interface."""
        if not self.dead:
            return self.routes
        return tuple(
            replace(
                route,
                nexthops=tuple(
                    replace(hop, oif=None) if (hop.oif, route.family) in self.dead else hop for hop in route.nexthops
                ),
            )
            for route in self.routes
        )


def _copied(value: Any) -> Any:
    """A copy of a collection, and of what in it can change; values of other types are never changed."""
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, Box):
        return replace(value, sysctls=dict(value.sysctls), dead=set(value.dead), programs=dict(value.programs))
    return value.copy() if isinstance(value, (list, set, Memory)) else value


@dataclass
class Lab:
    """All that exists at one moment. ``links`` are in creation order, ``listed`` in the order of the file.

    ``file`` is the file it comes from, and what is wrong with that; ``kernel`` the one that it is planned for, and
    ``memory`` what that remembers.
    ``refused`` are the links that the kernel is expected to refuse, ``replicated`` those that come of ``replicas:``,
    ``duplicates`` those whose addresses may be elsewhere, too. ``private`` says whether its hosts are, by default;
    ``foreign`` what programs have made that no plan can say, by namespace, bridge or tunnel.
    """

    file: File
    kernel: Version
    boxes: dict[str, Box] = field(default_factory=dict)
    links: dict[str, AnyLink] = field(default_factory=dict)
    listed: dict[str, list[str]] = field(default_factory=dict)
    refused: dict[str, AnyLink] = field(default_factory=dict)
    replicated: set[str] = field(default_factory=set)
    duplicates: set[str] = field(default_factory=set)
    memory: Memory = field(default_factory=Memory)
    interned: dict[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]] = field(default_factory=dict)
    private: bool = False
    foreign: dict[str, str] = field(default_factory=dict)
    next_index: int = FIRST_INDEX
    next_port: dict[str, int] = field(default_factory=dict)

    def copy(self, spec: Spec) -> Lab:
        """The same lab, which can be changed without changing this one, with a further file of steps."""
        values = {one.name: _copied(getattr(self, one.name)) for one in fields(self)}
        return Lab(**{**values, "file": self.file.further(spec)})

    def index(self) -> int:
        """An ifindex that no other interface of the lab has."""
        self.next_index += 1
        return self.next_index - 1

    def port_name(self, switch: str, taken: Collection[str] = ()) -> str:
        """The name of a new port: ``p1``, ``p2``, …; in a host, where others have ``taken`` names, ``v1``, ``v2``, …"""
        host, inside, _ = switch.partition(":")
        while True:
            self.next_port[host] = self.next_port.get(host, 0) + 1
            name = f"{'v' if inside else 'p'}{self.next_port[host]}"
            if not inside or (name not in taken and f"{host}:{name}" not in self.links):
                return name

    def hosts(self) -> list[str]:
        """Names of the hosts, in the order of the file."""
        return [box.id for box in self.boxes.values() if box.kind == "host"]

    def switches(self) -> list[str]:
        """Names of the switches, in the order of the file."""
        return [box.id for box in self.boxes.values() if box.kind == "switch"]

    def ordered(self) -> Iterator[Box]:
        """Hosts, each followed by its containers, then switches."""
        held: dict[str, list[Box]] = {}
        for box in self.boxes.values():
            if box.kind == "container":
                held.setdefault(box.id.partition("/")[0], []).append(box)
        for host in self.hosts():
            yield self.boxes[host]
            yield from held.get(host, ())
        yield from (self.boxes[switch] for switch in self.switches())

    def links_of(self, namespace: str) -> list[AnyLink]:
        """The links in a host or container, in the order of the file."""
        return [self.links[link_id] for link_id in self.listed.get(namespace, ()) if link_id in self.links]

    def table(self, link: AnyLink) -> int:
        """The number of the table that the routes of a link's addresses are in."""
        return table(link, self.links.__getitem__)

    def children_of(self, link_id: str) -> list[AnyLink]:
        """The links that sit on a link, in creation order."""
        return [link for link in self.links.values() if link.lower == link_id]

    def with_children(self, link: AnyLink) -> list[AnyLink]:
        """A link, and all that sit on it, or on those."""
        return [link, *(one for child in self.children_of(link.id) for one in self.with_children(child))]

    def peers_of(self, links: Iterable[AnyLink]) -> list[AnyLink]:
        """The other ends of those among links that are ends of a pair."""
        return [self.links[link.peer_id] for link in links if link.peer_id in self.links]

    def forget(self, link: AnyLink) -> None:
        """Take a link out of the lab, and its sysctls with it."""
        del self.links[link.id]
        if link.id in self.listed.get(link.namespace, ()):
            self.listed[link.namespace].remove(link.id)
        for known in (self.replicated, self.duplicates):
            known.discard(link.id)
        self.file.address_paths.pop(link.id, None)
        box = self.boxes.get(link.namespace)
        if box is not None and box.kind != "switch":
            kept = {p: v for p, v in box.sysctls.items() if sysctls.interface_of(p) != link.ifname}
            box.sysctls = kept

    def set(self, link: L, **values: Any) -> L:
        """Replace a link by one with other values, and return it."""
        changed: L = replace(link, **values)
        self.links[link.id] = changed  # type: ignore[assignment]
        return changed

    def namespace(self, box: Box, *, born: bool = False) -> Namespace:
        """The frozen namespace: as it is now; or (``born``) as it is when new, without routes and rules."""
        values = tuple(box.sysctls.items())
        if born:
            values = tuple(pair for pair in values if sysctls.interface_of(pair[0]) is None)
        # Most namespaces have the same sysctls, in every step: one value for all of them.
        values = self.interned.setdefault(values, values)
        if born:
            return Namespace(box.id, box.kind, values, private=box.private, where=box.where)
        return Namespace(box.id, box.kind, values, box.living, box.rules, box.nftables, box.private, where=box.where)

    def state(self) -> State:
        """The frozen state."""
        links, memory = tuple(self.links.values()), self.memory
        # A host's first endpoint is one that can ask.
        order = [
            link for box in self.ordered() for link in sorted(self.links_of(box.id), key=lambda one: not one.bindable)
        ]
        namespaces = tuple(self.namespace(box) for box in self.ordered())
        return State(
            namespaces=namespaces,
            links=links,
            endpoints=endpoints(order),
            hops=hops(links),
            routers=sum(sysctls.forwards(box.sysctls) for box in self.boxes.values() if box.kind != "switch"),
            askers=askers(namespaces, links),
            targets=targets([ip for ip in self.file.asked if ip not in self.boxes], links),
            given=tuple(sorted(memory.given, key=memory.given.__getitem__)),
            shadowed=tuple(memory.shadowed(links)),
            addressed=tuple(sorted(memory.addressed, key=memory.addressed.__getitem__)),
            routeless=tuple(sorted(memory.routeless)),
            disowned=tuple(sorted(memory.disowned)),
            foreign=tuple(self.foreign.items()),
            kernel=self.kernel,
        )

    def ports(self, bridge: str) -> list[AnyLink]:
        """The links that have a port on the bridge."""
        return [link for link in self.links.values() if any(plug.bridge == bridge for plug in link.plugs)]

    def has_switch(self, name: str) -> bool:
        """Whether there is a switch of this name."""
        return name in self.links and name in self.boxes
