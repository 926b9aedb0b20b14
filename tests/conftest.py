"""What holds for every test."""

from __future__ import annotations

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # In the background of a script (`make test &`) Ctrl-C is ignored, by us and by whatever we start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
