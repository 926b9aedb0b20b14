"""A host's signature: everything of it that a decision of the model could read. Hosts with equal signatures are alike.

- An address counts by the prefixes of the lab that contain it. It counts as it is where something else in the lab
  names it, or where two have it.
- A MAC doesn't count, unless it is on a list, or two have it.
- What no probe can notice doesn't count: by how much an MTU exceeds the longest packet; routes to networks without
  hosts; and the settings that choose among several interfaces or addresses, where a namespace has one interface with
  one address that leads everywhere.
"""

from __future__ import annotations

import ipaddress
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence

from netlab.model.probes import End
from netlab.model.routes import MAIN_TABLE, Route
from netlab.model.stack.ipv6 import LABELS, common
from netlab.model.world import Conf, Device, Namespace, Port, World

#: No packet of the model is longer where the layer doesn't say so (an ICMP redirect has 112 bytes).
ROOMY = 128
#: Settings by which Linux chooses among several interfaces or addresses, or treats what a router sends.
_CHOICES = frozenset(
    ("accept_local", "accept_redirects", "arp_announce", "arp_filter", "ignore_linkdown", "rp_filter", "send_redirects")
)
#: What the layers of each family go by.
_SETTINGS: dict[int | None, tuple[str, ...]] = {
    None: (),
    4: tuple(name for name in Conf.__slots__ if name not in ("forwarding6", "ipv6")),
    6: ("forwarding6", "ipv6"),
}
#: In a lab with more networks than this no interface is taken to lead to all of them: checking would cost too much.
_NETWORKS = 64


class Signatures:
    """The signatures of a lab's namespaces, as far as the layers of one address family (4, 6, or None) can tell.

    ``size`` is the longest packet that a layer asks for.
    """

    def __init__(self, world: World, family: int | None, size: int) -> None:
        self._world = world
        self._family = family
        self._bits = 128 if family == 6 else 32
        self._roomy = max(size, ROOMY)
        self._settings = _SETTINGS[family]
        devices = list(world.devices.values())
        self._filters = [ns.netfilter for ns in world.namespaces.values() if ns.netfilter is not None]
        self._forwards = any(dev.conf.forwarding if family == 4 else dev.conf.forwarding6 for dev in devices)
        owners = Counter(a[0] for dev in devices for a in self._addresses(dev))
        self._twice = {address for address, count in owners.items() if count > 1}
        #: those that are asked for by themselves
        told = [int(ipaddress.ip_address(one.id)) for one in world.state.targets if one.family == family]
        self._targets = set(told)
        self._relevant = _Relevant(self._borne(), self._bits)
        #: static entries, and those that count for all pairs: the others are looked at in `named`
        self._neighbors = {dev: self._entries(dev) for dev in devices if dev.neighbors}
        self._public = {dev: self._for_all(dev) for dev in self._neighbors}
        self._prefixes = self._held()
        self._networks = {(a[1], a[2]) for dev in devices for a in dev.addresses4}
        macs = Counter(dev.mac for dev in devices)
        self._spoken = {mac for mac, count in macs.items() if count > 1}
        for dev in devices:
            self._spoken.update(self._public.get(dev, {}).values())
            if dev.macvlan is not None:
                self._spoken.update(dev.macvlan.source_macs)
        self._spoken.update(
            value[0].to_bytes(6, "big").hex(":")
            for one in self._filters for field, value in one.ruleset.named() if field in ("ether saddr", "ether daddr")
        )  # fmt: skip
        for bridge in world.bridges:
            self._spoken.update(key if isinstance(key, str) else key[0] for key in (*bridge.static, *bridge.locals))
            self._spoken.update(bridge.neighbors.values())
        self._position = {dev: k for ns in world.namespaces.values() for k, dev in enumerate(ns.devices)}
        self._confs: dict[tuple[object, ...], int] = {}
        self._lists: dict[Device, list[str]] = defaultdict(list)
        for dev in devices:
            if dev.macvlan is not None:
                for mac, children in dev.macvlan.source_macs.items():
                    for place, child in enumerate(children):
                        self._lists[child].append(f"{mac} {place}")

    def named(self) -> dict[Namespace, set[Namespace]]:
        """The namespaces of which one has a static entry for an address of the other, both ways."""
        owners: dict[int, set[Namespace]] = defaultdict(set)
        for dev in self._world.devices.values():
            for address in (*(a[0] for a in self._addresses(dev)), dev.linklocal):
                owners[address].add(dev.ns)
        found: dict[Namespace, set[Namespace]] = defaultdict(set)
        for dev, entries in self._neighbors.items():
            for address in entries.keys() - self._public[dev].keys():
                for owner in owners.get(address, ()):
                    found[dev.ns].add(owner)
                    found[owner].add(dev.ns)
        return dict(found)

    def which(self, end: End) -> tuple[bool, int]:
        """Which of its interface's addresses an endpoint uses: the number of the first that is alike; -1 for none."""
        mine = end.addresses[self._family] if self._family else 0
        if not mine:
            return end.extra, -1
        own = self._addresses(end.dev)
        [(_, network, plen, *rest)] = [a for a in own if a[0] == mine]
        held = self.address(mine)
        for place, other in enumerate(own):
            # A primary address is chosen as a source, secondary ones of one network are alike.
            if other[0] == mine:
                return end.extra, place
            alike = (*other[1:3], *other[3:]) == (network, plen, *rest) and rest != [False]
            if alike and not self._twice & {mine, other[0]} and self.address(other[0]) == held:
                return end.extra, place
        raise AssertionError(end.id)

    def address(self, address: int) -> Hashable:
        """What an address is to routing: the prefixes of the lab that hold it."""
        held = []
        for plen, networks in self._prefixes.items():
            network = address >> (self._bits - plen)
            if network in networks:
                held.append((plen, network))
        return tuple(held)

    def namespace(self, ns: Namespace) -> Hashable:
        """Everything about a namespace that can matter, its devices included."""
        single = self._single(ns)
        rules = {4: ns.rules4, 6: ns.rules6, None: []}[self._family]
        return (
            "/" in ns.id,
            tuple(self._device(dev, single) for dev in ns.devices),
            tuple(self._table(ns, table, routes) for table, routes in sorted(self._tables(ns).items())),
            tuple((rule.table, rule.src, rule.dst, rule.iif, rule.oif, rule.mark) for rule in rules),
            ns.joins,
            {4: ns.echo_ignore, 6: ns.echo_ignore6, None: False}[self._family],
            (ns.netfilter.ruleset.text, ns.netfilter.bridged) if ns.netfilter is not None else (),
            # Where hosts share an address, the order of their switch ports matters.
            ns.id if ns.unknown or ns.domains or self._shares(ns) else "",
        )

    def _addresses(self, dev: Device) -> Sequence[tuple[int, ...]]:
        """(address, network, prefix length) of each; of an IPv4 address also whether it is a secondary one."""
        return dev.addresses4 if self._family == 4 else dev.addresses6 if self._family == 6 else ()

    def _tables(self, ns: Namespace) -> dict[int, list[Route]]:
        return ns.tables4 if self._family == 4 else ns.tables6 if self._family == 6 else {}

    def _entries(self, dev: Device) -> dict[int, str]:
        if self._family is None:
            return {}
        return {address: mac for address, mac in dev.neighbors.items() if (address < 1 << 32) == (self._family == 4)}

    def _shares(self, ns: Namespace) -> bool:
        return any(a[0] in self._twice for dev in ns.devices for a in self._addresses(dev))

    def _single(self, ns: Namespace) -> bool:
        """Whether a namespace has one interface with one IPv4 address, and its routes lead everywhere in the lab."""
        if self._family != 4 or self._forwards or len(ns.devices) != 1 or ns.custom_rules4:
            return False
        if ns.custom_local or self._filters or self._shares(ns):
            return False
        dev = ns.devices[0]
        if len(dev.addresses4) != 1 or dev.bridge or dev.member or len(self._networks) > _NETWORKS:
            return False
        routes = ns.tables4[MAIN_TABLE]
        if any(route.type != "unicast" or route.ways for route in routes):
            return False
        routed = all(
            any(route.plen <= plen and network & route.mask == route.net for route in routes)
            for network, plen in self._networks
        )
        # An address that is a broadcast address here can't be talked to.
        return routed and not any(address in self._relevant for address in ns.domain.broadcast4)

    def _device(self, dev: Device, single: bool) -> Hashable:
        lower = dev.lower
        if lower is None or lower.macvlan is None:
            below: Hashable = None
        else:
            # Where it hangs, and how a broadcast visits it among those of its own namespace.
            mine = [child for child in lower.macvlan.order if child.ns is dev.ns]
            rank = mine.index(dev) if dev in mine else -1
            root = "/" not in lower.ns.id
            below = (lower.ns is dev.ns, root or lower.id, self._position[lower], rank)
        port = dev.macvlan
        return (
            dev.kind,
            # The name counts where a rule can speak of it.
            dev.name if dev.ns.custom_rules4 or dev.ns.custom_rules6 or dev.ns.netfilter is not None else "",
            dev.mac if dev.mac in self._spoken else "",
            min(dev.mtu, self._roomy),
            dev.up,
            dev.running,
            dev.chance,
            dev.arp,
            dev.promisc,
            dev.mode,
            dev.nodst,
            self._conf(dev.conf, single),
            tuple((self.address(a), *rest) for a, _, *rest in self._addresses(dev)),
            tuple(sorted(dev.anycast6)) if self._family == 6 else (),
            tuple(sorted(self._public.get(dev, {}).items())),
            tuple(self._lists.get(dev, ())),
            below,
            None if port is None else (port.bc_queue_len, port.bclim, port.unordered, port.passthru is not None),
            None if dev.port is None else self._port(dev.port, dev.ns),
            dev.id if dev.alone else "",
            # Bridges inside of hosts, what is plugged into them, and pairs are never taken for equal.
            None if dev.bridge is None else dev.bridge.index,
            None if dev.member is None else self._port(dev.member, dev.ns),
            None if dev.peer is None else dev.peer.id,
        )

    def _port(self, port: Port, ns: Namespace) -> Hashable:
        fellows = ns.ports.get(port.bridge.index, ())
        rank = sorted(fellows, key=lambda fellow: fellow.order).index(port) if port in fellows else -1
        listed = sorted(str(mac) for mac, out in port.bridge.static.items() if out is port)
        return (
            port.bridge.index, min(port.mtu, self._roomy), port.attached, port.running, port.state, port.hairpin,
            port.isolated, port.locked, port.learning, port.flood, port.mcast_flood, port.bcast_flood, rank,
            port.mab, port.neigh_suppress, port.proxy_arp, port.proxy_arp_wifi,
            tuple(listed), port.members.pvid, tuple(port.members.vlans.items()),
        )  # fmt: skip

    def _conf(self, conf: Conf, single: bool) -> int:
        values = {name: getattr(conf, name) for name in self._settings if not (single and name in _CHOICES)}
        if single and conf.arp_ignore == 1:
            # The only address is the interface's own.
            values["arp_ignore"] = 0
        return self._confs.setdefault(tuple(values.items()), len(self._confs))

    def _table(self, ns: Namespace, table: int, routes: list[Route]) -> Hashable:
        own = {a[0]: (k, n) for k, dev in enumerate(ns.devices) for n, a in enumerate(self._addresses(dev))}
        return table, tuple(
            (
                route.type,
                self.address(route.net) if route.type == "local" else route.net,
                route.plen,
                tuple((self._position.get(way.dev, -1), way.gateway) for way in route.ways or (route,)),
                route.metric,
                own.get(route.source, route.source),
            )
            for route in self._leading(routes)
        )

    def _leading(self, routes: list[Route]) -> Iterator[Route]:
        """The routes that lead to an address of the lab."""
        return (route for route in routes if route.type == "local" or self._relevant.holds(route.net, route.plen))

    def _for_all(self, dev: Device) -> dict[int, str]:
        """The static entries that count whatever the other end is.

        Where no host forwards, only the ends of a probe send anything: to each other, or to their gateways.
        """
        entries = self._neighbors[dev]
        if self._forwards or self._shares(dev.ns):
            return entries
        gateways = self._gateways(dev.ns) | self._targets
        return {address: mac for address, mac in entries.items() if address in gateways}

    def _gateways(self, ns: Namespace) -> set[int]:
        return {
            way.gateway for routes in self._tables(ns).values() for route in routes for way in route.ways or (route,)
        }

    def _held(self) -> dict[int, set[int]]:
        """Every prefix that a look-up in this lab can match, by length; single addresses as prefixes of full length."""
        found: dict[int, set[int]] = defaultdict(set)

        def add(network: int, plen: int) -> None:
            found[plen].add(network >> (self._bits - plen))

        for low, high in self._filtered():
            make = ipaddress.IPv6Address if self._family == 6 else ipaddress.IPv4Address
            for part in ipaddress.summarize_address_range(make(low), make(high)):
                add(int(part.network_address), part.prefixlen)
        for bridge in self._world.bridges:
            for address in bridge.neighbors if bridge.proxies and self._family else ():
                if (address < 1 << 32) == (self._family == 4):
                    add(address, self._bits)
        for ns in self._world.namespaces.values():
            for routes in self._tables(ns).values():
                for route in self._leading(routes):
                    if route.type != "local":
                        add(route.net, route.plen)
                    for way in route.ways or (route,):
                        if way.gateway:
                            add(way.gateway, self._bits)
            for rule in ns.rules4 if self._family == 4 else ns.rules6 if self._family == 6 else ():
                for prefix in (rule.src, rule.dst):
                    if prefix is not None:
                        add(*prefix)
            if self._family == 6:
                # By these prefixes a source is chosen among several (ipv6_get_saddr_eval).
                for one, first, _ in ns.domain.candidates6:
                    for other, second, _ in ns.domain.candidates6:
                        longer = min(common(one, other), second) + 1
                        if longer <= first:
                            add(one, longer)
            for dev in ns.devices:
                for address in dev.anycast6 if self._family == 6 else ():
                    add(address, self._bits)
                for _, network, plen, *_ in self._addresses(dev):
                    # Also of an interface that is down, whose routes are gone.
                    add(network, plen)
                for address in self._public.get(dev, ()):
                    add(address, self._bits)
        if self._family == 6:
            for prefix in LABELS:
                add(*prefix)
        return found

    def _filtered(self) -> Iterator[tuple[int, int]]:
        """The addresses that rules of nftables name."""
        wanted = "ip6" if self._family == 6 else "ip"
        for one in self._filters if self._family else ():
            for field, value in one.ruleset.named():
                if field in (wanted, f"{wanted} saddr", f"{wanted} daddr"):
                    yield value

    def _borne(self) -> set[int]:
        """Every address that a packet of this lab can bear."""
        found = {a[0] for dev in self._world.devices.values() for a in self._addresses(dev)}
        if self._family == 6:
            found.update(dev.linklocal for dev in self._world.devices.values())
        for ns in self._world.namespaces.values():
            found.update(self._gateways(ns))
        found.update(low for low, high in self._filtered() if low == high)
        return found | self._targets


class _Relevant:
    """The addresses that a packet of a lab can bear: whether a prefix holds any of them."""

    def __init__(self, addresses: set[int], bits: int) -> None:
        self._addresses = addresses
        self._bits = bits
        self._networks: dict[int, set[int]] = {}

    def __contains__(self, address: int) -> bool:
        return address in self._addresses

    def holds(self, network: int, plen: int) -> bool:
        shift = self._bits - plen
        if plen not in self._networks:
            self._networks[plen] = {address >> shift for address in self._addresses}
        return network >> shift in self._networks[plen]
