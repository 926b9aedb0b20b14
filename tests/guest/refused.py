"""``python -m tests.guest.refused [-u] COMMAND…``: run a command where namespaces and mounts are refused with EPERM, as
container runtimes do it, by a seccomp filter; with ``-u`` as an ordinary user."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

#: unshare, setns, mount, mount_setattr by machine (the kernel's syscall tables).
_CALLS = {"x86_64": (272, 308, 165, 442), "aarch64": (97, 268, 40, 442)}
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER = 38, 22, 2
#: include/uapi/linux/seccomp.h, include/uapi/linux/bpf_common.h
_ALLOW, _ERRNO, _LOAD, _EQUAL, _RETURN = 0x7FFF0000, 0x00050000, 0x20, 0x15, 0x06


class _Program(ctypes.Structure):
    _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def refuse() -> None:
    """Refuse these calls to this process and all that it starts."""
    calls = _CALLS[platform.machine()]
    steps = [(_LOAD, 0, 0, 0)]
    steps += [(_EQUAL, len(calls) - place, 0, number) for place, number in enumerate(calls)]
    steps += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _ERRNO | errno.EPERM)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    libc = ctypes.CDLL(None, use_errno=True)
    program = _Program(len(steps), ctypes.addressof(code))
    for number, values in ((_PR_SET_NO_NEW_PRIVS, (1, 0)), (_PR_SET_SECCOMP, (_FILTER, ctypes.byref(program)))):
        if libc.prctl(number, *values, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl")


def main() -> None:
    """Refuse, become another user, run."""
    words = sys.argv[1:]
    refuse()
    if words[0] == "-u":
        words = words[1:]
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
    os.execvp(words[0], words)


if __name__ == "__main__":
    main()
