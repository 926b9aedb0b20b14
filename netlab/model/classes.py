"""Equal endpoints: so that a thousand equal hosts are simulated as two.

Take two hosts that differ only in names, MACs, addresses, and in settings that no probe can notice. Exchanging them
changes no letter, as long as nothing else in the lab refers to one of them. The same holds for two containers of one
host, and for two addresses of one interface. So the letter of an ordered pair depends only on the classes of both ends,
and on whether they share a host or a namespace. Hosts with equal signatures (`netlab.model.signature`) are one class.

Where one end's namespace has a static neighbour entry for the other, the pair is simulated by itself.
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


class Classes:
    """The classes of a lab's endpoints, by index, for the layers of one address family (4, 6, or None).

    ``size`` is the longest packet of any layer, in bytes of IP.
    """

    def __init__(self, world: World, ends: list[End], family: int | None, size: int) -> None:
        signatures = Signatures(world, family, size)
        hosts: dict[str, list[Namespace]] = defaultdict(list)
        for ns in world.namespaces.values():
            hosts[ns.id.partition("/")[0]].append(ns)
        known: dict[Hashable, int] = {}
        self.number: list[int] = []
        self.host: list[str] = []
        self.ns: list[Namespace] = []
        of_ns: dict[Namespace, Hashable] = {}
        for spaces in hosts.values():
            own = {ns: signatures.namespace(ns) for ns in spaces}
            parts = Counter(known.setdefault(signature, len(known)) for signature in own.values())
            host = known.setdefault(tuple(sorted(parts.items())), len(known))
            for ns, signature in own.items():
                of_ns[ns] = (host, known[signature])
        position = {dev: k for ns in world.namespaces.values() for k, dev in enumerate(ns.devices)}
        for end in ends:
            ns = end.dev.ns
            place = (of_ns[ns], position[end.dev], signatures.which(end))
            self.number.append(known.setdefault(place, len(known)))
            self.host.append(ns.id.partition("/")[0])
            self.ns.append(ns)
        #: endpoints by host and by namespace
        self.on_host: dict[str, list[int]] = defaultdict(list)
        self.in_space: dict[Namespace, list[int]] = defaultdict(list)
        for index in range(len(ends)):
            self.on_host[self.host[index]].append(index)
            self.in_space[self.ns[index]].append(index)
        #: how many endpoints a class has
        self.members = Counter(self.number)
        self._named = signatures.named()

    def pair(self, i: int, j: int) -> PairClass:
        """The class of an ordered pair."""
        near = ELSEWHERE
        one, other = self.ns[i], self.ns[j]
        if one is other:
            near = SAME_NAMESPACE
        elif self.host[i] == self.host[j]:
            near = SAME_HOST
        if self._named and other in self._named.get(one, ()):
            # No other pair is like it.
            return -1 - i, j, near
        return self.number[i], self.number[j], near

    def alone(self, i: int, j: int) -> bool:
        """Whether no other pair is of the same class, as far as that is seen at a glance."""
        members, number = self.members, self.number
        return members[number[i]] == 1 and members[number[j]] == 1

    def named(self, i: int) -> list[int]:
        """The endpoints of namespaces of which one has an entry for the other, with i's."""
        return [index for ns in self._named.get(self.ns[i], ()) for index in self.in_space[ns]]
