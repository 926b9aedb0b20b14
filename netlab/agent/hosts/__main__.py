"""``python -m netlab.agent.hosts``: started by the front over ssh, never by a person."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Become root where need be, then serve on standard input and output.

    Options: ``--mark HEX`` what the probes of all machines carry, ``--no-sudo`` never to ask sudo,
    ``--connection TEXT`` what sshd said in SSH_CONNECTION (sudo drops it).
    """
    given = sys.argv[1:]
    mark = given[given.index("--mark") + 1]
    connection = given[given.index("--connection") + 1] if "--connection" in given else ""
    connection = connection or os.environ.get("SSH_CONNECTION", "")
    if os.geteuid() != 0 and "--no-sudo" not in given:
        again = [sys.executable, "-m", "netlab.agent.hosts", "--mark", mark, "--no-sudo", "--connection", connection]
        try:
            os.execvp("sudo", ["sudo", "-n", *again])
        except FileNotFoundError:
            sys.exit("netlab: there is no sudo")
    from netlab.agent.probe import frames

    frames.use_mark(bytes.fromhex(mark))
    from netlab.agent.hosts import watchdog
    from netlab.contract.wire import READY

    # Whatever else prints must not disturb the stream.
    write_fd = os.dup(1)
    os.dup2(2, 1)
    watchdog.launch(0, write_fd, READY, connection)


main()
