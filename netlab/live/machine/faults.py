"""What is wrong with a machine's network as it is: each rule looks for one mistake that people make again and again."""

from __future__ import annotations

import hashlib
import ipaddress
import re
import shlex
from collections.abc import Callable, Iterator
from typing import Literal

from netlab.contract.dataclass import dataclass
from netlab.live.machine.kinship import Kinship
from netlab.live.machine.segments import Segments
from netlab.live.machine.values import Device, Ip, LiveRoute, Space

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: where (``host/web:eth0``), what, and the commands that fix it, in the namespace of ``place``."""

    rule: str
    severity: Severity
    place: str
    says: str
    fix: tuple[str, ...] = ()


class Machine:
    """A machine, with what several rules ask of it."""

    def __init__(self, kin: Kinship) -> None:
        self.kin = kin
        self.segments = Segments(kin)

    def all(self) -> Iterator[tuple[Space, Device]]:
        """Every device but the loopbacks."""
        for space in self.kin.spaces.values():
            for device in space.devices:
                if not device.loopback:
                    yield space, device

    def id(self, space: Space, device: Device) -> str:
        """``host/web:eth0``."""
        return f"{self.kin.id(space.key)}:{device.name}"


Rule = Callable[[Machine], Iterator[Fault]]
#: Id → what the rule looks for, in the order in which they are told.
RULES: dict[str, tuple[str, Rule]] = {}


def _rule(name: str, sentence: str) -> Callable[[Rule], Rule]:
    def declare(rule: Rule) -> Rule:
        RULES[name] = (sentence, rule)
        return rule

    return declare


def faults(kin: Kinship) -> list[Fault]:
    """All faults, the worst first."""
    machine = Machine(kin)
    found = [fault for _, rule in RULES.values() for fault in rule(machine)]
    return sorted(found, key=lambda one: ("error", "warning", "note").index(one.severity))


def _free(place: str) -> str:
    """A MAC of one's own (locally administered) that depends on the place alone."""
    return "02:" + hashlib.blake2b(place.encode(), digest_size=5).digest().hex(":")


def _set(device: Device, *words: str) -> str:
    return shlex.join(["ip", "link", "set", "dev", device.name, *words])


@_rule("duplicate-mac", "Two interfaces of one network have one MAC: a switch sends what is for both to one of them.")
def _duplicate_mac(machine: Machine) -> Iterator[Fault]:
    for those in machine.segments.ends():
        by_mac: dict[str, list[tuple[Space, Device]]] = {}
        for space, device in those:
            if device.mac and device.kind != "ipvlan" and device.up:
                by_mac.setdefault(device.mac, []).append((space, device))
        for mac, owners in by_mac.items():
            first, *others = owners
            for space, device in others:
                says, where = f"has {mac}, as {machine.id(*first)} has in the same network", machine.id(space, device)
                yield Fault("duplicate-mac", "error", where, says, (_set(device, "address", _free(where)),))


@_rule("duplicate-address", "Two interfaces of one network have one address: who answers first is asked.")
def _duplicate_address(machine: Machine) -> Iterator[Fault]:
    for those in machine.segments.ends():
        owners: dict[str, tuple[Space, Device]] = {}
        for space, device in those:
            for one in device.addresses if device.up else ():
                if ipaddress.ip_address(one.ip).is_link_local:
                    continue
                before = owners.setdefault(one.ip, (space, device))
                if before[0].key != space.key:
                    says = f"has {one.ip}, as {machine.id(*before)} has in the same network"
                    fix = shlex.join(["ip", "address", "del", str(one), "dev", device.name])
                    yield Fault("duplicate-address", "error", machine.id(space, device), says, (fix,))


@_rule(
    "parent-down",
    "What an interface sits on is down or has no carrier: nothing gets through.",
)
def _parent_down(machine: Machine) -> Iterator[Fault]:
    for space, device in machine.all():
        there = machine.kin.far(device)
        if device.kind == "veth" or there is None or not device.up:
            continue
        below = machine.id(*there)
        if not there[1].up:
            fix = (_set(there[1], "up"),)
            yield Fault("parent-down", "error", machine.id(space, device), f"sits on {below}, which is down", fix)
        elif not there[1].carrier:
            says = f"sits on {below}, which has no carrier"
            yield Fault("parent-down", "error", machine.id(space, device), says)


@_rule("port-down", "A port of a bridge is down: nothing passes it.")
def _port_down(machine: Machine) -> Iterator[Fault]:
    for space, device in machine.all():
        bridge = machine.kin.bridge_of(space.key, device)
        if bridge is not None and bridge.up and not device.up:
            says = f"is a port of {bridge.name}, and down"
            yield Fault("port-down", "warning", machine.id(space, device), says, (_set(device, "up"),))


@_rule(
    "vepa-no-hairpin",
    "Children in VEPA mode talk by way of the switch, which sends nothing back where it came from.",
)
def _vepa(machine: Machine) -> Iterator[Fault]:
    for space, parent in machine.all():
        children = [one for one in machine.kin.children((space.key, parent.index)) if one[1].data.get("mode") == "vepa"]
        if not children:
            continue
        names = ", ".join(machine.id(*one) for one in children)
        port = machine.kin.far(parent) if parent.kind == "veth" else None
        if port is not None and machine.kin.bridge_of(port[0].key, port[1]) is not None:
            if not port[1].port.get("hairpin"):
                says = f"reflects nothing (no hairpin): {names} in VEPA mode reach neither each other nor {parent.name}"
                fix = shlex.join(["bridge", "link", "set", "dev", port[1].name, "hairpin", "on"])
                yield Fault("vepa-no-hairpin", "warning", machine.id(*port), says, (fix,))
        else:
            says = f"has children in VEPA mode ({names}): the switch behind it must reflect frames (hairpin)"
            yield Fault("vepa-no-hairpin", "note", machine.id(space, parent), says)


@_rule("rp-filter", "With rp_filter=1 a packet is dropped if the way to its source is not by where it came in.")
def _rp_filter(machine: Machine) -> Iterator[Fault]:
    for space in machine.kin.spaces.values():
        every = int(space.sysctls.get("net/ipv4/conf/all/rp_filter", "0"))
        owners: dict[ipaddress.IPv4Network | ipaddress.IPv6Network, Device] = {}
        addressed = [one for one in space.devices if one.up and not one.loopback]
        for device in addressed:
            for ip in device.addresses:
                if ip.family == 4 and ip.length < 32:
                    owners.setdefault(ipaddress.ip_interface(str(ip)).network, device)
        for device in addressed:
            own = int(device.conf.get(f"net/ipv4/conf/{device.name}/rp_filter", "0"))
            if max(every, own) != 1:
                continue
            for ip in device.addresses:
                other = next((dev for net, dev in owners.items() if ipaddress.ip_address(ip.ip) in net), None)
                if ip.family == 4 and other is not None and other is not device:
                    says = f"has {ip} with rp_filter=1, but the way to its neighbours is by {other.name}: it hears none"
                    fix = (f"sysctl -w net.ipv4.conf.{device.name}.rp_filter=2",)
                    yield Fault("rp-filter", "warning", machine.id(space, device), says, fix)


@_rule("bridge-nf-call", "The firewall sees frames that a bridge forwards, and drops those that it wasn't told of.")
def _bridge_nf(machine: Machine) -> Iterator[Fault]:
    for space in machine.kin.spaces.values():
        on = space.sysctls.get("net/bridge/bridge-nf-call-iptables") == "1"
        dropping = re.search(r"type filter hook forward [^;]*;\s*policy drop", space.ruleset)
        for device in space.devices:
            ports = [one for one in space.devices if one.master == device.index]
            if device.kind == "bridge" and on and dropping and len(ports) > 1:
                says = "shows frames to the firewall (bridge-nf-call-iptables=1), whose forward chain drops by policy"
                fix = ("sysctl -w net.bridge.bridge-nf-call-iptables=0",)
                yield Fault("bridge-nf-call", "warning", machine.id(space, device), says, fix)


@_rule("mtu", "The two ends of a wire, or the ports of a bridge, have different MTUs: large packets vanish.")
def _mtu(machine: Machine) -> Iterator[Fault]:
    seen: set[frozenset[str]] = set()
    for space, device in machine.all():
        there = machine.kin.far(device) if device.kind == "veth" else None
        if there is not None and there[1].mtu != device.mtu:
            pair = frozenset((machine.id(space, device), machine.id(*there)))
            if pair not in seen:
                seen.add(pair)
                says = f"has an MTU of {device.mtu}, and {machine.id(*there)}, at the other end, {there[1].mtu}"
                fix = (_set(device, "mtu", str(there[1].mtu)),)
                yield Fault("mtu", "warning", machine.id(space, device), says, fix)
        bridge = machine.kin.bridge_of(space.key, device)
        if bridge is None:
            continue
        largest = max((bridge, *(one for one in space.devices if one.master == bridge.index)), key=lambda one: one.mtu)
        if device.mtu < largest.mtu:
            other = f"the bridge {bridge.name}, whose port it is, {bridge.mtu}"
            if largest is not bridge:
                other = f"{largest.name}, another port of {bridge.name}, {largest.mtu}"
            says = f"has an MTU of {device.mtu}, and {other}"
            yield Fault("mtu", "warning", machine.id(space, device), says, (_set(device, "mtu", str(largest.mtu)),))


@_rule("vlan-not-carried", "A port that isn't a member of a VLAN drops what an interface behind it sends in that VLAN.")
def _vlan_not_carried(machine: Machine) -> Iterator[Fault]:
    for space, device in machine.all():
        parent = machine.kin.far(device) if device.kind == "vlan" else None
        port = machine.kin.far(parent[1]) if parent is not None and parent[1].kind == "veth" else None
        bridge = machine.kin.bridge_of(port[0].key, port[1]) if port is not None else None
        if port is None or bridge is None or not bridge.data.get("vlan_filtering"):
            continue
        vid = int(device.data["id"])
        if vid not in {own for index, own, _, _ in port[0].vlans if index == port[1].index}:
            says = f"is no member of VLAN {vid}, in which {machine.id(space, device)} behind it is"
            fix = shlex.join(["bridge", "vlan", "add", "vid", str(vid), "dev", port[1].name])
            yield Fault("vlan-not-carried", "warning", machine.id(*port), says, (fix,))


@_rule("l3-no-route", "Nobody answers ARP for an ipvlan child in l3 or l3s: others need a route to it by its parent.")
def _l3_no_route(machine: Machine) -> Iterator[Fault]:
    for those in machine.segments.ends():
        for space, child in those:
            parent = machine.kin.far(child) if child.data.get("mode") in ("l3", "l3s") else None
            if parent is None or child.kind != "ipvlan":
                continue
            for ip in child.addresses:
                via = next((one.ip for one in parent[1].addresses if one.family == ip.family), None)
                for other, _ in those:
                    away = other.key not in (space.key, parent[0].key)
                    if via and away and not ip.ip.startswith("fe80:") and not _routed(other, ip):
                        says = (
                            f"has no route to {ip.ip} of {machine.id(space, child)}, an ipvlan in {child.data['mode']}"
                        )
                        fix = shlex.join(["ip", "route", "add", ip.ip, "via", via])
                        yield Fault("l3-no-route", "note", machine.kin.id(other.key), says, (fix,))


def _routed(space: Space, ip: Ip) -> bool:
    """Whether a namespace has a route to an address."""
    target = ipaddress.ip_address(ip.ip)
    return any(
        route.family == ip.family and (route.to == "default" or target in ipaddress.ip_network(route.to))
        for route in space.routes
    )


@_rule("no-forwarding", "Others have this machine as their gateway, and it forwards nothing.")
def _no_forwarding(machine: Machine) -> Iterator[Fault]:
    owners = {ip.ip: (space, dev) for space, dev in machine.all() for ip in dev.addresses}
    told: set[tuple[str, int]] = set()
    for space in machine.kin.spaces.values():
        for route, via in _gateways(space):
            owner = owners.get(via)
            if owner is None or owner[0].key == space.key or (owner[0].key, route.family) in told:
                continue
            path = "net/ipv4/ip_forward" if route.family == 4 else "net/ipv6/conf/all/forwarding"
            if owner[0].sysctls.get(path, "0") == "0":
                told.add((owner[0].key, route.family))
                says = f"is {machine.kin.id(space.key)}'s gateway ({via}), and {path.replace('/', '.')} is 0"
                yield Fault(
                    "no-forwarding", "warning", machine.id(*owner), says, (f"sysctl -w {path.replace('/', '.')}=1",)
                )


def _gateways(space: Space) -> Iterator[tuple[LiveRoute, str]]:
    for route in space.routes:
        for way in route.ways:
            if way.via is not None:
                yield route, way.via


@_rule("default-routes", "There are several default routes of one metric: which of them counts is an accident.")
def _default_routes(machine: Machine) -> Iterator[Fault]:
    for space in machine.kin.spaces.values():
        seen: dict[tuple[int, int, int], LiveRoute] = {}
        for route in space.routes:
            if route.to != "default" or not route.ways:
                continue
            other = seen.setdefault((route.family, route.table, route.metric), route)
            if other is not route:
                says = f"has two default routes of metric {route.metric} (IPv{route.family})"
                yield Fault("default-routes", "warning", machine.kin.id(space.key), says)


@_rule("no-arp", "An interface without ARP finds no neighbour.")
def _no_arp(machine: Machine) -> Iterator[Fault]:
    for space, device in machine.all():
        usual = device.kind == "dummy" or (device.kind == "ipvlan" and device.data.get("mode") != "l2")
        if not device.arp and device.ether and not usual and any(one.family == 4 for one in device.addresses):
            says = "is without ARP (NOARP): it neither asks for neighbours nor answers"
            yield Fault("no-arp", "warning", machine.id(space, device), says, (_set(device, "arp", "on"),))


@_rule("no-shim", "A host can't reach its own macvlan children by their parent.")
def _no_shim(machine: Machine) -> Iterator[Fault]:
    for space, parent in machine.all():
        children = [one for one in machine.kin.children((space.key, parent.index)) if one[1].kind.startswith("macv")]
        apart = [one for one in children if one[0].key != space.key and one[1].addresses]
        if apart and parent.addresses and len(apart) == len(children):
            names = ", ".join(machine.id(*one) for one in apart)
            says = f"is the parent of {names}, which {machine.kin.id(space.key)} itself can't reach (netlab why --live)"
            yield Fault("no-shim", "note", machine.id(space, parent), says)
