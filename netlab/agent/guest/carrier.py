"""The machine's side of a guest's two serial lines (`netlab.agent.guest.lines`): the stand-in carries between the guest
and its fronts. Of labs that stay it has the sockets at which further fronts connect."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from netlab.agent import keeping
from netlab.agent.clients import admit
from netlab.agent.errors import in_words
from netlab.agent.guest.lines import ABOUT, STEP, WINDOW
from netlab.contract.wire import HEADER, Closed, frame


class Ends(NamedTuple):
    """Descriptors of the machine's side: what is written to the guest, its acknowledgements, what it says."""

    into: int
    acknowledged: int
    out_of: int


class Frames:
    """Cuts a stream into messages: the number in the header, and the body."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def cut(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Those that are whole with this piece."""
        self._buffer += data
        at = 0
        while len(self._buffer) - at >= HEADER.size:
            length, number = HEADER.unpack_from(self._buffer, at)
            if len(self._buffer) - at < HEADER.size + length:
                break
            at += HEADER.size + length
            yield number, bytes(self._buffer[at - length : at])
        del self._buffer[:at]


class Front:
    """A front: its socket (None once it has gone), what it says, and descriptors that have come with that."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock: socket.socket | None = sock
        self.said = Frames()
        self.fds: list[int] = []


class Carrier:
    """Carries bytes, and calls ``others`` of further descriptors that become readable; one of these returns True where
    everything has ended. ``release`` is called when the first lab stays: the first front's end is then not the end."""

    def __init__(
        self,
        front: socket.socket,
        ends: Ends,
        others: dict[int, Callable[[], bool]],
        release: Callable[[], object] = lambda: None,
    ) -> None:
        self._first = front
        self._ends = ends
        self._others = others
        self._release = release
        #: By their numbers, which are taken until the guest says that they are over.
        self._fronts = {0: Front(front)}
        self._kept: dict[int, keeping.Kept] = {}
        self._released = False
        self._said = Frames()
        self._poll = select.poll()
        for fd in (ends.out_of, ends.acknowledged, *others):
            self._poll.register(fd, select.POLLIN)
        # Its end alone, until what it says can be passed on.
        self._poll.register(front.fileno(), 0)
        self._waiting = bytearray()
        self._under_way = 0

    def hear(self, wanted: bytes, patience: float | None = None) -> bool:
        """Wait until the guest has said this, and nothing before it; False where it ends instead, or says nothing for
        so many seconds. Raises Closed where the front ends."""
        heard = b""
        until = None if patience is None else time.monotonic() + patience
        while len(heard) < len(wanted):
            left = None if until is None else until - time.monotonic()
            ready = self._ready(left) if left is None or left > 0 else None
            if ready is None:
                return False
            if self._first.fileno() in ready:
                raise Closed("the front has gone")
            if self._ends.out_of in ready:
                heard += os.read(self._ends.out_of, len(wanted) - len(heard))
        return heard == wanted

    def send(self, data: bytes) -> None:
        """Send to the guest, behind what waits."""
        self._waiting += data
        self._pass_on()

    def carry(self) -> None:
        """Carry until the guest has ended, or the front whose labs don't stay, or the last lab has lost its name."""
        try:
            while self._go_on():
                self._pass_on()
        except Closed:
            return
        finally:
            for kept in self._kept.values():
                kept.end()

    def _go_on(self) -> bool:
        """Hear what there is to be heard; whether to go on. Raises Closed where the front has gone."""
        # What fronts say stays with them while the guest can't take it.
        full = bool(self._waiting)
        wanted = 0 if full else select.POLLIN
        fronts = {front.sock.fileno(): number for number, front in self._fronts.items() if front.sock is not None}
        for fd in fronts:
            self._poll.register(fd, wanted)
        ready = self._ready()
        if ready is None:
            return False
        # One that is let in may get the descriptor of one that is lost meanwhile.
        heard = [(number, self._fronts[number]) for fd, number in fronts.items() if fd in ready]
        if self._ends.out_of in ready:
            said = os.read(self._ends.out_of, 1 << 16)
            if not said:
                return False
            for number, body in self._said.cut(said):
                self._tell(number, body)
        for kept in self._kept.values():
            assert kept.listener is not None
            if kept.listener.fileno() in ready:
                self._let_in(kept)
        for number, front in heard:
            if front.sock is not None:
                # While something waits only its end is reported.
                self._listen(number, front, ended=full)
        lost = any(kept.lost for kept in self._kept.values())
        return not lost or any(kept.named for kept in self._kept.values())

    def _ready(self, patience: float | None = None) -> set[int] | None:
        """The descriptors that are ready (after so many seconds perhaps none), once what is not of the stream has been
        seen to; None at the end."""
        left = [kept.left for kept in self._kept.values()] + ([] if patience is None else [patience])
        ready = {fd for fd, _ in self._poll.poll(1000 * min(left) if left else None)}
        if self._ends.acknowledged in ready:
            said = os.read(self._ends.acknowledged, 1 << 16)
            if not said:
                return None
            self._under_way -= STEP * len(said)
        ended = False
        for fd in ready & self._others.keys():
            ended |= self._others[fd]()
        # What was said before an end is still read.
        return None if ended and self._ends.out_of not in ready else ready

    def _listen(self, number: int, front: Front, *, ended: bool) -> None:
        """Take what a front says, or its end. Raises Closed where that is the end of all."""
        assert front.sock is not None
        data = b""
        with contextlib.suppress(ConnectionError):
            if not ended:
                data, fds, *_ = socket.recv_fds(front.sock, 1 << 16, 8, socket.MSG_CMSG_CLOEXEC)
                front.fds += fds
        if not data:
            self._lose(number, front)
        for count, body in front.said.cut(data):
            if not count or self._keep(number, front, json.loads(body)):
                self._waiting += HEADER.pack(len(body), number) + body

    def _keep(self, number: int, front: Front, message: dict[str, Any]) -> bool:
        """A request to have a lab stay, with the socket: the only one that has a descriptor. False where it fails."""
        listener = front.fds.pop(0)
        try:
            kept = keeping.keep(message["lab"], listener, message["path"], None, message["look"])
        except OSError as error:
            self._send(front, frame({"id": message["id"], "error": _system(error)}))
            return False
        finally:
            os.close(listener)
        assert kept.listener is not None
        self._kept[kept.lab] = kept
        self._poll.register(kept.listener.fileno(), select.POLLIN)
        if not self._released:
            self._released = True
            self._release()
        return True

    def _let_in(self, kept: keeping.Kept) -> None:
        assert kept.listener is not None
        sock = admit(kept.listener)
        number = next((one for one in range(1, ABOUT) if one not in self._fronts), None)
        if sock is not None and number is None:
            sock.close()
        elif sock is not None and number is not None:
            self._fronts[number] = Front(sock)
            self._waiting += frame({"came": number, "lab": kept.lab}, ABOUT)

    def _tell(self, number: int, body: bytes) -> None:
        """Hand on what the guest has said. Raises Closed."""
        if number == ABOUT:
            self._learn(json.loads(body))
        elif (front := self._fronts.get(number)) is not None and front.sock is not None:
            self._send(front, HEADER.pack(len(body), 0) + body)

    def _send(self, front: Front, data: bytes) -> None:
        """Send to a front. One that has connected and does not read has gone, too. Raises Closed."""
        try:
            if front.sock is not None:
                front.sock.sendall(data)
        except OSError:
            self._lose(next(number for number, one in self._fronts.items() if one is front), front)

    def _lose(self, number: int, front: Front) -> None:
        """A front has gone. Raises Closed where that is the end of all."""
        if not self._released:
            raise Closed("the front has gone")
        self._close(front)
        self._waiting += frame({"gone": number}, ABOUT)

    def _learn(self, message: dict[str, int]) -> None:
        """Something that the guest says about fronts or labs."""
        if "over" in message:
            self._close(self._fronts.pop(message["over"]))
        elif (kept := self._kept.pop(message["ended"], None)) is not None and kept.listener is not None:
            self._poll.unregister(kept.listener.fileno())
            kept.end()

    def _close(self, front: Front) -> None:
        if front.sock is not None:
            self._poll.unregister(front.sock.fileno())
            front.sock.close()
            front.sock = None
            for fd in front.fds:
                os.close(fd)

    def _pass_on(self) -> None:
        room = WINDOW - self._under_way
        if self._waiting and room > 0:
            # A pipe holds more than the window.
            sent = os.write(self._ends.into, self._waiting[:room])
            self._under_way += sent
            del self._waiting[:sent]


def _system(error: OSError) -> dict[str, Any]:
    return {"kind": "system", "errno": error.errno, "message": in_words(error)}
