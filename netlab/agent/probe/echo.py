"""``icmp``, ``icmp6`` and their ``-static`` layers: a ping bound to an interface, by the namespace's own stack."""

from __future__ import annotations

import errno
import functools
import ipaddress
import socket
import struct
from collections.abc import Collection

from netlab.agent import sockets
from netlab.agent.probe import frames, told
from netlab.agent.probe.lab_view import LabView, Pair
from netlab.agent.probe.layer import Layer
from netlab.agent.probe.mmsg import Datagrams
from netlab.agent.probe.receivers import ROOM, Receivers
from netlab.agent.probe.static import StaticNeighbors
from netlab.contract.driver import MANY
from netlab.contract.types import (
    Address,
    AnyLink,
    AnySource,
    AnyTarget,
    Endpoint,
    Target,
    asks_host,
    layer_family,
    probe_of,
    size_of,
)

# include/uapi/linux/in.h, in6.h, icmp.h, icmpv6.h
SOL_RAW, ICMP_FILTER, ICMP6_FILTER = 255, 1, 1
IP_MTU_DISCOVER, IP_PMTUDISC_DO, IPV6_MTU_DISCOVER, IPV6_DONTFRAG = 10, 2, 23, 62
ECHO_REPLY, ECHO_REPLY_6 = 0, 129
#: Where the payload of a ping stands in an ICMP error that tells of it: behind the headers of both, and an IPv4
#: header of the error itself, which an IPv6 socket doesn't get.
REPORTED = 56
#: So many are sent at once where nothing is flooded and no socket listens. Each of two processors sends half of them,
#: and a backlog takes 1000 (net.core.netdev_max_backlog).
TOGETHER = 1024


#: What sendto and connect take: of a link-local address with the ifindex of the link that it is on.
SockAddr = tuple[str, int] | tuple[str, int, int, int]


class AddressLayer(Layer):
    """Shared by the layers that use the namespaces' own stacks: addresses, neighbours, where a request came in."""

    def __init__(self, view: LabView, receivers: Receivers, name: str) -> None:
        super().__init__(view, receivers, name)
        self.family = 6 if layer_family(name) == 6 else 4
        #: Whether nothing is bound: routing chooses interface and source address.
        self.unbound = asks_host(name)
        self.static = probe_of(name).endswith("-static")
        self.neighbors = StaticNeighbors(view, self.family, self.address)
        self.size = size_of(name)
        if self.size is not None:
            # The headers, and up to twice as much (kmalloc).
            self.room = max(self.room, 2 * (self.size + 512))
        self.protocol = frames.ETH_P_IPV6 if self.family == 6 else frames.ETH_P_IP
        if self.warms:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                self.most = max(1, sockets.make_room_to_send(sock, ROOM) // self.room)
        #: Namespaces in which requests are listened for.
        self.watched: set[str] = set()
        #: Pairs whose request came in at another namespace: at that of a router, or of another holder of the address.
        self.elsewhere: set[Pair] = set()
        # Asked for every pair.
        self._seen = functools.cache(self._is_seen)

    def _is_seen(self, destination: int) -> bool:
        """Whether packet sockets see every request that comes in at a destination."""
        return all(self.view.state.link(link).seen for link in self.destinations[destination].links)

    def address(self, index: int) -> Address:
        """The address of a destination in this family."""
        return self.address_of(self.destinations[index])

    def address_of(self, target: AnyTarget) -> Address:
        """The address of a column in this family."""
        address = target.address(self.family)
        assert address is not None
        return address

    def sockaddr(self, pair: Pair, port: int = 0) -> SockAddr:
        """Where a pair's request is sent to, as the socket of its source takes it."""
        target = self.destinations[pair[1]]
        if isinstance(target, Target) and target.scope:
            by = (link for link in self.view.state.links_of(self.sources[pair[0]].namespace) if link.interface)
            return target.ip, port, 0, next(link.ifindex for link in by if link.ifname == target.scope)
        return self.address(pair[1]).ip, port

    def bind(self, sock: socket.socket, index: int, port: int = 0) -> None:
        """Bind a source's socket to interface and address, if an interface asks; and to a port. Raises OSError."""
        source = self.sources[index]
        if isinstance(source, Endpoint):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, source.ifname.encode())
            address = source.address(self.family)
            assert address is not None
            sock.bind((address.ip, port))
        elif port:
            sock.bind(("", port))

    def prepare(self, wave: list[Pair]) -> None:
        for _, destination in wave:
            target = self.destinations[destination]
            shared = self.view.shared.get(self.address(destination).ip, ())
            for ns in self.view.here(target):
                if len(wave) < MANY or self.view.interfaces[ns.id] > 1 or shared or self.view.filtered:
                    self.listen(ns.id, self.protocol)
                    self.watched.add(ns.id)
            for holder in self.view.lab.namespaces.keys() & shared:
                self.listen(holder, self.protocol)
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
                self.entered(pair, ns, ifname, kind, data)

    def request_of(self, data: bytes) -> Pair | None:
        """The pair whose request a frame is."""
        raise NotImplementedError

    def on_wire(self, ns: str, data: bytes, port: str) -> None:
        if int.from_bytes(data[12:14], "big") != self.protocol:
            return
        pair = self.request_of(data)
        if pair is not None and self.leaves_by(pair[0], port):
            self.results[pair].wire = True

    def entered(self, pair: Pair, ns: str, ifname: str, kind: int, data: bytes) -> None:
        """A request came in at an interface of the destination's namespace."""
        result = self.results[pair]
        if ns not in self.view.namespaces_of(self.destinations[pair[1]]):
            self.elsewhere.add(pair)
            return
        link = self.view.names.get((ns, ifname), ifname)
        if kind == frames.PACKET_OTHERHOST:
            result.evidence.setdefault("seen", []).append(link)
            return
        entered: list[str] = result.evidence.setdefault("entered", [])
        if link in entered:
            result.evidence["finding"] = "duplicate"
        else:
            entered.append(link)
        if self.unbound:
            carried = data[22:38] if self.family == 6 else data[26:30]
            result.evidence.setdefault("source", str(ipaddress.ip_address(carried)))

    def answered(self, pair: Pair) -> None:
        """The answer came back to the socket that asked."""
        self.results[pair].answered = True

    def settle(self, pair: Pair) -> None:
        """Decided only here, when everything was read: the answer may have been read before the request.

        That a request hasn't come in by the destination's own interface is a negative: a copy of it may still wait.
        """
        result = self.results[pair]
        if not result.letter and result.answered:
            if self._anonymous(pair):
                result.letter = "?"
                result.evidence["reason"] = (
                    "another interface has the address, too, and no packet socket sees its requests"
                )
                return
            own = self.view.own_links(self.destinations[pair[1]])
            result.letter = "" if own.isdisjoint(self._came_in_by(pair)) else "R"

    def _anonymous(self, pair: Pair) -> bool:
        """Whether nothing tells which of several holders of the address has answered."""
        target = self.destinations[pair[1]]
        if self.results[pair].evidence.get("entered"):
            return False
        source = self.sources[pair[0]]
        if len(self._looped(source, target) or ()) > 1:
            return True
        if self.address(pair[1]).ip not in self.view.shared:
            return False
        return not self._seen(pair[1])

    def _came_in_by(self, pair: Pair) -> Collection[str]:
        """By which interfaces the request of an answered probe came in."""
        entered: list[str] | None = self.results[pair].evidence.get("entered")
        source, target = self.sources[pair[0]], self.destinations[pair[1]]
        namespaces = self.view.namespaces_of(target)
        if entered is None and pair not in self.elsewhere:
            # No packet socket sees what loops back in a VRF (vrf_local_xmit: PACKET_LOOPBACK).
            entered = self._looped(source, target)
        if entered is None and not self._seen(pair[1]):
            # It passes no packet socket there, so it can't be told from another interface of the namespace.
            return target.links
        if entered is not None or not self.watched.isdisjoint(namespaces):
            return entered or ()
        # No socket listened: the namespace has only one interface, and no other host the address.
        return ("lo",) if source.namespace in namespaces else target.links

    def conclude(self, pair: Pair) -> None:
        result = self.results[pair]
        self.settle(pair)
        if result.letter:
            return
        if result.answered and self._came_in_by(pair):
            result.letter = "A"
        else:
            result.letter = "U"
            reason = result.told or ("reply-lost" if result.evidence.get("entered") else "request-lost")
            # Another host has the address, too, or the source itself.
            result.evidence.setdefault("reason", "answered-by-a-stranger" if result.answered else reason)

    def _asks_in(self, source: AnySource) -> tuple[str, AnyLink | None]:
        """The namespace whose routes a request takes, and the interface it takes them by: of an ipvlan child in l3 its
        parent's (ipvlan_process_outbound)."""
        if not isinstance(source, Endpoint):
            return source.namespace, None
        link = self.view.state.link(source.link)
        if not link.carries_frames and link.lower is not None:
            link = self.view.state.link(link.lower)
        return link.namespace, link

    def _looped(self, source: AnySource, target: AnyTarget) -> list[str] | None:
        """The VRF in which a request looped back, if any: the source's own, where that has the address, too. An address
        in no VRF comes first. What an l3 child doesn't find in its own namespace its parent's may have.
        """
        namespaces = self.view.namespaces_of(target)
        if isinstance(source, Endpoint) and source.namespace in namespaces:
            mine = self.view.state.link(source.link).domain
            if mine is not None and mine in self._domains(source.namespace, target):
                return [mine]
        namespace, asking = self._asks_in(source)
        if namespace not in namespaces:
            return None
        mine, there = asking.domain if asking else None, self._domains(namespace, target)
        if None in there and (asking is None or asking.id == mine):
            return None
        if mine is not None and mine in there:
            return [mine]
        return [one for one in there if one] or None

    def _domains(self, namespace: str, target: AnyTarget) -> list[str | None]:
        """The VRFs of a namespace, and None for outside of them, where a target's address is."""
        ip = self.address_of(target).ip
        links = self.view.state.links_of(namespace)
        return list(dict.fromkeys(link.domain for link in links if any(one.ip == ip for one in link.addresses)))


class Echo(AddressLayer):
    """Raw ICMP sockets, bound to the source's interface and address as ``ping -I`` does, or not at all as ``ping``."""

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
            if source not in self.sockets and self.view.here(self.sources[source]):
                self.sockets[source] = self._open(source)

    def at_once(self) -> int:
        # Of many sources: each one's socket gets a small part of the answers.
        return self.batch if self.together else super().at_once()

    def end(self) -> None:
        super().end()
        for sock in self.sockets.values():
            self.receivers.forget(sock)

    def _open(self, index: int) -> socket.socket:
        family, protocol = (
            (socket.AF_INET6, socket.IPPROTO_ICMPV6) if self.family == 6 else (socket.AF_INET, socket.IPPROTO_ICMP)
        )
        [ns] = self.view.here(self.sources[index])
        sock = ns.open_socket(family, socket.SOCK_RAW, protocol, "a raw ICMP socket")
        if self.family == 6:
            passed = bytearray(b"\xff" * 32)
            # One bit per type in 32-bit words of the machine's order, set to block (RFC 3542, 3.2).
            for kind in (ECHO_REPLY_6, *told.TYPES[6]):
                (blocked,) = struct.unpack_from("=I", passed, 4 * (kind >> 5))
                struct.pack_into("=I", passed, 4 * (kind >> 5), blocked & ~(1 << (kind & 31)))
            sock.setsockopt(socket.IPPROTO_ICMPV6, ICMP6_FILTER, bytes(passed))
        else:
            let_in = sum(1 << kind for kind in (ECHO_REPLY, *told.TYPES[4]))
            sock.setsockopt(SOL_RAW, ICMP_FILTER, struct.pack("=I", 0xFFFFFFFF & ~let_in))
        sock.setblocking(False)
        if self.size is not None:
            if self.family == 6:
                sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, IP_PMTUDISC_DO)
                sock.setsockopt(socket.IPPROTO_IPV6, IPV6_DONTFRAG, 1)
            else:
                sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        self.bind(sock, index)
        # An IPv4 raw socket delivers the IP header too.
        offset = 8 if self.family == 6 else 28
        receive, by_number = sock.recv, self.by_number

        def ready() -> None:
            try:
                while True:
                    data = receive(128)
                    number = frames.number_at(data, offset)
                    pair = by_number.get(number) if number is not None else None
                    if pair is not None and pair[0] == index:
                        self.answered(pair)
                    elif number is None and (number := frames.number_at(data, REPORTED)) in by_number:
                        # Errors for probes of earlier waves may still come.
                        result = self.results[by_number[number]]
                        result.told = result.told or told.reason(self.family, *data[offset - 8 : offset - 6])
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
        self.sockets[pair[0]].sendto(packet, self.sockaddr(pair))

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
        number = self.number(pair)
        # With an identifier of its own it is a connection of its own to nftables, which may remember earlier ones.
        return frames.echo_request(self.family, number & 0xFFFF, number & 0xFFFF, number, self.size)

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
        return self.pair_at(data, offset) if kind in (b"\x08", b"\x80") else None
