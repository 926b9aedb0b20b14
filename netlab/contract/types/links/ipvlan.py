"""Children of the ipvlan driver."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from netlab.contract.dataclass import dataclass
from netlab.contract.kernels import Version
from netlab.contract.types.links.base import FLAGS, Link, Queue
from netlab.contract.types.links.child import Child

#: The first Linux in which a child loses its carrier with a parent that is set down (commit 229783970838).
FOLLOWS = Version(6, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ipvlan(Child):
    """An ipvlan child: it shares the MAC of ``parent``, and gets what is for its IP addresses.

    ``mode`` and ``flag`` are the parent's, so all its children have the same. None: the kernel's (l3, bridge).
    """

    kind: ClassVar[str] = "ipvlan"
    queues: ClassVar[frozenset[Queue]] = frozenset({"workqueue"})
    #: ipvlan_xmit_mode_l2, ipvlan_multicast_enqueue.
    queues_own: ClassVar[bool] = True
    no_port: ClassVar[str] = "EINVAL"
    no_vlan: ClassVar[str] = "EOPNOTSUPP"
    takes: ClassVar[str] = "ipvlan"
    modes: ClassVar[tuple[str, ...]] = ("l2", "l3", "l3s")
    port_flags: ClassVar[tuple[str, ...]] = ("bridge", "private", "vepa")
    follows: ClassVar[bool] = True
    mode: str | None = None
    flag: str | None = None

    @property
    def effective_mode(self) -> str:
        """The mode the kernel uses: l3 where none was given (ipvlan_link_new)."""
        return self.mode or "l3"

    @property
    def effective_flag(self) -> str:
        """What becomes of frames between siblings: bridge where nothing was given."""
        return self.flag or "bridge"

    @property
    def flags(self) -> dict[str, bool]:
        """In l3 and l3s it is made without ARP (ipvlan_set_port_mode)."""
        new = dict(zip(FLAGS, (self.effective_mode == "l2", False, False, True), strict=True))
        return {name: value for name in FLAGS if (value := getattr(self, name)) != new[name]}

    @property
    def mac_of(self) -> str:
        return self.parent

    @property
    def carries_frames(self) -> bool:
        """In l3 and l3s only IP packets leave it (ipvlan_process_outbound), and only those for it come in."""
        return self.effective_mode == "l2"

    @property
    def drops(self) -> bool:
        """With the flag private also what is for a sibling."""
        return not self.carries_frames or self.flag == "private"

    @property
    def seen(self) -> bool:
        """In l3s a packet becomes the child's behind all packet sockets (ipvlan_nf_input)."""
        return self.effective_mode != "l3s"

    def conflicts(self, other: Link) -> Iterator[tuple[str, str, str]]:
        """Mode and flag are their parent's, and of its children only one can have an address."""
        if not isinstance(other, Ipvlan):
            yield from Link.conflicts(self, other)
            return
        for key, mine, theirs in (
            ("mode", self.effective_mode, other.effective_mode),
            ("flag", self.effective_flag, other.effective_flag),
        ):
            if mine != theirs:
                message = f"{self.id} has {key} {mine}, {other.id} {theirs}: on one parent all have the same"
                yield key, message, f"'{key}: {theirs}'"
        for ip in sorted({one.ip for one in self.addresses} & {one.ip for one in other.addresses}):
            message = f"{other.id}, on the same parent, has the address {ip} (EADDRINUSE)"
            yield "addresses", message, "ipvlan finds a child by its address"

    def goes_on(self, kernel: Version) -> bool:
        """Before Linux 6.10 nobody told a child that its parent was set down (ipvlan_device_event, NETDEV_DOWN)."""
        return kernel < FOLLOWS

    @property
    def argv(self) -> tuple[str, ...]:
        mode = ("mode", self.mode) if self.mode or self.flag else ()
        return ("type", self.kind, *(word or self.effective_mode for word in mode), *filter(None, (self.flag,)))

    @property
    def words(self) -> tuple[str, ...]:
        return (f"{self.kind} {self.effective_mode} {self.effective_flag} on {self.parent}",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ipvtap(Ipvlan):
    """An ipvtap child: an ipvlan with a character device. While no process opens that, it is an ordinary ipvlan."""

    kind: ClassVar[str] = "ipvtap"
