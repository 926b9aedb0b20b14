"""Nothing left behind, whatever happens: each scenario in a small world of its own."""

from __future__ import annotations

import functools
import os

import pytest

from tests.crash import world

#: Kills that hit, in one run of the suite; `make crash` asks for more.
KILLS = int(os.environ.get("NETLAB_KILLS", "22"))
SEED = int(os.environ.get("NETLAB_SEED", "1"))


@functools.cache
def _lacks() -> str:
    """Why no world can be made here; empty where it can."""
    tried = world.enter(["nothing"])
    return "" if tried.returncode == 0 else f"no namespaces to be crashed in: {tried.stdout.strip()[-200:]}"


@pytest.fixture(autouse=True)
def _somewhere() -> None:
    if why := _lacks():
        pytest.skip(why)


@pytest.mark.timeout(3600)
def test_kills() -> None:
    """SIGKILL of each process at events of every moment of a run hits, leaves nothing, and is told clearly."""
    done = world.enter(["kills", "--count", str(KILLS), "--seed", str(SEED)])
    assert done.returncode == 0, done.stdout
    print(done.stdout)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("scenario", ["signals", "full-disk", "streams", "limits"])
def test_ends(scenario: str) -> None:
    """Signals, full disks, readers that go, too few descriptors, too little memory: a line, an exit code, no trace."""
    done = world.enter([scenario])
    assert done.returncode == 0, done.stdout


@pytest.mark.timeout(600)
def test_no_agent_without_a_front() -> None:
    """Whichever of its parents is killed, busy or stopped as it may be, the agent ends with all that it has."""
    done = world.enter(["ties"])
    assert done.returncode == 0, done.stdout


def test_a_trace_is_found() -> None:
    """The search finds what there is to be found: a process, a link, a mount, a file, a namespace that is held."""
    done = world.enter(["traces"])
    assert done.returncode == 0, done.stdout
