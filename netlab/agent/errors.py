"""What the agent tells the front when something can't be done."""

from __future__ import annotations

import errno as errors
import os
from typing import Any

from netlab.contract.lacks import PACKAGES, SCARCE_IN_LABS, installed, kind_fix
from netlab.contract.types import Where

HINTS = {
    errors.EOPNOTSUPP: "this kernel can't do that: take another one, by --kernel",
    errors.EADDRINUSE: "this MAC is used by another child of the same parent, or by the parent: give it one of its own",
    errors.EINVAL: "",
    errors.EBUSY: "the lower device already has a master or another user",
    errors.EPERM: "netlab doctor tells what this user may do on this machine",
    errors.ENETUNREACH: "a gateway must be on a network of an interface that is up",
    errors.EHOSTUNREACH: "a gateway must be on a network of an interface that is up",
    errors.EXFULL: "a switch has 1,023 ports at most (BR_MAX_PORTS): link a second one to it",
    errors.EROFS: "start the container with a /proc/sys that can be written: --privileged, "
    "or --security-opt systempaths=unconfined",
    errors.EAFNOSUPPORT: "leave the IPv6 addresses out, or boot without ipv6.disable=1",
    errors.ENFILE: "raise the machine's limit of open files (fs.file-max)",
    errors.EMFILE: "raise the limit of open files: ulimit -n 65536",
    errors.ENOSPC: "raise user.max_net_namespaces",
}
#: What the kernel says where it hasn't a kind of link (rtnl_newlink_create).
NO_KIND = "Unknown device type"
#: What a machine lacks, and no file is at fault for.
LACKS = SCARCE_IN_LABS | {errors.EOPNOTSUPP, errors.EPERM, errors.EROFS, errors.EAFNOSUPPORT}


def name(number: int) -> str:
    """``EINVAL`` for 22; the number itself where it has no name (524 is the kernel's ENOTSUPP)."""
    # Python calls 95 ENOTSUP, the kernel EOPNOTSUPP.
    return "EOPNOTSUPP" if number == errors.EOPNOTSUPP else errors.errorcode.get(number, str(number))


#: What a kernel may have been built without, by words of the commands that need it (EOPNOTSUPP).
_PARTS = dict.fromkeys(
    ("vlan_filtering 1", " vlan add vid "),
    "this kernel has no VLAN filtering of bridges (CONFIG_BRIDGE_VLAN_FILTERING)",
)
#: How the kernel's words begin where it has no such queueing discipline (qdisc_create, net/sched/sch_api.c).
NO_QDISC = "Specified qdisc kind is unknown"


class BuildFailed(Exception):
    """A request that the kernel refused unexpectedly."""

    def __init__(
        self, number: int, message: str, command: str, interface: str, where: Where | None, kind: str = ""
    ) -> None:
        self.number = number
        self.message = message
        self.command = command
        self.interface = interface
        self.where = where
        self.kind = kind
        #: The package that brings a binary that isn't installed.
        self.package = ""
        #: The exit code, where it is neither the file's fault nor the machine's.
        self.code = 0
        #: Whether it is the machine that lacks something, whatever the errno says.
        self.lacking = False
        #: What may fix it, where the errno alone doesn't say.
        self.hint = ""
        super().__init__(message)

    def plain(self) -> dict[str, Any]:
        """As it travels to the front."""
        return {
            "errno": name(self.number) if self.number else "",
            "message": self.message or (os.strerror(self.number) if self.number else ""),
            "command": self.command,
            "interface": self.interface,
            "exit_code": 3 if self._is_machine else self.code or 2,
            "where": [self.where.file, self.where.line, self.where.column] if self.where else None,
            "hint": self._hint(),
        }

    @property
    def _is_machine(self) -> bool:
        """Whether it is the machine that lacks something."""
        return bool(self.package or self.lacking or self._qdisc or self.number in LACKS)

    @property
    def _qdisc(self) -> str:
        """The queueing discipline that this kernel lacks (qdisc_create); '' if it lacks none."""
        if not self.message.startswith(NO_QDISC):
            return ""
        return next((kind for kind in ("netem", "tbf", "htb", "bfifo") if kind in self.command.split()), "qdisc")

    def _hint(self) -> str:
        if self.package:
            return f"install {self.package}"
        if kind := self._qdisc:
            return f"this kernel has no {kind}: {kind_fix(kind)}"
        if self.kind and self.number == errors.EOPNOTSUPP and self.message.startswith(NO_KIND):
            return f"this kernel has no {self.kind}: {kind_fix(self.kind)}"
        if not self.hint and self.number == errors.EOPNOTSUPP:
            for words, lack in _PARTS.items():
                if words in self.command:
                    return f"{lack}: take one that has it, netlab run --kernel 6.12"
        return self.hint or HINTS.get(self.number, "")


def not_started(program: str, error: OSError, command: str, interface: str, where: Where | None) -> BuildFailed:
    """What is said where a program that a step needs can't be started."""
    lacking = installed(program) is None
    words = f"{program} is not installed" if lacking else f"{program} cannot be started: {in_words(error)}"
    failed = BuildFailed(error.errno or 0, words, command, interface, where)
    failed.package = PACKAGES[program] if lacking else ""
    return failed


def lacks(key: str, since: str, link: Any) -> BuildFailed:
    """The error of an option that the kernel has ignored, as it does with all that are newer than itself."""
    failed = BuildFailed(errors.EOPNOTSUPP, f"this kernel has no {key}", "ip -d link show", link.id, link.where)
    failed.hint = f"leave {key} out, or use a kernel that has it ({key}: {since})"
    return failed


class NotDone(Exception):
    """A request that can't be done, in words for the user."""

    def __init__(self, kind: str, **details: Any) -> None:
        super().__init__(kind)
        self.plain = {"kind": kind, **details}


def in_words(error: OSError) -> str:
    """What the kernel said, and of which file, without its number."""
    said = error.strerror or str(error)
    return f"{error.filename}: {said}" if error.filename else said
