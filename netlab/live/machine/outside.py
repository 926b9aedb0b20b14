"""What is outside of a machine, as far as it shows: the physical switches, gateways, and neighbours with their MACs."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from functools import cached_property

from netlab.live.machine.kinship import Kinship
from netlab.live.machine.notes import Notes
from netlab.live.machine.values import Device, End, LiveRoute, Space
from netlab.live.names import derived, fitting, unique
from netlab.live.topology import Box, Draft, Keys

#: So many neighbours of one interface are taken for machines of their own.
MOST = 32


#: A prefix, and the index of the VRF that it is in.
_Subnet = tuple[str, int]


class Outside:
    """Assumed switches, made where an interface is plugged in, and assumed hosts."""

    def __init__(self, kin: Kinship, made: Draft, notes: Notes) -> None:
        self.kin = kin
        self.made = made
        self.notes = notes
        self._switches: dict[str, str] = {}
        #: Parents that are assumed: the key of the namespace → name → keys.
        self.parents: dict[str, dict[str, Keys]] = {}

    # --- switches -----------------------------------------------------------------------------------------

    @cached_property
    def _nics(self) -> dict[End, str]:
        """The interfaces that lead outside, and for each the first of those that are on the same network."""
        found: dict[End, str] = {}
        by_subnet: dict[_Subnet, str] = {}
        for (key, index), device in self.kin.devices.items():
            if key in self.kin.switches or not self._leads_out(device):
                continue
            subnets = set(self._subnets((key, index), set()))
            group = next((by_subnet[net] for net in sorted(subnets) if net in by_subnet), f"{key} {device.name}")
            found[key, index] = group
            by_subnet |= dict.fromkeys(subnets, group)
        return found

    def _leads_out(self, device: Device) -> bool:
        if device.loopback or not device.ether:
            return False
        return device.kind == "" or (device.kind == "tun" and device.master is not None) or (
            device.kind == "veth" and self.kin.far(device) is None
        )  # fmt: skip

    def _subnets(self, end: End, seen: set[End]) -> Iterator[_Subnet]:
        """The subnets of an interface, of the bridge that it is a port of, and of what sits on either; each
        with its VRF."""
        device = self.kin.at(end)
        if device is None or end in seen:
            return
        seen.add(end)
        for one in device.addresses:
            net = ipaddress.ip_interface(f"{one.ip}/{one.length}").network
            if not net.is_link_local and not net.is_loopback:
                yield str(net), (device.master or 0) if device.port_kind == "vrf" else 0
        if device.master and end[0] and device.port_kind != "vrf":
            yield from self._subnets((end[0], device.master), seen)
        for space, above in self.kin.children(end):
            yield from self._subnets((space.key, above.index), seen)

    def switch(self, space: Space, device: Device) -> str:
        """The name of the switch that an interface is plugged into, which is assumed to be there."""
        group = self._nics.get((space.key, device.index), f"{space.key} {device.name}")
        if group not in self._switches:
            several = len(set(self._nics.values())) > 1
            wanted = fitting(f"lan-{device.name}" if several else "lan").replace("--", "-")
            name = unique(wanted, self._names())
            self._switches[group] = name
            self.made.switches[name] = f"assumed: the physical switch at {device.name}"
            self.notes.assume(f"{device.name} of {self.kin.id(space.key)} is plugged into a switch, {name}, that passes"
                              " everything on")  # fmt: skip
        return self._switches[group]

    def _names(self) -> set[str]:
        return {*self.kin.names.values(), *self.made.switches, *self.made.hosts}

    def parent(self, space: Space, device: Device) -> str:
        """The name of an assumed parent for a child whose own was not read, in the child's namespace."""
        assert device.lower is not None
        number = device.lower[1]
        name = derived(f"parent{number}")
        if name not in self.parents.setdefault(space.key, {}):
            switch = unique("lan", self._names())
            self.made.switches[switch] = f"assumed: the physical switch below {device.name}"
            self.parents[space.key][name] = {"switch": switch, "mtu": str(device.mtu)}
            self.notes.assume(f"{device.name} of {self.kin.id(space.key)} sits on interface {number} of a namespace"
                              f" that was not read: it is {name} here, without an address")  # fmt: skip
        return name

    # --- hosts --------------------------------------------------------------------------------------------

    def hosts(self) -> None:
        """Add those that routes and neighbour tables name, each with the MAC that is known of it."""
        owned_ips = {one.ip for device in self.kin.devices.values() for one in device.addresses}
        owned_macs = {device.mac for device in self.kin.devices.values()}
        #: switch and MAC (or address) → name, addresses, MAC
        found: dict[tuple[str, str], tuple[str, list[str], str | None]] = {}
        for space in self.kin.spaces.values():
            macs = {(one.dev, one.ip): one.mac for one in space.neighbors}
            named = [(dev, ip, "gateway") for dev, ip in _gateways(space.routes)]
            counts: dict[int, int] = {}
            for one in space.neighbors:
                counts[one.dev] = counts.get(one.dev, 0) + 1
                if counts[one.dev] <= MOST and one.mac not in owned_macs:
                    named.append((one.dev, one.ip, one.ip))
            for dev, count in counts.items():
                if count > MOST and self._out((space.key, dev), set()):
                    self.notes.left(f"{self.kin.id(space.key)}", f"{count - MOST} more neighbours at one interface")
            for dev, ip, name in named:
                switch = None if ip in owned_ips else self._out((space.key, dev), set())
                length = self._length(space.key, dev, ip)
                if switch is None or length is None:
                    continue
                mac = macs.get((dev, ip))
                _, own, _ = found.setdefault((switch, mac or ip), (name, [], mac))
                if f"{ip}/{length}" not in own:
                    own.append(f"{ip}/{length}")
        for (switch, _), (name, own, mac) in found.items():
            host = unique(fitting(name), self._names())
            keys: Keys = {"switch": switch, **({"mac": mac} if mac else {}), "addresses": list(own)}
            what = "a gateway" if name == "gateway" else "a neighbour"
            self.made.hosts[host] = Box(f"assumed: {what} of the machine", {"eth0": keys})
            told = "a route" if mac is None else "the neighbour table"
            self.notes.assume(f"{host} is a machine of its own at {switch}: {told} has {', '.join(own)}")

    def _length(self, key: str, dev: int, ip: str) -> int | None:
        """The prefix length of the subnet in which an interface has a neighbour; None: it is link-local."""
        asked = ipaddress.ip_address(ip)
        if asked.is_link_local or asked.is_multicast or asked.is_loopback:
            return None
        device = self.kin.devices.get((key, dev))
        lengths = [
            one.length
            for one in (device.addresses if device else ())
            if asked in ipaddress.ip_interface(f"{one.ip}/{one.length}").network
        ]
        return max(lengths, default=None)

    def _out(self, end: End, seen: set[End]) -> str | None:
        """The assumed switch that what is sent out of a device comes to; None where it stays inside."""
        device = self.kin.at(end)
        if device is None or end in seen or end[0] is None:
            return None
        seen.add(end)
        if (group := self._nics.get(end)) is not None:
            return self._switches.get(group)
        if device.kind == "bridge":
            ports = [other for other, one in self.kin.devices.items() if other[0] == end[0] and one.master == end[1]]
            return next((out for port in ports if (out := self._out(port, seen)) is not None), None)
        if device.lower is None:
            return None
        there = self.kin.at(device.lower)
        if device.kind == "veth" and there is not None and device.lower[0] is not None:
            return self._out((device.lower[0], there.master or 0), seen)
        return self._out(device.lower, seen)


def _gateways(routes: tuple[LiveRoute, ...]) -> Iterator[tuple[int, str]]:
    for route in routes:
        for way in route.ways:
            if way.via is not None and way.dev is not None:
                yield way.dev, way.via
