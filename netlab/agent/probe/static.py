"""Permanent neighbour entries at both ends of a pair, for the ``*-static`` layers."""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from collections.abc import Callable

from netlab.agent.netlink.socket import NLM_F_REQUEST, header, nla
from netlab.agent.probe.arena import Arena, Pair
from netlab.agent.probe.cold import NDA_DST, NDMSG, NUD_PERMANENT, RTM_DELNEIGH
from netlab.plan.types import Address
from netlab.plan.waves import routed

RTM_NEWNEIGH = 28
NLM_F_CREATE, NLM_F_REPLACE = 0x400, 0x100
NDA_LLADDR = 2

#: An interface's namespace, its index, the packed address.
Key = tuple[str, int, bytes]


class StaticNeighbors:
    """Encoded by hand like `cold`: a mesh of a hundred hosts has 9,900 entries.

    Where each namespace has one interface only, each address one holder, and nobody routes, an entry made for one pair
    can't help another, so all of them may last for the whole layer; elsewhere each wave's are taken away again.
    """

    def __init__(self, arena: Arena, address: Callable[[int], Address]) -> None:
        self._arena = arena
        self._address = address
        self._present: set[Key] = set()
        self._packs: dict[int, bytes] = {}
        #: Entries of the file itself stay as they are.
        self._given: set[Key] = {
            (link.namespace, link.ifindex, ipaddress.ip_address(item.ip).packed)
            for link in arena.state.links
            for item in link.neighbors
        }
        self.lasting = (
            all(doors == 1 for doors in arena.doors.values()) and not arena.shared and not routed(arena.state)
        )

    def add(self, wave: list[Pair]) -> None:
        """Put in what a wave needs and isn't there. Raises OSError."""
        batches: dict[str, list[bytearray]] = {}
        endpoints = self._arena.endpoints
        for pair in wave:
            for here, there in (pair, pair[::-1]):
                if not self._arena.here(here):
                    continue
                endpoint = endpoints[here]
                key = (endpoint.namespace, endpoint.ifindex, self._packed(there))
                if key in self._present or key in self._given:
                    continue
                self._present.add(key)
                body = _body(key, NUD_PERMANENT) + nla(NDA_LLADDR, self._arena.macs[there])
                flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE
                batches.setdefault(endpoint.namespace, []).append(bytearray(header(RTM_NEWNEIGH, flags, body)))
        # A link that is down takes no neighbour, and so can't answer either: the probe itself will say so.
        self._send(batches, allowed=(errno.ENETDOWN,))

    def _packed(self, index: int) -> bytes:
        if index not in self._packs:
            self._packs[index] = ipaddress.ip_address(self._address(index).ip).packed
        return self._packs[index]

    def remove(self) -> None:
        """Take away every entry that was put in. Raises OSError."""
        batches: dict[str, list[bytearray]] = {}
        for key in self._present:
            request = header(RTM_DELNEIGH, NLM_F_REQUEST, _body(key, 0))
            batches.setdefault(key[0], []).append(bytearray(request))
        self._present.clear()
        self._send(batches, allowed=(errno.ENOENT,))

    def _send(self, batches: dict[str, list[bytearray]], allowed: tuple[int, ...]) -> None:
        for ns, messages in batches.items():
            for answer in self._arena.lab.namespaces[ns].netlink.failures(messages):
                if answer.errno not in allowed:
                    raise OSError(answer.errno, answer.message or os.strerror(answer.errno))


def _body(key: Key, state: int) -> bytes:
    family = socket.AF_INET if len(key[2]) == 4 else socket.AF_INET6
    return NDMSG.pack(family, key[1], state, 0, 0) + nla(NDA_DST, key[2])
