"""What a lab has handed out, and closes when it ends: sockets, and descriptors of where programs live."""

from __future__ import annotations

import threading
import weakref
from socket import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netlab.client import Lab as Handle
    from netlab.client import Place


class Kept:
    """Of one lab."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: weakref.WeakSet[socket] = weakref.WeakSet()
        self._places: dict[str, Place] = {}

    def socket(self, one: socket) -> socket:
        """Have a socket closed with the lab."""
        self._sockets.add(one)
        return one

    def place(self, handle: Handle, namespace: str) -> Place:
        """Where a namespace's programs live: asked once, and again where its first process has ended."""
        with self._lock:
            known = self._places.get(namespace)
            if known is not None and not known.alive:
                self._places.pop(namespace).close()
                known = None
            if known is None:
                known = self._places[namespace] = handle.locate(namespace)
            return known

    def close(self) -> None:
        """Close everything."""
        with self._lock:
            for one in list(self._sockets):
                one.close()
            for place in self._places.values():
                place.close()
            self._places.clear()
