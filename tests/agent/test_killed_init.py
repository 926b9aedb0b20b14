"""The first process of a lab's PID namespace is killed from outside, or never says that it is there."""

from __future__ import annotations

import subprocess
import sys

_AGENT = r"""
import os, signal, subprocess
from netlab.agent.netns import Home, Netns
from netlab.agent.programs import Programs

Home.remember()
programs, ns = Programs(), Netns("A")

inits = []
def start():
    def popen():
        if inits:
            init = inits.pop()
            os.kill(init, signal.SIGKILL)
            os.waitid(os.P_PID, init, os.WEXITED | os.WNOWAIT)
        return subprocess.Popen(["readlink", "/proc/self/ns/pid"], stdout=subprocess.PIPE, text=True)
    return programs.within(ns, popen).communicate()[0].strip()

first = start()
inits = [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and
         open(f"/proc/{pid}/comm").read().strip() == "netlab-init"]
second = start()
assert not inits
print(first != second, first.startswith("pid:"), second.startswith("pid:"))
"""

_SILENT = r"""
import os, signal, subprocess
from netlab.agent import programs
from netlab.agent.netns import Home, Netns

Home.remember()
programs.READY, programs._be_init = 0.1, lambda *_: signal.pause()
try:
    programs.Programs().within(Netns("A"), lambda: subprocess.Popen(["true"]))
except OSError as error:
    print(error)
print(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def _inside(code: str) -> list[str]:
    """What code says in namespaces of its own, as an agent's."""
    unshare = [
        "unshare",
        "--user",
        "--map-root-user",
        "--net",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
    ]
    done = subprocess.run([*unshare, sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_it_dies_as_a_program_is_started() -> None:
    """A program whose PID namespace loses its init before it is forked is started in a new one."""
    assert _inside(_AGENT) == ["True True True"]


def test_it_never_says_that_it_is_there() -> None:
    """An init that says nothing is killed, and whoever wants to start a program is told."""
    assert _inside(_SILENT) == ["no namespace for the programs of a lab: its init said nothing for 0.1 s", "-9"]
