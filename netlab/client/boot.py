"""How the agent is started as a program of its own."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Sequence

from netlab.client.errors import MORE, CannotRun, Exhausted
from netlab.contract.lacks import SCARCE

#: A module of the agent's, as a program: netlab is found where this process found it.
BOOT = "import sys; sys.path.insert(0, sys.argv.pop(1)); import "


def command(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of the agent's, from the package's own folder, and nothing of the current one."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return [sys.executable, *interpreter_options(), "-c", BOOT + module, root, *arguments]


def launch(module: str, options: Sequence[str], stderr: int | None) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Start a module as an agent whose front is this process: our end of its stream, and its process.

    Raises CannotRun.
    """
    if not sys.platform.startswith("linux"):
        raise CannotRun(
            f"labs are made of Linux network namespaces, and this is {sys.platform}",
            "use a Linux machine",
        )
    with contextlib.ExitStack() as stack:
        try:
            mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            stack.callback(theirs.close)
            front = os.pidfd_open(os.getpid())
            stack.callback(os.close, front)
            options = ["--stream", str(theirs.fileno()), "--front", str(front), *options]
            process = subprocess.Popen(
                command(module, *options),
                pass_fds=(theirs.fileno(), front),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,
            )
        except OSError as error:
            said = f"the agent cannot be started: {error.strerror}"
            raise (Exhausted(said, MORE) if error.errno in SCARCE else CannotRun(said)) from error
    return mine, process


def interpreter_options() -> list[str]:
    """Python's options for the agent: it imports nothing from the current folder, and ignores what this process ignores
    (``-I``: PYTHONPATH and the user's own packages)."""
    flags = sys.flags
    if flags.isolated:
        return ["-I", *(["-S"] if flags.no_site else [])]
    given = {"-E": flags.ignore_environment, "-s": flags.no_user_site, "-S": flags.no_site}
    return ["-P", *(option for option, on in given.items() if on)]
