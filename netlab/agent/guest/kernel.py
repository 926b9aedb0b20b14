"""A kernel for a guest, as the front describes it."""

from __future__ import annotations

from netlab.contract.dataclass import dataclass

#: What every guest's kernel is told: no device that nobody asked for (fallback tunnels would be in every namespace), no
#: words, no second life.
COMMON = ("quiet", "panic=-1", "fb_tunnels=none", "bonding.max_bonds=0", "dummy.numdummies=0", "ifb.numifbs=0")


@dataclass(frozen=True)
class Kernel:
    """Its name for messages, the program or image, its folder of modules (or ''), the guest's memory in MiB, further
    arguments, whether its processes outlive it; of a kernel for a machine (``vmlinuz``) the files of the modules by
    which it finds its root folder and its lines, in order (None: it is a User-Mode Linux)."""

    name: str
    program: str
    modules: str
    memory: int
    arguments: list[str]
    leaves: bool
    early: list[str] | None
