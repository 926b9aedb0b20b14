"""Equal endpoints: so that a thousand equal hosts are simulated as two.

Take two hosts that differ only in names, MACs, addresses, and in settings that no probe can notice. Exchanging them
changes no letter, as long as nothing else in the lab refers to one of them. The same holds for two containers of one
host, and for two addresses of one interface. So the letter of an ordered pair depends only on the classes of both ends,
and on whether they share a host or a namespace. Hosts with equal signatures (`netlab.model.signature`) are one class.

Where one end's namespace has a static neighbour entry for the other, the pair is simulated by itself; so is one with an
address that several namespaces have.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable

from netlab.model.probes import End
from netlab.model.signature import Signatures
from netlab.model.world import Namespace, World

#: The class of a pair: of its source, of its destination, and how near they are.
PairClass = tuple[int, int, int]
ELSEWHERE, SAME_HOST, SAME_NAMESPACE = 0, 1, 2


class Spaces:
    """The classes of a lab's namespaces, for the layers of one address family (4, 6, or None).

    ``size`` is the longest packet of any layer, in bytes of IP.
    """

    def __init__(self, world: World, family: int | None, size: int) -> None:
        signatures = self._signatures = Signatures(world, family, size)
        hosts: dict[str, list[Namespace]] = defaultdict(list)
        for ns in world.namespaces.values():
            hosts[ns.id.partition("/")[0]].append(ns)
        self._known: dict[Hashable, int] = {}
        self._of_ns: dict[Namespace, Hashable] = {}
        for spaces in hosts.values():
            own = {ns: signatures.namespace(ns) for ns in spaces}
            parts = Counter(self.number(signature) for signature in own.values())
            host = self.number(tuple(sorted(parts.items())))
            for ns, signature in own.items():
                self._of_ns[ns] = (host, self.number(signature))
        self._position = {dev: k for ns in world.namespaces.values() for k, dev in enumerate(ns.devices)}
        self.named = signatures.named()

    def number(self, what: Hashable) -> int:
        """The number of a class."""
        return self._known.setdefault(what, len(self._known))

    def end(self, end: End) -> int:
        """The class of an end of a probe; an address by itself is like nothing else."""
        if end.asks:
            return self.number(("asks", self._of_ns[end.dev.ns]))
        if end.bare:
            return self.number(("address", end.id))
        return self.number((self._of_ns[end.dev.ns], self._position[end.dev], self._signatures.which(end)))


class Side:
    """The rows of a matrix, or its columns: of each its class, its host and its namespace."""

    def __init__(self, spaces: Spaces, ends: list[End]) -> None:
        self.number = [spaces.end(end) for end in ends]
        #: how many of them a class has
        self.members = Counter(self.number)
        self.host = [end.host for end in ends]
        self.ns = [end.dev.ns for end in ends]
        #: those of which an end in a namespace, or on a host, may be near: by host and by namespace
        self.on_host: dict[str, list[int]] = defaultdict(list)
        self.in_space: dict[Namespace, list[int]] = defaultdict(list)
        #: addresses that several namespaces have, and link-local ones
        self.shared: set[int] = set()
        for index, end in enumerate(ends):
            owners = {dev.ns for dev in end.devs} or {end.dev.ns}
            # By which interface a link-local address is asked for tells hosts apart that are alike otherwise.
            if len(owners) > 1 or end.scope:
                self.shared.add(index)
            for ns in owners:
                self.in_space[ns].append(index)
            for host in {ns.id.partition("/")[0] for ns in owners}:
                self.on_host[host].append(index)


class Classes:
    """The classes of the pairs of a matrix, by row and column."""

    def __init__(self, spaces: Spaces, sources: list[End], targets: list[End]) -> None:
        self.rows = Side(spaces, sources)
        self.columns = self.rows if targets is sources else Side(spaces, targets)
        self._named = spaces.named

    def pair(self, i: int, j: int) -> PairClass:
        """The class of an ordered pair."""
        rows, columns = self.rows, self.columns
        near = ELSEWHERE
        one, other = rows.ns[i], columns.ns[j]
        if one is other:
            near = SAME_NAMESPACE
        elif rows.host[i] == columns.host[j]:
            near = SAME_HOST
        if j in columns.shared or (self._named and other in self._named.get(one, ())):
            # No other pair is like it.
            return -1 - i, j, near
        return rows.number[i], columns.number[j], near

    def alone(self, i: int, j: int) -> bool:
        """Whether no other pair is of the same class, as far as that is seen at a glance."""
        rows, columns = self.rows, self.columns
        return rows.members[rows.number[i]] == 1 and columns.members[columns.number[j]] == 1

    def named(self, i: int) -> list[int]:
        """The columns of namespaces of which one has an entry for the other, with i's."""
        return [index for ns in self._named.get(self.rows.ns[i], ()) for index in self.columns.in_space[ns]]
