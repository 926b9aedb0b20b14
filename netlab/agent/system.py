"""The few system calls that Python 3.11 has no function for."""

from __future__ import annotations

import ctypes
import errno
import os

CLONE_FS = 0x00000200
CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_MOVE = 8192
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2

#: The same number on every architecture (include/uapi/asm-generic/unistd.h).
SYS_MOUNT_SETATTR = 442
#: x86_64's, the only machine whose kernels need their modules loaded by netlab.
SYS_FINIT_MODULE = 313
MOUNT_ATTR_RDONLY = 1
AT_FDCWD = -100
AT_RECURSIVE = 0x8000

MCL_FUTURE = 2
PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
MSG_DONTWAIT = 0x40

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """unshare(2) for the calling thread. Raises OSError."""
    _check(_libc.unshare(flags), f"unshare({flags:#x})")


def setns(fd: int, kind: int = 0) -> None:
    """setns(2) for the calling thread. Raises OSError."""
    if _libc.setns(fd, kind) < 0:
        _check(-1, f"setns({fd})")


def sendmmsg(fd: int, messages: int, count: int) -> int:
    """sendmmsg(2) of ``count`` struct mmsghdr at an address: how many were sent. Raises OSError if not even one was."""
    sent: int = _libc.sendmmsg(fd, ctypes.c_void_p(messages), count, 0)
    if sent < 0:
        _check(sent, "sendmmsg")
    return sent


def recvmmsg(fd: int, messages: int, count: int) -> int:
    """recvmmsg(2) into ``count`` struct mmsghdr at an address, without waiting: how many came. Raises OSError."""
    received: int = _libc.recvmmsg(fd, ctypes.c_void_p(messages), count, MSG_DONTWAIT, None)
    if received < 0:
        _check(received, "recvmmsg")
    return received


def mount(source: str, target: str, fstype: str | None, flags: int = 0, options: str = "") -> None:
    """mount(2). Raises OSError."""
    kind = fstype.encode() if fstype else None
    result = _libc.mount(source.encode(), target.encode(), kind, ctypes.c_ulong(flags), options.encode() or None)
    _check(result, f"mount {source} on {target}")


def unmount(path: str) -> None:
    """Take the uppermost mount off a path, with all below it (umount2(2), MNT_DETACH). Raises OSError."""
    _check(_libc.umount2(path.encode(), MNT_DETACH), f"unmount {path}")


def make_read_only(path: str) -> None:
    """Make a mount and all below it read-only in this mount namespace (mount_setattr(2)). Raises OSError."""
    attributes = (ctypes.c_uint64 * 4)(MOUNT_ATTR_RDONLY, 0, 0, 0)
    result = _libc.syscall(
        SYS_MOUNT_SETATTR, AT_FDCWD, path.encode(), AT_RECURSIVE, ctypes.byref(attributes), ctypes.sizeof(attributes)
    )
    _check(result, f"mount_setattr {path}")


def load_module(path: str) -> None:
    """Load a kernel module, unless it is there (finit_module(2)). Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.syscall(SYS_FINIT_MODULE, fd, b"", 0) < 0 and ctypes.get_errno() != errno.EEXIST:
            _check(-1, f"finit_module {path}")
    finally:
        os.close(fd)


def reboot(command: int) -> None:
    """reboot(2): LINUX_REBOOT_CMD_…. Raises OSError."""
    _check(_libc.reboot(ctypes.c_int(command)), "reboot")


def die_with_parent(signal: int) -> None:
    """Have the kernel send this process a signal when the thread that forked it ends (prctl(2)). Raises OSError."""
    _check(_libc.prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal), 0, 0, 0), "prctl")


def stay_on_processor() -> None:
    """Keep this process, and what it forks, on the processor that it is on. Raises OSError."""
    number: int = _libc.sched_getcpu()
    _check(number, "sched_getcpu")
    os.sched_setaffinity(0, {number})


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends (prctl(2)). Raises OSError."""
    _check(_libc.prctl(PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1), 0, 0, 0), "prctl")


def lock_memory() -> None:
    """Have all pages of what this process maps from now on made at once, in place of a fault for each (mlockall(2))."""
    _check(_libc.mlockall(MCL_FUTURE), "mlockall")


def set_name(name: str) -> None:
    """Name the calling thread, as ``ps -e`` shows it (prctl(2)): at most 15 bytes. Raises OSError."""
    _check(_libc.prctl(PR_SET_NAME, name.encode(), 0, 0, 0), "prctl")


def drop_capability(number: int) -> None:
    """Take a capability from the bounding set of the calling thread and its children to come (capabilities(7)).

    A program that they execute doesn't have it then, even as root. A capability that this kernel doesn't know is
    ignored. Raises OSError.
    """
    if _libc.prctl(PR_CAPBSET_DROP, ctypes.c_ulong(number), 0, 0, 0) < 0 and ctypes.get_errno() != errno.EINVAL:
        _check(-1, "prctl")


def write(path: str, text: str) -> None:
    """Write a small file of /proc or /sys in one call. Raises OSError, with the path in it."""
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from error
    finally:
        os.close(fd)
