"""From a process of the front to PID 1 of namespaces of its own, and the tie between their lives.

The launcher is single-threaded: only such a process may enter a user namespace (user_namespaces(7)). It unshares, forks
PID 1, and then only waits for the end of the front or of PID 1. A pidfd becomes readable when its process ends, however
it ends. Each is opened before the fork that needs it, so a parent's end is never missed.

So an agent never outlives its front: the launcher kills PID 1 when the front ends; PID 1 ends by itself when either
ends; the kernel kills PID 1 when the launcher ends; and with PID 1 it kills every process in the PID namespace
(pid_namespaces(7)).

A lab that stays is let go by its front: an event (`Entered.released`) has both watch the front no more. Launcher and
PID 1 still end with each other.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from netlab.agent import system
from netlab.agent.users import ALL, Mapping, Users
from netlab.contract.threads import begin

#: include/uapi/linux/capability.h
CAP_SYS_ADMIN = 21


#: The namespaces that it enters, by the names of their limits (/proc/sys/user, namespaces(7)); of equal ones the first.
KINDS = ("net", "user", "pid", "mnt", "ipc", "uts")


class CannotEnter(Exception):
    """This machine refuses the namespaces. ``what`` was refused, ``fix`` is the one line that fixes it; ``scarce``: it
    allows them, but has too few left."""

    def __init__(self, what: str, fix: str, scarce: bool = False) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix
        self.scarce = scarce


class Entered(NamedTuple):
    """What the agent has: whether it has its own user namespace, why a private /proc is missing (or ''), in a user
    namespace the mapping of users, which may not be done yet, and the eventfd that frees it from its front (-1: it
    can't be freed)."""

    rootless: bool
    proc_lacks: str
    mapping: Mapping | None = None
    released: int = -1

    def users(self) -> Users:
        """Its users, when they are mapped. Raises CannotEnter."""
        try:
            return self.mapping.finish() if self.mapping else ALL
        except OSError as error:
            raise refused(error) from error


Run = Callable[["Entered | CannotEnter"], None]


def launch(front: int, stream: int, run: Run, enter: Callable[[], Mapping | None] | None = None) -> NoReturn:
    """Enter the namespaces, fork PID 1 and wait; ``front`` is a pidfd of the front (-1 where it's on another machine).

    ``run(entered_or_error)`` is called in PID 1 and never returns to the launcher. ``enter`` enters the namespaces (as
    `enter_namespaces` does); where it enters none, the forked process is not PID 1.
    """
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN if number != signal.SIGTERM else signal.SIG_DFL)
    try:
        mapping = (enter or enter_namespaces)()
    except CannotEnter as error:
        run(error)
        os._exit(0)
    try:
        launcher = os.pidfd_open(os.getpid())
        released = os.eventfd(0)
        pid = os.fork()
    except OSError as error:
        run(crowded(error))
        os._exit(0)
    if pid == 0:
        status = 70
        try:
            try:
                if os.getpid() == 1:
                    # The launcher has one thread only: its end is meant, even where this process is stopped.
                    system.die_with_parent(signal.SIGKILL)
                else:
                    system.adopt_orphans()
                watch(launcher, front, released)
            except RuntimeError as error:
                run(crowded(error))
            else:
                proc = private_proc() if os.getpid() == 1 else "there is no PID namespace"
                run(Entered(mapping is not None, proc, mapping, released))
            status = 0
        except (MemoryError, ImportError) as error:
            # Out of memory, mostly: a library that can't be mapped is an ImportError.
            print(f"netlab: {str(error) or 'out of memory'}", file=sys.stderr)
        except BaseException as error:
            if isinstance(error, OSError) and error.errno == errno.ENOMEM:
                # So is a folder that can't be listed.
                print(f"netlab: {error.strerror}: {error.filename}", file=sys.stderr)
            else:
                import traceback

                traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    os.close(stream)
    if mapping and mapping.helper:
        os.waitpid(mapping.helper, 0)
    os._exit(wait(pid, front, released))


def wait(pid: int, front: int, released: int) -> int:
    """Wait for the end of PID 1 (its exit status) or of the front (then PID 1 is killed)."""
    child = os.pidfd_open(pid)
    if child not in _ended(child, front, released, silence):
        signal.pidfd_send_signal(child, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    end_children()
    return os.waitstatus_to_exitcode(status) & 0xFF


def end_children() -> None:
    """Kill what is left of this process's children with their groups: orphans, where it adopts some."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                for pid in map(int, (read(f"/proc/self/task/{os.getpid()}/children") or "").split()):
                    for kill in (os.killpg, os.kill):
                        with contextlib.suppress(ProcessLookupError):
                            kill(pid, signal.SIGKILL)
                os.waitpid(-1, 0)
        except ChildProcessError:
            return


def watch(launcher: int, front: int, released: int) -> None:
    """End this process, and what it has adopted, at once when one of the others ends, busy or not: a thread of its own
    does nothing else."""

    def end() -> None:
        _ended(launcher, front, released)
        if os.getpid() != 1:
            end_children()
        os._exit(71)

    begin(threading.Thread(target=end, name="watch", daemon=True))


def silence() -> None:
    """Keep nothing of the front's: neither its terminal or pipe, nor the folder that it was in."""
    null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    os.dup2(null, 2)
    os.close(null)
    os.chdir("/")


def _ended(other: int, front: int, released: int, let_go: Callable[[], None] = lambda: None) -> list[int]:
    """Wait until a process has ended, of its pidfd and the front's; ``let_go`` is called when the front lets go."""
    poll = select.poll()
    for fd in (other, released, front):
        if fd >= 0:
            poll.register(fd, select.POLLIN)
    ready = [fd for fd, _ in poll.poll()]
    if released not in ready:
        return ready
    # Nobody reads the event: it stays for others that wait for it.
    poll.unregister(released)
    if front >= 0:
        poll.unregister(front)
    let_go()
    return [fd for fd, _ in poll.poll()]


def enter_namespaces() -> Mapping | None:
    """Unshare network, PID, mount, IPC and UTS namespaces, and a user namespace where one is needed: its users then.

    The kernel frees SysV IPC and message queues with the IPC namespace, and a hostname that was set inside with the UTS
    namespace.
    """
    wanted = system.CLONE_NEWNET | system.CLONE_NEWPID | system.CLONE_NEWNS | system.CLONE_NEWIPC | system.CLONE_NEWUTS
    if os.geteuid() == 0:
        try:
            system.unshare(wanted)
            keep_mounts()
        except OSError as error:
            # As root without CAP_SYS_ADMIN a user namespace may still be had.
            if error.errno != errno.EPERM:
                raise refused(error) from error
        else:
            return None
    try:
        mapping = Mapping()
        system.unshare(wanted | system.CLONE_NEWUSER)
        mapping.begin()
        keep_mounts()
    except OSError as error:
        raise refused(error) from error
    return mapping


def keep_mounts() -> None:
    """Have what is mounted here reach no other mount namespace (mount_namespaces(7), shared subtrees)."""
    try:
        system.mount("none", "/", None, system.MS_REC | system.MS_PRIVATE)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    else:
        return
    # The root of a chroot is a folder, not a mount, and can't be told so: a copy of its tree becomes the root, bound to
    # where nothing is passed on.
    folder = os.getcwd()
    system.mount("none", "/proc", None, system.MS_PRIVATE)
    system.mount("tmpfs", "/proc", "tmpfs")
    os.mkdir("/proc/root")
    system.mount("/", "/proc/root", None, system.MS_BIND | system.MS_REC)
    os.chroot("/proc/root")
    system.mount("none", "/", None, system.MS_REC | system.MS_PRIVATE)
    system.unmount("/proc")
    os.chdir(folder)


def refused(error: OSError) -> CannotEnter:
    """Who refuses the namespaces, and the line that fixes it."""
    if contained() and error.errno != errno.ENOSPC:
        # Before that the machine's own sysctls apply; inside they can't be written.
        return CannotEnter(
            f"the container runtime refuses namespaces ({error.strerror})",
            "start the container with --privileged, or with --cap-add SYS_ADMIN --cap-add NET_ADMIN "
            "--security-opt seccomp=unconfined --security-opt apparmor=unconfined "
            "(Kubernetes: securityContext: {privileged: true})",
        )
    root = os.geteuid() == 0
    for key, bad, value in (
        ("kernel.unprivileged_userns_clone", "0", 1),
        *((f"user.max_{kind}_namespaces", "0", 15000) for kind in KINDS),
        ("kernel.apparmor_restrict_unprivileged_userns", "1", 0),
    ):
        # Root is refused by the limits alone.
        if not (root and key.startswith("kernel.")) and read("/proc/sys/" + key.replace(".", "/")) == bad:
            return CannotEnter(
                f"{key}={bad} keeps this user from making network namespaces ({error.strerror})",
                f"sudo sysctl -w {key}={value}",
            )
    if error.errno == errno.ENOSPC:
        # The lowest limit is the one that is met first.
        limits = [(int(read(f"/proc/sys/user/max_{kind}_namespaces") or 1 << 31), kind) for kind in KINDS]
        return CannotEnter(
            f"too many namespaces on this machine ({error.strerror})",
            f"sudo sysctl -w user.max_{min(limits, key=lambda limit: limit[0])[1]}_namespaces=15000",
            scarce=True,
        )
    if root:
        return CannotEnter(
            f"something keeps root from making namespaces ({error.strerror})",
            "look for what restricts this process: a security module (dmesg), seccomp, its service's settings",
        )
    mounts = (read("/proc/self/mountinfo") or "").splitlines()
    if mounts and not any(line.split()[4] == "/" for line in mounts):
        # current_chrooted(), kernel/user_namespace.c.
        return CannotEnter(
            f"in a chroot the kernel makes user namespaces for nobody ({error.strerror})",
            "run it as root: sudo netlab …, or enter the folder by systemd-nspawn",
        )
    return CannotEnter(f"the kernel refuses new namespaces ({error.strerror})", "run it as root: sudo netlab …")


def contained() -> bool:
    """Whether this seems to be a container: by the files that its runtime leaves, or a root without capabilities."""
    marks = ("/.dockerenv", "/run/.containerenv", "/var/run/secrets/kubernetes.io")
    if any(map(os.path.exists, marks)) or any(name in os.environ for name in ("container", "KUBERNETES_SERVICE_HOST")):
        return True
    bounds = [line.split()[1] for line in (read("/proc/self/status") or "").splitlines() if line.startswith("CapBnd:")]
    return os.geteuid() == 0 and bool(bounds) and not int(bounds[0], 16) >> CAP_SYS_ADMIN & 1


def crowded(error: Exception) -> CannotEnter:
    """There is no room for one process, thread or descriptor more."""
    files = isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE)
    fix = (
        "raise the limit of open files (ulimit -n)"
        if files
        else "raise the limits of processes and memory (ulimit -u, -v)"
    )
    return CannotEnter(f"the agent cannot be started: {error}", fix, scarce=True)


def private_proc() -> str:
    """Mount a /proc of the PID namespace; the reason where this is masked (some container runtimes do), else ''."""
    try:
        system.mount("proc", "/proc", "proc", system.MS_NOSUID | system.MS_NODEV | system.MS_NOEXEC)
    except OSError as error:
        return str(error)
    return ""


def read(path: str) -> str | None:
    """A small file's text, stripped; None where there is no such file or it can't be read."""
    with contextlib.suppress(OSError), open(path) as file:
        return file.read().strip()
    return None
