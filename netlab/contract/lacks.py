"""What a machine may lack, as both processes tell it."""

from __future__ import annotations

import errno
import os
from typing import Any

#: How the kernel says that there is too little of something: the machine's lack, and no fault of who asked.
SCARCE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN})
#: The same of a part of a lab, where namespaces and buffers may run out, too.
SCARCE_IN_LABS = SCARCE | {errno.ENOBUFS, errno.ENOSPC}
#: The shell's own exit codes (POSIX) for a program that isn't there, and one that can't be executed.
NOT_FOUND, NOT_EXECUTABLE = 127, 126
#: The package that brings a program.
PACKAGES = {
    "iperf3": "iperf3", "ip": "iproute2", "brctl": "bridge-utils", "nft": "nftables",
    "qemu-system-x86_64": "qemu-system-x86",
}  # fmt: skip
#: The module that brings a kind of link or of queueing discipline, where it isn't called like the kind.
MODULES = {"vlan": "8021q", "bond": "bonding", "netem": "sch_netem", "tbf": "sch_tbf", "htb": "sch_htb"}


def search_path() -> str:
    """Where programs are looked for: an ordinary user's PATH often lacks the folders of administrators' tools."""
    return f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


def installed(program: str) -> str | None:
    """Where a program is; None where it isn't installed."""
    import shutil

    return shutil.which(program, path=search_path())


def install(program: str) -> str:
    """What installs a program."""
    return f"sudo apt-get install {PACKAGES.get(program, program)}"


def kind_fix(kind: str) -> str:
    """What helps where a kernel hasn't a kind of link."""
    return f"sudo modprobe {MODULES.get(kind, kind)}, or take a kernel that has it: netlab run --kernel 6.12"


def finding(name: str, ok: bool, detail: str, fix: str = "", *, required: bool) -> dict[str, Any]:
    """What `netlab doctor` says of one thing; ``fix`` stands only where it isn't ``ok``."""
    return {"name": name, "ok": ok, "detail": detail, "fix": "" if ok else fix, "required": required}
