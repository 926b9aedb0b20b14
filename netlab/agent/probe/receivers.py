"""One epoll loop over every socket of every namespace."""

from __future__ import annotations

import _thread
import contextlib
import select
import socket
import time
from collections.abc import Callable

from netlab.agent import sockets
from netlab.agent.netns import Netns
from netlab.agent.probe import bpf
from netlab.agent.probe.frames import ETH_P_ALL
from netlab.agent.probe.meter import PACKET_STATISTICS, SOL_PACKET, STATISTICS, Meter
from netlab.agent.probe.mmsg import Inbox

PACKET_IGNORE_OUTGOING = 23
#: Enough for every header and mark that we look for.
SNAP = 192
#: The receive buffer that is asked for; half of what the kernel then counts.
ROOM = 1 << 22

#: Called for each frame: the namespace, the protocol, the frame, the interface's name, the packet type (PACKET_HOST,
#: …).
Handler = Callable[[str, int, bytes, str, int], None]


class Receivers:
    """Packet sockets, at most one per namespace and protocol, and other sockets, in one epoll loop.

    Closing a packet socket costs an RCU grace period (packet_release, synchronize_net: 10 ms). So there are few, each
    serves every layer, and they are closed in parallel.
    """

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._epoll = select.epoll()
        self._ready: dict[int, Callable[[], None]] = {}
        self._packet: dict[tuple[str, int], socket.socket] = {}
        self._others: list[socket.socket] = []
        #: The sockets that had something to read since the last look at losses, and what each of the others has lost so
        #: far.
        self._active: set[socket.socket] = set()
        self._lost: dict[socket.socket, int] = {}
        #: Answers of ours that could not be sent since the last look at losses: a buffer or a queue was full.
        self.unsent = 0
        #: The smallest receive buffer among the sockets that count losses.
        self.room = 2 * ROOM
        self._meters: list[socket.socket] = []
        self._inbox = Inbox(SNAP)
        #: The interfaces' names, by namespace and index: asking the kernel takes as long as receiving a frame.
        self._names: dict[str, dict[int, str]] = {}

    def listen(self, ns: Netns, protocol: int, program: bpf.Program, *, sent: bool = False) -> socket.socket:
        """Receive a protocol on every interface of a namespace, by an unbound packet socket; ``sent``: also what
        leaves.

        It is unbound because a socket bound to a macvlan's parent would also receive what goes to its children
        (deliver_ptype_list_skb matches orig_dev). Calling it again changes nothing.
        """
        known = self._packet.get((ns.id, protocol))
        if known is not None:
            return known
        # What comes in before the filter is there does no harm: handlers look for marks anyway.
        sock = ns.open_socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol), "a packet socket")
        bpf.attach(sock, program)
        if not sent:
            with contextlib.suppress(OSError):
                # Since Linux 4.20; before, the filter has to leave out what was sent.
                sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.room = min(self.room, sockets.make_room(sock, ROOM))
        sock.setblocking(False)
        self._packet[ns.id, protocol] = sock
        fd, receive, handler, name = sock.fileno(), self._inbox.receive, self._handler, ns.id
        names = self._names.setdefault(ns.id, {})
        active = self._active

        def ready() -> None:
            active.add(sock)
            # What there was no room for makes it ready once more.
            for data, index, kind in receive(fd):
                handler(name, protocol, data, names.get(index) or self._name(ns, index), kind)

        self._add(sock, ready)
        return sock

    def _name(self, ns: Netns, index: int) -> str:
        with ns:
            try:
                name = socket.if_indextoname(index)
            except OSError:
                # It has gone meanwhile.
                return f"if{index}"
        self._names[ns.id][index] = name
        return name

    def meter(self, ns: Netns, program: bpf.Program) -> Meter:
        """Count the frames that a filter accepts, of all that the interfaces of a namespace send or receive."""
        every = socket.htons(ETH_P_ALL)
        meter = Meter(ns.open_socket(socket.AF_PACKET, socket.SOCK_RAW, every, "a packet socket"), program)
        self._meters.append(meter.socket)
        return meter

    def watch(self, sock: socket.socket, ready: Callable[[], None], events: int = select.EPOLLIN) -> None:
        """Call ``ready`` whenever a socket of ours is ready; the socket is closed with the receivers."""
        self._others.append(sock)
        self._add(sock, ready, events)

    def collect(self, sock: socket.socket, ready: Callable[[], None]) -> None:
        """The same for a socket that receives answers: its buffer is made large, and what finds no room counts as
        lost."""
        self.room = min(self.room, sockets.make_room(sock, ROOM))
        self._lost[sock] = 0
        active = self._active

        def counted() -> None:
            active.add(sock)
            ready()

        self.watch(sock, counted)

    def forget(self, sock: socket.socket) -> None:
        """Stop watching a socket and close it."""
        if self._ready.pop(sock.fileno(), None) is not None:
            self._others.remove(sock)
            self._lost.pop(sock, None)
            self._active.discard(sock)
        sock.close()

    def _add(self, sock: socket.socket, ready: Callable[[], None], events: int = select.EPOLLIN) -> None:
        self._epoll.register(sock.fileno(), events)
        self._ready[sock.fileno()] = ready

    def drain(self, timeout: float = 0.0) -> bool:
        """Handle everything that can be read, after waiting ``timeout`` seconds at most; returns whether there was
        anything."""
        anything = False
        events = self._epoll.poll(timeout)
        while events:
            anything = True
            for fd, _ in events:
                ready = self._ready.get(fd)
                if ready is not None:
                    ready()
            events = self._epoll.poll(0)
        return anything

    def wait(self, done: Callable[[], bool], deadline: float) -> bool:
        """Handle events until ``done()`` or the deadline (time.monotonic()); whether it was done."""
        while not done():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self.drain(left)
        return True

    def drops(self) -> int:
        """How many frames our sockets had no room for since the last call; a socket that was never ready had room."""
        lost, self.unsent = self.unsent, 0
        for sock in self._active:
            if sock in self._lost:
                before, self._lost[sock] = self._lost[sock], sockets.lost(sock)
                lost += self._lost[sock] - before
            else:
                lost += drops_of(sock)
        self._active.clear()
        return lost

    def takes(self, size: int) -> int:
        """For how many frames of so many bytes (truesize) each of our sockets has room."""
        return max(1, self.room // size)

    def close(self) -> None:
        """Close every socket; the packet sockets in the background."""
        for sock in self._others:
            sock.close()
        close_side_by_side([*self._packet.values(), *self._meters])
        self._packet.clear()
        self._meters.clear()
        self._others.clear()
        self._ready.clear()
        self._epoll.close()


def close_side_by_side(sockets: list[socket.socket]) -> None:
    """Close sockets in threads that share their grace periods; returns at once."""
    width = min(len(sockets), 16)

    def close(part: list[socket.socket]) -> None:
        for sock in part:
            sock.close()

    for start in range(width):
        # Nobody waits for such a thread, not even for its beginning, as `threading` would.
        _thread.start_new_thread(close, (sockets[start::width],))


def drops_of(sock: socket.socket) -> int:
    """Frames that a packet socket had no room for since the last call (PACKET_STATISTICS resets itself)."""
    dropped: int = STATISTICS.unpack(sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
    return dropped
