"""Progress: on a terminal, when it takes long, and never in the way of the report."""

from __future__ import annotations

import io
import os
import pty
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TextIO

import pytest

from netlab.cli import progress
from netlab.cli.progress import Progress

Got = Callable[[], str]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[TextIO, Got]]:
    """A terminal, and what it got, once it is closed.

    The test itself makes it stderr: between fixtures and tests pytest puts its own there.
    """
    mine, theirs = pty.openpty()
    stream = os.fdopen(theirs, "w")
    monkeypatch.setenv("TERM", "xterm")
    got = bytearray()

    def read() -> None:
        while True:
            try:
                data = os.read(mine, 65536)
            except OSError:
                # The other end is closed (EIO).
                return
            got.extend(data)

    reader = threading.Thread(target=read)
    reader.start()

    def closed() -> str:
        stream.close()
        reader.join()
        return got.decode()

    yield stream, closed
    stream.close()
    reader.join()
    os.close(mine)


def test_a_short_run_shows_none(terminal: tuple[TextIO, Got], monkeypatch: pytest.MonkeyPatch) -> None:
    """What ends before patience does writes nothing."""
    monkeypatch.setattr(sys, "stderr", terminal[0])
    monkeypatch.setattr(progress, "PATIENCE", 3600)
    with Progress() as watch:
        assert watch._timer is not None
        watch("two: baseline")
    assert terminal[1]() == ""


def test_a_long_run_shows_it_and_wipes_it(terminal: tuple[TextIO, Got], monkeypatch: pytest.MonkeyPatch) -> None:
    """After that it says what is being done, names that look like markup included, and leaves no trace of it."""
    monkeypatch.setattr(sys, "stderr", terminal[0])
    monkeypatch.setattr(progress, "PATIENCE", 0)
    with Progress() as watch:
        assert watch._timer is not None
        watch._timer.join()
        watch("[red] two: baseline")
        watch.hide()
        watch("three: baseline")
    text = terminal[1]()
    assert "[red] two: baseline" in text
    assert "three: baseline" in text
    # The last things that happen: the line is erased, the cursor shown again.
    assert text.rindex("\x1b[2K") > text.rindex("three")
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


@pytest.mark.parametrize("quiet", [True, False])
def test_never_without_a_terminal(quiet: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written to what is no terminal, nor where quiet is asked for."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "PATIENCE", 0)
    with Progress(quiet=quiet) as watch:
        watch("two: baseline")
        assert watch._timer is None
    assert stream.getvalue() == ""
