"""Tunnels of the vxlan driver."""

from __future__ import annotations

import struct
from collections.abc import Callable, Set
from typing import ClassVar

from netlab.contract.dataclass import dataclass
from netlab.contract.types.links.base import Link, Queue

#: The port that IANA gave to it; the driver's own default is an older one (vxlan_port).
PORT = 4789
#: Of the entry for all MACs that have none.
ANY_MAC = "00:00:00:00:00:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vxlan(Link):
    """An end of a VXLAN: its frames travel in UDP packets that leave by ``dev``, whose link id that is.

    ``vni`` is the number of the network. ``remotes`` get what is for no known MAC, or else a multicast ``group`` does;
    ``entries`` are static: a MAC and the end behind which it is. ``local`` is the source of the packets.
    """

    kind: ClassVar[str] = "vxlan"
    queues: ClassVar[frozenset[Queue]] = frozenset({"tunnel"})
    vni: int
    dev: str
    remotes: tuple[str, ...] = ()
    group: str | None = None
    local: str | None = None
    dstport: int = PORT
    learning: bool = True
    entries: tuple[tuple[str, str], ...] = ()

    @property
    def underlay(self) -> str:
        return self.dev

    @property
    def overlay(self) -> str:
        return f"vxlan {self.vni}"

    @property
    def ends(self) -> tuple[tuple[str, str], ...]:
        return (*((ANY_MAC, to) for to in self.remotes or filter(None, (self.group,))), *self.entries)

    @property
    def learns(self) -> bool:
        return self.learning

    def carries(self, find: Callable[[str], Link | None], live: Set[str]) -> bool:
        """Nothing ever takes its carrier away, not even being down."""
        return True

    def wrapped(self, frame: bytes) -> tuple[int, bytes]:
        """The frame behind a VXLAN header (RFC 7348): flags of which one says that the number counts, the number."""
        return self.dstport, struct.pack("!II", 0x08000000, self.vni << 8) + frame

    @property
    def argv(self) -> tuple[str, ...]:
        first = self.remotes[:1]
        words: tuple[str, ...] = ("type", self.kind, "id", str(self.vni), "dev", self.dev.partition(":")[2])
        for word, value in (("remote", first[0] if first else None), ("group", self.group), ("local", self.local)):
            words += (word, value) if value else ()
        return (*words, "dstport", str(self.dstport), *(() if self.learning else ("nolearning",)))

    @property
    def entries_argv(self) -> tuple[tuple[str, ...], ...]:
        # The first is given when it is made.
        entries = self.ends[1:] if self.remotes or self.group else self.ends
        return tuple((mac, "dev", self.ifname, "dst", end, "self", "permanent") for mac, end in entries)

    @property
    def words(self) -> tuple[str, ...]:
        to = self.group or ", ".join(self.remotes)
        return (f"vxlan {self.vni} by {self.dev}" + (f" to {to}" if to else ""),)
