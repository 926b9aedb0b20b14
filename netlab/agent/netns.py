"""Network namespaces held by descriptor only: no name, nothing under /run/netns, gone when the agent is."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
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
        try:
            system.unshare(system.CLONE_NEWNET)
            self.fd = os.open(_SELF, os.O_RDONLY | os.O_CLOEXEC)
            self.netlink = Socket()
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
        return self.in_thread(lambda: subprocess.Popen(list(argv), env=env, cwd=cwd, start_new_session=True, **streams))

    def run(self, argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run a command inside to its end, output captured. Raises OSError where it can't be started."""
        return self.in_thread(
            lambda: subprocess.run(
                list(argv), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=30
            )
        )

    def in_thread(self, work: Callable[[], T]) -> T:
        """Call ``work`` in a thread of its own that lives in this namespace, with a mount namespace for its /sys."""
        result: list[T] = []
        failure: list[BaseException] = []

        def inside() -> None:
            try:
                cwd = os.getcwd()
                system.unshare(system.CLONE_FS | system.CLONE_NEWNS)
                system.setns(self.fd)
                mount_sysfs()
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


def mount_sysfs() -> None:
    """Mount the calling thread's network namespace's /sys, where the machine allows it (container runtimes mask it)."""
    try:
        system.mount("sysfs", "/sys", "sysfs", system.MS_NOSUID | system.MS_NODEV | system.MS_NOEXEC)
    except OSError:
        # Only what needs /sys goes without: it will say so itself (a sysfs write reports its own path).
        return
