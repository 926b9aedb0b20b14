"""Routes and rules of a namespace as a topology file says them: those that its addresses don't bring along."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from netlab.contract.types.parts import ROUTE_TYPES
from netlab.live.addresses import alone
from netlab.live.machine.devices import Devices
from netlab.live.machine.kinship import Kinship
from netlab.live.machine.notes import Notes
from netlab.live.machine.values import Device, LiveRoute, LiveRule, Space, Way
from netlab.live.topology import Box, Keys

_MAIN, _KERNEL = 254, 2
_TABLES = {254: "main", 255: "local", 253: "default"}
#: IPv6's metric where nobody gave one (IP6_RT_PRIO_USER), and of a connected route (IP6_RT_PRIO_ADDRCONF).
_METRIC6, _CONNECTED6 = 1024, 256
#: The rules that every namespace has.
_USUAL = {(0, 255), (32766, 254), (32767, 253)}


def fill(space: Space, kin: Kinship, box: Box, devices: Devices, notes: Notes) -> None:
    """Give a box the routes and rules of its namespace."""
    place = kin.id(space.key)
    by_index = {device.index: device for device in space.devices}
    connected = _connected(space, devices, box)
    direct = [route for route in space.routes if not any(way.via for way in route.ways)]
    homes = _homes(space.devices)
    plain = [route for route in direct if _is_usual(route)]
    usual = {(route.to, way.dev) for route in plain for way in route.ways if route.table == homes.get(way.dev)}
    reach: list[tuple[str, int | None]] = list(connected)
    main = {net for net, index in connected if homes[index] == _MAIN}
    for route in (*direct, *_in_order([route for route in space.routes if route not in direct])):
        if _goes_without_saying(route, connected, usual, homes, by_index):
            continue
        said = _said(route, space, devices, by_index)
        beside = route.table == _MAIN and _is_usual(route)
        if beside and not isinstance(said, str) and route.to in main:
            said = "an address brings another one of that metric along"
        if isinstance(said, str):
            notes.left_route(place, route.to, said)
            continue
        gates = [way for way in route.ways if way.via and not way.onlink]
        beyond = [way for way in gates if not _leads(str(way.via), [net for net, index in reach if index == way.dev])]
        if route.family == 6 and any(_leads(str(way.via), [net for net, _ in reach]) for way in beyond):
            # Nor does the kernel take it any more (ip6_route_check_nh_onlink).
            notes.left_route(place, route.to, "its gateway is on the network of another interface now")
            continue
        if beyond:
            said["onlink"] = "true"
        box.routes.append(said)
        reach += [(route.to, way.dev) for way in route.ways] if not any(way.via for way in route.ways) else []
    for one, two in _turns(space):
        first, second = by_index.get(one), by_index.get(two)
        if first and second and (first.master == two or first.lower == (space.key, two)):
            # A file makes a bridge before its ports, and a parent before its children.
            why = f"that the route of {first.name} to a subnet stands before that of {second.name}"
            notes.left(place, why, loses=True)
    _rules(space, place, box, notes)


def _in_order(routes: list[LiveRoute]) -> list[LiveRoute]:
    """Routes by gateways so that each is written before what would lead to its gateway by another: the kernel takes a
    gateway only where it is on a link (fib_check_nh, ip6_route_check_nh)."""
    left, found = list(routes), []
    while left:
        first = next((one for one in left if not any(_leads_to(one, other) for other in left)), left[0])
        found.append(first)
        left.remove(first)
    return found


def _leads_to(route: LiveRoute, other: LiveRoute) -> bool:
    """Whether one route is to the gateway of another."""
    if route is other or route.to == "default" or route.family != other.family:
        return False
    net = ipaddress.ip_network(route.to)
    return any(way.via is not None and ipaddress.ip_address(way.via) in net for way in other.ways)


def _turns(space: Space) -> set[tuple[int, int]]:
    """Pairs of devices with one connected route, of which the first's stands before the second's."""
    those: dict[tuple[str, int], list[int]] = {}
    homes = _homes(space.devices)
    for route in space.routes:
        way = route.ways[0] if len(route.ways) == 1 else None
        if way is None or way.via or route.protocol != _KERNEL or route.to.startswith("fe80::"):
            # Link-local ones are asked for with their interface (rt6_need_strict).
            continue
        if route.table == homes.get(way.dev):
            those.setdefault((f"{route.to} {route.table}", route.metric), []).append(way.dev or 0)
    return {pair for indexes in those.values() for pair in pairwise(dict.fromkeys(indexes))}


def sequence(space: Space) -> list[Device]:
    """The devices of a namespace; those with one connected route in the order in which the kernel has these."""
    pairs = _turns(space)
    left, found = list(space.devices), []
    while left:
        later = {two for one, two in pairs if any(device.index == one for device in left)}
        first = next((device for device in left if device.index not in later), left[0])
        found.append(first)
        left.remove(first)
    return found


def _homes(devices: Iterable[Device]) -> dict[int | None, int]:
    """The tables in which there are connected routes by each device: main, or that of its VRF."""
    devices = tuple(devices)
    vrfs = {device.index: int(device.data["table"]) for device in devices if device.kind == "vrf"}
    return {one.index: vrfs.get(one.index, vrfs.get(one.master or 0, _MAIN)) for one in devices}


def _connected(space: Space, devices: Devices, box: Box) -> dict[tuple[str, int], Device]:
    """The connected routes that addresses bring along: prefix and device's index. Where the kernel has another in
    its place, or none, the address is given the length of itself alone."""
    found: dict[tuple[str, int], Device] = {}
    homes = _homes(space.devices)
    there = {
        (route.to, way.dev)
        for route in space.routes
        for way in route.ways
        if route.table == homes.get(way.dev) and not way.via
    }
    metrics: dict[tuple[str, int | None], set[int]] = {}
    for route in space.routes:
        for way in route.ways:
            if not way.via:
                metrics.setdefault((route.to, way.dev), set()).add(route.metric)
    for device in space.devices:
        keys = box.interfaces.get(devices.named(space.key, device), {})
        own = keys.get("addresses")
        if not isinstance(own, list):
            continue
        for one in device.addresses:
            net = str(ipaddress.ip_interface(str(one)).network)
            if one.alone or one.peer is not None or str(one) not in own:
                continue
            if not device.up or _as_made(net, device, there, metrics):
                found[net, device.index] = device
            else:
                own[own.index(str(one))] = alone(one.ip)
    return found


def _as_made(
    net: str, device: Device, there: set[tuple[str, int | None]], metrics: dict[tuple[str, int | None], set[int]]
) -> bool:
    """Whether the connected route is as the plan makes it: there, and not one of several with metrics of their own."""
    if (net, device.index) not in there:
        return False
    usual = _CONNECTED6 if ":" in net else 0
    others = any(to == net and dev != device.index for to, dev in metrics)
    return not others or usual in metrics[net, device.index]


def _is_usual(route: LiveRoute) -> bool:
    """Whether it has the metric of the routes that addresses bring along."""
    return route.metric == (_CONNECTED6 if route.family == 6 else 0)


def _goes_without_saying(
    route: LiveRoute, connected: Any, usual: Any, homes: dict[int | None, int], by_index: dict[int, Device]
) -> bool:
    """Whether an address brings it along, or the kernel makes it for itself. Beside a ``usual`` one, a route of another
    metric is somebody's own; alone, it stands for that (as NetworkManager has it)."""
    way = route.ways[0] if len(route.ways) == 1 else None
    if (
        way is not None
        and way.via is None
        and (route.to, way.dev) in connected
        and (_is_usual(route) or (route.to, way.dev) not in usual)
        and route.table == homes.get(way.dev)
    ):
        return True
    if route.to.startswith(("fe80::", "ff00::")) or (route.type == "unreachable" and route.metric == 0xFFFFFFFF):
        return True
    device = by_index.get(way.dev) if way is not None and way.dev is not None else None
    # IPv6's for an address alone is a local one here.
    return bool(
        route.protocol == _KERNEL
        and device is not None
        and any(f"{one.ip}/128" == route.to for one in device.addresses)
    )


def _said(route: LiveRoute, space: Space, devices: Devices, by_index: dict[int, Device]) -> dict[str, Any] | str:
    """The route's keys; or why it can't be expressed."""
    if route.type not in ROUTE_TYPES:
        return f"of type {route.type}"
    if route.strange:
        return f"it has {', '.join(route.strange)}"
    hops = []
    for way in route.ways:
        device = by_index.get(way.dev) if way.dev is not None else None
        name = devices.named(space.key, device) if device is not None else ""
        if way.via is not None and ipaddress.ip_address(way.via).is_link_local:
            return f"a link-local gateway ({way.via})"
        if not name or (device is not None and device.loopback):
            return f"by {device.name if device else 'an interface'}, which the file doesn't have"
        hops.append(_hop(way, name))
    said: dict[str, Any] = {"to": route.to}
    if len(hops) == 1:
        said |= {key: value for key, value in hops[0].items() if key != "weight"}
    elif hops:
        said["nexthops"] = hops
    if route.type != "unicast":
        said["type"] = route.type
    if route.table != _MAIN:
        said["table"] = _TABLES.get(route.table, str(route.table))
    usual = _METRIC6 if route.family == 6 else 0
    if route.metric != usual:
        said["metric"] = str(route.metric)
    if route.src is not None:
        said["src"] = route.src
    if route.family == 6 and route.to == "default" and not any(way.via for way in route.ways):
        said["to"] = "::/0"
    return said


def _hop(way: Way, name: str) -> dict[str, str]:
    hop = {} if way.via is None else {"via": way.via}
    hop["dev"] = name
    if way.weight != 1:
        hop["weight"] = str(way.weight)
    if way.onlink:
        hop["onlink"] = "true"
    return hop


def _leads(gateway: str, reach: Iterable[str]) -> bool:
    """Whether a connected route, or one that is written before, leads to a gateway."""
    ip = ipaddress.ip_address(gateway)
    return any(net != "default" and ip in ipaddress.ip_network(net) for net in reach)


def _rules(space: Space, place: str, box: Box, notes: Notes) -> None:
    for family in (4, 6):
        those = [rule for rule in space.rules if rule.family == family]
        bare = {(rule.priority, rule.table) for rule in those if _selects_nothing(rule)}
        if those and (gone := _USUAL - bare - ({(32767, 253)} if family == 6 else set())):
            told = ", ".join(f"{priority} table {_TABLES[table]}" for priority, table in sorted(gone))
            notes.left(place, f"the usual rules that are missing (IPv{family}: {told}) are there", loses=True)
        for rule in those:
            if _selects_nothing(rule) and (rule.priority, rule.table) in _USUAL:
                continue
            if rule.strange == ("l3mdev",) and rule.priority == 1000:
                # It comes with the first VRF.
                continue
            lost = [name for name in (rule.iif, rule.oif) if name and name not in {one.name for one in space.devices}]
            if lost:
                notes.left(place, f"{rule}: there is no interface {lost[0]}, so it is for nothing")
                continue
            if rule.strange:
                notes.left(place, f"{rule}: it has {', '.join(rule.strange)}", loses=True)
                continue
            said = {"from": rule.src, "to": rule.to, "iif": rule.iif, "oif": rule.oif, "fwmark": rule.fwmark}
            found: Keys = {key: value for key, value in said.items() if value}
            found |= {"table": _TABLES.get(rule.table, str(rule.table)), "priority": str(rule.priority)}
            if not rule.src and not rule.to:
                found["family"] = str(family)
            box.rules.append(found)


def _selects_nothing(rule: LiveRule) -> bool:
    return not (rule.src or rule.to or rule.iif or rule.oif or rule.fwmark or rule.strange)
