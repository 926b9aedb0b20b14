"""Sysctls of a network namespace: only what differs from a fresh namespace's own values is written."""

from __future__ import annotations

import errno
import functools
import os
from collections.abc import Iterable

from netlab.agent.errors import BuildFailed
from netlab.agent.netns import Netns
from netlab.plan.types import Places, Where

#: Writing one of these resets others (devinet_sysctl_forward, addrconf_fixup_forwarding): then all are written.
_RESETTING = ("net/ipv4/ip_forward", "net/ipv4/conf/all/forwarding", "net/ipv6/conf/all/forwarding")
#: These exist only where br_netfilter is loaded; where it isn't there is nothing to switch off.
_OPTIONAL = "net/bridge/"
_ROOT = "/proc/sys/"


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
        with open(f"{_ROOT}{path}") as file:
            return file.read().strip()
    except FileNotFoundError:
        return None


@functools.cache
def has_ipv6() -> bool:
    """Whether this kernel has IPv6 at all (ipv6.disable)."""
    return read("net/ipv6/conf/all/disable_ipv6") is not None


def write(path: str, value: str) -> None:
    """Write a value below /proc/sys in the calling thread's namespace. Raises OSError, with the path in it."""
    file = f"{_ROOT}{path}"
    fd = os.open(file, os.O_WRONLY)
    try:
        os.write(fd, value.encode())
    except OSError as error:
        raise OSError(error.errno, error.strerror, file) from error
    finally:
        os.close(fd)


def path_of(error: OSError) -> str:
    """The path below /proc/sys that an error is about."""
    return str(error.filename or "").removeprefix(_ROOT)


def dotted(path: str) -> str:
    """The key as sysctl(8) writes it."""
    return path.translate(str.maketrans("./", "/."))


def missing(path: str) -> OSError:
    """What the kernel says of a path that it doesn't have."""
    return OSError(errno.ENOENT, os.strerror(errno.ENOENT), f"{_ROOT}{path}")


def command(ns: str, path: str, value: str) -> str:
    """What a person would type."""
    return f"ip netns exec {ns} sysctl -w {dotted(path)}={value}"


def refused(error: OSError, ns: str, path: str, value: str, places: Places, where: Where | None) -> BuildFailed:
    """What to tell of a sysctl that the kernel doesn't have or doesn't take, at its own place."""
    message = f"{dotted(path)}: {error.strerror or error}"
    failed = BuildFailed(error.errno or 0, message, command(ns, path, value), ns, dict(places).get(path, where))
    if error.errno == errno.ENOENT:
        failed.hint = "a namespace of this kernel has no such sysctl: leave it out, or run under a kernel where it has"
    return failed
