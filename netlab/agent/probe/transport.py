"""``tcp``, ``udp`` and the same over IPv6: a server bound to the destination's address, and a client bound to the
source's interface and address, or to nothing. With a port it is the user's own program that answers.
"""

from __future__ import annotations

import errno
import select
import socket
import struct

from netlab.agent import sockets
from netlab.agent.errors import name as errno_name
from netlab.agent.measure.listening import takes
from netlab.agent.netns import Netns
from netlab.agent.probe import dns, filters, frames, told
from netlab.agent.probe.echo import AddressLayer, SockAddr
from netlab.agent.probe.lab_view import LISTENER_PORTS, LabView, Pair
from netlab.agent.probe.layer import REFUSALS
from netlab.agent.probe.receivers import ROOM, Receivers
from netlab.contract.types import port_of

#: Close with a reset: nothing stays behind in TIME_WAIT.
_LINGER_ZERO = struct.pack("=ii", 1, 0)


class Transport(AddressLayer):
    """One server per destination address, one client per pair."""

    kind = socket.SOCK_STREAM
    number_of_protocol = socket.IPPROTO_TCP

    def __init__(self, view: LabView, receivers: Receivers, name: str) -> None:
        super().__init__(view, receivers, name)
        self.domain = socket.AF_INET6 if self.family == 6 else socket.AF_INET
        #: The port of the user's own program: then there is no server of ours.
        self.port = port_of(name)
        #: By destination: the port that it listens at, and the sockets (an address may be in several namespaces).
        self.servers: dict[int, int] = {}
        self.listening: dict[int, list[socket.socket]] = {}
        self.clients: dict[Pair, socket.socket] = {}
        #: By a client's address and port, as they stand in its packets.
        self.by_port: dict[tuple[bytes, int], Pair] = {}

    def prepare(self, wave: list[Pair]) -> None:
        for _, destination in wave:
            if self.port is not None:
                self.servers[destination] = self.port
            elif destination not in self.servers and self._ours(destination):
                self.servers[destination] = self._serve(destination)
        super().prepare(wave)

    def _ours(self, index: int) -> bool:
        """Whether no other machine has a destination."""
        target = self.destinations[index]
        return len(self.view.here(target)) == len(self.view.namespaces_of(target))

    def _serve(self, index: int) -> int:
        """Open a destination's server, wherever its address is; its port. Raises OSError."""
        homes = self.view.homes(self.destinations[index])
        # Each namespace has a port space of its own.
        for port in LISTENER_PORTS:
            opened: list[socket.socket] = []
            try:
                for ns, vrf in homes:
                    opened.append(self._open(ns))
                    if sum(one is ns for one, _ in homes) > 1:
                        # Beside one in a VRF, one outside of it has to agree to share the port.
                        opened[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                    if vrf:
                        opened[-1].setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, vrf.encode())
                    opened[-1].bind((self.address(index).ip, port))
                break
            except OSError as error:
                for sock in opened:
                    sock.close()
                if error.errno != errno.EADDRINUSE:
                    raise
        else:
            raise OSError(errno.EADDRINUSE, f"no port is free for {self.name} at {self.address(index).ip}")
        self.listening[index] = opened
        for sock in opened:
            self.serve(sock)
        return port

    def _open(self, ns: Netns) -> socket.socket:
        """A socket in a namespace. Raises OSError."""
        sock = ns.open_socket(self.domain, self.kind, 0, f"a socket for {self.name}")
        sock.setblocking(False)
        return sock

    def meet(self, ip: str, port: int, pair: Pair) -> None:
        """Note from which address and port a pair's client asks."""
        self.by_port[socket.inet_pton(self.domain, ip), port] = pair

    def met(self) -> list[tuple[str, int, Pair]]:
        """From which address and port each pair's client asks."""
        return [(socket.inet_ntop(self.domain, packed), port, pair) for (packed, port), pair in self.by_port.items()]

    def serve(self, sock: socket.socket) -> None:
        """Start serving on a bound socket."""
        raise NotImplementedError

    def send(self, pair: Pair) -> None:
        source, destination = pair
        self.begin(pair)
        try:
            [ns] = self.view.here(self.sources[source])
            client = self._open(ns)
        except OSError as error:
            self.unsent(pair, error)
            return
        self.clients[pair] = client
        told.queue(client, self.family)
        self.bind(client, source)
        self.ask(pair, client, self.sockaddr(pair, self.servers[destination]))

    def bind(self, sock: socket.socket, index: int, port: int = 0) -> None:
        """Bind a client also to a port that no other of the lab has had for long.

        A SYN is known by it, from whatever address; and no entry of connection tracking is taken for a new probe's.
        """
        while True:
            port = next(self.view.client_ports)
            if port == self.port:
                continue
            try:
                super().bind(sock, index, port)
                return
            except OSError as error:
                # A program of the user has it.
                if error.errno != errno.EADDRINUSE:
                    raise

    def ask(self, pair: Pair, client: socket.socket, server: SockAddr) -> None:
        """Connect, or send a datagram."""
        raise NotImplementedError

    def finish(self, wave: list[Pair]) -> None:
        super().finish(wave)
        over = set(wave)
        self.by_port = {key: pair for key, pair in self.by_port.items() if pair not in over}
        for pair in wave:
            client = self.clients.pop(pair, None)
            if client is None:
                continue
            if self.kind == socket.SOCK_STREAM:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
            self.receivers.forget(client)
        # Where several namespaces have an address, each must answer in its own wave only.
        for index in {pair[1] for pair in wave} & self.listening.keys():
            if self.address(index).ip in self.view.shared:
                self.stop(index)

    def end(self) -> None:
        super().end()
        # Those of a wave that was given up.
        for client in self.clients.values():
            self.receivers.forget(client)
        self.clients.clear()
        for index in list(self.listening):
            self.stop(index)

    def stop(self, index: int) -> None:
        """Close a destination's server; the next wave opens another."""
        for sock in self.listening.pop(index):
            self.receivers.forget(sock)
        del self.servers[index]

    def request_of(self, data: bytes) -> Pair | None:
        # A tap sees all frames, however short.
        if len(data) < 34:
            return None
        # Our own IPv6 packets have no extension headers.
        protocol, source, transport = (
            (data[20], data[22:38], 54) if self.family == 6 else (data[23], data[26:30], 14 + 4 * (data[14] & 0xF))
        )
        if protocol != self.number_of_protocol or len(data) < transport + 14:
            return None
        return self.asked(data, source, transport)

    def asked(self, data: bytes, source: bytes, transport: int) -> Pair | None:
        """The pair that a frame of this protocol asks for; ``transport`` is the offset of its header."""
        raise NotImplementedError


class Tcp(Transport):
    """Connect and see it complete; a refusal is U, reason ``refused``."""

    def serve(self, sock: socket.socket) -> None:
        sock.listen(1024)

        def accept() -> None:
            try:
                while True:
                    connection, _ = sock.accept()
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
                    connection.close()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                raise OSError(
                    error.errno, f"a connection of {self.name} cannot be accepted: {error.strerror}"
                ) from error

        self.receivers.watch(sock, accept)

    def finish(self, wave: list[Pair]) -> None:
        super().finish(wave)
        # Nothing of this wave may send in the next: neither a connection that is still to be accepted and reset, nor an
        # incomplete one, whose SYN-ACK the server would repeat after a second.
        self.receivers.drain()
        for index in {pair[1] for pair in wave if self.results[pair].letter != "R"} & self.listening.keys():
            self.stop(index)

    def ask(self, pair: Pair, client: socket.socket, server: SockAddr) -> None:
        ip, port = client.getsockname()[:2]
        if self.unbound:
            self.by_port[b"", port] = pair
        else:
            self.meet(ip, port, pair)

        def writable() -> None:
            result = self.results[pair]
            # The first look has taken the reset. On an established connection a later event may show the error that an
            # ICMP message left (sk_err_soft).
            if result.letter or result.answered:
                return
            try:
                # A connected socket may have an error, too: what became of its later segments (sk_err_soft).
                client.getpeername()
                number = 0
            except OSError:
                number = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            # Reset by the server between its accept and our look: it was connected.
            if number in (0, errno.ECONNRESET):
                self.answered(pair)
            else:
                reason = "refused" if number == errno.ECONNREFUSED else errno_name(number)
                self.fail(pair, told.queued(client, self.family) or reason)

        result = client.connect_ex(server)
        # One-shot and edge: a connected socket stays writable for ever.
        self.receivers.watch(client, writable, select.EPOLLOUT | select.EPOLLET)
        if result not in (0, errno.EINPROGRESS):
            raise OSError(result, "connect")

    def asked(self, data: bytes, source: bytes, transport: int) -> Pair | None:
        if data[transport + 13] & filters.SYN_ACK != filters.SYN:
            return None
        (port,) = struct.unpack_from("!H", data, transport)
        pair = self.by_port.get((b"" if self.unbound else source, port))
        if pair is None and self.view.filtered:
            # Its source was translated; the port has stayed.
            pair = next((one for (_, own), one in self.by_port.items() if own == port), None)
        return pair


class Udp(Transport):
    """A datagram and its answer, sent back by a server that isn't bound to a device."""

    kind = socket.SOCK_DGRAM
    number_of_protocol = socket.IPPROTO_UDP

    def serve(self, sock: socket.socket) -> None:
        def answer() -> None:
            try:
                while True:
                    data, sender = sock.recvfrom(64)
                    try:
                        sock.sendto(data, sender)
                    except OSError as error:
                        if error.errno in (errno.EAGAIN, errno.ENOBUFS):
                            self.receivers.unsent += 1
                            continue
                        if (pair := self.pair_at(data, 0)) is not None:
                            self.results[pair].evidence["reply"] = errno_name(error.errno or 0)
                            if error.errno not in REFUSALS:
                                self.unsent(pair, error)
            except BlockingIOError:
                return

        sockets.make_room_to_send(sock, ROOM)
        self.receivers.collect(sock, answer)

    def ask(self, pair: Pair, client: socket.socket, server: SockAddr) -> None:
        number = self.number(pair)
        datagram = dns.query(number) if self.port == dns.PORT else frames.marked(number)

        def read() -> None:
            result = self.results[pair]
            try:
                while True:
                    data = client.recv(64)
                    if self.port is not None:
                        result.evidence["answered"] = True
                        self.answered(pair)
                    elif frames.number_at(data, 0) == number:
                        self.answered(pair)
            except BlockingIOError:
                return
            except OSError as error:
                result.told = told.queued(client, self.family, udp=True) or errno_name(error.errno or 0)

        self.receivers.watch(client, read)
        client.sendto(datagram, server)

    def conclude(self, pair: Pair) -> None:
        result = self.results[pair]
        entered = result.evidence.get("entered")
        if self.port is not None and entered and not (result.letter or result.answered or result.told):
            # A datagram needs no answer. Refusals are limited to a few in a second (icmpv4_xrlim_allow).
            ip = self.address(pair[1]).ip
            if any(takes(ns, "udp", ip, self.port) for ns in self.view.here(self.destinations[pair[1]])):
                result.answered = True
            else:
                result.letter = "?"
                result.evidence["reason"] = f"no proof: no refusal came, but nothing there has port {self.port}"
        super().conclude(pair)

    def asked(self, data: bytes, source: bytes, transport: int) -> Pair | None:
        number = dns.number_at(data, transport + 8) if self.port == dns.PORT else frames.number_at(data, transport + 8)
        pair = self.by_number.get(number) if number is not None else None
        # Answers repeat the number.
        (port,) = struct.unpack_from("!H", data, transport)
        return None if pair is None or port == self.servers.get(pair[1]) else pair
