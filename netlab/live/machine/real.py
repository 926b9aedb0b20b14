"""How the names of a topology file relate to the machine that it is a picture of."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING

from netlab.contract.dataclass import dataclass

if TYPE_CHECKING:
    from netlab.contract.types import State

#: The words of ip(8) and bridge(8) behind which a device of the namespace stands.
_DEVICES = ("dev", "master", "link")


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
    #: Interface → what the machine calls the port that it is plugged into; switch → what it calls the bridge.
    ports: Mapping[str, str] = field(default_factory=dict)
    bridges: Mapping[str, str] = field(default_factory=dict)
    #: Hosts that are not of this machine, and are assumed.
    assumed: frozenset[str] = frozenset()

    def name(self, asked: str) -> str:
        """What a name of the command line is called in the file: ``.``, a container's, that of a namespace."""
        whole, colon, interface = asked.partition(":")
        return f"{self.known[whole]}{colon}{interface}" if whole in self.known else asked

    def ends(self) -> list[str]:
        """What the namespaces may be called on the command line, the best name of each first."""
        return list(dict.fromkeys([*(["."] if self.home else []), *self.known]))

    def devices(self, state: State) -> dict[str, dict[str, str]]:
        """By namespace, what devices that the file doesn't name (ports, bridges of switches) are called in a lab of it,
        and on the machine."""
        names: dict[str, dict[str, str]] = {}
        for link in state.links:
            if link.port_place is not None and link.id in self.ports:
                names.setdefault(link.port_place.namespace, {})[link.port_place.ifname] = self.ports[link.id]
            if link.namespace in self.bridges and link.kind == "bridge":
                names.setdefault(link.namespace, {})[link.ifname] = self.bridges[link.namespace]
        return names

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


def renamed(line: str, names: Mapping[str, str]) -> str:
    """A command with other names of devices, where it is of one line and for the namespace that it is run in."""
    if not names or "\n" in line or line.startswith("#"):
        return line
    words = shlex.split(line)
    if words[1:2] == ["-n"]:
        return line
    found = [
        names.get(word, word) if before in _DEVICES else word for before, word in zip(["", *words], words, strict=False)
    ]
    return line if found == words else shlex.join(found)
