"""One measurement at a time on a machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from netlab.client import LabError
from netlab.measure import Lock
from tests.ordinary import needs_another_user

NAME = f"\0netlab/test/{os.getpid()}"

HOLDER = """
import sys
from netlab.measure import Lock
with Lock(name=sys.argv[1].replace("@", chr(0))):
    print("held", flush=True)
    sys.stdin.read()
"""


SQUATTER = """
import socket, sys
held = socket.socket(socket.AF_UNIX)
held.bind(sys.argv[1].replace("@", chr(0)))
if sys.argv[2] != "deaf":
    held.listen(0)
waiting = []
while sys.argv[2] == "full":
    waiting.append(socket.socket(socket.AF_UNIX))
    waiting[-1].setblocking(False)
    try:
        waiting[-1].connect(held.getsockname())
    except BlockingIOError:
        break
print("held", flush=True)
sys.stdin.read()
"""


def holder(program: str = HOLDER, *more: str, **options: Any) -> subprocess.Popen[str]:
    """A process that holds the lock until its input ends, or it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, NAME.replace("\0", "@"), *more],
        **options,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_it_is_had_again_and_again() -> None:
    """Whoever has let go of it can have it again, without a word of waiting."""
    told: list[str] = []
    for _ in range(3):
        with Lock(told.append, NAME):
            pass
    assert told == []


def test_one_waits_for_another_process_and_says_for_whom() -> None:
    """The second gets it when the first has let go, and knows its process until then."""
    process = holder()
    told: list[str] = []

    def let_go(text: str) -> None:
        told.append(text)
        assert process.stdin is not None
        process.stdin.close()

    with Lock(let_go, NAME):
        assert process.wait(60) == 0
    assert told == [f"waiting for another measurement of yours on this machine to end (process {process.pid})"]


def test_death_frees_it() -> None:
    """A holder that is killed holds nothing: nobody has to clean up."""
    process = holder()
    with Lock(lambda _text: process.send_signal(signal.SIGKILL), NAME):
        assert process.wait(60) == -signal.SIGKILL


def test_threads_wait_for_each_other() -> None:
    """Of many threads that want it only one has it at any moment."""
    inside, most = 0, 0
    guard = threading.Lock()

    def measure() -> None:
        nonlocal inside, most
        with Lock(name=NAME):
            with guard:
                inside += 1
                most = max(most, inside)
            with guard:
                inside -= 1

    threads = [threading.Thread(target=measure) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    assert most == 1


def test_each_user_has_a_name_of_their_own() -> None:
    """Who holds the name that all users had, or another user's, keeps nobody else waiting."""
    squatted = [f"\0netlab/measuring{rest}" for rest in ("", f"/{os.geteuid() + 1}")]
    told: list[str] = []
    with ExitStack() as stack:
        for name in squatted:
            sock = stack.enter_context(socket.socket(socket.AF_UNIX))
            # Somebody may be there already, which is as well.
            with suppress(OSError):
                sock.bind(name)
        with Lock(told.append):
            pass
    assert not any("not waiting" in text or "this one waits for none" in text for text in told)


@needs_another_user
@pytest.mark.parametrize("way", ["listening", "deaf", "full"])
def test_another_user_cannot_hold_it(way: str) -> None:
    """A name that another user has taken, whether they answer or not, is told and not waited for."""
    process = holder(SQUATTER, way, user=65534)
    told: list[str] = []
    with Lock(told.append, NAME, patience=20):
        pass
    process.kill()
    process.wait()
    who = f"process {process.pid} of user 65534" if way == "listening" else "something that gives no answer"
    assert told == [f"{who} has the name by which your measurements wait for each other: this one waits for none"]


def test_no_wait_is_without_end() -> None:
    """A measurement that doesn't end in time is an error that says whose it is, and what fixes it; exit code 3."""
    process = holder()
    with (
        pytest.raises(LabError, match=rf"another measurement \(process {process.pid}\) has not ended") as caught,
        Lock(name=NAME, patience=0.1),
    ):
        pass
    process.kill()
    process.wait()
    assert (caught.value.exit_code, caught.value.fix) == (
        3,
        f"end it (kill {process.pid}), or measure nothing: --no-measure",
    )
