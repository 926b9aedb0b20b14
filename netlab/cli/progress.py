"""What is being done, on stderr: only on a terminal, only when the work takes long."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.status import Status

#: Seconds until progress is shown; most runs are over before.
PATIENCE = 1.0


class Progress:
    """A line with a spinner, shown after `PATIENCE`; rich is imported only then. Usable as a context manager.

    Called with a text it says what is being done; `hide` wipes it before something else is printed.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._lock = threading.Lock()
        self._text = "starting"
        self._status: Status | None = None
        self._due = False
        self._timer: threading.Timer | None = None
        if not quiet and sys.stderr.isatty():
            self._timer = threading.Timer(PATIENCE, self._now)
            self._timer.daemon = True
            self._timer.start()

    def __call__(self, text: str) -> None:
        with self._lock:
            self._text = text
            if self._due:
                self._show()

    def note(self, text: str) -> None:
        """Say something that is to stay, whether progress is shown or not."""
        self.hide()
        print(f"netlab: {text}", file=sys.stderr, flush=True)

    def hide(self) -> None:
        """Wipe the line; it comes back with the next text."""
        with self._lock:
            if self._status is not None:
                self._status.stop()
                self._status = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
        with self._lock:
            self._due = False
        self.hide()

    def _now(self) -> None:
        with self._lock:
            self._due = True
            self._show()

    def _show(self) -> None:
        # A topology may be called "[red]": that is no markup.
        text = self._text.replace("[", "\\[")
        if self._status is not None:
            self._status.update(text)
            return
        from rich.console import Console

        self._status = Console(stderr=True).status(text)
        self._status.start()
