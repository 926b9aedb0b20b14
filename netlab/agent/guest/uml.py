"""How a User-Mode Linux is started: a kernel that is an ordinary program, with pipes for serial lines."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

from netlab.agent import system
from netlab.agent.guest.carrier import Ends
from netlab.agent.guest.kernel import COMMON, Kernel
from netlab.agent.guest.running import Running, prepare, quoted
from netlab.agent.launcher import CannotEnter

#: Where the kernel keeps its memory: in the namespaces a tmpfs of its own is mounted there.
SHM = "/dev/shm"
#: ``lpj``: without it the kernel counts for 60 ms how fast its delay loop is, which hardly anything waits by.
_ARGUMENTS = (
    "rootfstype=hostfs", "ro", "con=null", "con0=null,fd:1", "ssl=null", "noreboot", "lpj=28954624",
)  # fmt: skip
_FIXES = {
    "ptrace": "--kernel 7.2, or any later one: they need no ptrace",
    "noexec": "TMPDIR=FOLDER netlab …, on a file system without noexec",
    "": "netlab kernel info says what it needs",
}


def start(kernel: Kernel, memory: str) -> Running:
    """Start it; its memory is a file without a name in a folder ('': one is looked for). Raises CannotEnter."""
    with contextlib.ExitStack() as theirs:
        into_read, into_write = os.pipe()
        acknowledged_read, acknowledged_write = os.pipe()
        out_read, out_write = os.pipe()
        printed_read, printed_write = os.pipe()
        given = (into_read, acknowledged_write, out_write)
        for fd in (*given, printed_write):
            theirs.callback(os.close, fd)
        process = subprocess.Popen(
            _command(kernel, *given),
            pass_fds=given,
            stdin=subprocess.DEVNULL,
            stdout=printed_write,
            stderr=printed_write,
            env={**os.environ, "TMPDIR": memory or _room(kernel)},
            preexec_fn=_prepare,
        )
    return Running(process, Ends(into_write, acknowledged_read, out_read), printed_read, _FIXES)


def _prepare() -> None:
    prepare()
    # The kernel and the process that runs in it take turns, at each system call. On two processors each turn is a
    # wakeup across them, which doubles the time.
    system.stay_on_processor()


def _command(kernel: Kernel, into: int, acknowledged: int, out: int) -> list[str]:
    """The kernel's command line."""
    python = os.path.realpath(sys.executable)
    init = os.path.join(os.path.dirname(os.path.abspath(__file__)), "init.py")
    # Its name for mconsole: nothing is left on a disk of the machine.
    names = SHM if os.getpid() == 1 else os.devnull
    return [
        kernel.program, f"mem={kernel.memory}M", *COMMON, *_ARGUMENTS, *kernel.arguments, f"uml_dir={names}",
        f"ssl0=fd:{into},fd:{acknowledged}", f"ssl1=null,fd:{out}",
        f"init={quoted(python)}", "--", "-I", "-S", "-B", quoted(init),
    ]  # fmt: skip


def _room(kernel: Kernel) -> str:
    """A folder for the kernel's memory, a file without a name that it maps executable. Raises CannotEnter."""
    for folder in (os.environ.get("TMPDIR", ""), SHM, "/tmp", "/var/tmp"):
        if folder and os.access(folder, os.W_OK | os.X_OK):
            found = os.statvfs(folder)
            if not found.f_flag & os.ST_NOEXEC and found.f_bavail * found.f_frsize >= kernel.memory << 20:
                return folder
    raise CannotEnter(
        f"no folder has room for {kernel.memory} MiB of memory, in a file system without noexec",
        "TMPDIR=FOLDER netlab …, or less memory: --kernel …,mem=256M",
    )
