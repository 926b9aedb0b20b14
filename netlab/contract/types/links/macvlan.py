"""Children of the macvlan driver."""

from __future__ import annotations

from typing import ClassVar, get_args

from netlab.contract.dataclass import dataclass
from netlab.contract.types.links.base import Link, Queue
from netlab.contract.types.links.child import Child
from netlab.contract.types.parts import MacvlanMode

#: The length of a parent's broadcast queue unless a child asks for another (MACVLAN_DEFAULT_BC_QUEUE_LEN).
QUEUE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Macvlan(Child):
    """A macvlan child; ``mode`` None: the kernel's (vepa).

    ``bclim`` is the parent's, so all its children have the same; None: the kernel's (1).
    """

    kind: ClassVar[str] = "macvlan"
    queues: ClassVar[frozenset[Queue]] = frozenset({"workqueue"})
    takes: ClassVar[str] = "macvlan"
    passes_on: ClassVar[bool] = True
    modes: ClassVar[tuple[str, ...]] = get_args(MacvlanMode)
    port_flags: ClassVar[tuple[str, ...]] = ("nodst", "nopromisc")
    mode: MacvlanMode | None = "bridge"
    allowed_macs: tuple[str, ...] = ()
    nodst: bool = False
    nopromisc: bool = False
    bcqueuelen: int | None = None
    bclim: int | None = None

    @property
    def effective_mode(self) -> MacvlanMode:
        """The mode the kernel uses: vepa where none was given (macvlan_common_newlink)."""
        return self.mode or "vepa"

    @property
    def mac_of(self) -> str | None:
        return self.parent if self.mode == "passthru" else None

    @property
    def gives_mac(self) -> bool:
        return self.mac_of is not None

    @property
    def hears_only(self) -> tuple[str, ...] | None:
        return self.allowed_macs if self.mode == "source" else None

    @property
    def takes_all(self) -> bool:
        return self.mode == "passthru"

    @property
    def queue_length(self) -> int:
        return QUEUE if self.bcqueuelen is None else self.bcqueuelen

    @property
    def argv(self) -> tuple[str, ...]:
        mode = ("mode", self.mode) if self.mode else ()
        queue = () if self.bcqueuelen is None else ("bcqueuelen", str(self.bcqueuelen))
        limit = () if self.bclim is None else ("bclim", str(self.bclim))
        flag = "nodst" if self.nodst else "nopromisc" if self.nopromisc else None
        return ("type", self.kind, *mode, *(("flag", flag) if flag else ()), *queue, *limit)

    def settings(self, before: Link | None) -> tuple[tuple[str, ...], ...]:
        allowed = ("macaddr", "set", *self.allowed_macs) if self.allowed_macs else ("macaddr", "flush")
        if not isinstance(before, Macvlan):
            return (allowed,) if self.allowed_macs else ()
        found: list[tuple[str, ...]] = []
        if before.effective_mode != self.effective_mode:
            found.append(("mode", self.effective_mode))
        if before.nodst != self.nodst:
            found.append(("flag", "nodst" if self.nodst else "null"))
        if before.bcqueuelen != self.bcqueuelen:
            found.append(("bcqueuelen", str(self.queue_length)))
        # Leaving source mode empties the list (macvlan_changelink): entering it, the list is set anew.
        entered = self.effective_mode == "source" != before.effective_mode
        if before.allowed_macs != self.allowed_macs or (entered and self.allowed_macs):
            found.append(allowed)
        return tuple(found)

    @property
    def words(self) -> tuple[str, ...]:
        return (f"{self.kind} {self.effective_mode} on {self.parent}",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Macvtap(Macvlan):
    """A macvtap child: a macvlan with a character device. While no process opens that, it is an ordinary macvlan."""

    kind: ClassVar[str] = "macvtap"
