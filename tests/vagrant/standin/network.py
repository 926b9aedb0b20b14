"""The internal networks of the stand-in's machines: a hub that keeps to each adapter's promiscuous policy.

``python network.py FOLDER``. A unicast frame reaches an adapter only if it is for the adapter's own MAC, or the policy
isn't ``deny``: that is what VirtualBox does with frames for a macvlan child. It ends when no machine has been there
for a while.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

#: How often machines are looked for, and after how long without any it ends, in seconds.
LOOK, LONELY = 0.3, 60.0


@dataclass
class Adapter:
    """One machine's adapter: its end of the wire, and what it lets in."""

    sock: socket.socket
    guest: str
    network: str
    mac: bytes
    policy: str

    def admits(self, frame: bytes) -> bool:
        """Whether a frame gets in."""
        return bool(frame[0] & 1) or frame[:6] == self.mac or self.policy != "deny"


def refresh(folder: Path, adapters: dict[str, Adapter]) -> None:
    """Plug in what is new, take out what has gone; policies may have changed."""
    found = set()
    for path in folder.glob("*.machine"):
        machine = json.loads(path.read_text())
        if not os.path.exists(f"/proc/{machine['pid']}") or not machine["pid"]:
            continue
        given = machine["settings"]
        for key in (key for key in given if key.startswith("nic") and given[key] == "intnet"):
            number = key.removeprefix("nic")
            wire = f"{folder}/{machine['uuid']}-{number}"
            found.add(wire)
            if wire not in adapters:
                sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
                Path(f"{wire}.net").unlink(missing_ok=True)
                sock.bind(f"{wire}.net")
                adapters[wire] = Adapter(sock, f"{wire}.vm", "", b"", "deny")
            adapter = adapters[wire]
            adapter.network = given.get(f"intnet{number}", "intnet")
            adapter.mac = bytes.fromhex(given[f"macaddress{number}"])
            adapter.policy = given.get(f"nicpromisc{number}", "deny")
    for wire in set(adapters) - found:
        adapters.pop(wire).sock.close()


def forward(source: Adapter, adapters: dict[str, Adapter]) -> None:
    """Every frame that waits at one adapter goes to all others of its network that let it in."""
    with contextlib.suppress(BlockingIOError):
        while True:
            frame = source.sock.recv(1 << 16)
            for other in adapters.values():
                if other is not source and other.network == source.network and other.admits(frame):
                    # A guest that isn't up yet, or is too slow, loses frames as on any wire.
                    with contextlib.suppress(OSError):
                        source.sock.sendto(frame, other.guest)


def main(folder: Path) -> None:
    """Until nobody has been there for a while."""
    adapters: dict[str, Adapter] = {}
    seen = looked = time.monotonic()
    while time.monotonic() < seen + LONELY:
        if time.monotonic() > looked + LOOK or not adapters:
            refresh(folder, adapters)
            looked = time.monotonic()
        if adapters:
            seen = looked
        ready, _, _ = select.select([adapter.sock for adapter in adapters.values()], [], [], LOOK)
        for adapter in list(adapters.values()):
            if adapter.sock in ready:
                forward(adapter, adapters)


main(Path(sys.argv[1]))
