"""Two processes that watch each other: the agent, which acts, and the watchdog, which undoes when the agent ends.

Links and addresses in a machine's own namespace don't vanish with the process that made them. So the agent notes each
change before it makes it, in a pipe that the watchdog reads. However the agent ends (it is done, ssh or the front has
gone, a signal, kill -9), the watchdog undoes what is in the list. If the watchdog is killed, the agent undoes
everything and ends. If both are killed, the next agent does it (`journal`). The agent is PID 1 of a PID namespace:
every process that it has started ends with it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import threading
import time
from typing import NoReturn

from netlab.agent import system
from netlab.agent.hosts.journal import Journal
from netlab.agent.hosts.undo import UndoList, WatchdogGone, parse, undo
from netlab.agent.launcher import private_proc

#: How long a new agent waits for an old one, which may be undoing still, in seconds.
PATIENCE = 5.0
_LOCK = "\0netlab-hosts-agent"
_HANGUP = select.POLLHUP | select.POLLERR | getattr(select, "POLLRDHUP", 0x2000)


class Busy(Exception):
    """Another agent is at work on this machine."""


def launch(read_fd: int, write_fd: int, ready: bytes, connection: str) -> NoReturn:
    """Fork the agent, watch it and the stream, undo at the end. ``connection`` is what sshd says of the session."""
    if os.geteuid() != 0:
        print("netlab: not root", file=sys.stderr)
        os._exit(77)
    # The login session may get a SIGHUP; this process must end only with the stream or the agent.
    with contextlib.suppress(PermissionError):
        os.setsid()
    os.chdir("/")
    try:
        lock = _lock()
    except Busy as busy:
        print(f"netlab: {busy}", file=sys.stderr)
        os._exit(75)
    journal = Journal()
    left = parse(journal.left())
    _say(undo(left, late=True))
    journal.begin()
    wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake_write)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, lambda *_: None)
    undo_read, undo_write = os.pipe()
    mine = os.pidfd_open(os.getpid())
    system.unshare(system.CLONE_NEWPID | system.CLONE_NEWNS)
    system.mount("none", "/", None, system.MS_REC | system.MS_PRIVATE)
    pid = os.fork()
    if pid == 0:
        status = 70
        list_ = UndoList(undo_write, journal)
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
                signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.SIG_IGN)
            os.close(undo_read)
            _watch(mine, list_, write_fd)
            private_proc()
            from netlab.agent.hosts.server import serve

            os.write(write_fd, ready)
            serve(read_fd, write_fd, list_, connection, len(left))
            status = 0
        except WatchdogGone:
            status = 71
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            # The stream may have ended because the watchdog did. It is no error if something is undone already.
            _undo_here(list_)
            os._exit(status)
    os.close(undo_write)
    os.close(write_fd)
    data = _wait(pid, read_fd, undo_read, wake_read)
    lost = undo(parse(data))
    _say(lost)
    if not lost:
        journal.remove()
    lock.close()
    os._exit(1 if lost else 0)


def _wait(pid: int, stream: int, undo_read: int, wake: int) -> bytes:
    """Collect the undo list until the agent has ended, by itself or with the stream; returns the list."""
    data = bytearray()
    child = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(child, select.POLLIN)
    poll.register(undo_read, select.POLLIN)
    poll.register(stream, _HANGUP)
    poll.register(wake, select.POLLIN)
    killed = False
    while True:
        events = {fd for fd, _ in poll.poll()}
        if undo_read in events:
            chunk = os.read(undo_read, 1 << 16)
            data += chunk
            if not chunk:
                poll.unregister(undo_read)
        if not killed and events & {stream, wake}:
            # The front has gone: what the agent is still doing doesn't matter any more.
            signal.pidfd_send_signal(child, signal.SIGKILL)
            killed = True
            poll.unregister(stream)
            poll.unregister(wake)
        if child in events:
            break
    os.waitpid(pid, 0)
    # Everything that was written is in the pipe, and no writer is left.
    while chunk := os.read(undo_read, 1 << 16):
        data += chunk
    return bytes(data)


def _watch(watchdog: int, list_: UndoList, write_fd: int) -> None:
    """In the agent: undo and end when the watchdog is killed."""
    nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)

    def wait() -> None:
        poll = select.poll()
        poll.register(watchdog, select.POLLIN)
        poll.poll()
        # The other thread may see links vanish: that must not become an answer.
        os.dup2(nowhere, write_fd)
        _undo_here(list_)
        os._exit(71)

    threading.Thread(target=wait, name="watch", daemon=True).start()


def _undo_here(list_: UndoList) -> None:
    """In the agent: undo. It takes the lock and never releases it, so no further change is made."""
    list_.acting.acquire(timeout=PATIENCE)
    lost = undo(list_.records)
    _say(lost)
    if not lost:
        list_.journal.remove()


def _say(lost: list[str]) -> None:
    # If the connection has gone, there is no one to report to.
    with contextlib.suppress(OSError):
        for line in lost:
            print(f"netlab: could not be undone: {line}", file=sys.stderr)
        sys.stderr.flush()


def _lock() -> socket.socket:
    """One agent for each network namespace, that is for each machine: an abstract socket, freed by death."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            sock.bind(_LOCK)
        except OSError as error:
            if time.monotonic() > deadline:
                raise Busy("another netlab is using this machine") from error
            time.sleep(0.05)
        else:
            return sock
