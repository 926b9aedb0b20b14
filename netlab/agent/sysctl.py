"""Sysctls of a network namespace: only what differs from a fresh namespace's own values is written."""

from __future__ import annotations

import errno
import functools
import os
from collections.abc import Iterable, Sequence

from netlab.agent import system
from netlab.agent.errors import BuildFailed
from netlab.agent.netns import Netns
from netlab.contract.types import Places, Where

#: Writing one of these resets others (devinet_sysctl_forward, addrconf_fixup_forwarding): then all are written.
_RESETTING = ("net/ipv4/ip_forward", "net/ipv4/conf/all/forwarding", "net/ipv6/conf/all/forwarding")
#: These exist only where br_netfilter is loaded; where it isn't they are as good as 0.
_BRIDGE = "net/bridge/"
_ROOT = "/proc/sys/"
#: As much of a value as is read: a list of ports can be longer, numbers are not.
_LONGEST = 4096


#: The same in every namespace that is made, whatever the machine has (icmp_sk_init, igmp_net_init, tcp_sk_init,
#: brnf_init_net, addrconf_init_net).
_ALIKE = frozenset(
    (
        "net/bridge/bridge-nf-call-arptables",
        "net/bridge/bridge-nf-call-ip6tables",
        "net/bridge/bridge-nf-call-iptables",
        "net/ipv4/icmp_echo_ignore_all",
        "net/ipv4/icmp_errors_use_inbound_ifaddr",
        "net/ipv4/igmp_link_local_mcast_reports",
        "net/ipv4/tcp_orphan_retries",
    )
)


class Sysctls:
    """What the namespaces of an agent start with.

    A new namespace inherits some of the machine's values at that moment: IPv4's ``all`` and ``default`` always, others
    by net.core.devconf_inherit_init_net (devinet_init_net, addrconf_init_net, tcp_sk_init).
    """

    def __init__(self) -> None:
        self._alike: dict[str, str | None] = {}
        #: What was something else the last time is written without a look.
        self._written: set[tuple[str, str]] = set()
        self._inherited: dict[str, str | None] = {}

    def look(self, spaces: Sequence[Netns], wanted: Iterable[tuple[str, str]]) -> None:
        """Read the values of namespaces that were just made one after the other, before anything is written in them.

        Reading each would take longer than making it. So the first and the last are read, and the others only if these
        two differ: then the machine's own values have changed meanwhile.
        """
        paths = [path for path, value in wanted if path not in _ALIKE and (path, value) not in self._written]
        with spaces[0]:
            self._inherited = {path: _readable(path) for path in paths}
        if len(spaces) > 1:
            with spaces[-1]:
                if any(_readable(path) != value for path, value in self._inherited.items()):
                    self._inherited = {}

    def prepare(self, wanted: Iterable[tuple[str, str]]) -> list[str]:
        """Write what differs from a fresh namespace's values; returns paths that this kernel doesn't have. Raises
        OSError.

        The calling thread must be in that namespace, which must be one of those that `look` saw last.
        """
        pairs = tuple(wanted)
        fresh = {path: self._fresh(path, value) for path, value in pairs}
        missing = [
            path for path, value in pairs if fresh[path] is None and not (path.startswith(_BRIDGE) and value == "0")
        ]
        changed = [(path, value) for path, value in pairs if fresh[path] not in (None, value)]
        if any(path in _RESETTING for path, _ in changed):
            changed = [(path, value) for path, value in pairs if fresh[path] is not None]
        else:
            self._written.update(changed)
        for path, value in changed:
            write(path, value)
        return missing

    def _fresh(self, path: str, value: str) -> str | None:
        """What the namespace has; None of what it doesn't have, "" where that isn't looked at."""
        if (path, value) in self._written:
            return ""
        if path in _ALIKE:
            if path not in self._alike:
                self._alike[path] = _readable(path)
            return self._alike[path]
        return self._inherited[path] if path in self._inherited else _readable(path)


def _readable(path: str) -> str | None:
    """The value; "" of what can't be read: route/flush never, stable_secret not before it has a value."""
    try:
        return read(path)
    except OSError:
        return ""


def read(path: str) -> str | None:
    """The value at a path below /proc/sys in the calling thread's namespace; None where there is no such path."""
    try:
        # Not by `open`, which takes three times as long: a lab reads thousands.
        fd = os.open(f"{_ROOT}{path}", os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        return os.read(fd, _LONGEST).decode().strip()
    finally:
        os.close(fd)


@functools.cache
def has_ipv6() -> bool:
    """Whether this kernel has IPv6 at all (ipv6.disable)."""
    return read("net/ipv6/conf/all/disable_ipv6") is not None


def write(path: str, value: str) -> None:
    """Write a value below /proc/sys in the calling thread's namespace. Raises OSError, with the path in it."""
    system.write(f"{_ROOT}{path}", value)


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
        if path.startswith(_BRIDGE):
            failed.hint, failed.lacking = "sudo modprobe br_netfilter", True
    return failed
