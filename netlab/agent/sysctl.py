"""Sysctls of a network namespace: only what differs from a fresh namespace's own values is written."""

from __future__ import annotations

import os
from collections.abc import Iterable

from netlab.agent.netns import Netns

#: Writing one of these resets others (devinet_sysctl_forward, addrconf_fixup_forwarding): then all are written.
_RESETTING = ("net/ipv4/ip_forward", "net/ipv4/conf/all/forwarding", "net/ipv6/conf/all/forwarding")
#: These exist only where br_netfilter is loaded; where it isn't there is nothing to switch off.
_OPTIONAL = "net/bridge/"


class Sysctls:
    """What a fresh namespace starts with is read once per path: every namespace of this agent starts alike.

    IPv4's ``all`` and ``default`` are copied from the machine's own namespace at creation (inet_init_net,
    net.core.devconf_inherit_init_net), so the values cannot be known without a look.
    """

    def __init__(self) -> None:
        self._fresh: dict[str, str | None] = {}

    def prepare(self, ns: Netns, wanted: Iterable[tuple[str, str]]) -> list[str]:
        """Write what a fresh namespace has otherwise; paths that this kernel doesn't have. Raises OSError.

        The calling thread must be in ``ns``.
        """
        pairs = tuple(wanted)
        for path, _ in pairs:
            if path not in self._fresh:
                self._fresh[path] = read(path)
        missing = [path for path, _ in pairs if self._fresh[path] is None and not path.startswith(_OPTIONAL)]
        changed = [(path, value) for path, value in pairs if self._fresh[path] not in (None, value)]
        if any(path in _RESETTING for path, _ in changed):
            changed = [(path, value) for path, value in pairs if self._fresh[path] is not None]
        for path, value in changed:
            write(path, value)
        return missing


def read(path: str) -> str | None:
    """The value at a path below /proc/sys in the calling thread's namespace; None where there is no such path."""
    try:
        with open(f"/proc/sys/{path}") as file:
            return file.read().strip()
    except FileNotFoundError:
        return None


def write(path: str, value: str) -> None:
    """Write a value below /proc/sys in the calling thread's namespace. Raises OSError."""
    fd = os.open(f"/proc/sys/{path}", os.O_WRONLY)
    try:
        os.write(fd, value.encode())
    finally:
        os.close(fd)
