"""Nothing is left of a lab that was killed, at whatever moment, but perhaps a dead socket; and many labs at once."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.crash.world import descendants
from tests.ordinary import needs_another_user
from tests.stay.conftest import NOBODY, Stay, about, listed, until

#: Kills in one run of the suite; `make crash` asks for more.
KILLS = int(os.environ.get("NETLAB_KILLS", "20"))


@pytest.mark.timeout(3600)
def test_kills(either: Stay) -> None:
    """Whoever is killed while a lab is brought up, changed, probed or used: no process of it is left, and the next
    command takes a dead socket away."""
    chance, root = random.Random(KILLS), either
    root("down")
    commands = (
        ("set", "A:eth0", "mtu=1400"),
        ("probe", "-l", "icmp"),
        ("exec", "A", "--", "sh", "-c", "sleep 1000 & sleep 1000"),
        ("reset",),
        ("down",),
    )
    for number in range(KILLS):
        begun = root.popen("up", "two.yaml", *root.up, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if number % 3 == 0:
            # While it is brought up.
            _after(chance, 0.6)
            family = [begun.pid, *descendants(begun.pid)]
            _kill(chance.choice(family))
            begun.wait()
        else:
            assert begun.wait() == 0
            agent = int(str(about(root)["pid"]))
            family = [agent, _parent(agent)]
            # It may have gone with `down` until then, and its number be another's.
            victim = os.pidfd_open(chance.choice(family))
            command = root.popen(*chance.choice(commands), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            _after(chance, 0.6)
            family += descendants(agent)
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(victim, signal.SIGKILL)
            os.close(victim)
            command.wait(60)
        # Who was killed may have been the command alone.
        root("down", "--all")
        until(partial(_are_gone, family))
        assert root.files == []


def _after(chance: random.Random, seconds: float) -> None:
    """At a moment that nobody has chosen."""
    import time

    time.sleep(chance.uniform(0, seconds))


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _are_gone(pids: list[int]) -> bool:
    return not any(map(_is_there, pids))


def _is_there(pid: int) -> bool:
    """Whether it is there, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.timeout(600)
def test_many_at_once(root: Stay) -> None:
    """Twenty labs of one topology are up side by side, each with the same addresses, and go at once."""
    names = [f"lab{number}" for number in range(20)]
    starting = [root.popen("up", "two.yaml", "-n", name, stdout=subprocess.DEVNULL) for name in names]
    assert [process.wait() for process in starting] == [0] * 20
    found = listed(root)
    assert {row["name"] for row in found} == {"two", *names}
    assert all(row["memory"] <= 60 << 20 for row in found)
    asking = [root.popen("probe", name, "A,B", stdout=subprocess.PIPE) for name in names[:5]]
    assert all(b"R reached" in process.communicate()[0] for process in asking)
    root("down", "--all")
    assert root.files == []


def test_an_idle_lab_uses_no_processor(root: Stay) -> None:
    """Between two looks at it the agent of a lab has used no processor time."""
    agent = int(str(about(root)["pid"]))

    def used() -> list[str]:
        return Path(f"/proc/{agent}/stat").read_text().rpartition(")")[2].split()[11:13]

    until(lambda: used() == (_after(random.Random(0), 2) or used()))


@needs_another_user
def test_users_have_their_own(root: Stay) -> None:
    """Another user's labs are not seen, and can't be asked even where the folder would let them."""
    other = Stay(root.folder, ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"))
    assert "can't be kept in" not in (listed := other("ps", code=None)).stdout
    assert "two" not in listed.stdout
    for path in (root.folder, root.folder / "netlab", root.folder / "netlab" / "two.sock"):
        path.chmod(0o777)
    code = (
        "import socket; s = socket.socket(socket.AF_UNIX); s.connect('netlab/two.sock'); s.settimeout(60);"
        "print(s.recv(100))"
    )
    asked = subprocess.run(
        [*other.prefix, sys.executable, "-c", code], cwd=root.folder, capture_output=True, text=True, check=False
    )
    (root.folder / "netlab").chmod(0o700)
    assert asked.stdout == "b''\n", asked.stderr
    assert about(root)["name"] == "two"
