"""What programs in a lab can't do to the machine if root runs it. It guards against accidents and is no jail: a hostile
program that is root can undo the mounts, or write to the machine's disks.

An ordinary user's labs need no guard: in a user namespace the kernel itself refuses all of this.
"""

from __future__ import annotations

import contextlib
import os

from netlab.agent import system

#: Capabilities (include/uapi/linux/capability.h) over things of which the machine has one, and a lab no copy. Nothing
#: that configures or examines a network needs them. These stay: SYS_ADMIN (ip netns exec, mounts), SYS_PTRACE (strace),
#: SYS_NICE, SYS_RESOURCE, IPC_LOCK (keepalived), SYS_CHROOT and the like (daemons that drop privileges), BPF, PERFMON.
DROPPED = {
    "SYS_MODULE": 16,
    "SYS_RAWIO": 17,
    "SYS_PACCT": 20,
    "SYS_BOOT": 22,
    "SYS_TIME": 25,
    "SYS_TTY_CONFIG": 26,
    "MKNOD": 27,
    "AUDIT_CONTROL": 30,
    "MAC_OVERRIDE": 32,
    "MAC_ADMIN": 33,
    "SYSLOG": 34,
    "WAKE_ALARM": 35,
    "BLOCK_SUSPEND": 36,
}
#: What of /proc belongs to the machine and is writable. Of /proc/sys that is all but ``net``, of which each network
#: namespace has its own (it doesn't show the machine's values).
_READ_ONLY = ("/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/mtrr")
#: Of /sys what belongs to a network namespace: a fresh sysfs shows its own devices (net/core/net-sysfs.c).
_NETWORK = ("/sys/class/net", "/sys/devices/virtual/net")
_FLAGS = system.MS_NOSUID | system.MS_NODEV | system.MS_NOEXEC


def proc(guarded: bool) -> None:
    """Mount /proc of the calling process's PID namespace. Where a container runtime masks it, it is left out; other
    errors raise OSError."""
    try:
        system.mount("proc", "/proc", "proc", _FLAGS)
    except OSError:
        # `netlab doctor` says so. Programs find no process by its number then, and harm none.
        return
    if not guarded:
        return
    for path in filter(os.path.exists, _READ_ONLY):
        _bind(path)
        _read_only(path)
    _bind("/proc/sys/net")
    _bind("/proc/sys")
    _read_only("/proc/sys")


def sysfs() -> None:
    """Make the calling thread's /sys, a sysfs of its own, read-only except for the network's parts. Raises OSError."""
    if not os.path.ismount("/sys"):
        return
    for path in _NETWORK:
        # Without any virtual device the second folder does not exist; there is lo in every namespace.
        with contextlib.suppress(FileNotFoundError):
            _bind(path)
    _read_only("/sys")


def capabilities() -> None:
    """Take what is in `DROPPED` from the calling thread's children for good. Raises OSError."""
    for number in DROPPED.values():
        system.drop_capability(number)


def _bind(path: str) -> None:
    # With what is mounted below it.
    system.mount(path, path, None, system.MS_BIND | system.MS_REC)


def _read_only(path: str) -> None:
    system.mount("none", path, None, system.MS_REMOUNT | system.MS_BIND | system.MS_RDONLY | _FLAGS)
