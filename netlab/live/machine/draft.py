"""A machine's namespaces as a topology in the making."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from netlab.errors import UsageError
from netlab.live.machine import routing, settings
from netlab.live.machine.devices import Devices
from netlab.live.machine.kinship import Kinship, kinship
from netlab.live.machine.notes import Notes
from netlab.live.machine.outside import Outside
from netlab.live.machine.real import Real
from netlab.live.machine.values import Device, Machine, Space
from netlab.live.topology import Box, Draft
from netlab.spec.sysctls import dotted


def draft(machine: Machine, origin: str, host: str = "host", everything: bool = False) -> tuple[Draft, Real]:
    """The topology of a machine: what was asked for, and all that is connected to it; ``everything``: all of it.

    With it comes how its names relate to the machine.

    Raises UsageError: there is nothing in it that netlab can express.
    """
    kin = kinship(machine, host, everything)
    builder = _Builder(machine, kin, origin)
    made = builder.run()
    return made, real_of(kin, builder.devices.ports, tuple(made.hosts))


def real_of(kin: Kinship, ports: Mapping[str, str] | None = None, hosts: Iterable[str] = ()) -> Real:
    """How the names of a machine's namespaces in a file relate to the machine; ``hosts`` are all of the file."""
    ids = {key: kin.id(key) for key in kin.spaces}
    known = {name: ids[key] for key, space in kin.spaces.items() for name in reversed(space.names)}
    home = next((ids[key] for key, space in kin.spaces.items() if space.home), "")
    return Real(
        home=home,
        known={**known, **({".": home} if home else {})},
        netns={ids[key]: space.netns for key, space in kin.spaces.items() if space.netns},
        pids={ids[key]: space.pid for key, space in kin.spaces.items() if space.pid is not None},
        keys={ids[key]: key for key in kin.spaces},
        ports=ports or {},
        bridges={kin.names[key]: bridge.name for key, bridge in kin.switches.items()},
        assumed=frozenset(hosts) - set(ids.values()),
        docker=any(space.engine == "docker" for space in kin.spaces.values()),
    )


class _Builder:
    def __init__(self, machine: Machine, kin: Kinship, origin: str) -> None:
        self.kin = kin
        self.notes = Notes()
        names = ", ".join(kin.names[key] for key in machine.start if key in kin.names)
        self.notes.assumed += machine.assumed
        self.notes.found += machine.left
        self.made = Draft("live", f"What {machine.tool} says of {names or 'this machine'}.", origin)
        self.outside = Outside(kin, self.made, self.notes)
        self.devices = Devices(kin, self.outside, self.notes)
        for line in machine.unread:
            self.notes.left("the machine", f"not read: {line}", loses=True)

    def _own_macs(self, key: str) -> None:
        """Say where a switch has a MAC that an interface elsewhere has: switches of a file have MACs of their own."""
        mine = {device.mac: device.name for device in self.kin.spaces[key].devices if not device.loopback}
        for other in self.kin.spaces.values():
            for device in other.devices if other.key not in self.kin.switches else ():
                if device.mac in mine and not device.loopback:
                    path = f"{self.kin.names[key]}:{mine[device.mac]}"
                    self.notes.left(path, f"its MAC {device.mac}, which {device.name} has, too", loses=True)

    def run(self) -> Draft:
        boxes: dict[str, Box] = {}
        for key, bridge in self.kin.switches.items():
            self.made.switches[self.kin.names[key]] = f"{bridge.name}, in a namespace of its own"
            self.made.wires[self.kin.names[key]] = self.devices.switch(key, bridge)
            self._own_macs(key)
        ordered = [key for key in self.kin.spaces if key not in self.kin.switches]
        for key in sorted(ordered, key=lambda key: key in self.kin.host_of):
            boxes[key] = box = Box(_comment(self.kin.spaces[key]))
            if key in self.kin.host_of:
                boxes[self.kin.host_of[key]].containers[self.kin.names[key]] = box
            else:
                self.made.hosts[self.kin.names[key]] = box
        for key, box in boxes.items():
            self._fill(self.kin.spaces[key], box)
        for key, box in boxes.items():
            routing.fill(self.kin.spaces[key], self.kin, box, self.devices, self.notes)
        self.outside.hosts()
        self._settings(boxes)
        self.made.assumed, self.made.left = self.notes.assumed, tuple(self.notes.found)
        if not any(box.interfaces or box.containers for box in boxes.values()):
            lost = [": ".join(str(said) for said in (one.where, one.path, one.why) if said) for one in self.made.left]
            raise UsageError("\n".join(lost or ["there is no interface here that netlab can express"]))
        return self.made

    def _fill(self, space: Space, box: Box) -> None:
        for device in sorted(routing.sequence(space), key=lambda one: self._idle(space, one)):
            found = self.devices.keys(space, device)
            if found is not None:
                name, keys, note = found
                box.interfaces[name] = keys
                if note:
                    box.notes[name] = note
        box.interfaces |= self.outside.parents.get(space.key, {})
        box.nftables = space.ruleset
        if any(one.loopback and not one.up for one in space.devices):
            self.notes.left(
                f"{self.kin.id(space.key)}:lo", "down; here a namespace reaches its own addresses", loses=True
            )
        for line in space.unread:
            self.notes.left(self.kin.id(space.key), line, loses=True)

    def _idle(self, space: Space, device: Device) -> bool:
        """Whether it is a member of a bond that sends by another now: the first in the file is the one that sends."""
        bond = self.kin.at((space.key, device.master or 0))
        return bond is not None and bond.data.get("active_slave") not in (None, 0, device.index)

    def _settings(self, boxes: dict[str, Box]) -> None:
        for key, box in boxes.items():
            space = self.kin.spaces[key]
            found = dict(settings.namespace(space.sysctls, any(one.kind == "bridge" for one in space.devices)))
            for device in space.devices:
                name = self.devices.named(key, device)
                if name in box.interfaces:
                    own = settings.interface(device.conf, device.name, space.sysctls)
                    found |= {path.replace(f"/{device.name}/", f"/{name}/"): value for path, value in own}
            box.sysctls = {dotted(path): value for path, value in found.items()}


def _comment(space: Space) -> str:
    return "the machine itself" if space.home else ""
