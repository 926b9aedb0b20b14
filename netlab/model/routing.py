"""A namespace's routes and rules, and which of its addresses are local ones, from the plan."""

from __future__ import annotations

import ipaddress

from netlab.contract import types as plan
from netlab.model.routes import DEFAULT_TABLE, LOCAL_TABLE, MAIN_TABLE, PolicyRule, Route
from netlab.model.world import Device, Domain, Namespace

#: The priority of the rule for VRFs (FIB_RULE_PREF of drivers/net/vrf.c).
VRF_PRIORITY = 1000


class Entries:
    """The kernel's entries for a state's addresses: those of ``given``, else all in the order of links."""

    def __init__(self, state: plan.State) -> None:
        given = state.given or [(link.id, address.ip) for link in state.links for address in link.addresses]
        self._given = {pair: rank for rank, pair in enumerate(given)}
        self._addressed = {pair: rank for rank, pair in enumerate(state.addressed)}
        self._routeless = set(state.routeless)
        self._shadowed = set(state.shadowed)

    def local(self, dev: Device, ip: str) -> int:
        """The place of an address among all, and so of an IPv4 address's local entry."""
        return self._given[dev.id, ip]

    def shadowed(self, dev: Device, ip: str) -> bool:
        """Whether an IPv4 address is a broadcast address first."""
        return (dev.id, ip) in self._shadowed

    def connected(self, dev: Device, ip: str) -> int | None:
        """The place of an address's routes among all; None where it has none."""
        pair = dev.id, ip
        return None if pair in self._routeless else self._addressed.get(pair, len(self._addressed))


def compile_routes(ns: Namespace, namespace: plan.Namespace, entries: Entries) -> None:
    """Tables and rules: local and connected routes in the order of their making, then the file's."""
    ns.tables4 = {LOCAL_TABLE: [], MAIN_TABLE: []}
    ns.tables6 = {LOCAL_TABLE: [], MAIN_TABLE: []}
    names = {dev.name: dev for dev in ns.devices} | {dev.id.partition(":")[2]: dev for dev in ns.devices}
    for told in namespace.routes:
        _route(ns, told, names)
    for domain in (ns.domain, *ns.domains):
        _addresses(ns, domain, entries)
    for table4 in ns.tables4.values():
        table4.sort(key=_order)
    for table6 in ns.tables6.values():
        table6.sort(key=_order)
    ns.custom_local = any(r.type == "unicast" for r in ns.tables4[LOCAL_TABLE])
    _rules(ns, namespace, names)
    ns.macs = frozenset(dev.mac for dev in ns.devices)


def _order(route: Route) -> tuple[int, int]:
    return -route.plen, route.metric


def _addresses(ns: Namespace, domain: Domain, entries: Entries) -> None:
    """The routes and the meaning of a domain's addresses. A VRF has both kinds of routes in one table.

    A route of the file with the prefix of a connected route must be older: added later, the kernel would have refused
    it (fib_table_insert, NLM_F_EXCL). The connected route comes behind it (fib_magic, NLM_F_APPEND).
    """
    local, main = (domain.vrf.table,) * 2 if domain.vrf is not None else (LOCAL_TABLE, MAIN_TABLE)
    devices = [dev for dev in ns.devices if dev.domain is domain]
    locals4: list[tuple[int, int, Device, bool]] = []
    ways4: list[tuple[int, Device, int, int, int, bool]] = []
    local6: list[Route] = []
    candidates6: list[tuple[int, tuple[int, int, Device]]] = []
    connected6: list[tuple[int, Route]] = []
    for dev in devices:
        ns.owned4.update(a[0] for a in dev.addresses4)
        for address, network, plen, secondary in dev.addresses4:
            # Local entries outlive their interface's being down (fib_sync_down_dev spares them).
            ip = str(ipaddress.IPv4Address(address))
            locals4.append((entries.local(dev, ip), address, dev, entries.shadowed(dev, ip)))
            if dev.up and (place := entries.connected(dev, ip)) is not None:
                ways4.append((place, dev, address, network, plen, secondary))
        if dev.conf.ipv6:
            for address, network, plen in dev.addresses6:
                ip = str(ipaddress.IPv6Address(address))
                # An address that is given to an interface that is down is local at once (addrconf_f6i_alloc).
                domain.local6.setdefault(address, dev)
                local6.append(Route("local", address, 128, 128, dev, table=local))
                candidates6.append((-entries.local(dev, ip), (address, plen, dev)))
                place = entries.connected(dev, ip)
                if dev.up and place is not None:
                    connected6.append((place, Route("unicast", network, plen, 128, dev, 0, 256, table=main)))
    # The newest address of an interface comes first (ipv6_link_dev_addr).
    candidates6.sort(key=lambda one: (devices.index(one[1][2]), one[0]))
    domain.candidates6 = [one for _, one in candidates6]
    local4: list[Route] = []
    behind: list[Route] = []
    for _, address, dev, late in sorted(locals4, key=lambda one: one[0]):
        # What an address is, is what it was first (fib_insert_alias appends).
        entry = Route("local", address, 32, 32, dev, source=_primary(dev, address), table=local)
        (behind if late else local4).append(entry)
        if not late:
            domain.own4.setdefault(address, dev)
    main4: list[Route] = []
    for _, dev, address, network, plen, secondary in sorted(ways4, key=lambda one: one[0]):
        if plen < 31:
            broadcast = network | (1 << (32 - plen)) - 1
            local4.append(Route("broadcast", broadcast, 32, 32, dev, source=address, table=local))
            if broadcast not in domain.own4:
                domain.broadcast4.add(broadcast)
        if not secondary and (plen < 32 or network != address):
            main4.append(Route("unicast", network, plen, 32, dev, source=address, table=main))
    # What table local says comes before the rule for VRFs.
    domain.local4 = domain.own4 | ns.domain.own4
    domain.doubtful4 = domain.own4.keys() & ns.domain.broadcast4
    domain.local6 |= ns.domain.local6
    ns.tables4.setdefault(main, []).extend(main4)
    ns.tables4[local] = [*local4, *behind, *ns.tables4[local]]
    ns.tables6[main] = [route for _, route in sorted(connected6, key=_rank)] + ns.tables6.get(main, [])
    ns.tables6[local] = local6 + ns.tables6[local]


def _rules(ns: Namespace, namespace: plan.Namespace, names: dict[str, Device]) -> None:
    """The policy rules, in their order; with the first VRF comes a rule for all of them (vrf_add_fib_rules)."""
    vrfs = [(VRF_PRIORITY, PolicyRule(l3mdev=True))] if ns.domains else []
    for family, rules in ((4, ns.rules4), (6, ns.rules6)):
        mine = [rule for rule in namespace.rules if rule.family == family]
        if family == 4:
            ns.custom_rules4 = bool(mine or vrfs)
        else:
            ns.custom_rules6 = bool(mine or vrfs)
        ranked: list[tuple[int, PolicyRule]] = [
            (0, PolicyRule(LOCAL_TABLE)),
            *vrfs,
            (32766, PolicyRule(MAIN_TABLE)),
            (32767, PolicyRule(DEFAULT_TABLE)),
        ]
        for rule in mine:
            ranked.append(
                (
                    rule.priority,
                    PolicyRule(
                        rule.table,
                        _prefix(rule.src),
                        _prefix(rule.dst),
                        _ifname(rule.iif, names),
                        _ifname(rule.oif, names),
                        rule.fwmark or (0, 0),
                    ),
                )
            )
        ranked.sort(key=lambda item: item[0])
        rules.extend(policy for _, policy in ranked)


def _rank(item: tuple[int, Route]) -> int:
    return item[0]


def _ifname(name: str | None, names: dict[str, Device]) -> str | None:
    return names[name].name if name is not None and name in names else name


def _prefix(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    network = ipaddress.ip_network(text, strict=False)
    return int(network.network_address), network.prefixlen


def _primary(dev: Device, address: int) -> int:
    """The source of packets to an address of the namespace's own: the primary one of its subnet (fib_add_ifaddr)."""
    subnet = next((network, plen) for own, network, plen, _ in dev.addresses4 if own == address)
    return next(own for own, network, plen, _ in dev.addresses4 if (network, plen) == subnet)


def _route(ns: Namespace, told: plan.Route, names: dict[str, Device]) -> None:
    network = ipaddress.ip_network(told.to, strict=False)
    metric = told.metric if told.metric is not None else 0 if told.family == 4 else 1024
    source = _number(told.src)

    def made(dev: Device, gateway: int = 0, ways: tuple[Route, ...] = ()) -> Route:
        return Route(
            told.type, int(network.network_address), network.prefixlen, network.max_prefixlen, dev, gateway, metric,
            source, told.table, ways,
        )  # fmt: skip

    if told.type != "unicast":
        routes = [made(ns.lo)]
    else:
        # The kernel drops routes with their interface.
        hops = [(hop, names.get(hop.oif or "")) for hop in told.nexthops or (told,)]
        routes = [made(dev, _number(hop.via)) for hop, dev in hops if dev is not None and dev.up]
    if len(routes) > 1:
        routes = [made(routes[0].dev, routes[0].gateway, tuple(routes))]
    (ns.tables4 if told.family == 4 else ns.tables6).setdefault(told.table, []).extend(routes)


def _number(ip: str | None) -> int:
    return int(ipaddress.ip_address(ip)) if ip else 0
