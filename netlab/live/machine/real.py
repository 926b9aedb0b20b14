"""How the names of a topology file relate to the machine that it is a picture of."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Real:
    """``known`` has the other names of hosts and containers; ``home`` is this machine's own namespace, if it is there.

    ``netns`` are those that ``ip netns`` has a name for, ``pids`` processes in them. ``docker``: some are Docker's.
    """

    home: str = ""
    known: Mapping[str, str] = field(default_factory=dict)
    netns: Mapping[str, str] = field(default_factory=dict)
    pids: Mapping[str, int] = field(default_factory=dict)
    docker: bool = False
    #: The key of each namespace, by its name in the file.
    keys: Mapping[str, str] = field(default_factory=dict)

    def name(self, asked: str) -> str:
        """What a name of the command line is called in the file: ``.``, a container's, that of a namespace."""
        whole, colon, interface = asked.partition(":")
        return f"{self.known[whole]}{colon}{interface}" if whole in self.known else asked

    def place(self, host: str) -> str:
        """Where commands for a host or switch are to be run, in words."""
        if host == self.home:
            return "on this machine"
        if host in self.netns:
            return f"in the namespace {self.netns[host]} (ip netns exec {shlex.quote(self.netns[host])} sh)"
        if host in self.pids:
            return f"in the namespace of {host} (nsenter -t {self.pids[host]} -n sh)"
        return f"on {host}, which is not of this machine, but assumed"

    def first(self, host: str, containers: Sequence[str]) -> Iterator[str]:
        """What gives containers the names that the commands use, where ``ip netns`` doesn't know them."""
        for one in containers:
            whole = f"{host}/{one}"
            if self.netns.get(whole) != one and whole in self.pids:
                yield shlex.join(["ip", "netns", "attach", one, str(self.pids[whole])])
