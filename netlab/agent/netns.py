"""Network namespaces held by descriptor only: no name, nothing under /run/netns, gone when the agent is."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

from netlab.agent import sockets, system
from netlab.agent.netlink import Socket
from netlab.contract.lacks import installed, search_path
from netlab.contract.threads import begin
from netlab.contract.types import Private

T = TypeVar("T")
_SELF = "/proc/thread-self/ns/net"


class Home:
    """The namespace the agent itself lives in; the main thread always comes back to it."""

    fd = -1

    @classmethod
    def remember(cls) -> None:
        """Call once, in the main thread, after the agent has entered its own namespaces."""
        cls.fd = os.open(_SELF, os.O_RDONLY | os.O_CLOEXEC)


class Netns:
    """One network namespace with its netlink socket. ``with ns:`` moves the calling thread into it and back."""

    #: Whether a program or socket of the user was ever in it: it may have changed anything.
    visited = False
    #: What was there before it was visited: the sysctls that decide, and a count of changes of nftables.
    settings: Mapping[str, str] = MappingProxyType({})
    generation = 0
    #: What its programs don't share with those of others.
    private: Private | None = None

    def __init__(self, ns_id: str) -> None:
        self.id = ns_id
        try:
            system.unshare(system.CLONE_NEWNET)
            with contextlib.ExitStack() as opened:
                self.fd = os.open(_SELF, os.O_RDONLY | os.O_CLOEXEC)
                opened.callback(os.close, self.fd)
                self.netlink = Socket(ns_id)
                opened.pop_all()
        finally:
            system.setns(Home.fd)

    def __enter__(self) -> Netns:
        system.setns(self.fd)
        return self

    def __exit__(self, *_exc: object) -> None:
        system.setns(Home.fd)

    def close(self) -> None:
        """Let go of the namespace: the kernel takes it down once nothing else holds it."""
        self.netlink.close()
        os.close(self.fd)

    def open_socket(self, family: int, kind: int, protocol: int, what: str) -> socket.socket:
        """A socket in here; ``what`` it is, for the error. Raises OSError, with that and the namespace in it."""
        try:
            with self:
                sock = socket.socket(family, kind | socket.SOCK_CLOEXEC, protocol)
        except OSError as error:
            number = error.errno or 0
            raise OSError(number, f"{what} in {self.id} cannot be opened: {os.strerror(number)}") from error
        sockets.hold(sock)
        return sock

    def run(self, argv: Sequence[str], text: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command inside to its end, output captured; it may read ``text``.

        Raises OSError where it can't be started, subprocess.TimeoutExpired.
        """
        given: dict[str, Any] = {"stdin": subprocess.DEVNULL} if text is None else {"input": text}
        env = {**os.environ, "PATH": search_path()}
        binary = installed(argv[0]) or argv[0]

        def run() -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [binary, *argv[1:]],
                capture_output=True, text=True, check=False, timeout=30, env=env, **given,
            )  # fmt: skip

        return self.in_thread(run)

    def in_thread(self, work: Callable[[], T]) -> T:
        """Call ``work`` in a thread of its own that lives in this namespace, with a mount namespace for its /sys."""
        return in_thread(self.fd, work)


def in_thread(
    ns: int | None, work: Callable[[], T], mounts: tuple[int, int] | None = None, *, copied: bool = True
) -> T:
    """Call ``work`` in a new thread with a mount namespace of its own. With a network namespace (a descriptor) it runs
    in that, and with its /sys. ``mounts`` are a mount namespace and its root folder: the thread gets a copy of that one
    instead of the agent's; or, unless ``copied``, it lives in that one, which has its /sys already."""
    result: list[T] = []
    failure: list[BaseException] = []

    def inside() -> None:
        try:
            cwd = _folder()
            system.unshare(system.CLONE_FS)
            if mounts is not None:
                # It leads out of a chroot (mntns_install, fs/namespace.c): back into it.
                system.setns(mounts[0], system.CLONE_NEWNS)
                os.fchdir(mounts[1])
                os.chroot(".")
            if copied:
                system.unshare(system.CLONE_NEWNS)
            if ns is not None:
                system.setns(ns)
                if copied:
                    mount_sysfs()
            if cwd is not None and (copied or os.path.isdir(cwd)):
                os.chdir(cwd)
            result.append(work())
        except BaseException as error:  # handed to the caller, whatever it is
            failure.append(error)

    thread = threading.Thread(target=inside)
    begin(thread)
    thread.join()
    if failure:
        raise failure[0]
    return result[0]


def _folder() -> str | None:
    """The current folder; None where it has been deleted."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return None


def proc_is_own() -> bool:
    """Whether /proc is that of the agent's own PID namespace: the machine may have refused it."""
    return os.readlink("/proc/self") == str(os.getpid())


def mount_names(names: str) -> None:
    """Have the calling thread's mount namespace know these names: /etc/hosts begins with them there, and goes on with
    what the machine has. Where that isn't possible the names alone are lacking."""
    if not names:
        return
    with contextlib.suppress(OSError):
        with open("/etc/hosts", errors="surrogateescape") as machine:
            text = f"{names}{machine.read()}"
        # A file to mount needs a file system; /sys hides nothing meanwhile that is needed for this.
        system.mount("tmpfs", "/sys", "tmpfs", system.MS_NOSUID | system.MS_NODEV | system.MS_NOEXEC, "mode=755")
        try:
            with open("/sys/hosts", "w", errors="surrogateescape") as file:
                file.write(text)
            system.mount("/sys/hosts", "/etc/hosts", None, system.MS_BIND)
        finally:
            system.unmount("/sys")


def mount_sysfs() -> None:
    """Mount the calling thread's network namespace's /sys, where the machine allows it (container runtimes mask it)."""
    try:
        system.mount("sysfs", "/sys", "sysfs", system.MS_NOSUID | system.MS_NODEV | system.MS_NOEXEC)
    except OSError:
        # Only what needs /sys fails then, with an error of its own (a sysfs write reports its path).
        return
