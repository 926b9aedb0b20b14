"""PID 1 of a guest, started by its kernel: mounts what programs expect, then is the agent.

The root folder is the machine's, read-only; what is written goes into the guest's memory. Python itself is init: that
starts faster than a shell, and mount(8) would be a set-uid program of another user where the kernel runs in a user
namespace.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import sys
import traceback

#: Written below these goes into memory. All of a folder is first the machine's.
_WRITABLE = ("tmp", "etc", "var", "root", "home", "opt", "srv")
#: include/uapi/linux/random.h, include/uapi/linux/reboot.h
_ADD_ENTROPY, _POWER_OFF = 0x40085203, 0x4321FEDC
#: The greatest buffers that sockets may ask for, in bytes: a bigger lab fills the default of Linux up to 6.12.
_BUFFER = 1 << 24
#: The stacks of threads, in bytes.
_STACK = 1 << 18


def main(*, virtio: bool = False) -> None:
    """Prepare the guest, serve the front to its end, and switch the guest off. ``virtio``: which lines there are."""
    sys.path.insert(0, __file__.removesuffix("/netlab/agent/guest/init.py"))
    from netlab.agent import system

    status = 70
    try:
        # A page fault costs 0.1 ms here, 40 times as much as on the machine, and imports alone cause thousands.
        system.lock_memory()
        _mounts()
        _serve(virtio)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        if os.path.exists("/proc/exitcode"):
            # User-Mode Linux's own exit status (arch/um/kernel/exitcode.c).
            system.write("/proc/exitcode", f"{status}\n")
        system.reboot(_POWER_OFF)


def _mounts() -> None:
    from netlab.agent import system

    system.mount("", "/", None, system.MS_REMOUNT | system.MS_RDONLY | system.MS_NOSUID)
    system.mount("proc", "/proc", "proc")
    system.mount("sysfs", "/sys", "sysfs")
    if not os.path.ismount("/dev"):
        system.mount("dev", "/dev", "devtmpfs")
    for folder in ("pts", "shm", "net"):
        os.makedirs(f"/dev/{folder}", exist_ok=True)
    system.mount("devpts", "/dev/pts", "devpts", 0, "mode=620,ptmxmode=666")
    system.mount("tmpfs", "/dev/shm", "tmpfs")
    system.mount("tmpfs", "/run", "tmpfs", 0, "mode=755")
    for name, there in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        if not os.path.lexists(f"/dev/{name}"):
            os.symlink(f"/proc/self/{there}", f"/dev/{name}")
    if not os.path.exists("/dev/net/tun"):
        os.mknod("/dev/net/tun", 0o20666, os.makedev(10, 200))
    for name in ("rmem_max", "wmem_max"):
        system.write(f"/proc/sys/net/core/{name}", str(_BUFFER))


def _serve(virtio: bool) -> None:
    from netlab.agent.guest import lines
    from netlab.contract.wire import READY, Closed

    line = lines.Line(*(lines.ports() if virtio else lines.serial()))
    line.say(READY)
    told, _ = line.receive()
    os.environ.update(told["env"])
    _feed(bytes.fromhex(told["seed"]))
    if told["modules"]:
        _find_modules(told["modules"], told["missing"])
    _writable()

    import threading

    from netlab.agent import garbage, trees
    from netlab.agent.guest.server import GuestServer
    from netlab.agent.launcher import Entered
    from netlab.agent.netns import Home

    # All of a thread's stack is memory at once, too.
    threading.stack_size(_STACK)
    trees.Clock.simulated = told["simulated"]
    garbage.begin()
    Home.remember()
    try:
        GuestServer(line, Entered(told["rootless"], "")).loop()
    except Closed:
        return


def _feed(seed: bytes) -> None:
    """Give the random pool something: getrandom() would wait for it, for minutes."""
    fd = os.open("/dev/urandom", os.O_RDWR)
    try:
        fcntl.ioctl(fd, _ADD_ENTROPY, struct.pack("ii", 8 * len(seed), len(seed)) + seed)
    finally:
        os.close(fd)


def _find_modules(folder: str, missing: list[str]) -> None:
    """Have the kernel find its modules there. Some are loaded at once: IPv6, as nothing else asks for it in time."""
    import subprocess

    from netlab.agent import system

    os.makedirs("/run/modules/lib")
    os.symlink(folder, "/run/modules/lib/modules")
    with open("/run/modules/probe", "w") as file:
        file.write('#!/bin/sh\nexec /sbin/modprobe -d /run/modules "$@"\n')
    os.chmod(file.name, 0o755)
    system.write("/proc/sys/kernel/modprobe", "/run/modules/probe")
    if missing:
        subprocess.run(["/run/modules/probe", "-a", *missing], check=True)


def _writable() -> None:
    """Lay memory over the folders in which programs write."""
    from netlab.agent import system

    for name in _WRITABLE:
        if os.path.isdir(f"/{name}") and not os.path.islink(f"/{name}"):
            upper, work = f"/run/written/{name}", f"/run/written/.{name}"
            os.makedirs(upper)
            os.makedirs(work)
            # A folder that this user may not read (/root) QEMU doesn't show to the guest's root either.
            with contextlib.suppress(PermissionError):
                system.mount("overlay", f"/{name}", "overlay", 0, f"lowerdir=/{name},upperdir={upper},workdir={work}")


if __name__ == "__main__":
    main()
