"""``mcast`` and ``mcast6``: does a datagram to a group come to a socket that has joined it at the destination?

A program joins a group at an interface; the sender's program chooses an interface, too.
"""

from __future__ import annotations

import errno
import socket
import struct

from netlab.agent import errors, readback
from netlab.agent.probe import frames
from netlab.agent.probe.l2 import Broadcast
from netlab.agent.probe.lab_view import LISTENER_PORTS, LabView, Pair
from netlab.agent.probe.receivers import Receivers
from netlab.contract.types import GROUPS, Endpoint, layer_family

#: struct ip_mreqn, and struct ipv6_mreq: the group, and where (include/uapi/linux/in.h, in6.h).
_REQUEST4, _REQUEST6 = struct.Struct("@4s4si"), struct.Struct("@16si")
_PORT = LISTENER_PORTS.start


class Multicast(Broadcast):
    """One datagram per source fills its row."""

    def __init__(self, view: LabView, receivers: Receivers, name: str) -> None:
        super().__init__(view, receivers, name)
        self.family = layer_family(name)
        self.domain = socket.AF_INET6 if self.family == 6 else socket.AF_INET
        self.group = GROUPS[self.family or 4]
        #: Behind the headers of Ethernet, IP and UDP.
        self.offset = 14 + (40 if self.family == 6 else 20) + 8
        self.senders: dict[int, socket.socket] = {}
        self.joined: list[socket.socket] = []
        #: By link: why nobody has joined the group there (igmp_max_memberships; or memory that has run out).
        self.apart: dict[str, str] = {}
        # Of an interface with several addresses all columns are the same.
        self.columns = {}
        for index, endpoint in enumerate(view.endpoints):
            if endpoint.address(self.family):
                self.columns.setdefault(endpoint.link, []).append(index)
        try:
            for first, *_ in self.columns.values():
                self._join(view.endpoints[first])
        except OSError:
            self.end()
            raise
        # The filter of a macvlan child lets groups pass that it has joined.
        readback.filter_now(view.lab.namespaces, [view.state.link(link) for link in self.columns])

    def _join(self, endpoint: Endpoint) -> None:
        """Have a socket hear the group at an interface. Raises OSError."""
        sock = self._open(endpoint)
        self.joined.append(sock)
        packed = socket.inet_pton(self.domain, self.group)
        if self.family == 6:
            request = _REQUEST6.pack(packed, endpoint.ifindex)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, request)
            sock.bind((self.group, _PORT, 0, endpoint.ifindex))
        else:
            request = _REQUEST4.pack(packed, bytes(4), endpoint.ifindex)
            try:
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                # It goes on as a program that doesn't look at that: it hears nothing.
                self.apart[endpoint.link] = f"it could not be joined there: {errors.in_words(error)} (ENOBUFS)"
            sock.bind((self.group, _PORT))

        def read() -> None:
            try:
                while True:
                    number = frames.number_at(sock.recv(64), 0)
                    if number is not None:
                        self.heard(endpoint.namespace, number, endpoint.link, frames.PACKET_HOST)
            except BlockingIOError:
                return

        self.receivers.collect(sock, read)

    def _open(self, endpoint: Endpoint) -> socket.socket:
        """A socket that is bound to an interface. Raises OSError."""
        ns = self.view.lab.namespaces[endpoint.namespace]
        sock = ns.open_socket(self.domain, socket.SOCK_DGRAM, 0, f"a socket for {self.name}")
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, endpoint.ifname.encode())
        return sock

    def emit(self, source: int, number: int) -> None:
        endpoint = self.view.endpoints[source]
        if source not in self.senders:
            sock = self.senders[source] = self._open(endpoint)
            address = endpoint.address(self.family)
            assert address is not None
            sock.bind((address.ip, 0))
            # Its own host is to hear only what comes back by the wire.
            if self.family == 6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, endpoint.ifindex)
            else:
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
                request = _REQUEST4.pack(bytes(4), bytes(4), endpoint.ifindex)
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, request)
        self.senders[source].sendto(frames.marked(number), (self.group, _PORT))

    def conclude(self, pair: Pair) -> None:
        result = self.results[pair]
        if not result.letter and (why := self.apart.get(self.view.endpoints[pair[1]].link)):
            result.evidence["reason"] = why
        super().conclude(pair)

    def end(self) -> None:
        super().end()
        for sock in (*self.joined, *self.senders.values()):
            self.receivers.forget(sock)
        self.joined.clear()
        self.senders.clear()
