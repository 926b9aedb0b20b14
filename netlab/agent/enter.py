"""``python -m netlab.agent.enter``: a program of the user's in a lab that stays, with the user's own terminal.

Started by a front, which has got the namespaces from the agent. It enters them, starts the program as its child (only
children enter a PID namespace), and waits: the terminal, the streams and the process group are the program's, too. So
Ctrl-C and Ctrl-Z reach it as they reach any program; other signals are passed on. A shell has a process group of its
own. As the program lives in the lab's PID namespace, it ends with the lab.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import sys
from typing import NoReturn

from netlab.agent import guard, netns, system
from netlab.contract.lacks import NOT_EXECUTABLE, NOT_FOUND

#: What the init of a lab's programs has of its own: all that a program enters but its network.
_OWN = system.CLONE_NEWIPC | system.CLONE_NEWUTS | system.CLONE_NEWNS | system.CLONE_NEWPID
#: Those that the terminal sends to all of its foreground processes.
_TYPED = (signal.SIGINT, signal.SIGQUIT)
_PASSED_ON = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def main() -> NoReturn:
    """Arguments: ``--init FD``, ``--network FD`` and ``--private 0|1`` (`netlab.client.place.Place`), ``--names FD`` (a
    file with its `names`), ``--leads 0|1`` (whether the program leads a process group of its own, as shells want to),
    ``--``, the program and its arguments."""
    split = sys.argv.index("--")
    given = dict(zip(sys.argv[1:split:2], map(int, sys.argv[2:split:2]), strict=True))
    with open(given["--names"]) as names:
        enter(given["--init"], given["--network"], private=bool(given["--private"]), names=names.read())
    for number in _TYPED:
        signal.signal(number, signal.SIG_IGN)
    leads = bool(given["--leads"]) and _in_foreground()
    if leads:
        # Who hands the terminal over is in the background then.
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    pid = os.fork()
    if pid == 0:
        _become(sys.argv[split + 1 :], leads)
    for number in _PASSED_ON:
        signal.signal(number, lambda number, _frame: os.kill(pid, number))
    status = _wait(pid, leads)
    sys.exit(status if status >= 0 else 128 - status)


def enter(init: int, network: int, *, private: bool, names: str) -> None:
    """Enter the namespaces of an init (a pidfd), that of its processes for children alone. In one that isn't private
    ``names`` are known (a text as /etc/hosts). Raises OSError."""
    try:
        cwd = os.getcwd()
    except FileNotFoundError:
        cwd = "/"
    guarded = _in_user_namespace_of(init)
    system.setns(init, _OWN | (0 if guarded else system.CLONE_NEWUSER))
    if not private:
        system.unshare(system.CLONE_NEWNS)
        netns.mount_names(names)
    system.setns(network, system.CLONE_NEWNET)
    if not private:
        netns.mount_sysfs()
        if guarded:
            guard.sysfs()
    if guarded:
        guard.capabilities()
    for fd in (init, network):
        os.close(fd)
    try:
        os.chdir(cwd)
    except OSError:
        # It isn't there in the mount namespace of the host.
        os.chdir("/")


def _in_user_namespace_of(init: int) -> bool:
    """Whether this process is in the user namespace of another: so it is with labs of root."""
    with open(f"/proc/self/fdinfo/{init}") as file:
        pid = next(line.split()[1] for line in file if line.startswith("Pid:"))
    return os.path.samefile("/proc/self/ns/user", f"/proc/{pid}/ns/user")


def _in_foreground() -> bool:
    """Whether what is typed goes to this process's group."""
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def _become(argv: list[str], leads: bool) -> NoReturn:
    """Run the program in the place of this process."""
    try:
        # The front is its parent: a program doesn't stay without the command that has started it.
        system.die_with_parent(signal.SIGKILL)
        if leads:
            # This one's group has no number in the lab's PID namespace: no shell could give the terminal back to it.
            os.setpgid(0, 0)
            os.tcsetpgrp(0, os.getpgrp())
        for number in (*_TYPED, *_PASSED_ON, signal.SIGTTOU, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.execvp(argv[0], argv)
    except OSError as error:
        # A folder of $PATH that this user may not look into says "permission denied" of every name.
        missing = error.errno == errno.ENOENT or ("/" not in argv[0] and shutil.which(argv[0]) is None)
        said = os.strerror(errno.ENOENT) if missing else error.strerror
        print(f"netlab: {argv[0]}: {said}", file=sys.stderr, flush=True)
        os._exit(NOT_FOUND if missing else NOT_EXECUTABLE)


def _wait(pid: int, leads: bool) -> int:
    """Wait for the end of the program: its exit status, or minus the signal that has ended it. One that ``leads`` has
    the terminal as long as it runs."""
    while True:
        _, status = os.waitpid(pid, os.WUNTRACED)
        if leads:
            _hand_over(os.getpgrp())
        if not os.WIFSTOPPED(status):
            return os.waitstatus_to_exitcode(status)
        # Who has started this one sees it stop, and continues it.
        os.kill(os.getpid(), signal.SIGSTOP)
        if leads and _in_foreground():
            _hand_over(pid)
        os.kill(pid, signal.SIGCONT)


def _hand_over(group: int) -> None:
    """Give a process group the terminal, unless that has gone."""
    with contextlib.suppress(OSError):
        os.tcsetpgrp(0, group)


main()
