"""Equal endpoints: so that a thousand equal hosts are simulated as two.

Exchanging two hosts that differ only in names, MACs and addresses changes nothing for anybody, as long
as nothing else in the lab speaks of one of them by name; and so it is with two containers of one host.
The letter of an ordered pair then depends only on the classes of both ends, and on whether they share
a host or a namespace.

What makes a host the same as another is written down as a signature of everything that a decision of the
model could read. An address counts by the prefixes of the lab that hold it, and literally where it is
spoken of elsewhere, or had twice; a MAC not at all, unless it is on a list, or had twice.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable

from netlab.model.probes import End
from netlab.model.world import Conf, Device, Namespace, PolicyRule, Port, Route, World

#: The class of a pair: of its source, of its destination, and how near they are.
PairClass = tuple[int, int, int]
ELSEWHERE, SAME_HOST, SAME_NAMESPACE = 0, 1, 2


class Classes:
    """The classes of a lab's endpoints, by index."""

    def __init__(self, world: World, ends: list[End]) -> None:
        signatures = _Signatures(world)
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
            place = (of_ns[ns], position[end.dev], _which(end))
            self.number.append(known.setdefault(place, len(known)))
            self.host.append(ns.id.partition("/")[0])
            self.ns.append(ns)
        #: endpoints by host and by namespace
        self.on_host: dict[str, list[int]] = defaultdict(list)
        self.in_space: dict[Namespace, list[int]] = defaultdict(list)
        for index in range(len(ends)):
            self.on_host[self.host[index]].append(index)
            self.in_space[self.ns[index]].append(index)

    def pair(self, i: int, j: int) -> PairClass:
        """The class of an ordered pair."""
        near = ELSEWHERE
        if self.host[i] == self.host[j]:
            near = SAME_NAMESPACE if self.ns[i] is self.ns[j] else SAME_HOST
        return self.number[i], self.number[j], near


def _which(end: End) -> tuple[int, int]:
    """Which of its interface's addresses an endpoint uses."""
    four = [a[0] for a in end.dev.addresses4]
    six = [a[0] for a in end.dev.addresses6]
    return (
        four.index(end.address4) if end.address4 in four else -1,
        six.index(end.address6) if end.address6 in six else -1,
    )


class _Signatures:
    def __init__(self, world: World) -> None:
        devices = list(world.devices.values())
        self._prefixes = {4: _prefixes(world, 4), 6: _prefixes(world, 6)}
        owners = Counter(a[0] for dev in devices for a in (*dev.addresses4, *dev.addresses6))
        self._twice = {address for address, count in owners.items() if count > 1}
        macs = Counter(dev.mac for dev in devices)
        self._spoken = {mac for mac, count in macs.items() if count > 1}
        for dev in devices:
            self._spoken.update(dev.neighbors.values())
            if dev.macvlan is not None:
                self._spoken.update(dev.macvlan.source_macs)
        for bridge in world.bridges:
            self._spoken.update(bridge.static, bridge.locals)
        self._position = {dev: k for ns in world.namespaces.values() for k, dev in enumerate(ns.devices)}
        self._confs: dict[tuple[object, ...], int] = {}
        self._lists: dict[Device, list[str]] = defaultdict(list)
        for dev in devices:
            if dev.macvlan is not None:
                for mac, children in dev.macvlan.source_macs.items():
                    for place, child in enumerate(children):
                        self._lists[child].append(f"{mac} {place}")

    def address(self, family: int, address: int) -> Hashable:
        """What an address is to routing: the prefixes of the lab that hold it."""
        bits = 32 if family == 4 else 128
        held = []
        for plen, networks in self._prefixes[family].items():
            network = address >> (bits - plen) if plen else 0
            if network in networks:
                held.append((plen, network))
        return tuple(held)

    def namespace(self, ns: Namespace) -> Hashable:
        """Everything about a namespace that can matter, its devices included."""
        return (
            "/" in ns.id,
            tuple(self._device(dev) for dev in ns.devices),
            tuple(self._table(table, routes, 4) for table, routes in sorted(ns.tables4.items())),
            tuple(self._table(table, routes, 6) for table, routes in sorted(ns.tables6.items())),
            _rules(ns.rules4),
            _rules(ns.rules6),
            ns.echo_ignore,
            ns.echo_ignore6,
            # Of those who share an address it matters whose switch port is the newer.
            ns.id if ns.unknown or self._shares(ns) else "",
        )

    def _shares(self, ns: Namespace) -> bool:
        return any(a[0] in self._twice for dev in ns.devices for a in (*dev.addresses4, *dev.addresses6))

    def _device(self, dev: Device) -> Hashable:
        lower = dev.lower
        if lower is None:
            below: Hashable = None
        else:
            assert lower.macvlan is not None
            # Where it hangs, and how a broadcast visits it among those of its own namespace.
            mine = [child for child in lower.macvlan.order if child.ns is dev.ns]
            rank = mine.index(dev) if dev in mine else -1
            root = "/" not in lower.ns.id
            below = (lower.ns is dev.ns, root or lower.id, self._position[lower], rank)
        port = dev.macvlan
        return (
            dev.kind,
            # The name counts where a rule can speak of it.
            dev.name if dev.ns.custom_rules4 or dev.ns.custom_rules6 else "",
            dev.mac if dev.mac in self._spoken else "",
            dev.mtu,
            dev.up,
            dev.running,
            dev.mode,
            dev.nodst,
            self._conf(dev.conf),
            tuple((self.address(4, a), plen, secondary) for a, _, plen, secondary in dev.addresses4),
            tuple((self.address(6, a), plen) for a, _, plen in dev.addresses6),
            tuple(sorted(dev.neighbors.items())),
            tuple(self._lists.get(dev, ())),
            below,
            None if port is None else (port.bc_queue_len, port.unordered, port.passthru is not None),
            None if dev.port is None else self._port(dev.port, dev.ns),
            # Bridges inside of hosts, what is plugged into them, and pairs are never taken for equal.
            None if dev.bridge is None else dev.bridge.index,
            None if dev.member is None else self._port(dev.member, dev.ns),
            None if dev.peer is None else dev.peer.id,
        )

    def _port(self, port: Port, ns: Namespace) -> Hashable:
        fellows = ns.ports.get(port.bridge.index, ())
        rank = sorted(fellows, key=lambda fellow: fellow.order).index(port) if port in fellows else -1
        listed = sorted(mac for mac, out in port.bridge.static.items() if out is port)
        return (
            port.bridge.index, port.mtu, port.attached, port.running, port.state, port.hairpin, port.isolated,
            port.locked, port.learning, port.flood, port.mcast_flood, port.bcast_flood, rank, tuple(listed),
        )  # fmt: skip

    def _conf(self, conf: Conf) -> int:
        values = tuple(getattr(conf, name) for name in Conf.__slots__)
        return self._confs.setdefault(values, len(self._confs))

    def _table(self, table: int, routes: list[Route], family: int) -> Hashable:
        return table, tuple(
            (
                route.type,
                self.address(family, route.net) if route.type == "local" else route.net,
                route.plen,
                self._position[route.dev],
                route.gateway,
                route.metric,
            )
            for route in routes
        )


def _rules(rules: list[PolicyRule]) -> Hashable:
    return tuple((rule.table, rule.src, rule.dst, rule.iif, rule.oif) for rule in rules)


def _prefixes(world: World, family: int) -> dict[int, set[int]]:
    """Every prefix that a look-up of this lab can ask for, by length; addresses spoken of as whole ones."""
    bits = 32 if family == 4 else 128
    found: dict[int, set[int]] = defaultdict(set)

    def add(network: int, plen: int) -> None:
        found[plen].add(network >> (bits - plen) if plen else 0)

    for ns in world.namespaces.values():
        tables: Iterable[list[Route]] = (ns.tables4 if family == 4 else ns.tables6).values()
        for routes in tables:
            for route in routes:
                if route.type != "local":
                    add(route.net, route.plen)
                if route.gateway:
                    add(route.gateway, bits)
        for rule in ns.rules4 if family == 4 else ns.rules6:
            for prefix in (rule.src, rule.dst):
                if prefix is not None:
                    add(*prefix)
        for dev in ns.devices:
            for address in dev.anycast6 if family == 6 else ():
                add(address, bits)
            addresses = dev.addresses4 if family == 4 else dev.addresses6
            for entry in addresses:
                # Also of an interface that is down, whose routes are gone.
                add(entry[1], entry[2])
            for address in dev.neighbors:
                if (address < 1 << 32) == (family == 4):
                    add(address, bits)
    return found
