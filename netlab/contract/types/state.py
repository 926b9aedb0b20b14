"""What the whole lab should be in one step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import ClassVar, Literal

from netlab.contract.dataclass import dataclass
from netlab.contract.kernels import NEWEST, Version
from netlab.contract.types.layers import asks_host
from netlab.contract.types.links import AnyLink, stack, tags
from netlab.contract.types.parts import Address, Namespace


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row and one column of a matrix.

    ``v4`` and ``v6`` are the addresses its layers use; ``extra`` marks a further address, which takes
    part in address layers only. One that isn't ``bindable`` asks nobody, and no frames are meant for it.
    """

    id: str
    namespace: str
    link: str
    ifname: str
    ifindex: int
    mac: str | None
    v4: Address | None = None
    v6: Address | None = None
    extra: bool = False
    bindable: bool = True

    def address(self, family: int | None) -> Address | None:
        """The address that layers of a family (4 or 6) use."""
        return self.v4 if family == 4 else self.v6

    @property
    def links(self) -> tuple[str, ...]:
        """The interface, as a `Target` gives those that have its address."""
        return (self.link,)


@dataclass(frozen=True, slots=True)
class Asker:
    """A namespace as the source of host questions: a program in it that binds to nothing.

    ``id`` is that of its namespace (``A``, ``A/web``); ``families`` are those in which an interface of it has an
    address (link-local ones don't count).
    """

    id: str
    families: tuple[Literal[4, 6], ...] = ()

    @property
    def namespace(self) -> str:
        """The id of the namespace that asks."""
        return self.id


@dataclass(frozen=True, slots=True)
class Target:
    """An address that the file asks for by itself: one interface has it, or several, or none.

    ``id`` is the address; ``links`` are the ids of the interfaces that have it in this state. A link-local address is
    asked for by an interface of the asker's, as in ``fe80::2%eth0``: ``askers`` are the namespaces that have one of
    that name. Its ``links`` only the kernel knows, and the model.
    """

    id: str
    family: Literal[4, 6]
    links: tuple[str, ...] = ()
    askers: tuple[str, ...] = ()
    bindable: ClassVar[bool] = True

    @property
    def ip(self) -> str:
        """The address alone."""
        return self.id.partition("%")[0]

    @property
    def scope(self) -> str:
        """The name of the interface by which a link-local address is asked for; '' of other addresses."""
        return self.id.partition("%")[2]

    def address(self, family: int | None) -> Address | None:
        """The address, for layers of its family."""
        return Address(self.ip, 128 if family == 6 else 32) if family == self.family else None


#: A row of a matrix, and a column.
AnySource = Endpoint | Asker
AnyTarget = Endpoint | Target


@dataclass(frozen=True)
class State:
    """The whole lab as it should be in one step. Everything the model and the read-back need.

    ``links`` are in creation order (the order of addresses decides routes). ``hops`` bounds how many
    queues (a CPU's receive backlog, macvlan's workqueue) one frame can wait in, one after the other,
    on its way from any interface to any other; ``routers`` is how many namespaces forward packets.
    ``kernel`` is the one that all of it holds for.

    The matrices of interface questions have a row and a column for each of the ``endpoints``. Those of host questions
    (layers that begin with ``host:``) have a row for each of the ``askers``, and a column for each of the endpoints,
    then one for each of the ``targets``.

    The rest is what the kernel remembers of earlier steps, by link id and address:

    - ``given``: all addresses, in the order in which the kernel got them and made them local.
    - ``shadowed``: those that were another network's broadcast address before.
    - ``addressed``: those of links that are up, in the order in which their connected routes were made. At first that
      is the order of ``links``; a link that was down comes last.
    - ``routeless``: those without a connected route, because they were not local when it was to be made
      (fib_valid_prefsrc). They get one when they are given anew, or when their link comes up again.
    - ``disowned``: a bridge and a MAC of it, or of one of its ports, for which it has no local entry any more: a static
      entry took its place and was deleted.
    - ``foreign``: a place, and what programs have made there that no plan can say: what becomes of packets in that
      namespace, or of frames in that bridge or tunnel (a link id), is unknown.
    """

    namespaces: tuple[Namespace, ...]
    links: tuple[AnyLink, ...]
    endpoints: tuple[Endpoint, ...]
    hops: int
    routers: int = 0
    askers: tuple[Asker, ...] = ()
    targets: tuple[Target, ...] = ()
    given: tuple[tuple[str, str], ...] = ()
    shadowed: tuple[tuple[str, str], ...] = ()
    addressed: tuple[tuple[str, str], ...] = ()
    routeless: tuple[tuple[str, str], ...] = ()
    disowned: tuple[tuple[str, str], ...] = ()
    foreign: tuple[tuple[str, str], ...] = ()
    kernel: Version = NEWEST

    @cached_property
    def _links(self) -> dict[str, AnyLink]:
        return {link.id: link for link in self.links}

    @cached_property
    def _namespaces(self) -> dict[str, Namespace]:
        return {namespace.id: namespace for namespace in self.namespaces}

    @cached_property
    def _inside(self) -> dict[str, list[AnyLink]]:
        return _by(self.links, lambda link: link.namespace)

    @cached_property
    def _upper(self) -> dict[str, list[AnyLink]]:
        return _by(self.links, lambda link: link.lower)

    @cached_property
    def index(self) -> dict[str, int]:
        """Endpoint id to its row and column."""
        return {endpoint.id: i for i, endpoint in enumerate(self.endpoints)}

    @cached_property
    def _askers(self) -> dict[str, int]:
        return {asker.id: i for i, asker in enumerate(self.askers)}

    @cached_property
    def _columns(self) -> dict[str, int]:
        return {one.id: j for j, one in enumerate(self._addressed)}

    @cached_property
    def _addressed(self) -> tuple[AnyTarget, ...]:
        return (*self.endpoints, *self.targets)

    def sources(self, layer: str) -> tuple[AnySource, ...]:
        """The rows of a layer's matrix."""
        return self.askers if asks_host(layer) else self.endpoints

    def destinations(self, layer: str) -> tuple[AnyTarget, ...]:
        """The columns of a layer's matrix."""
        return self._addressed if asks_host(layer) else self.endpoints

    def row(self, layer: str, source: str) -> int:
        """The row of a source; KeyError where the layer has none such."""
        return self._askers[source] if asks_host(layer) else self.index[source]

    def column(self, layer: str, destination: str) -> int:
        """The column of a destination; KeyError where the layer has none such."""
        return self._columns[destination] if asks_host(layer) else self.index[destination]

    def link(self, link_id: str) -> AnyLink:
        """The link with this id; KeyError where there is none."""
        return self._links[link_id]

    def namespace(self, ns_id: str) -> Namespace:
        """The namespace with this id; KeyError where there is none."""
        return self._namespaces[ns_id]

    def links_of(self, ns_id: str) -> Iterator[AnyLink]:
        """The links inside a namespace, in creation order (ports of a switch are not links of it)."""
        return iter(self._inside.get(ns_id, ()))

    def children_of(self, link_id: str) -> Iterator[AnyLink]:
        """The links that sit on this one, in creation order."""
        return iter(self._upper.get(link_id, ()))

    def stack(self, link_id: str) -> list[AnyLink]:
        """A link and those below it, down to the one that sits on none."""
        return stack(self.link(link_id), self.link)

    def above(self, link_id: str) -> Iterator[AnyLink]:
        """All links that sit on this one, or on those; in creation order."""
        for child in self.children_of(link_id):
            yield child
            yield from self.above(child.id)

    def tags(self, link_id: str) -> tuple[int, ...]:
        """The tags that frames of a link have on the wire, the outermost first."""
        return tags(self.stack(link_id))

    def root(self, link_id: str) -> AnyLink:
        """The link at the bottom of a stack of links."""
        return self.stack(link_id)[-1]

    def bottoms(self, link_id: str) -> list[AnyLink]:
        """The links by which what a link sends leaves its host: that at the bottom of it, or that one's members."""
        root = self.root(link_id)
        return [one for below in root.bottoms for one in self.bottoms(below)] if root.bottoms else [root]


def ends(link: AnyLink) -> tuple[str, ...]:
    """The ids of every place where a link can be watched: its own, and the switch port at the other end of its wire."""
    return tuple(place.id for place in link.places)


def _by(links: Iterable[AnyLink], key: Callable[[AnyLink], str | None]) -> dict[str, list[AnyLink]]:
    """Links by what ``key`` says of them, in their order; those of which it says None are left out."""
    found: dict[str, list[AnyLink]] = {}
    for link in links:
        if (name := key(link)) is not None:
            found.setdefault(name, []).append(link)
    return found
