"""The command, and ``python -m netlab`` where it isn't on the PATH."""

from __future__ import annotations

import signal

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # Until `netlab.cli` catches it, Ctrl-C ends the process as it ends any program: without a traceback of an import.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from netlab.cli import main

if __name__ == "__main__":
    main()
