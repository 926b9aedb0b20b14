"""Two machines that are namespaces, each with a real sshd, and the command run beside them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

NETLAB = str(Path(sys.executable).with_name("netlab"))
WORLD = Path(__file__).with_name("world.py")

#: What ssh needs to know of these machines, and nothing of whoever runs the tests.
SSH = (
    "-F", "/dev/null", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
)  # fmt: skip

DEMO = """
name: demo
switches: {lan: {}}
hosts:
  A:
    interfaces:
      ens160:   {switch: lan, addresses: [192.168.26.149/24, "fd00:26::149/64"]}
      ens160.1: {type: macvlan, parent: ens160, mode: bridge, addresses: [192.168.26.141/24]}
    containers:
      web: {interfaces: {eth0: {type: macvlan, parent: ens160, mode: bridge, addresses: [192.168.26.142/24]}}}
  B:
    interfaces:
      ens160:   {switch: lan, addresses: [192.168.26.106/24, "fd00:26::106/64"]}
      child:    {type: macvlan, parent: ens160, mode: private, addresses: [192.168.26.107/24]}
expect:
  - A:ens160.1 -> B: reachable
  - A:ens160 -> A:ens160.1: unreachable
  - B -> A/web: through-interface
"""

Done = subprocess.CompletedProcess[str]


@dataclass
class World:
    """The two machines, from outside: commands run beside them, in them, and what is to be compared."""

    folder: Path
    pid: int

    def argv(self, *argv: str, machine: str = "") -> list[str]:
        """A command beside the machines, or in one of them."""
        inside = ["ip", "netns", "exec", machine] if machine else []
        return ["nsenter", "-t", str(self.pid), "--mount", "--net", f"--wdns={self.folder}", *inside, *argv]

    def run(self, *argv: str, machine: str = "", env: dict[str, str] | None = None) -> Done:
        """Run it to its end."""
        return subprocess.run(
            self.argv(*argv, machine=machine),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})},
        )

    def must(self, *argv: str, machine: str = "") -> str:
        """Run it; it must succeed. Its output."""
        done = self.run(*argv, machine=machine)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def hosts(self, **changes: dict[str, Any]) -> Path:
        """A hosts file for A and B, with changes to one or the other."""
        given = {
            name.upper(): {
                "ssh": f"root@10.99.{number}.2",
                "nic": "eth1",
                "python": sys.executable,
                "options": [*SSH, "-i", str(self.folder / "key")],
            }
            for number, name in enumerate("ab", 1)
        }
        for name, values in changes.items():
            given[name] |= values
        path = self.folder / "hosts.yaml"
        path.write_text(json.dumps(given))
        return path

    @property
    def command(self) -> str:
        """The installed command."""
        return NETLAB

    def start(self, *argv: str) -> subprocess.Popen[str]:
        """Start the command beside the machines; the process is the command itself."""
        return subprocess.Popen(
            self.argv(NETLAB, *argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def trigger(self, kind: str, count: int) -> None:
        """Return when so many ``frames`` of probes were seen on the network, or ``changes`` on machine a."""
        if kind == "frames":
            argv = ["tcpdump", "-p", "-n", "-i", "br0", "-c", str(count), "ether", "proto", "0x88b5", "or", "arp"]
            subprocess.run(self.argv(*argv, machine="lan"), capture_output=True, check=True, timeout=60)
            return
        with subprocess.Popen(
            self.argv("ip", "-o", "monitor", "link", "address", "neigh", machine="a"),
            stdout=subprocess.PIPE,
        ) as monitor:
            assert monitor.stdout is not None
            try:
                for _ in range(count):
                    assert monitor.stdout.readline()
            finally:
                monitor.kill()

    def until(self, done: Callable[[], bool], otherwise: str, seconds: float = 60.0) -> None:
        """Look again and again until it is so."""
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, otherwise
            time.sleep(0.02)

    def settle(self) -> None:
        """Wait until both NICs have their link-local address."""
        for name in "ab":
            self.until(
                lambda name=name: "fe80:" in self.must("ip", "-6", "address", "show", "dev", "eth1", machine=name),
                f"{name}'s eth1 has no link-local address",
            )

    def netlab(self, *argv: str) -> Done:
        """Run the command beside the machines, in an empty folder."""
        return self.run(NETLAB, *argv)

    def snapshot(self) -> dict[str, Any]:
        """Both machines: links, addresses, routes, rules, neighbours, sysctls, and who runs there."""
        return {name: self._snapshot(name) for name in "ab"}

    def _snapshot(self, name: str) -> dict[str, Any]:
        def ip(*argv: str) -> Any:
            return json.loads(self.must("ip", "-j", *argv, machine=name) or "[]")

        links = [
            {key: link.get(key) for key in ("ifname", "ifindex", "address", "mtu", "flags", "promiscuity", "link")}
            for link in ip("-d", "link")
        ]
        addresses = [
            (link["ifname"], one["local"], one["prefixlen"]) for link in ip("address") for one in link["addr_info"]
        ]
        neighbors = sorted(
            (one["dst"], one["dev"], one.get("lladdr", ""), "PERMANENT" in one["state"])
            for one in ip("neigh")
            if one["dev"] != "eth0"
        )
        values = self.must("sysctl", "-a", "-e", "--pattern", r"^net\.ipv[46]\.(conf|neigh|ip_forward)", machine=name)
        return {
            "links": links,
            "addresses": addresses,
            "routes": ip("route", "show", "table", "all"),
            "routes6": ip("-6", "route", "show", "table", "all"),
            "rules": ip("rule"),
            "neighbors": neighbors,
            "sysctls": values,
            "agents": self.agents(name),
            "journals": sorted(path.name for path in Path(f"/proc/{self.pid}/root/run").glob("netlab*")),
        }

    def as_before(self, before: dict[str, Any]) -> None:
        """Assert that both machines are as they were; the kernel takes a while to tear down what a dead agent held."""
        deadline = time.monotonic() + 60
        while changed := self._changed(before):
            assert time.monotonic() < deadline, "\n".join(changed)
            time.sleep(0.05)

    def _changed(self, before: dict[str, Any]) -> list[str]:
        now = self.snapshot()
        return [
            f"{name}'s {what}: {old} became {now[name][what]}"
            for name, parts in before.items()
            for what, old in parts.items()
            if now[name][what] != old
        ]

    def agents(self, name: str = "") -> list[int]:
        """Processes of netlab's agents, on one machine or both."""
        found = []
        wanted = {os.stat(self.netns(one)).st_ino for one in ([name] if name else "ab")}
        for path in Path("/proc").glob("[0-9]*"):
            try:
                words = (path / "cmdline").read_bytes().split(b"\0")
                if b"netlab.agent.hosts" in words and os.stat(path / "ns/net").st_ino in wanted:
                    found.append(int(path.name))
            except OSError:
                continue
        return found

    def netns(self, name: str) -> str:
        """A machine's network namespace, seen from here."""
        return f"/proc/{self.pid}/root/run/netns/{name}"


@pytest.fixture(scope="session")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The two machines; one pair for all tests of the folder."""
    if os.geteuid() != 0:
        pytest.skip("machines with an sshd each can only be made by root")
    for binary in ("/usr/sbin/sshd", "unshare", "nsenter", "ip", "ssh"):
        if shutil.which(binary) is None:
            pytest.skip(f"{binary} is not installed (sudo apt-get install openssh-server openssh-client iproute2)")
    folder = tmp_path_factory.mktemp("world")
    log = open(folder / "sshd.log", "wb")  # noqa: SIM115 - open as long as the machines are
    unshare = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    process = subprocess.Popen(
        [*unshare, sys.executable, str(WORLD), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"ready\n", (folder / "sshd.log").read_text()
        [child] = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        yield World(folder, int(child))
    finally:
        process.stdin.close()
        process.wait()
        log.close()


@pytest.fixture
def world(machines: World) -> World:
    """The machines, with the demo's file in the folder from which the command is run."""
    (machines.folder / "demo.yaml").write_text(DEMO)
    return machines
