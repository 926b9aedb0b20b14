"""The demonstration by hand, in a lab: the commands of docs/demo.zh-CN.md, which are those of docs/demo.md."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator

import pytest

from netlab import Lab
from netlab.client import Process

from .shown import Shown, blocks, indented

PAGE = "docs/demo.zh-CN.md"
TOPOLOGY = """
switches: {lan: {}}
hosts:
  A: {interfaces: {eth1: {switch: lan, mac: "52:54:00:00:00:0a", addresses: [192.168.26.149/24]}}}
  B: {interfaces: {eth1: {switch: lan, mac: "52:54:00:00:00:0b", addresses: [192.168.26.106/24]}}}
"""
#: How often a race may go the other way: which of two interfaces is the first to answer B's ARP request.
TRIES = 20


class Machine:
    """A machine of the lab, and a shell on it with a /run of its own for ``ip netns``."""

    def __init__(self, lab: Lab, name: str) -> None:
        self._namespace = lab[name]
        self._shell = self._namespace.popen("unshare", "--mount", "sh")
        self("mount -t tmpfs none /run")

    def __call__(self, command: str) -> str:
        """What a command writes."""
        self._shell.stdin.write(f"{{ {command}; }} 2>&1; echo; echo that is all\n".encode())
        self._shell.stdin.flush()
        return _read(self._shell, "that is all")

    def while_(self, command: str, happens: Callable[[], object], last: str | None) -> str:
        """What tcpdump writes while something happens: up to the last that it is to see, if anything, and its sums."""
        with self._namespace.popen("sh", "-c", f"exec {command} -l --immediate-mode 2>&1") as tcpdump:
            before = _read(tcpdump, "listening on ")
            happens()
            if last is not None:
                before += _read(tcpdump, last)
            tcpdump.send_signal(signal.SIGINT)
            return before + _read(tcpdump, "packets dropped by kernel")


def _read(process: Process, end: str) -> str:
    """The lines up to one that has the end in it."""
    lines: list[str] = []
    while not lines or end not in lines[-1]:
        lines.append(process.line(60.0) + "\n")
    return "".join(lines)


@pytest.fixture
def machines(lab_factory: Callable[..., Lab]) -> Iterator[dict[str, Machine]]:
    """The machines by their prompts."""
    for tool in ("ping", "arping", "tcpdump", "sysctl", "unshare"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not there")
    with lab_factory(TOPOLOGY) as lab:
        yield {f"{name}#": Machine(lab, name) for name in "AB"}


def test_by_hand(machines: dict[str, Machine]) -> None:
    """Command by command each writes what the page shows; which interface answers B first is a race, run again.

    An ordinary user's tcpdump ends at once, since it can't give up root's rights there: its two commands are left out.
    """
    for block in blocks(PAGE):
        for _ in range(TRIES):
            lacks = [line for shown in block for line in _lacks(shown, machines)]
            if not lacks or not block[0].command.startswith(("ip neigh flush", "arping")):
                break
        assert lacks == []


def _lacks(shown: Shown, machines: dict[str, Machine]) -> list[str]:
    """What a command doesn't write that is shown; tcpdump listens while B pings once."""
    here = machines[shown.prompt]
    if shown.command.startswith("tcpdump"):
        if os.geteuid() != 0:
            return []
        last = None if "0 packets received by filter" in shown.lines else "ICMP echo reply"
        return shown.missing(here.while_(shown.command, lambda: machines["B#"]("ping -c 1 192.168.26.141"), last))
    return shown.missing(here(shown.command))


def test_both_pages_have_the_same_commands() -> None:
    """The English page says to type the same, in the same order."""
    assert [shown.command for block in blocks(PAGE) for shown in block] == indented("docs/demo.md")
