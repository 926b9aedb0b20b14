"""Network namespaces held by descriptor only: no name, nothing under /run/netns, gone when the agent is."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from netlab.agent import system
from netlab.agent.netlink import Socket

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

    def __init__(self, ns_id: str) -> None:
        self.id = ns_id
        self.sessions: list[int] = []
        #: Whether anybody but us was ever let in: he may have changed anything.
        self.visited = False
        try:
            system.unshare(system.CLONE_NEWNET)
            with contextlib.ExitStack() as opened:
                self.fd = os.open(_SELF, os.O_RDONLY | os.O_CLOEXEC)
                opened.callback(os.close, self.fd)
                self.netlink = Socket()
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

    def spawn(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        **streams: Any,
    ) -> subprocess.Popen[bytes]:
        """Start a process inside, with a /sys that shows this namespace's devices. Raises OSError."""
        self.visited = True
        process = self.in_thread(
            lambda: subprocess.Popen(list(argv), env=env, cwd=cwd, start_new_session=True, **streams)
        )
        self.sessions.append(process.pid)
        return process

    def spawn_piped(
        self, argv: Sequence[str], *, env: Mapping[str, str] | None, cwd: str | None
    ) -> tuple[subprocess.Popen[bytes], list[int]]:
        """The same with a pipe for each standard stream, and our ends of these. Raises OSError."""
        with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
            in_read, in_write = _pipe(theirs, ours)
            out_read, out_write = _pipe(ours, theirs)
            err_read, err_write = _pipe(ours, theirs)
            process = self.spawn(argv, env=env, cwd=cwd, stdin=in_read, stdout=out_write, stderr=err_write)
            ours.pop_all()
        return process, [in_write, out_read, err_read]

    def run(self, argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run a command inside to its end, output captured. Raises OSError where it can't be started."""
        env = {**os.environ, "PATH": _path()}
        binary = installed(argv[0]) or argv[0]

        def run() -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [binary, *argv[1:]],
                capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=30, env=env,
            )  # fmt: skip

        return self.in_thread(run)

    def in_thread(self, work: Callable[[], T]) -> T:
        """Call ``work`` in a thread of its own that lives in this namespace, with a mount namespace for its /sys."""
        return in_thread(self.fd, work)


def _pipe(reading: contextlib.ExitStack, writing: contextlib.ExitStack) -> tuple[int, int]:
    """A pipe's ends, each closed with the stack of the side that has it."""
    read, write = os.pipe2(os.O_CLOEXEC)
    reading.callback(os.close, read)
    writing.callback(os.close, write)
    return read, write


def in_thread(ns: int, work: Callable[[], T]) -> T:
    """Call ``work`` in a thread of its own in a namespace, given by its descriptor, with that namespace's /sys."""
    result: list[T] = []
    failure: list[BaseException] = []

    def inside() -> None:
        try:
            cwd = _folder()
            system.unshare(system.CLONE_FS | system.CLONE_NEWNS)
            system.setns(ns)
            mount_sysfs()
            if cwd is not None:
                os.chdir(cwd)
            result.append(work())
        except BaseException as error:  # handed to the caller, whatever it is
            failure.append(error)

    thread = threading.Thread(target=inside)
    thread.start()
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


def end_processes(namespaces: Iterable[Netns]) -> None:
    """Kill every process that was started in one of these namespaces, and what it has started in turn.

    Each was the leader of a session; what has left its session is found by the namespace it lives in, where /proc
    is our own (what has left both goes with the agent).
    """
    used = [ns for ns in namespaces if ns.sessions]
    for ns in used:
        for session in ns.sessions:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(session, signal.SIGKILL)
        ns.sessions.clear()
    if not used or os.readlink("/proc/self") != str(os.getpid()):
        return
    wanted = {os.fstat(ns.fd).st_ino for ns in used}
    killed: set[int] = {os.getpid()}
    # A process that is being killed forks no more (copy_process), so a look that finds nobody new is the last.
    while victims := {pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if pid not in killed}:
        new = {pid for pid in victims if _inode(pid) in wanted}
        if not new:
            return
        for pid in new:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        killed |= new


def installed(binary: str) -> str | None:
    """Where a tool is; None where it isn't installed."""
    return shutil.which(binary, path=_path())


def _path() -> str:
    # Administrators' tools: an ordinary user's PATH often lacks the folders they are in.
    return f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


def _inode(pid: int) -> int:
    """The network namespace that a process lives in; 0 where it has ended."""
    try:
        return os.stat(f"/proc/{pid}/ns/net").st_ino
    except OSError:
        return 0


def mount_sysfs() -> None:
    """Mount the calling thread's network namespace's /sys, where the machine allows it (container runtimes mask it)."""
    try:
        system.mount("sysfs", "/sys", "sysfs", system.MS_NOSUID | system.MS_NODEV | system.MS_NOEXEC)
    except OSError:
        # Only what needs /sys goes without: it will say so itself (a sysfs write reports its own path).
        return
