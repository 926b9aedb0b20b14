"""``icmp``, ``icmp6`` and their ``-static`` layers: a ping bound to an interface, by the namespace's own stack."""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct

from netlab.agent import sockets
from netlab.agent.probe import frames
from netlab.agent.probe.lab_view import LabView, Pair
from netlab.agent.probe.layer import Layer
from netlab.agent.probe.mmsg import Datagrams
from netlab.agent.probe.receivers import ROOM, Receivers
from netlab.agent.probe.static import StaticNeighbors
from netlab.contract.types import Address, base_layer

# include/uapi/linux/in.h, in6.h, icmp.h, icmpv6.h
SOL_RAW, ICMP_FILTER, ICMP6_FILTER = 255, 1, 1
IP_MTU_DISCOVER, IP_PMTUDISC_DO, IPV6_MTU_DISCOVER, IPV6_DONTFRAG = 10, 2, 23, 62
ECHO_REPLY, ECHO_REPLY_6 = 0, 129
#: In a wave of so many probes no socket listens at namespaces with one interface: requests can only come in by that.
MANY = 64
#: So many are sent at once where nothing is flooded and no socket listens. Each of two processors sends half of them,
#: and a backlog takes 1000 (net.core.netdev_max_backlog).
TOGETHER = 1024


class AddressLayer(Layer):
    """Shared by the layers that use the namespaces' own stacks: addresses, neighbours, where a request came in."""

    def __init__(self, view: LabView, receivers: Receivers, name: str) -> None:
        super().__init__(view, receivers, name)
        self.family = 6 if "6" in base_layer(name) else 4
        self.static = base_layer(name).endswith("-static")
        self.neighbors = StaticNeighbors(view, self.family, self.address)
        size = name.partition("/")[2]
        self.size = int(size) if size else None
        if self.size is not None:
            # The headers, and up to twice as much (kmalloc).
            self.room = max(self.room, 2 * (self.size + 512))
        self.protocol = frames.ETH_P_IPV6 if self.family == 6 else frames.ETH_P_IP
        if self.warms:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                self.most = max(1, sockets.make_room_to_send(sock, ROOM) // self.room)
        #: Namespaces in which requests are listened for.
        self.watched: set[str] = set()

    def address(self, index: int) -> Address:
        """The address that an endpoint uses in this family."""
        address = self.view.endpoints[index].address(self.family)
        assert address is not None
        return address

    def prepare(self, wave: list[Pair]) -> None:
        for _, destination in wave:
            if not self.view.here(destination):
                continue
            ns = self.view.endpoints[destination].namespace
            shared = self.address(destination).ip in self.view.shared
            if len(wave) < MANY or self.view.doors[ns] > 1 or shared:
                self.listen(ns, self.protocol)
                self.watched.add(ns)
        if self.static:
            self.neighbors.add(wave)

    def finish(self, wave: list[Pair]) -> None:
        if self.static and not self.neighbors.lasting:
            self.neighbors.remove()

    def end(self) -> None:
        if self.static:
            self.neighbors.remove()

    @property
    def warms(self) -> bool:
        return not (self.static and self.neighbors.lasting)

    def packet(self, ns: str, protocol: int, data: bytes, ifname: str, kind: int) -> None:
        if protocol == self.protocol:
            pair = self.request_of(data)
            if pair is not None:
                self.entered(pair, ns, ifname, kind)

    def request_of(self, data: bytes) -> Pair | None:
        """The pair whose request a frame is."""
        raise NotImplementedError

    def on_wire(self, ns: str, data: bytes, port: str) -> None:
        if int.from_bytes(data[12:14], "big") != self.protocol:
            return
        pair = self.request_of(data)
        if pair is not None and self.view.port(pair[0]) == port:
            self.results[pair].wire = True

    def entered(self, pair: Pair, ns: str, ifname: str, kind: int) -> None:
        """A request came in at an interface of the destination's namespace."""
        result = self.results[pair]
        if ns != self.view.endpoints[pair[1]].namespace:
            return
        link = self.view.names.get((ns, ifname), ifname)
        if kind == frames.PACKET_OTHERHOST:
            result.evidence.setdefault("seen", []).append(link)
            return
        doors: list[str] = result.evidence.setdefault("entered", [])
        if link in doors:
            result.evidence["finding"] = "duplicate"
        else:
            doors.append(link)

    def answered(self, pair: Pair) -> None:
        """The answer came back to the socket that asked."""
        self.results[pair].answered = True

    def settled(self, pair: Pair) -> bool:
        """Decided only here, when everything was read: the answer may have been read before the request.

        That a request hasn't come in by the destination's own interface is a negative: a copy of it may still wait.
        """
        result = self.results[pair]
        if result.answered and not result.letter:
            endpoint = self.view.endpoints[pair[1]]
            doors = result.evidence.get("entered")
            if doors is None and endpoint.namespace not in self.watched:
                # No socket listened: the namespace has only one interface, and no other host the address.
                doors = (endpoint.link,)
            if doors and endpoint.link in doors:
                result.letter = "R"
        return bool(result.letter)

    def conclude(self, pair: Pair) -> None:
        result = self.results[pair]
        if self.settled(pair):
            return
        if result.answered and result.evidence.get("entered"):
            result.letter = "A"
        else:
            result.letter = "U"
            reason = "reply-lost" if result.evidence.get("entered") else "request-lost"
            # Another host has the address, too, or the source itself.
            result.evidence.setdefault("reason", "answered-by-a-stranger" if result.answered else reason)


class Echo(AddressLayer):
    """Raw ICMP sockets bound to the source's interface and address: what ``ping -I`` does."""

    traversals = 4

    def __init__(self, view: LabView, receivers: Receivers, name: str) -> None:
        super().__init__(view, receivers, name)
        self.floods = not self.static
        self.sockets: dict[int, socket.socket] = {}
        #: Each destination's struct sockaddr.
        self.targets: dict[int, bytes] = {}
        self.together = self.static and self.neighbors.lasting and self.size is None
        if self.together:
            self.batch = TOGETHER

    def prepare(self, wave: list[Pair]) -> None:
        super().prepare(wave)
        for source, _ in wave:
            if source not in self.sockets and self.view.here(source):
                self.sockets[source] = self._open(source)

    def at_once(self) -> int:
        # Of many sources: each one's socket gets a small part of the answers.
        return self.batch if self.together else super().at_once()

    def end(self) -> None:
        super().end()
        for sock in self.sockets.values():
            self.receivers.forget(sock)

    def _open(self, index: int) -> socket.socket:
        endpoint = self.view.endpoints[index]
        family, protocol = (
            (socket.AF_INET6, socket.IPPROTO_ICMPV6) if self.family == 6 else (socket.AF_INET, socket.IPPROTO_ICMP)
        )
        sock = self.view.ns(index).open_socket(family, socket.SOCK_RAW, protocol, "a raw ICMP socket")
        if self.family == 6:
            passed = bytearray(b"\xff" * 32)
            # One bit per type in 32-bit words of the machine's order, set to block (RFC 3542, 3.2).
            struct.pack_into("=I", passed, 4 * (ECHO_REPLY_6 >> 5), 0xFFFFFFFF & ~(1 << (ECHO_REPLY_6 & 31)))
            sock.setsockopt(socket.IPPROTO_ICMPV6, ICMP6_FILTER, bytes(passed))
        else:
            sock.setsockopt(SOL_RAW, ICMP_FILTER, struct.pack("=I", 0xFFFFFFFF & ~(1 << ECHO_REPLY)))
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, endpoint.ifname.encode())
        if self.size is not None:
            if self.family == 6:
                sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, IP_PMTUDISC_DO)
                sock.setsockopt(socket.IPPROTO_IPV6, IPV6_DONTFRAG, 1)
            else:
                sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        sock.bind((self.address(index).ip, 0))
        # An IPv4 raw socket delivers the IP header too.
        offset = 8 if self.family == 6 else 28
        receive, by_number = sock.recv, self.by_number

        def ready() -> None:
            try:
                while True:
                    number = frames.number_at(receive(64), offset)
                    pair = by_number.get(number) if number is not None else None
                    if pair is not None and pair[0] == index:
                        self.answered(pair)
            except BlockingIOError:
                return
            except OSError as error:
                # An ICMP error for an earlier probe (its neighbour entry was deleted): reading it clears it.
                if error.errno not in (
                    errno.EHOSTUNREACH,
                    errno.ENETUNREACH,
                    errno.ECONNREFUSED,
                    errno.ENETDOWN,
                    errno.EMSGSIZE,
                ):
                    raise

        sockets.make_room_to_send(sock, ROOM)
        self.receivers.collect(sock, ready)
        return sock

    def send(self, pair: Pair) -> None:
        packet = self._packet(pair)
        self.sockets[pair[0]].sendto(packet, (self.address(pair[1]).ip, 0))

    def datagrams(self, pairs: list[Pair]) -> list[tuple[list[Pair], Datagrams]]:
        if not self.together:
            return []
        groups: dict[int, list[Pair]] = {}
        for pair in pairs:
            groups.setdefault(pair[0], []).append(pair)
        return [
            (group, Datagrams(
                self.sockets[source].fileno(),
                [self._packet(pair) for pair in group], [self._target(destination) for _, destination in group],
            ))
            for source, group in groups.items()
        ]  # fmt: skip

    def _packet(self, pair: Pair) -> bytes:
        self.begin(pair)
        number = self.number(pair)
        return frames.echo_request(self.family, pair[0] & 0xFFFF, number & 0xFFFF, number, self.size)

    def _target(self, index: int) -> bytes:
        if index not in self.targets:
            packed = ipaddress.ip_address(self.address(index).ip).packed
            # struct sockaddr_in, sockaddr_in6 (include/uapi/linux/in.h, in6.h); a raw socket's has no port.
            self.targets[index] = (
                struct.pack("=HHI16sI", socket.AF_INET6, 0, 0, packed, 0) if self.family == 6
                else struct.pack("=HH4s8x", socket.AF_INET, 0, packed)
            )  # fmt: skip
        return self.targets[index]

    def request_of(self, data: bytes) -> Pair | None:
        # An IPv4 header without options: our own packets have none. A tap sees all frames, however short.
        kind, offset = (data[54:55], 62) if self.family == 6 else (data[34:35], 42)
        number = frames.number_at(data, offset) if kind in (b"\x08", b"\x80") else None
        return self.by_number.get(number) if number is not None else None
