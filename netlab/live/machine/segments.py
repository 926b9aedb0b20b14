"""Which interfaces are on one network, as frames go: by wires, bridges and drivers of children."""

from __future__ import annotations

from collections.abc import Iterator

from netlab.live.machine.kinship import Kinship
from netlab.live.machine.values import Device, Space

_Node = tuple[str, int]


class Segments:
    """A set of interfaces for each network (union-find over everything that carries frames on)."""

    def __init__(self, kin: Kinship) -> None:
        self.kin = kin
        self._above: dict[_Node, _Node] = {}
        for (key, index), device in kin.devices.items():
            there = kin.far(device)
            if there is not None and device.kind in ("veth", "macvlan", "macvtap", "ipvlan", "ipvtap", "bond"):
                self._join((key, index), (there[0].key, there[1].index))
            if kin.bridge_of(key, device) is not None and device.master:
                self._join((key, index), (key, device.master))

    def _root(self, node: _Node) -> _Node:
        while (above := self._above.get(node)) is not None:
            node = above
        return node

    def _join(self, one: _Node, other: _Node) -> None:
        a, b = self._root(one), self._root(other)
        if a != b:
            self._above[a] = b

    def ends(self) -> Iterator[list[tuple[Space, Device]]]:
        """For each network the interfaces that send frames of their own: no ports, and no bridge of a switch."""
        found: dict[_Node, list[tuple[Space, Device]]] = {}
        for (key, index), device in self.kin.devices.items():
            if device.loopback or key in self.kin.switches or device.master:
                continue
            if device.data.get("mode") == "passthru":
                continue
            found.setdefault(self._root((key, index)), []).append((self.kin.spaces[key], device))
        yield from found.values()
