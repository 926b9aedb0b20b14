"""One measurement at a time on a machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

from netlab.measure import Lock

NAME = f"\0netlab/test/{os.getpid()}"

HOLDER = """
import sys
from netlab.measure import Lock
with Lock(name=sys.argv[1].replace("@", chr(0))):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder() -> subprocess.Popen[str]:
    """A process that holds the lock until its input ends, or it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, NAME.replace("\0", "@")],
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
        assert process.wait(10) == 0
    assert told == [
        f"waiting for another measurement on this machine to end (process {process.pid} of user {os.getuid()})"
    ]


def test_death_frees_it() -> None:
    """A holder that is killed holds nothing: nobody has to clean up."""
    process = holder()
    with Lock(lambda _text: process.send_signal(signal.SIGKILL), NAME):
        assert process.wait(10) == -signal.SIGKILL


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
