"""``tcp``, ``udp`` and the same over IPv6: a client bound to the source's interface and address, a server to the
destination's address.
"""

from __future__ import annotations

import errno
import select
import socket
import struct

from netlab.agent import sockets
from netlab.agent.errors import name as errno_name
from netlab.agent.probe import filters, frames
from netlab.agent.probe.echo import AddressLayer
from netlab.agent.probe.lab_view import LabView, Pair
from netlab.agent.probe.layer import REFUSALS
from netlab.agent.probe.receivers import ROOM, Receivers

#: Close with a reset: nothing stays behind in TIME_WAIT.
_LINGER_ZERO = struct.pack("=ii", 1, 0)


class Transport(AddressLayer):
    """One server per destination address, one client per pair, known again by its source port."""

    kind = socket.SOCK_STREAM
    number_of_protocol = socket.IPPROTO_TCP
    #: Servers listen here, or at the next free port: each namespace has a port space of its own.
    first_port = 45067

    def __init__(self, view: LabView, receivers: Receivers, name: str) -> None:
        super().__init__(view, receivers, name)
        self.domain = socket.AF_INET6 if self.family == 6 else socket.AF_INET
        #: By destination: the port that it listens at, and the socket.
        self.servers: dict[int, int] = {}
        self.listening: dict[int, socket.socket] = {}
        self.clients: dict[Pair, socket.socket] = {}
        #: By a client's address and port, as they stand in its packets.
        self.by_port: dict[tuple[bytes, int], Pair] = {}

    def prepare(self, wave: list[Pair]) -> None:
        for _, destination in wave:
            if destination not in self.servers and self.view.here(destination):
                self.servers[destination] = self._serve(destination)
        super().prepare(wave)

    def _serve(self, index: int) -> int:
        ip = self.address(index).ip
        sock = self._open(index)
        for port in range(self.first_port, self.first_port + 1000):
            try:
                sock.bind((ip, port))
                break
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    sock.close()
                    raise
        self.listening[index] = sock
        self.serve(sock)
        return int(sock.getsockname()[1])

    def _open(self, index: int) -> socket.socket:
        """A socket in an endpoint's namespace. Raises OSError."""
        sock = self.view.ns(index).open_socket(self.domain, self.kind, 0, f"a socket for {self.name}")
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
        endpoint = self.view.endpoints[source]
        try:
            client = self._open(source)
        except OSError as error:
            self.unsent(pair, error)
            return
        self.clients[pair] = client
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, endpoint.ifname.encode())
        client.bind((self.address(source).ip, 0))
        self.meet(self.address(source).ip, client.getsockname()[1], pair)
        self.ask(pair, client, (self.address(destination).ip, self.servers[destination]))

    def ask(self, pair: Pair, client: socket.socket, server: tuple[str, int]) -> None:
        """Connect, or send a datagram."""
        raise NotImplementedError

    def finish(self, wave: list[Pair]) -> None:
        super().finish(wave)
        for pair in wave:
            client = self.clients.pop(pair, None)
            if client is None:
                continue
            self.by_port = {key: other for key, other in self.by_port.items() if other != pair}
            if self.kind == socket.SOCK_STREAM:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
            self.receivers.forget(client)
        # Where several namespaces have an address, each must answer in its own wave only.
        for index in {pair[1] for pair in wave} & self.listening.keys():
            if self.address(index).ip in self.view.shared:
                self.stop(index)

    def is_request(self, data: bytes, transport: int) -> bool:
        """Whether a frame of this protocol is a request; ``transport`` is the offset of its header."""
        raise NotImplementedError

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
        self.receivers.forget(self.listening.pop(index))
        del self.servers[index]

    def request_of(self, data: bytes) -> Pair | None:
        # A tap sees all frames, however short.
        if len(data) < 34:
            return None
        # Our own IPv6 packets have no extension headers.
        protocol, source, transport = (
            (data[20], data[22:38], 54) if self.family == 6 else (data[23], data[26:30], 14 + 4 * (data[14] & 0xF))
        )
        if protocol != self.number_of_protocol or len(data) < transport + 14 or not self.is_request(data, transport):
            return None
        (port,) = struct.unpack_from("!H", data, transport)
        return self.by_port.get((source, port))


class Tcp(Transport):
    """Connect and see it complete; a refusal is U, reason ``refused``."""

    traversals = 7

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

    def ask(self, pair: Pair, client: socket.socket, server: tuple[str, int]) -> None:
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
                self.fail(pair, reason)

        result = client.connect_ex(server)
        # One-shot and edge: a connected socket stays writable for ever.
        self.receivers.watch(client, writable, select.EPOLLOUT | select.EPOLLET)
        if result not in (0, errno.EINPROGRESS):
            raise OSError(result, "connect")

    def is_request(self, data: bytes, transport: int) -> bool:
        return data[transport + 13] & filters.SYN_ACK == filters.SYN


class Udp(Transport):
    """A datagram and its answer, sent back by a server that isn't bound to a device."""

    kind = socket.SOCK_DGRAM
    number_of_protocol = socket.IPPROTO_UDP
    traversals = 7

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
                        number = frames.number_at(data, 0)
                        pair = self.by_number.get(number) if number is not None else None
                        if pair is not None:
                            self.results[pair].evidence["reply"] = errno_name(error.errno or 0)
                            if error.errno not in REFUSALS:
                                self.unsent(pair, error)
            except BlockingIOError:
                return

        sockets.make_room_to_send(sock, ROOM)
        self.receivers.collect(sock, answer)

    def ask(self, pair: Pair, client: socket.socket, server: tuple[str, int]) -> None:
        number = self.number(pair)

        def read() -> None:
            try:
                while True:
                    if frames.number_at(client.recv(64), 0) == number:
                        self.answered(pair)
            except BlockingIOError:
                return
            except OSError as error:
                self.results[pair].evidence["error"] = errno_name(error.errno or 0)

        self.receivers.watch(client, read)
        client.sendto(frames.marked(number), server)

    def is_request(self, data: bytes, transport: int) -> bool:
        return frames.number_at(data, transport + 8) is not None
