"""Permanent neighbour entries at both ends of a pair, for the ``*-static`` layers."""

from __future__ import annotations

import errno
import functools
import ipaddress
import socket
from collections.abc import Callable

from netlab.agent.netlink import neighbors
from netlab.agent.netlink.constants import NUD_PERMANENT
from netlab.agent.probe.lab_view import LabView, Pair
from netlab.contract.types import Address
from netlab.contract.waves import routed

#: An interface's namespace and its index.
Place = tuple[str, int]


class StaticNeighbors:
    """The entries of the ``-static`` layers. Each end's part is encoded once: a mesh of a hundred hosts has 9,900
    entries.

    Where each namespace has one interface, each address one holder, and no host forwards, an entry for one pair can't
    help another pair. Then all entries stay for the whole layer; otherwise each wave's are deleted again.
    """

    def __init__(self, view: LabView, family: int, address: Callable[[int], Address]) -> None:
        self._view = view
        self._family = socket.AF_INET6 if family == 6 else socket.AF_INET
        self._places: list[Place] = [(endpoint.namespace, endpoint.ifindex) for endpoint in view.endpoints]
        #: The entries that we have made, each an interface and an address in the form of ``_target``.
        self._present: set[tuple[Place, bytes]] = set()
        #: Entries of the file itself stay as they are.
        self._given: set[tuple[Place, bytes]] = {
            ((link.namespace, link.ifindex), neighbors.of(ipaddress.ip_address(item.ip).packed))
            for link in view.state.links
            for item in link.neighbors
        }
        self.lasting = (
            all(count == 1 for count in view.interfaces.values()) and not view.shared and not routed(view.state)
        )
        # What a request says of the one end and of the other, encoded once for each.
        self._target = functools.cache(lambda there: neighbors.of(ipaddress.ip_address(address(there).ip).packed))
        self._lladdr = functools.cache(lambda there: neighbors.says(view.macs[there]))

    def add(self, wave: list[Pair]) -> None:
        """Put in what a wave needs and isn't there. Raises OSError."""
        batches: dict[str, list[bytes]] = {}
        heads: dict[Place, bytes] = {}
        for pair in wave:
            for here, there in (pair, pair[::-1]):
                place, target = self._places[here], self._target(there)
                key = (place, target)
                if key in self._present or key in self._given or not self._view.here(self._view.endpoints[here]):
                    continue
                self._present.add(key)
                entry = target + self._lladdr(there)
                if place not in heads:
                    heads[place] = neighbors.put(place[1], self._family, NUD_PERMANENT, len(entry))
                batches.setdefault(place[0], []).append(heads[place] + entry)
        # The kernel takes no neighbour for a link that is down. It can't answer either: the probe will show that.
        self._send(batches, errno.ENETDOWN)

    def remove(self) -> None:
        """Take away every entry that was put in. Raises OSError."""
        batches: dict[str, list[bytes]] = {}
        heads: dict[Place, bytes] = {}
        for place, target in self._present:
            if place not in heads:
                heads[place] = neighbors.delete(place[1], self._family, len(target))
            batches.setdefault(place[0], []).append(heads[place] + target)
        self._present.clear()
        self._send(batches, errno.ENOENT)

    def _send(self, batches: dict[str, list[bytes]], allowed: int) -> None:
        for ns, messages in batches.items():
            self._view.lab.namespaces[ns].netlink.carry_out(messages, allowed={allowed})
