"""What is being done, on stderr: only on a terminal, only when the work takes long."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator

#: Seconds until progress is shown; most runs are over before.
PATIENCE = 1.0


@contextlib.contextmanager
def progress(*, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """A function to be told what is being done; after `PATIENCE` that shows on stderr."""
    if quiet or not sys.stderr.isatty():
        yield lambda _doing: None
        return
    line = _Line()
    timer = threading.Timer(PATIENCE, line.show)
    timer.daemon = True
    timer.start()
    try:
        yield line.update
    finally:
        timer.cancel()
        line.close()


class _Line:
    """One line with a spinner; rich is imported only when it is shown."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._text = "starting"
        self._status: object = None
        self._closed = False

    def update(self, text: str) -> None:
        with self._lock:
            self._text = text
            if self._status is not None:
                self._status.update(_plain(text))  # type: ignore[attr-defined]

    def show(self) -> None:
        from rich.console import Console

        with self._lock:
            if not self._closed:
                self._status = Console(stderr=True).status(_plain(self._text))
                self._status.start()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._status is not None:
                self._status.stop()  # type: ignore[attr-defined]


def _plain(text: str) -> str:
    """The text without rich's markup: a topology may be called ``[red]``."""
    return text.replace("[", "\\[")
