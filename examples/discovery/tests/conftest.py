"""How the suite starts a daemon and speaks with it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import netlab

DAEMON = Path(__file__).parents[1] / "discovery.py"


class Running:
    """A daemon that runs in a namespace; it has said ``ready``."""

    def __init__(self, place: netlab.Namespace, process: netlab.Process) -> None:
        self.place = place
        self.process = process
        assert self.says() == "ready"

    def says(self) -> str:
        """The next line it prints; an error where it has ended, or says nothing for ten seconds."""
        return self.process.line()

    def stop(self) -> None:
        """Have it say goodbye and end."""
        self.process.terminate()
        assert self.process.wait(10) == 0


@pytest.fixture
def start(lab: netlab.Lab) -> Iterator[Callable[[str], Running]]:
    """Start a daemon in a namespace of the test's lab, called like it."""
    with ExitStack() as stack:

        def start_in(name: str) -> Running:
            place = lab[name]
            process = place.popen(sys.executable, DAEMON, name, str(place.addresses[0]))
            return Running(place, stack.enter_context(process))

        yield start_in
