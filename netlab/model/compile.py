"""From a plan's state to a compiled world."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterable
from typing import Any

from netlab.contract import types as plan
from netlab.model import bridge as switch
from netlab.model import device, macvlan, veth
from netlab.model.stack import nd, protocols
from netlab.model.sysctls import Settings
from netlab.model.world import (
    DEFAULT_TABLE,
    LOCAL_TABLE,
    MAIN_TABLE,
    Bridge,
    Device,
    MacvlanPort,
    Namespace,
    PolicyRule,
    Port,
    Route,
    World,
)


def compile_state(state: plan.State) -> World:
    """Compile a state; KeyError where it refers to a link that it doesn't have."""
    world = World(state)
    settings: dict[str, Settings] = {}
    for index, namespace in enumerate(state.namespaces):
        if namespace.kind != "switch":
            ns = world.namespaces[namespace.id] = Namespace(namespace.id, index)
            settings[namespace.id] = told = Settings(namespace)
            ns.echo_ignore, ns.echo_ignore6 = told.echo_ignore, told.echo_ignore6
            ns.unknown = {
                family: f"no rule for the sysctl {paths[0]} of {ns.id}"
                for family, paths in told.strange.items() if paths
            }  # fmt: skip
    bridges: dict[str, Bridge] = {}
    for link in state.links:
        if isinstance(link, (plan.Switch, plan.Bridge)):
            bridge = bridges[link.id] = Bridge(link.id, len(world.bridges))
            bridge.up, bridge.stp, bridge.ageing = link.up, link.stp, link.ageing_time
            bridge.max_learned = link.fdb_max_learned or 0
            world.bridges.append(bridge)
            if isinstance(link, plan.Bridge):
                _own_interface(world, link, bridge, settings)
    for link in state.links:
        if isinstance(link, plan.SwitchLink):
            _switch_link(link, bridges)
        elif isinstance(link, plan.Veth):
            _veth(world, link, bridges[link.switch], settings)
            if link.master is not None:
                _member(world.devices[link.id], bridges[link.master])
        elif isinstance(link, plan.Pair):
            _pair(world, link, settings)
        elif isinstance(link, plan.Macvlan):
            _child(world, link, settings)
    _detect(world, settings)
    entries = _Entries(state)
    for namespace in state.namespaces:
        if namespace.kind != "switch":
            _routing(world.namespaces[namespace.id], namespace, entries)
    for link in state.links:
        if isinstance(link, (plan.Switch, plan.Bridge)):
            _locals(bridges[link.id], link, {mac for bridge, mac in state.disowned if bridge == link.id})
    for dev in world.devices.values():
        if dev.macvlan is not None:
            _broadcast_order(dev.macvlan)
    _interests(world)
    return world


def _detect(world: World, settings: dict[str, Settings]) -> None:
    """Mark hosts as unknown that may lose a link-local address to another interface with the same MAC."""
    macs = Counter(dev.mac for dev in world.devices.values() if dev.conf.ipv6)
    for dev in world.devices.values():
        if settings[dev.ns.id].detects and macs[dev.mac] > 1:
            dev.ns.unknown[6] = f"{dev.id} looks for duplicates (accept_dad), and its link-local address is one"


def _device(world: World, link: plan.Link, kind: str, settings: dict[str, Settings]) -> Device:
    ns = world.namespaces[link.namespace]
    dev = Device(link.id, kind, ns, link.ifname)
    dev.index = len(world.devices)
    dev.ifindex = link.ifindex
    dev.mac = link.mac or f"mac of {link.id}"
    dev.mtu, dev.up = link.mtu, link.up
    dev.receive, dev.handle = device.receive, protocols.receive
    dev.conf = settings[link.namespace].conf(link.ifname)
    for address in link.addresses:
        value = int(ipaddress.ip_address(address.ip))
        if address.family == 4:
            mask = ((1 << address.prefixlen) - 1) << (32 - address.prefixlen)
            # A further address of a subnet is a secondary one (__inet_insert_ifa).
            secondary = any(n == value & mask and p == address.prefixlen for _, n, p, _ in dev.addresses4)
            dev.addresses4.append((value, value & mask, address.prefixlen, secondary))
        else:
            mask = ((1 << address.prefixlen) - 1) << (128 - address.prefixlen)
            dev.addresses6.append((value, value & mask, address.prefixlen))
    for neighbor in link.neighbors:
        dev.neighbors[int(ipaddress.ip_address(neighbor.ip))] = neighbor.mac
    if link.mtu < 1280:
        dev.conf.ipv6 = False
    if dev.conf.ipv6:
        # The link-local address of a MAC that the kernel chooses: any one that differs from all others.
        dev.linklocal = nd.link_local(link.mac) if link.mac else 0xFE80 << 112 | dev.index
        if settings[link.namespace].routes6:
            dev.anycast6 = frozenset(network for _, network, plen in dev.addresses6 if plen < 127)
        addresses = [a[0] for a in dev.addresses6]
        dev.groups = frozenset(nd.solicited_mac(a) for a in [*addresses, *dev.anycast6, dev.linklocal])
    ns.devices.append(dev)
    world.devices[link.id] = dev
    return dev


def _veth(world: World, link: plan.Veth, bridge: Bridge, settings: dict[str, Settings]) -> None:
    dev = _device(world, link, "veth", settings)
    dev.running = link.up and link.carrier
    dev.transmit = veth.transmit
    port = dev.port = _port(link.port_id, bridge, link.port, link.port_mac, link.mtu, dev.running)
    port.far_device = dev
    if port.attached:
        dev.ns.ports.setdefault(bridge.index, []).append(port)


def _own_interface(world: World, link: plan.Bridge, bridge: Bridge, settings: dict[str, Settings]) -> None:
    """A bridge inside of a host is an interface of it."""
    dev = bridge.device = _device(world, link, "bridge", settings)
    dev.bridge = bridge
    dev.running = link.up and link.carrier
    dev.transmit = switch.transmit


def _member(dev: Device, bridge: Bridge) -> None:
    """A wire of the host that is a port of a bridge in it, with a port's default options."""
    port = dev.member = _port(dev.id, bridge, plan.Port(), dev.mac, dev.mtu, dev.running)
    port.device = dev
    dev.handle = switch.handle_frame


def _pair(world: World, link: plan.Pair, settings: dict[str, Settings]) -> None:
    dev = _device(world, link, "veth", settings)
    dev.running = link.up and link.carrier
    dev.transmit = veth.transmit
    dev.peer = world.devices.get(link.peer)
    if dev.peer is not None:
        dev.peer.peer = dev


def _port(id: str, bridge: Bridge, told: plan.Port, mac: str, mtu: int, running: bool) -> Port:
    port = Port(id, bridge)
    port.mac, port.mtu, port.running, port.attached = mac, mtu, running, told.attached
    port.state = told.state if running else "disabled"
    port.hairpin, port.isolated, port.learning = told.hairpin, told.isolated, told.learning
    port.flood, port.mcast_flood, port.bcast_flood = told.flood, told.mcast_flood, told.bcast_flood
    port.locked = told.locked
    if port.attached:
        bridge.ports.insert(0, port)
        for entry in told.fdb:
            bridge.static[entry] = port
    return port


def _switch_link(link: plan.SwitchLink, bridges: dict[str, Bridge]) -> None:
    here, there = bridges[link.namespace], bridges[link.peer]
    running = link.up and link.carrier
    near = _port(f"port({link.id})", here, link.port, link.mac or "", link.mtu, running)
    back = f"port({link.peer}--{link.namespace})"
    far = _port(back, there, link.peer_port, link.peer_mac, link.mtu, running)
    near.far_port, far.far_port = far, near


def _child(world: World, link: plan.Macvlan, settings: dict[str, Settings]) -> None:
    lower = world.devices[link.parent]
    if lower.lower is not None:
        # A macvlan on a macvlan is put on the real parent (macvlan_common_newlink).
        lower = lower.lower
    dev = _device(world, link, link.kind, settings)
    dev.lower, dev.mode = lower, link.effective_mode
    dev.nodst = link.nodst
    dev.running = link.up and lower.running
    dev.transmit = macvlan.transmit
    port = lower.macvlan
    if port is None:
        port = lower.macvlan = MacvlanPort(lower)
        lower.handle = macvlan.handle_frame
        port.bc_queue_len = 0
    port.children.append(dev)
    port.bc_queue_len = max(port.bc_queue_len, 1000 if link.bcqueuelen is None else link.bcqueuelen)
    if dev.mode == "passthru":
        port.passthru = dev
        if link.mac is None:
            # It has its parent's, which the kernel chose.
            dev.mac = lower.mac
    if dev.mode == "source":
        port.sources = True
        for mac in link.allowed_macs:
            # hlist_add_head: the latest comes first.
            port.source_macs.setdefault(mac, []).insert(0, dev)
    if dev.up:
        port.by_mac[dev.mac] = dev
        port.promiscuous = True


def _broadcast_order(port: MacvlanPort) -> None:
    """The order in which macvlan_broadcast visits the children: by hash bucket, newest first."""
    up = [child for child in port.children if child.up]
    if any(child.mac.startswith("mac of") for child in up):
        port.order = up
        port.unordered = len(up) > 1
        return
    up.reverse()
    up.sort(key=lambda child: macvlan.hash_order(child.mac))
    port.order = up


def _locals(bridge: Bridge, link: plan.Switch | plan.Bridge, disowned: set[str]) -> None:
    bridge.locals = {port.mac: port for port in bridge.ports}
    if link.mac:
        bridge.locals[link.mac] = None
    for mac in disowned.union(bridge.static):
        # Even an own MAC becomes a port's, where a static entry says so (fdb_add_entry).
        bridge.locals.pop(mac, None)
    for order, port in enumerate(bridge.ports):
        port.order = order


class _Entries:
    """The kernel's entries for a state's addresses: those of ``given``, else all in the order of links."""

    def __init__(self, state: plan.State) -> None:
        given = state.given or [(link.id, address.ip) for link in state.links for address in link.addresses]
        self._given = {pair: rank for rank, pair in enumerate(given)}
        self._addressed = {pair: rank for rank, pair in enumerate(state.addressed)}
        self._routeless = set(state.routeless)
        self._shadowed = set(state.shadowed)

    def local(self, dev: Device, ip: str) -> int:
        """The place of an IPv4 address's local entry among all."""
        return self._given[dev.id, ip]

    def shadowed(self, dev: Device, ip: str) -> bool:
        """Whether an IPv4 address is a broadcast address first."""
        return (dev.id, ip) in self._shadowed

    def connected(self, dev: Device, ip: str) -> int | None:
        """The place of an address's routes among all; None where it has none."""
        pair = dev.id, ip
        return None if pair in self._routeless else self._addressed.get(pair, len(self._addressed))


def _routing(ns: Namespace, namespace: plan.Namespace, entries: _Entries) -> None:
    """Tables and rules: local and connected routes in the order of their making, then the file's."""
    locals4: list[tuple[int, int, Device, bool]] = []
    ways4: list[tuple[int, Device, int, int, int, bool]] = []
    local6: list[Route] = []
    connected6: list[tuple[int, Route]] = []
    for dev in ns.devices:
        ns.owned4.update(a[0] for a in dev.addresses4)
        for address, network, plen, secondary in dev.addresses4:
            # Local entries outlive their interface's being down (fib_sync_down_dev spares them).
            ip = str(ipaddress.IPv4Address(address))
            locals4.append((entries.local(dev, ip), address, dev, entries.shadowed(dev, ip)))
            if dev.up and (place := entries.connected(dev, ip)) is not None:
                ways4.append((place, dev, address, network, plen, secondary))
        if dev.conf.ipv6:
            for address, network, plen in dev.addresses6:
                # An address that is given to an interface that is down is local at once (addrconf_f6i_alloc).
                ns.local6.setdefault(address, dev)
                local6.append(Route("local", address, 128, 128, dev))
                place = entries.connected(dev, str(ipaddress.IPv6Address(address)))
                if dev.up and place is not None:
                    connected6.append((place, Route("unicast", network, plen, 128, dev, 0, 256)))
    local4: list[Route] = []
    behind: list[Route] = []
    for _, address, dev, late in sorted(locals4, key=lambda one: one[0]):
        # What an address is, is what it was first (fib_insert_alias appends).
        (behind if late else local4).append(Route("local", address, 32, 32, dev))
        if not late:
            ns.local4.setdefault(address, dev)
    main4: list[Route] = []
    for _, dev, address, network, plen, secondary in sorted(ways4, key=lambda one: one[0]):
        if plen < 31:
            broadcast = network | (1 << (32 - plen)) - 1
            local4.append(Route("broadcast", broadcast, 32, 32, dev))
            if broadcast not in ns.local4:
                ns.broadcast4.add(broadcast)
        if not secondary and (plen < 32 or network != address):
            main4.append(Route("unicast", network, plen, 32, dev))
    local4 += behind
    connected = len(main4)
    main6 = [route for _, route in sorted(connected6, key=_rank)]
    ns.tables4 = {LOCAL_TABLE: local4, MAIN_TABLE: main4}
    names = {dev.name: dev for dev in ns.devices} | {dev.id.partition(":")[2]: dev for dev in ns.devices}
    ns.tables6 = {LOCAL_TABLE: local6, MAIN_TABLE: main6}
    for told in namespace.routes:
        _route(ns, told, names)
    # A route of the file with the prefix of a connected route must be older: added later, the kernel would have
    # refused it (fib_table_insert, NLM_F_EXCL). The connected route comes behind it (fib_magic, NLM_F_APPEND).
    ns.tables4[MAIN_TABLE] = main4[connected:] + main4[:connected]
    for table in ns.tables4.values():
        table.sort(key=lambda route: -route.plen)
    for table in ns.tables6.values():
        table.sort(key=lambda route: (-route.plen, route.metric))
    ns.custom_local = any(r.type == "unicast" for r in ns.tables4[LOCAL_TABLE])
    for family, rules in ((4, ns.rules4), (6, ns.rules6)):
        mine = [rule for rule in namespace.rules if rule.family == family]
        if family == 4:
            ns.custom_rules4 = bool(mine)
        else:
            ns.custom_rules6 = bool(mine)
        ranked: list[tuple[int, PolicyRule]] = [
            (0, PolicyRule(LOCAL_TABLE)),
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
                    ),
                )
            )
        ranked.sort(key=lambda item: item[0])
        rules.extend(policy for _, policy in ranked)
    ns.macs = frozenset(dev.mac for dev in ns.devices)


def _rank(item: tuple[int, Route]) -> int:
    return item[0]


def _ifname(name: str | None, names: dict[str, Device]) -> str | None:
    return names[name].name if name is not None and name in names else name


def _prefix(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    network = ipaddress.ip_network(text, strict=False)
    return int(network.network_address), network.prefixlen


def _route(ns: Namespace, told: plan.Route, names: dict[str, Device]) -> None:
    network = ipaddress.ip_network(told.to, strict=False)
    four = network.version == 4
    tables = ns.tables4 if four else ns.tables6
    gateway = int(ipaddress.ip_address(told.via)) if told.via else 0
    dev = names.get(told.oif) if told.oif else None
    if dev is None or not dev.up:
        return  # the kernel drops routes with their interface
    route = Route(
        "unicast",
        int(network.network_address),
        network.prefixlen,
        network.max_prefixlen,
        dev,
        gateway,
        0 if four else 1024,
    )
    tables.setdefault(told.table, []).append(route)


def _interests(world: World) -> None:
    """Which ports of each switch a flooded frame can matter to (see `bridge._flood`)."""
    for bridge in world.bridges:
        for port in bridge.ports:
            # Behind a port that is a host's own wire, or that of a bridge in a host, is another bridge.
            if port.far_device is None or port.far_device.member is not None:
                bridge.trunks.append(port)
                continue
            parent = port.far_device
            devices: Iterable[Device] = [parent]
            if parent.macvlan is not None:
                devices = [parent, *parent.macvlan.children]
                if parent.macvlan.passthru is not None:
                    bridge.trunks.append(port)
            for dev in devices:
                _add(bridge.macs, dev.mac, port)
                for address in dev.ns.local4:
                    _add(bridge.ip4, address, port)
                for address in [*dev.ns.local6, *dev.anycast6, dev.linklocal]:
                    _add(bridge.ip6, address, port)
                if dev.conf.proxy_arp and port not in bridge.trunks:
                    bridge.trunks.append(port)


def _add(table: dict[Any, list[Port]], key: Any, port: Port) -> None:
    ports = table.setdefault(key, [])
    if port not in ports:
        ports.append(port)
