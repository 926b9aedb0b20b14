"""The programs of a lab, measurements included. They have a PID namespace of their own: so they see only each other,
and end together. Those of a private host have one for themselves, with mounts and a name of the host's own.

A PID namespace lives as long as its first process, the init. A lab's init is forked when the lab starts its first
program. It mounts a /proc that shows the lab's programs alone, and then only waits. Orphans are reaped by the kernel,
since it ignores SIGCHLD (wait(2)). When it ends, the kernel kills every process of the namespace, whatever its session,
group or parent (zap_pid_ns_processes, kernel/pid_namespace.c). The agent stays the parent of each program that it
starts: setns(2) into a PID namespace affects only children of the calling thread.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NamedTuple, NoReturn

from netlab.agent import guard, news, private, system
from netlab.agent.netns import Netns, in_thread, mount_names, proc_is_own
from netlab.agent.users import Owned
from netlab.contract.types import GivenFile

#: The name of a lab's init.
INIT = "netlab-init"
#: How long it may take until it is there, in seconds: far longer than any scheduling delay.
READY = 30


class _Space(NamedTuple):
    """The number of the init, and descriptors: the namespaces of processes, mounts and the hostname, the root folder in
    the mounts (it is not the namespace's own where the agent runs in a chroot); /etc/hosts of a private host, else -1.
    """

    init: int
    pids: int
    mounts: int
    uts: int
    root: int
    names: int


class Programs:
    """The programs of one lab. With ``guarded`` they may do less to the machine than their user (see `guard`).
    ``owned`` are folders of other users than root (see `private.dress`).

    Measurements start programs in threads of their own, so a lock lets one thread in at a time.
    """

    def __init__(self, *, guarded: bool = False, owned: Sequence[Owned] = ()) -> None:
        self._guarded = guarded
        self._owned = owned
        self._lock = threading.Lock()
        self._ended = False
        #: By the id of a private host; that of all others is ''.
        self._spaces: dict[str, _Space] = {}
        self._started: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._names = ""

    def start(
        self,
        ns: Netns,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        anywhere: bool = False,
        names: str = "",
        **streams: Any,
    ) -> subprocess.Popen[bytes]:
        """Start a program of the user's in a network namespace of the lab. With ``anywhere`` it starts in the root
        folder where ``cwd`` isn't there; outside of private hosts it knows ``names`` (a text as /etc/hosts). Raises
        OSError."""
        news.visit(ns)

        def popen() -> subprocess.Popen[bytes]:
            if ns.private is None:
                mount_names(names)
            folder = "/" if anywhere and cwd is not None and not os.path.isdir(cwd) else cwd
            return subprocess.Popen(list(argv), env=env, cwd=folder, start_new_session=True, **streams)

        return self.within(ns, popen)

    def within(self, ns: Netns, popen: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        """Have ``popen`` start a program in a network namespace of the lab, with a /sys that shows its devices.

        It is called in a thread with a mount namespace of its own, or in that of a private host. Raises OSError, of a
        lab that has ended ESRCH.
        """
        with self._lock:
            space = self._space(ns)
            try:
                process = self._enter(space, ns, popen)
            except OSError as error:
                # A PID namespace takes no process from the moment on that its init is killed (alloc_pid).
                if error.errno != errno.ENOMEM or not _is_ending(space.init):
                    raise
                process = self._enter(self._space(ns), ns, popen)
            self._started = [(at, one) for at, one in self._started if one.returncode is None]
            self._started.append((ns.id, process))
        return process

    def _enter(self, space: _Space, ns: Netns, popen: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        def inside() -> subprocess.Popen[bytes]:
            if ns.private:
                system.setns(space.uts, system.CLONE_NEWUTS)
            elif self._guarded:
                guard.sysfs()
            system.setns(space.pids, system.CLONE_NEWPID)
            if self._guarded:
                guard.capabilities()
            return popen()

        return in_thread(ns.fd, inside, (space.mounts, space.root), copied=ns.private is None)

    def _space(self, ns: Netns) -> _Space:
        """The space of a namespace's programs, made at its first use; the caller holds the lock. Raises OSError."""
        if self._ended:
            raise OSError(errno.ESRCH, "the lab has ended")
        owner = ns.id if ns.private else ""
        space = self._spaces.get(owner)
        if space is not None and _is_ending(space.init):
            # Killed from outside: it can take no more programs, and is reaped soon.
            self._forget(owner)
            space = None
        if space is None:
            space = self._spaces[owner] = self._make(ns if ns.private else None)
        return space

    def _make(self, host: Netns | None) -> _Space:
        """A new PID namespace with its init; that of a private ``host`` lives in that.

        Raises OSError.
        """

        def inside() -> _Space:
            system.unshare(system.CLONE_NEWPID | (system.CLONE_NEWUTS if host else 0))
            with contextlib.ExitStack() as used, contextlib.ExitStack() as opened:
                # Before the init mounts its own /proc over this one, in which this thread has no number.
                here = os.open("/proc/thread-self", os.O_PATH | os.O_CLOEXEC)
                used.callback(os.close, here)
                hosts = -1
                if host is not None and host.private is not None:
                    if self._guarded:
                        guard.sysfs()
                    private.dress(host.id, host.private, rootless=not self._guarded, owned=self._owned)
                    if not any(file.path == "/etc/hosts" for file in host.private.files):
                        hosts = private.names_file(self._names)
                        opened.callback(os.close, hosts)
                read, write = os.pipe2(os.O_CLOEXEC)
                used.callback(os.close, read)
                try:
                    pid = os.fork()
                    if pid == 0:
                        _be_init(write, self._guarded)
                finally:
                    os.close(write)
                said = _hear(read, pid)
                if said != b"ready":
                    raise OSError(f"no namespace for the programs of a lab: {said.decode() or 'its init was killed'}")
                opened.callback(os.kill, pid, signal.SIGKILL)
                fds = []
                for path, folder in (("ns/pid_for_children", here), ("ns/mnt", here), ("ns/uts", here), ("/", None)):
                    flags = os.O_PATH if folder is None else os.O_RDONLY
                    fds.append(os.open(path, flags | os.O_CLOEXEC, dir_fd=folder))
                    opened.callback(os.close, fds[-1])
                opened.pop_all()
            pids, mounts, uts, root = fds
            return _Space(pid, pids, mounts, uts, root, hosts)

        return in_thread(host.fd if host else None, inside)

    def locate(self, ns: Netns) -> list[int]:
        """New descriptors of where a namespace's programs live: a pidfd of the init of their PID namespace, and the
        network namespace. The init of a private host is in that, too. Raises OSError.
        """
        news.visit(ns)
        with self._lock:
            return [os.pidfd_open(self._space(ns).init), os.dup(ns.fd)]

    def put(self, ns: Netns, files: Sequence[GivenFile]) -> None:
        """Write files into a private host; one that has no program yet gets them with its first. Raises OSError."""
        assert ns.private is not None
        with self._lock:
            paths = {file.path for file in files}
            kept = [file for file in ns.private.files if file.path not in paths]
            ns.private = replace(ns.private, files=(*kept, *files))
            if ns.id not in self._spaces:
                return
            space = self._space(ns)
            in_thread(ns.fd, lambda: private.put(files), (space.mounts, space.root), copied=False)

    def name(self, text: str) -> None:
        """Have private hosts know these names: the text of /etc/hosts, where it isn't a file of the topology's."""
        with self._lock:
            if text != self._names:
                self._names = text
                for space in self._spaces.values():
                    if space.names >= 0:
                        private.rewrite(space.names, text)

    def start_piped(
        self,
        ns: Netns,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None,
        cwd: str | None,
        anywhere: bool = False,
        names: str = "",
        outputs: Mapping[str, Any] = MappingProxyType({}),
    ) -> tuple[subprocess.Popen[bytes], list[int]]:
        """The same with a pipe for each standard stream, and our ends of these; ``outputs`` are descriptors, or numbers
        of subprocess, in the place of those for stdout and stderr, whose pipes are closed then. Raises OSError."""
        with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
            in_read, in_write = _pipe(theirs, ours)
            out_read, out_write = _pipe(ours, theirs)
            err_read, err_write = _pipe(ours, theirs)
            streams = {"stdin": in_read, "stdout": out_write, "stderr": err_write, **outputs}
            process = self.start(ns, argv, env=env, cwd=cwd, anywhere=anywhere, names=names, **streams)
            ours.pop_all()
        return process, [in_write, out_read, err_read]

    def end_in(self, ns: Netns) -> None:
        """Kill the programs of one network namespace, and what they have started.

        Where /proc is our own, all processes in the namespace are found; else those started there, and their sessions.
        """
        if ns.private:
            # They are in its PID namespace, and end with that.
            with self._lock:
                self._kill(ns.id)
            return
        if "" not in self._spaces:
            return
        for at, process in self._started:
            # It has not been reaped: the number is still its own.
            if at == ns.id and process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        if not proc_is_own():
            return
        wanted = os.fstat(ns.fd).st_ino
        looked_at: set[int] = set()
        # A process that is being killed can't fork (copy_process): so the first look that finds no new one is the last.
        while new := {int(pid) for pid in os.listdir("/proc") if pid.isdigit()} - looked_at:
            looked_at |= new
            for pid in new:
                _kill_if_in(pid, wanted)

    def reaped(self, pid: int) -> None:
        """A child of the agent has ended: if it was an init, the next program gets a new one."""
        with self._lock:
            for owner in [owner for owner, space in self._spaces.items() if space.init == pid]:
                self._forget(owner)

    def end(self) -> None:
        """Kill every program, and start no more."""
        with self._lock:
            self._ended = True
            for owner in list(self._spaces):
                self._kill(owner)

    def _kill(self, owner: str) -> None:
        if owner in self._spaces:
            # Not reaped yet, else it would have been forgotten (`reaped`): the number is still its own.
            os.kill(self._spaces[owner].init, signal.SIGKILL)
            self._forget(owner)

    def _forget(self, owner: str) -> None:
        space = self._spaces.pop(owner)
        for fd in space[1:]:
            if fd >= 0:
                os.close(fd)


def number_inside(pid: int) -> int:
    """The number that a child of ours, not reaped yet, has in its own PID namespace."""
    pidfd = os.pidfd_open(pid)
    try:
        # Whichever /proc this is, the last of the numbers is that of the innermost namespace.
        with open(f"/proc/thread-self/fdinfo/{pidfd}") as file:
            numbers = next((line for line in file if line.startswith("NSpid:")), f"NSpid: {pid}")
    finally:
        os.close(pidfd)
    return int(numbers.split()[-1])


def _is_ending(pid: int) -> bool:
    """Whether a child of ours, not reaped yet, has been killed (PF_EXITING of its flags, include/linux/sched.h)."""
    if not proc_is_own():
        return False
    with open(f"/proc/{pid}/stat") as file:
        return bool(int(file.read().rpartition(")")[2].split()[6]) & 0x4)


def _hear(read: int, pid: int) -> bytes:
    """What an init says when it is there, or instead; one that says nothing is killed."""
    poll = select.poll()
    poll.register(read, select.POLLIN)
    if not poll.poll(READY * 1000):
        os.kill(pid, signal.SIGKILL)
        return f"its init said nothing for {READY} s".encode()
    return os.read(read, 1000)


def _be_init(ready: int, guarded: bool) -> NoReturn:
    """Run in the forked process, the first of its PID namespace: processes inside can't kill it."""
    try:
        system.set_name(INIT)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        try:
            guard.proc(guarded)
        except OSError as error:
            os.write(ready, str(error).encode())
            os._exit(70)
        os.write(ready, b"ready")
        # Close all descriptors: else this process would keep the agent's streams and namespaces open.
        os.closerange(0, os.sysconf("SC_OPEN_MAX"))
        while True:
            signal.pause()
    finally:
        os._exit(70)


def kill_family(pid: int, number: int) -> None:
    """Send a signal to a child of ours, not reaped yet, and to its descendants and the processes of its session: all
    that it has started but for daemons that have cut themselves off. Where /proc isn't our own, to its group."""
    if not proc_is_own():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, number)
        return
    family, sent = {pid}, set[int]()
    while new := family - sent:
        # Before any is told: orphans have another parent. One that is being killed can't fork.
        parents = _parents()
        while more := {one for one, kin in parents.items() if family.intersection(kin)} - family:
            family |= more
        for one in (new := family - sent):
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, number)
        sent |= new
        family |= {one for one, kin in _parents().items() if family.intersection(kin)}


def _parents() -> dict[int, tuple[int, int]]:
    """Each process's parent and session."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
            found[int(name)] = int(fields[1]), int(fields[3])
    return found


def _kill_if_in(pid: int, network: int) -> None:
    """Kill a process if it lives in a network namespace. By its descriptor: the number may be given anew meanwhile."""
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return
    try:
        if os.stat(f"/proc/{pid}/ns/net").st_ino == network:
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    except OSError:
        return  # It has ended meanwhile.
    finally:
        os.close(pidfd)


def _pipe(reading: contextlib.ExitStack, writing: contextlib.ExitStack) -> tuple[int, int]:
    """A pipe's ends, each closed with the stack of the side that has it."""
    read, write = os.pipe2(os.O_CLOEXEC)
    reading.callback(os.close, read)
    writing.callback(os.close, write)
    return read, write
