"""``python -m netlab.agent``: started by the front, never by a person."""

from __future__ import annotations

import sys


def main() -> None:
    """Options: ``--stream FD`` a Unix socket, ``--front FD`` a pidfd of the front."""
    from netlab.agent import launcher

    options = dict(zip(sys.argv[1::2], map(int, sys.argv[2::2]), strict=True))
    stream, front = options["--stream"], options["--front"]

    def run(entered: launcher.Entered | launcher.CannotEnter) -> None:
        from netlab.agent.server import serve

        serve(stream, entered)

    launcher.launch(front, stream, run)


main()
