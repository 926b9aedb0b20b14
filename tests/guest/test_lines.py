"""The two serial lines, without a kernel: what the machine's side sends, and when it ends."""

from __future__ import annotations

import os
import select
import socket
import threading

import pytest

from netlab.agent.guest.carrier import Carrier, Ends
from netlab.agent.guest.lines import STEP, WINDOW
from netlab.contract.wire import frame


class Guest:
    """The guest's ends of the pipes."""

    def __init__(self) -> None:
        self.into, into = os.pipe()
        acknowledged, self.acknowledge = os.pipe()
        out_of, self.out = os.pipe()
        self.ends = Ends(into, acknowledged, out_of)

    def unread(self, wanted: int) -> int:
        """How many bytes wait for the guest: so many are waited for, and then whether more come."""
        data = b""
        while select.select([self.into], [], [], 30 if len(data) < wanted else 0.2)[0]:
            data += os.read(self.into, 1 << 16)
        return len(data)


@pytest.fixture
def carried() -> tuple[socket.socket, Guest, threading.Thread]:
    """A front's socket, a guest, and the thread that carries between them."""
    mine, theirs = socket.socketpair()
    guest = Guest()
    thread = threading.Thread(target=Carrier(theirs, guest.ends, {}).carry, daemon=True)
    thread.start()
    return mine, guest, thread


def test_window(carried: tuple[socket.socket, Guest, threading.Thread]) -> None:
    """No more than the window is under way before the guest has read some, and then as much as it says."""
    front, guest, _ = carried
    front.sendall(bytes(3 * WINDOW))
    assert guest.unread(WINDOW) == WINDOW
    os.write(guest.acknowledge, b".")
    assert guest.unread(STEP) == STEP


def test_front_goes_while_the_guest_hangs(carried: tuple[socket.socket, Guest, threading.Thread]) -> None:
    """The end of the front is noticed, even with bytes that a guest doesn't take."""
    front, guest, thread = carried
    front.sendall(bytes(3 * WINDOW))
    assert guest.unread(WINDOW) == WINDOW
    front.close()
    thread.join(30)
    assert not thread.is_alive()


def test_guest_goes(carried: tuple[socket.socket, Guest, threading.Thread]) -> None:
    """What the guest said before its end still reaches the front."""
    front, guest, thread = carried
    words = frame({"the": "last words"})
    os.write(guest.out, words)
    os.close(guest.out)
    thread.join(30)
    assert not thread.is_alive()
    assert front.recv(100) == words
