"""Which namespace is a host, which a container of which host, and which stands for a switch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import field
from functools import cached_property

from netlab.contract.dataclass import dataclass
from netlab.live.machine.values import Device, End, Machine, Space
from netlab.live.names import fitting, unique


@dataclass
class Kinship:
    """The namespaces that go into the file by key, their names there, and whose containers they are."""

    spaces: dict[str, Space] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    #: Containers: key → key of the host.
    host_of: dict[str, str] = field(default_factory=dict)
    #: Those that stand for switches: key → their bridge.
    switches: dict[str, Device] = field(default_factory=dict)
    devices: dict[tuple[str, int], Device] = field(default_factory=dict)

    def id(self, key: str) -> str:
        """``A`` or ``A/web``."""
        host = self.host_of.get(key)
        return self.names[key] if host is None else f"{self.names[host]}/{self.names[key]}"

    def host(self, key: str) -> str:
        """The key of the host that a namespace is in; its own, if it is one."""
        return self.host_of.get(key, key)

    def far(self, device: Device) -> tuple[Space, Device] | None:
        """The other end of a wire, or what a device sits on, where that is in the file."""
        there = self.at(device.lower)
        return None if there is None or device.lower is None else (self.spaces[device.lower[0] or ""], there)

    def at(self, end: End | None) -> Device | None:
        """The device that is there, where it is in the file."""
        return None if end is None or end[0] is None else self.devices.get((end[0], end[1]))

    def children(self, end: End) -> list[tuple[Space, Device]]:
        """What sits on a device, wherever it is."""
        return self._above.get(end, [])

    @cached_property
    def _above(self) -> dict[End, list[tuple[Space, Device]]]:
        found: dict[End, list[tuple[Space, Device]]] = {}
        for (key, _), one in self.devices.items():
            if one.lower is not None and one.kind != "veth":
                found.setdefault(one.lower, []).append((self.spaces[key], one))
        return found

    def bridge_of(self, key: str, device: Device) -> Device | None:
        """The bridge that a device is a port of."""
        master = self.devices.get((key, device.master)) if device.master else None
        return master if master is not None and master.kind == "bridge" else None


def kinship(machine: Machine, host: str, everything: bool) -> Kinship:
    """Those that were asked for, with all that they are connected to; ``everything``: all that have an interface, or
    addresses at lo."""
    found = Kinship()
    by_key = {space.key: space for space in machine.spaces}
    wanted = list(by_key) if everything else [key for key in machine.start if key in by_key]
    joined = _joined(by_key)
    while wanted:
        key = wanted.pop(0)
        if key in found.spaces:
            continue
        found.spaces[key] = by_key[key]
        wanted += sorted(joined[key])
    if everything or len(machine.start) > 1:
        for key, space in [*found.spaces.items()]:
            if not space.home and all(one.loopback and not shown_on_loopback(one) for one in space.devices):
                del found.spaces[key]
    found.spaces = {key: one for key, one in by_key.items() if key in found.spaces}
    found.devices = {(key, device.index): device for key, one in found.spaces.items() for device in one.devices}
    _sort(found)
    _name(found, host)
    return found


def _joined(by_key: dict[str, Space]) -> dict[str, set[str]]:
    joined: dict[str, set[str]] = {key: set() for key in by_key}
    for key, space in by_key.items():
        for device in space.devices:
            other = device.lower[0] if device.lower else None
            if other in by_key and other != key:
                joined[key].add(other)
                joined[other].add(key)
    return joined


def _sort(found: Kinship) -> None:
    for key, space in found.spaces.items():
        bridge = _switch(space, found)
        if bridge is not None:
            found.switches[key] = bridge
    #: namespace → those on whose devices its own sit; to whose bridges it is plugged; wires without a bridge
    children = {key: Counter(_above(found, space, wire=False)) for key, space in found.spaces.items()}
    plugged = {key: Counter(_plugged(found, space)) for key, space in found.spaces.items()}
    busy = {other for ends in (children, plugged) for counts in ends.values() for other in counts}
    for key, space in found.spaces.items():
        if key in found.switches or space.home or key in busy:
            continue
        homes = {other for other in _above(found, space, wire=True) if found.spaces[other].home}
        for counts in (children[key], plugged[key], Counter(homes)):
            if counts:
                found.host_of[key] = counts.most_common(1)[0][0]
                break


def _above(found: Kinship, space: Space, *, wire: bool) -> Iterator[str]:
    """The other namespaces that devices of one have to do with: by a wire, or by sitting on something there."""
    for device in space.devices:
        there = found.far(device)
        if there is not None and there[0].key != space.key and (device.kind == "veth") is wire:
            yield there[0].key


def _plugged(found: Kinship, space: Space) -> Iterator[str]:
    for device in space.devices:
        there = found.far(device)
        if (
            device.kind == "veth"
            and there is not None
            and there[0].key != space.key
            and there[0].key not in found.switches
            and found.bridge_of(there[0].key, there[1]) is not None
            and device.master is None
        ):
            yield there[0].key


def shown(device: Device) -> list[str]:
    """The addresses of a device that count: link-local ones of IPv6 are never asked for."""
    return [str(one) for one in device.addresses if not one.ip.lower().startswith("fe80:")]


def of_loopback(ip: str) -> bool:
    """Whether an address is one of those that every namespace has for itself."""
    return ip == "::1" or ip.startswith("127.")


def shown_on_loopback(device: Device) -> bool:
    """Whether something but the usual is at lo."""
    return any(not of_loopback(one.ip) for one in device.addresses)


def name_of(device: Device) -> str:
    """The name that a device should have in the file; at lo that has only addresses of the host itself."""
    own = (one for one in device.addresses if one.peer is None and not of_loopback(one.ip))
    if device.loopback and all(one.alone for one in own):
        return device.name
    return fitting("lo-addresses" if device.loopback else device.name)


def _switch(space: Space, found: Kinship) -> Device | None:
    """The bridge of a namespace that has nothing but a bridge and its ports, whose other ends are elsewhere."""
    rest = [device for device in space.devices if not device.loopback]
    bridges = [device for device in rest if device.kind == "bridge"]
    if space.home or space.ruleset or len(bridges) != 1 or any(shown(device) for device in rest):
        return None
    for device in rest:
        if device is bridges[0]:
            continue
        there = found.far(device)
        if device.kind != "veth" or there is None or there[0].key == space.key:
            return None
        if device.master not in (None, bridges[0].index):
            return None
    return None if _sat_on(space, found) else bridges[0]


def _sat_on(space: Space, found: Kinship) -> bool:
    return any(
        device.kind != "veth" and device.lower is not None and device.lower[0] == space.key
        for other in found.spaces.values()
        for device in other.devices
    )


def _name(found: Kinship, host: str) -> None:
    tops: set[str] = set()
    inside: dict[str, set[str]] = {}
    for key in sorted(found.spaces, key=lambda key: not found.spaces[key].home):
        space = found.spaces[key]
        number = key.rpartition(":")[2]
        name = host if space.home else fitting(space.names[0]) if space.names else f"ns-{number}"
        if key in found.switches:
            name = name.replace("--", "-")
        taken = inside.setdefault(found.host_of[key], set()) if key in found.host_of else tops
        found.names[key] = unique(name, taken)
        taken.add(found.names[key])
