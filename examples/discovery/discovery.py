"""A discovery daemon: says hello on every network it is on, and tells whom it has heard.

``python discovery.py NAME ADDRESS/PREFIX`` prints a line ``ready`` when it listens, ``found NAME ADDRESS`` for each
neighbour it hears of for the first time, and ``lost NAME`` when one says goodbye. It greets when it starts, and answers
each greeting it hears with one of its own, to the sender alone. SIGTERM makes it say goodbye.
"""

from __future__ import annotations

import ipaddress
import json
import signal
import socket
import sys
from typing import NoReturn

PORT = 5670


def message(kind: str, name: str) -> bytes:
    """A datagram: ``kind`` is ``hello``, ``answer`` or ``bye``."""
    return json.dumps({"discovery": 1, "kind": kind, "name": name}).encode()


def parse(data: bytes) -> tuple[str, str] | None:
    """Kind and name of a datagram; None where it is not one of ours."""
    try:
        said = json.loads(data)
        if said["discovery"] == 1 and said["kind"] in ("hello", "answer", "bye") and isinstance(said["name"], str):
            return said["kind"], said["name"]
    except (ValueError, KeyError, TypeError):
        pass
    return None


class Daemon:
    """One daemon on one address."""

    def __init__(self, name: str, interface: ipaddress.IPv4Interface) -> None:
        self.name = name
        self.known: dict[str, str] = {}
        self.everybody = str(interface.network.broadcast_address), PORT
        self.mine = str(interface.ip)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self.sock.bind(("0.0.0.0", PORT))

    def run(self) -> NoReturn:
        """Greet, then listen for good."""
        print("ready", flush=True)
        self.shout("hello")
        # A signal that comes right before a call interrupts nothing: it is handled when the call is over.
        self.sock.settimeout(1)
        while True:
            try:
                data, (address, _port) = self.sock.recvfrom(2048)
            except TimeoutError:
                continue
            if address != self.mine and (said := parse(data)) is not None:
                self.heard(*said, address)

    def heard(self, kind: str, name: str, address: str) -> None:
        """Somebody said something."""
        if kind == "bye":
            if self.known.pop(name, None) is not None:
                print(f"lost {name}", flush=True)
            return
        if self.known.get(name) != address:
            self.known[name] = address
            print(f"found {name} {address}", flush=True)
        if kind == "hello":
            self.sock.sendto(message("answer", self.name), (address, PORT))

    def shout(self, kind: str) -> None:
        """Say it to everybody; without a link there is nobody."""
        try:
            self.sock.sendto(message(kind, self.name), self.everybody)
        except OSError as error:
            print(f"nobody hears: {error.strerror}", file=sys.stderr, flush=True)


def main() -> None:
    """Start a daemon."""
    daemon = Daemon(sys.argv[1], ipaddress.IPv4Interface(sys.argv[2]))

    def terminate(*_: object) -> NoReturn:
        sys.exit(0)

    signal.signal(signal.SIGTERM, terminate)
    try:
        daemon.run()
    except SystemExit:
        # Not in the handler: it may have come in the middle of a line that was being printed.
        daemon.shout("bye")
        raise


if __name__ == "__main__":
    main()
