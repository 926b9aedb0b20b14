"""The first process of a lab's PID namespace is killed from outside."""

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


def test_it_dies_as_a_program_is_started() -> None:
    """A program whose PID namespace loses its init before it is forked is started in a new one."""
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
    done = subprocess.run([*unshare, sys.executable, "-c", _AGENT], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.split() == ["True", "True", "True"]
