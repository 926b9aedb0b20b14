"""A machine of its own for a test: made with ip(8), in namespaces that nobody else sees."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: What a world's own shell does first: names for `ip netns` go into a folder that is the world's alone.
_FIRST = "mkdir -p /run/netns && mount -t tmpfs none /run/netns && ip link set lo up && echo ready && exec cat"
ROOT = Path(__file__).parents[2]
#: A machine `eth0` at a real bridge, a macvlan container on it, another machine; and no shim.
MACVLAN = """
netns add machine
netns add lan
netns add web
netns add far
-n machine link set lo up
-n web link set lo up
-n far link set lo up
-n lan link add br0 type bridge mcast_snooping 0
-n lan link set br0 up
-n machine link add eth0 type veth peer name p0 netns lan
-n far link add eth0 type veth peer name p1 netns lan
-n lan link set p0 master br0 up
-n lan link set p1 master br0 up
-n machine address add 192.168.26.10/24 dev eth0
-n machine link set eth0 up
-n far address add 192.168.26.20/24 dev eth0
-n far link set eth0 up
-n machine link add link eth0 name m0 netns web type macvlan mode bridge
-n web link set m0 name eth0
-n web address add 192.168.26.11/24 dev eth0
-n web link set eth0 up
"""


class World:
    """Namespaces for network, mounts and processes, entered for each command."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.enter = ["nsenter", f"--target={pid}", "--net", "--mount", "--pid"]
        if os.getuid():
            self.enter += ["--user", "--preserve-credentials"]

    def run(self, *argv: str, ok: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command in it; ``ok``: it must succeed."""
        cwd = options.pop("cwd", "/")
        done = subprocess.run(
            [*self.enter, "sh", "-c", f'cd {shlex.quote(str(cwd))} && exec "$@"', "sh", *argv],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            **options,
        )
        assert not ok or done.returncode == 0, (argv, done.stdout, done.stderr)
        return done

    def ip(self, lines: str) -> None:
        """Commands of ip(8), one a line."""
        self.run("sh", "-e", input="".join(f"ip {line}\n" for line in lines.splitlines() if line.strip()))

    def sh(self, lines: str, netns: str) -> None:
        """Commands for the shell, in one of its namespaces."""
        self.run("ip", "netns", "exec", netns, "sh", "-e", "-c", lines)

    def netlab(self, *argv: str, netns: str = "", ok: bool = True) -> subprocess.CompletedProcess[str]:
        """netlab in it, in one of its namespaces."""
        inside = ("ip", "netns", "exec", netns) if netns else ()
        return self.run(*inside, sys.executable, "-m", "netlab", *argv, ok=ok, cwd=ROOT)

    def pings(self, netns: str, address: str, expected: bool = True) -> bool:
        """Whether a plain ping there is answered; one that is expected to be has more time for it."""
        argv = ("ip", "netns", "exec", netns, "ping", "-c", "1", "-W", "5" if expected else "1", address)
        return self.run(*argv, ok=False).returncode == 0


@contextmanager
def world() -> Iterator[World]:
    """A machine with nothing but its loopback interface."""
    argv = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    argv += ["--map-root-user"] if os.getuid() else []
    with subprocess.Popen(
        [*argv, "sh", "-c", _FIRST], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as outer:
        assert outer.stdout is not None
        assert outer.stdout.readline() == "ready\n"
        children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()
        try:
            yield World(int(children[0]))
        finally:
            assert outer.stdin is not None
            outer.stdin.close()
