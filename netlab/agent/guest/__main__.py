"""``python -m netlab.agent.guest``: started by the front, never by a person."""

from __future__ import annotations

import json
import sys


def main() -> None:
    """Options: ``--stream FD`` a Unix socket, ``--front FD`` a pidfd of the front, ``--kernel JSON`` which kernel."""
    from netlab.agent.guest import standin
    from netlab.agent.guest.kernel import Kernel

    options = dict(zip(sys.argv[1::2], sys.argv[2::2], strict=True))
    kernel = Kernel(**json.loads(options["--kernel"]))
    standin.launch(int(options["--front"]), int(options["--stream"]), kernel)


main()
